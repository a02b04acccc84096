"""The Python that writes a text on and gives the rows behind it again, with public libraries only."""

from __future__ import annotations

from components.sampling import Settings
from components.views.snippets import folder_line

_GREEDY = "    token = int(logits.argmax())  # greedy: the likeliest"
_DRAWN = """    chances = (logits / temperature).softmax(-1).numpy()
    # One random number between 0 and 1 lands in one token, the likeliest standing first.
    order = np.argsort(-chances, kind="stable")
    edges = np.cumsum(chances[order], dtype=np.float64)
    token = int(order[np.searchsorted(edges / edges[-1], np.random.default_rng([seed, step, 0]).random(), "right")])"""


def snippet_writing(model: str, text: str, layer: int, head: int, settings: Settings) -> str:
    """A program that writes on with a key-value cache and prints, for each token, where one head looked."""
    greedy = settings.greedy
    knobs = "" if greedy else f"temperature, seed = {settings.temperature}, {settings.seed}\n"
    return f"""{folder_line(model)}
{"" if greedy else "import numpy as np" + chr(10)}import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

text = {text!r}
layer, head = {layer}, {head}
new_tokens = {settings.max_new_tokens}
{knobs}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
ends = model.generation_config.eos_token_id
ends = set(ends) if isinstance(ends, list) else {{ends}}

unread = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
cache = DynamicCache()
rows, written, probabilities = [], [], []
length = unread.shape[1]
for step in range(new_tokens):
    with torch.inference_mode():
        output = model(unread, past_key_values=cache, use_cache=True, output_attentions=True)
    # The last token so far asks; its row covers every token so far. From here the next token is written.
    rows.append(output.attentions[layer][0, head, -1])
    logits = output.logits[0, -1]
{_GREEDY if greedy else _DRAWN}
    probabilities.append(float(logits.softmax(-1)[token]))
    written.append(token)
    length += 1
    if token in ends or length >= model.config.max_position_embeddings:
        break
    unread = torch.tensor([[token]])

looks_at = [int(row.argmax()) for row in rows]
most = [float(row.max()) for row in rows]
on_first = [float(row[0]) for row in rows]
for token, p, key, w, first in zip(written, probabilities, looks_at, most, on_first):
    print(f"{{tokenizer.decode([token])!r:16}} {{p:.3f}}  looks at {{key}}: {{w:.3f}}, at the first: {{first:.3f}}")
"""
