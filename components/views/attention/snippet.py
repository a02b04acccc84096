"""The Python that gives the chosen head's numbers again, with public libraries only."""

from __future__ import annotations

from components.attention import is_encoder
from components.views.snippets import folder_line


def snippet(model: str, text: str, layer: int, head: int) -> str:
    """A program that prints one head's matrix, its scores and where its last token looks."""
    if is_encoder(model):
        return _encoder(model, text, layer, head)
    return f"""{folder_line(model)}
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

text = {text!r}
layer, head = {layer}, {head}

tokenizer = AutoTokenizer.from_pretrained(folder)
# Only the eager attention hands out its weights; the default one returns an empty tuple.
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
with torch.inference_mode():
    output = model(ids, output_attentions=True)
weights = output.attentions[layer][0, head]  # [query, key]

n = ids.shape[1]
previous = float(weights.diagonal(-1).mean()) if n > 1 else float("nan")
first = float(weights[1:, 0].mean()) if n > 1 else float("nan")

# Where a token stood earlier in the text: how much goes to what came after that earlier copy?
shares = []
for query in range(n):
    after = [key + 1 for key in range(query) if ids[0, key] == ids[0, query]]
    if after:
        shares.append(float(weights[query, after].sum()))
induction = sum(shares) / len(shares) if shares else None

looks_at = [[int(key), round(float(weights[-1, key]), 3)] for key in weights[-1].argsort(descending=True)[:5]]
next_token = tokenizer.decode([int(output.logits[0, -1].argmax())])

print("tokens:", [tokenizer.decode([int(one)]) for one in ids[0]])
print("one token back:", previous, " induction:", induction, " first token:", first)
print("the last token looks at:", looks_at)
print("likeliest next token:", repr(next_token))
"""


def _encoder(model: str, text: str, layer: int, head: int) -> str:
    return f"""{folder_line(model)}
import torch
from transformers import AutoModel, PreTrainedTokenizerFast

text = {text!r}
layer, head = {layer}, {head}

tokenizer = PreTrainedTokenizerFast(tokenizer_file=folder + "/tokenizer.json")
# Only the eager attention hands out its weights; the default one returns an empty tuple.
model = AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

bare = tokenizer(text, add_special_tokens=False).input_ids
ids = torch.tensor([tokenizer(text).input_ids])  # between [CLS] and [SEP], where the model expects them
with torch.inference_mode():
    output = model(ids, attention_mask=torch.ones_like(ids), output_attentions=True)
weights = output.attentions[layer][0, head]  # [query, key]

n = ids.shape[1]
previous = float(weights.diagonal(-1).mean()) if n > 1 else float("nan")
following = float(weights.diagonal(1).mean()) if n > 1 else float("nan")
around = [0, n - 1] if n > len(bare) else []  # the special tokens, on which heads rest
words = [at for at in range(n) if at not in around]
first = float(weights[words][:, around].sum(-1).mean()) if around and words else float("nan")
entropy = float((torch.special.entr(weights).sum(-1) / torch.tensor(float(n)).log()).mean())

looks_at = [[int(key), round(float(weights[-1, key]), 3)] for key in weights[-1].argsort(descending=True)[:5]]

print("tokens:", tokenizer.convert_ids_to_tokens(ids[0].tolist()))
print("one token back:", previous, " one token ahead:", following, " special tokens:", first, " spread:", entropy)
print("the last token looks at:", looks_at)
"""
