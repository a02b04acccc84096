"""The same numbers with public libraries only."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from components.sampling import Settings
from components.views.sampling.snippet_chain import chain_lines
from components.views.snippets import folder_line


def snippet(
    model: str, text: str, settings: Settings, *, written: Sequence[int] = (), redraw: int = 0, chat: bool = False,
    system: str = "", chances: Sequence[float] = (),
) -> str:
    """Python source that computes the picture's numbers; the last lines bind plain lists and numbers.

    `before` and `after` are the chances of `tokens`, the ten at the top; `drawn` is the token that comes next.

    Args:
        model: catalog id.
        text: the reader's.
        settings: the knobs.
        written: ids written since.
        redraw: how often the next one was drawn again.
        chat, system: whether the text is a message, and the system prompt.
        chances: probability after the chain of each written token; mirostat learns from them.
    """
    imports, chain = chain_lines(settings, len(written), redraw, chances)
    names = ", ".join(sorted(set(imports)))
    lines = [
        folder_line(model),
        "import numpy",
        "import torch",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        *([f"from transformers import {names}"] if names and len(names) < 90 else _wrapped(names)),
        "",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)",
        "",
        f"text = {text!r}",
        *_prompt(chat, system),
        f"ids = torch.cat([prompt, torch.tensor([{list(written)!r}])], dim=-1)  # what was written since" if written
        else "ids = prompt",
        "with torch.inference_mode():",
        "    logits = model(ids).logits[0, -1]",
        "",
        "# The stages in their order: the library's own processors, and what it lacks.",
        *chain,
        "scores = logits[None].clone()",
        "with torch.inference_mode():",
        "    for stage in chain:",
        "        scores = stage(ids, scores)",
        "scores = scores[0]",
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


def _wrapped(names: str) -> list[str]:
    if not names:
        return []
    return ["from transformers import (", *textwrap.wrap(names + ",", 100, initial_indent="    ",
                                                         subsequent_indent="    "), ")"]


def _prompt(chat: bool, system: str) -> list[str]:
    if not chat:
        return ['prompt = tokenizer(text, return_tensors="pt").input_ids']
    messages = '[{"role": "user", "content": text}]'
    if system.strip():
        messages = f'[{{"role": "system", "content": {system!r}}}, {{"role": "user", "content": text}}]'
    return [
        f"messages = {messages}",
        "whole = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        'prompt = tokenizer(whole, return_tensors="pt", add_special_tokens=False).input_ids',
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
