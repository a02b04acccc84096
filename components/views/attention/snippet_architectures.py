"""The Python behind "Three architectures", with public libraries only."""

from __future__ import annotations

from components.attention import Gaps

_FIELD = {"cross": "cross_attentions", "encoder": "encoder_attentions", "decoder": "decoder_attentions"}
_KEYS = {"cross": "read", "encoder": "read", "decoder": "seen"}
_ASKS = {"cross": "written", "encoder": "read", "decoder": "written"}


def snippet_crossing(text: str, kind: str, layer: int, head: int | None) -> str:
    """A program that lets datewriter write and prints where one head, or a layer's mean, looked."""
    chosen = "attention.mean(0)  # all heads of the layer" if head is None else f"attention[{head}]"
    return f"""folder = "assets/models/datewriter"
import torch
from transformers import AutoTokenizer, T5ForConditionalGeneration

text = {text!r}
layer = {layer}

tokenizer = AutoTokenizer.from_pretrained(folder)
# Only the eager attention hands out its weights; the default one returns an empty tuple.
model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

source = tokenizer(text, return_tensors="pt").input_ids
with torch.inference_mode():
    sequence = model.generate(source, max_new_tokens=24, do_sample=False)  # begins with the start token
    # One pass over all that was written: while it generates, each step tells its own row alone.
    output = model(input_ids=source, decoder_input_ids=sequence[:, :-1], output_attentions=True)
attention = output.{_FIELD[kind]}[layer][0]  # [head, query, key]
weights = {chosen}

date = tokenizer.decode(sequence[0], skip_special_tokens=True)
read = tokenizer.convert_ids_to_tokens(source[0].tolist())
seen = tokenizer.convert_ids_to_tokens(sequence[0, :-1].tolist())  # what the decoder reads
written = tokenizer.convert_ids_to_tokens(sequence[0, 1:].tolist())  # what it writes then
looks_at = [int(row.argmax()) for row in weights]
most = [float(row.max()) for row in weights]
print(date)
for token, key, weight in zip({_ASKS[kind]}, looks_at, most):
    print(f"{{token:14}} looks at {{{_KEYS[kind]}[key]:14}} {{weight:.3f}}")
"""


def snippet_gap(text: str, made: Gaps, at: int) -> str:
    """A program that hides one word, lets gapfiller fill it and storyteller tell it, and prints both."""
    first, last = made.spans[at]
    return f"""folder = "assets/models/gapfiller"
beside = "assets/models/storyteller"
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

text = {text!r}
first, last = {first}, {last}  # the tokens of the hidden word: the first, and the one after its last

tokenizer = AutoTokenizer.from_pretrained(folder)
filler = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
teller = AutoModelForCausalLM.from_pretrained(beside, dtype=torch.float32).eval()

ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
hidden = ids.clone()
hidden[0, first:last] = tokenizer.mask_token_id
# The decoder reads what stands before the word; before the first word, the mark that begins a text.
left = ids[:, :first] if first else torch.tensor([[teller.config.bos_token_id]])
with torch.inference_mode():
    chances = {{"gapfiller": filler(hidden).logits[0, first].softmax(-1),
               "storyteller": teller(left).logits[0, -1].softmax(-1)}}

true = int(ids[0, first])
best, rank, probability = {{}}, {{}}, {{}}
for name, chance in chances.items():
    top = chance.topk(5)
    best[name] = [[tokenizer.decode([token]), value] for token, value in zip(top.indices.tolist(), top.values.tolist())]
    rank[name] = 1 + int((chance > chance[true]).sum())
    probability[name] = float(chance[true])
    print(name, best[name])
    print(f"  {{tokenizer.decode([true])!r}} is number {{rank[name]}}, {{probability[name]:.4f}}")
"""


def snippet_sides(text: str, counts: float) -> str:
    """A program that counts the heads of both models that look one token back, or one ahead."""
    return f"""folder = "assets/models/gapfiller"
beside = "assets/models/storyteller"
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

text = {text!r}
at_least = {counts}

ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt", add_special_tokens=False).input_ids
back, ahead = {{}}, {{}}
for name, kind, path in (("gapfiller", AutoModelForMaskedLM, folder), ("storyteller", AutoModelForCausalLM, beside)):
    # Only the eager attention hands out its weights; the default one returns an empty tuple.
    model = kind.from_pretrained(path, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.inference_mode():
        weights = torch.stack(model(ids, output_attentions=True).attentions)[:, 0]  # [layer, head, query, key]
    back[name] = int((weights.diagonal(-1, dim1=-2, dim2=-1).mean(-1) >= at_least).sum())
    ahead[name] = int((weights.diagonal(1, dim1=-2, dim2=-1).mean(-1) >= at_least).sum())
    print(name, "heads one token back:", back[name], " one ahead:", ahead[name])
"""
