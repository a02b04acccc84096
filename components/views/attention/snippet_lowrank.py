"""The Python that gives the numbers of "Low rank" again, with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence

from components.views.snippets import folder_line


def snippet_lowrank(model: str, text: str, names: Sequence[str], rank: int) -> str:
    """A program for a decoder: singular values, what rank `rank` keeps, and the loss before and after.

    `names` are the parameters that are replaced together, such as "model.layers.0.self_attn.q_proj.weight".
    """
    return f"""{folder_line(model)}
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

text = {text!r}
names = {list(names)!r}
rank = {rank}

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids

def loss():
    with torch.inference_mode():
        logits = model(ids).logits
    return float(torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]))

before = loss()
for name in names:
    weight = model.get_parameter(name)
    left, values, right = torch.linalg.svd(weight.detach(), full_matrices=False)
    if name == names[0]:
        m, n = weight.shape
        kept = float((values[:rank] ** 2).sum() / (values ** 2).sum())
        largest = [round(float(value), 4) for value in values[:5]]
    with torch.no_grad():
        weight.copy_((left[:, :rank] * values[:rank]) @ right[:rank])
after = loss()

print("largest singular values:", largest)
print(f"rank {{rank}} keeps {{kept:.4f}} of the squared norm with {{rank * (m + n):,}} numbers in place of {{m * n:,}}")
print("loss in nats a token:", before, "before,", after, "after")
"""
