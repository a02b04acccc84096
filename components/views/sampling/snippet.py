"""The same numbers with public libraries only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.sampling import Settings

FOLDERS = {
    "smollm2": 'folder = "smollm2"  # python -m components.models fetch smollm2 --to smollm2',
    "storyteller": 'folder = "assets/models/storyteller"',
}

CLASSES = {
    "repetition_penalty": "RepetitionPenaltyLogitsProcessor",
    "temperature": "TemperatureLogitsWarper",
    "top_k": "TopKLogitsWarper",
    "top_p": "TopPLogitsWarper",
    "min_p": "MinPLogitsWarper",
}


def snippet(
    model: str, text: str, settings: Settings, *, written: Sequence[int] = (), redraw: int = 0, chat: bool = False,
    system: str = "",
) -> str:
    """Python source that computes the picture's numbers; the last lines bind plain lists and numbers.

    `before` and `after` are the chances of `tokens`, the ten at the top; `drawn` is the token that comes next.
    """
    chain = [f"    {CLASSES[name]}({value!r})," for name, value in _on(settings)]
    classes = ", ".join(sorted({CLASSES[name] for name, _ in _on(settings)} | {"LogitsProcessorList"}))
    lines = [
        FOLDERS.get(model, f'folder = "{model}"  # python -m components.models fetch {model} --to {model}'),
        "import numpy",
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        f"from transformers import {classes}",
        "",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)",
        "",
        f"text = {text!r}",
        *_prompt(chat, system),
    ]
    if written:
        lines += [f"ids = torch.cat([ids, torch.tensor([{list(written)!r}])], dim=-1)  # what was written since"]
    lines += [
        "with torch.inference_mode():",
        "    logits = model(ids).logits[0, -1]",
        "",
        "# The library's own processors in the order in which generate() applies them.",
        *(["chain = LogitsProcessorList([", *chain, "])"] if chain else ["chain = LogitsProcessorList()"]),
        "scores = chain(ids, logits[None].clone())[0]",
        "given, now = torch.softmax(logits, -1), torch.softmax(scores, -1)",
        "",
        *_draw(settings, len(written), redraw),
        "",
        "top = torch.topk(scores, 10).indices.tolist()",
        "tokens = [tokenizer.decode([i]) for i in top]",
        "before = [given[i].item() for i in top]",
        "after = [now[i].item() for i in top]",
        "survivors = int((now > 0).sum())",
        "entropy = float(-(now[now > 0].double() * now[now > 0].double().log()).sum())",
        "drawn = tokenizer.decode([token])",
        "for name, p, q in zip(tokens, before, after):",
        '    print(f"{name!r:16} {p:8.4f} {q:8.4f}")',
        'print(survivors, "tokens left, effective choices", numpy.exp(entropy), "next:", repr(drawn))',
    ]
    return "\n".join(lines) + "\n"


def _on(settings: Settings) -> list[tuple[str, Any]]:
    """The knobs that do something, in the library's order."""
    found: list[tuple[str, Any]] = []
    if settings.repetition_penalty != 1:
        found.append(("repetition_penalty", float(settings.repetition_penalty)))
    if settings.greedy:
        return found
    if settings.temperature != 1:
        found.append(("temperature", float(settings.temperature)))
    if settings.top_k:
        found.append(("top_k", settings.top_k))
    if settings.top_p < 1:
        found.append(("top_p", float(settings.top_p)))
    if settings.min_p > 0:
        found.append(("min_p", float(settings.min_p)))
    return found


def _prompt(chat: bool, system: str) -> list[str]:
    if not chat:
        return ['ids = tokenizer(text, return_tensors="pt").input_ids']
    messages = '[{"role": "user", "content": text}]'
    if system.strip():
        messages = f'[{{"role": "system", "content": {system!r}}}, {{"role": "user", "content": text}}]'
    return [
        f"messages = {messages}",
        "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids',
    ]


def _draw(settings: Settings, step: int, redraw: int) -> list[str]:
    if settings.greedy:
        return ["token = int(scores.argmax())  # greedy: no draw"]
    return [
        "# One random number lands in one token; they stand side by side, the likeliest first.",
        f"random = numpy.random.default_rng([{settings.seed}, {step}, {redraw}]).random()  # seed, step, drawn again",
        "alive = numpy.flatnonzero(now.numpy() > 0)",
        'order = alive[numpy.argsort(-now.numpy()[alive], kind="stable")]',
        "edges = numpy.cumsum(now.numpy()[order], dtype=numpy.float64)",
        'token = int(order[numpy.searchsorted(edges / edges[-1], random, side="right")])',
    ]
