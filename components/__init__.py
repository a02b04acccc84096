"""Looking Glass: everything behind the pages, usable from a notebook without Streamlit."""
