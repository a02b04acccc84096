"""Which models exist, where their bytes come from, and how they get into memory.

`catalog` is the list, `sources` finds or fetches the bytes, `convert` makes a Hugging Face folder of a GGUF file,
`open` turns a name into a tokenizer, an encoder or a model. None of them needs Streamlit.
"""
