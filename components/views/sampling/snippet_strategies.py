"""The search again with public libraries only: `generate` and what it returns."""

from __future__ import annotations

from typing import Any

from components.sampling import OWN, Settings
from components.sampling.orders import STAGES
from components.views.sampling.strategies_ask import Ask
from components.views.snippets import folder_line

# The processors of a drawn prompt lookup, which this program folds itself.
CLASSES = {
    "repetition_penalty": "RepetitionPenaltyLogitsProcessor",
    "temperature": "TemperatureLogitsWarper",
    "top_k": "TopKLogitsWarper",
    "top_p": "TopPLogitsWarper",
    "min_p": "MinPLogitsWarper",
}

_START = """import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
"""
_STOPS = """# A full stop ends a text too.
ends = model.generation_config.eos_token_id
ends = [*(ends if isinstance(ends, list) else [ends]), tokenizer.convert_tokens_to_ids(".")]
"""
_BEAMS = """
{seed}made = model.generate(
    ids, attention_mask=torch.ones_like(ids), output_scores=True, return_dict_in_generate=True, num_beams=num_beams,
    num_return_sequences=num_beams, **settings,
)
written = [row[ids.shape[1] :].tolist() for row in made.sequences]
scores = made.sequences_scores.tolist()
came_from = made.beam_indices.tolist()  # of each token, the text that it went on from; -1 behind the end
for text, score in zip(written, scores):
    print(f"{{score:8.3f}}  {{tokenizer.decode(text)!r}}")
"""
_GREEDY = """
made = model.generate(
    ids, attention_mask=torch.ones_like(ids), output_logits=True, return_dict_in_generate=True, **settings,
)
written = [made.sequences[0, ids.shape[1] :].tolist()]
log_p = [float(row[0].log_softmax(-1)[token]) for row, token in zip(made.logits, written[0])]
for token, value in zip(written[0], log_p):
    print(f"{tokenizer.decode([token])!r:16} {value:8.3f}")
print("together", sum(log_p))
"""
_LOOKUP = """
runs = []
model.register_forward_hook(lambda *_: runs.append(1))
made = model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
written, forwards = made[0, ids.shape[1] :].tolist(), len(runs)
print(f"{len(written)} tokens, the model ran {forwards} times")
print(repr(tokenizer.decode(written)))
"""
_DRAWN = """
text = ids[0].tolist()
start, limit = len(text), min(len(text) + max_new_tokens, model.config.max_position_embeddings)
ends = model.generation_config.eos_token_id
ends = set(ends) if isinstance(ends, list) else {ends}


def draft(text, most):
    \"\"\"What followed the first place where the text's longest ending stood before.\"\"\"
    for size in range(min(max_ngram, len(text) - 1), 0, -1):
        for place in range(len(text) - size):
            if text[place : place + size] == text[-size:]:
                found = text[place + size : place + size + most]
                return found[: next((i for i, token in enumerate(found) if token in ends), len(found))]
    return []


def draw(p, random):
    \"\"\"A random number lands in one token; they stand side by side, the likeliest first.\"\"\"
    alive = numpy.flatnonzero(p > 0)
    order = alive[numpy.argsort(-p[alive], kind="stable")]
    edges = numpy.cumsum(p[order], dtype=numpy.float64)
    return int(order[numpy.searchsorted(edges / edges[-1], random, side="right")])


forwards, accepted = 0, 0
while len(text) < limit and text[-1] not in ends:
    proposed = draft(text, min(num_tokens, limit - len(text) - 1))
    with torch.inference_mode():
        logits = model(torch.tensor([text + proposed])).logits[0, len(text) - 1 :]
    forwards += 1
    for row, token in zip(logits, [*proposed, None]):
        p = torch.softmax(chain(torch.tensor([text]), row[None].clone())[0], -1).numpy()
        step = len(text) - start
        u = numpy.random.default_rng([seed, step, 0, 41]).random()
        if token is not None and u < p[token]:
            text.append(token)  # the draft was certain of it, so it is accepted with its own chance p
            accepted += 1
            continue
        if token is not None:
            p[token] = 0  # rejected: draw among the others
            p = p / p.sum(dtype=numpy.float64)
        text.append(draw(p, numpy.random.default_rng([seed, step, 0]).random()))
        break
written = text[start:]
print(f"{len(written)} tokens, the model ran {forwards} times, {accepted} tokens of drafts accepted")
print(repr(tokenizer.decode(written)))
"""


def snippet_strategies(ask: Ask) -> str:
    """A program that gives the panel's texts and scores again.

    Raises:
        ValueError: a knob is on that transformers lacks, or stands where transformers would not put it.
    """
    settings = ask.settings
    own = [name for name in (*OWN, "mirostat") if getattr(settings, name, None) != getattr(Settings(), name, None)]
    if own:
        raise ValueError(f"transformers has no {', '.join(own)}, so no short program repeats this; switch it off.")
    if settings.order and settings.do_sample:
        raise ValueError("transformers keeps its own order of stages; choose that order to repeat this search.")
    lines = [folder_line(ask.model)]
    drawn = ask.way == "lookup" and settings.do_sample
    if drawn:
        return "\n".join(lines) + "\nimport numpy\n" + _start(ask) + _drawn_settings(ask) + _DRAWN
    values = {"max_new_tokens": ask.max_new_tokens, **_changed(settings)}
    if ask.way != "lookup" and ask.ends == "stop":
        start = _start(ask) + _STOPS
    else:
        start = _start(ask)
    if ask.way == "lookup":
        values |= {"prompt_lookup_num_tokens": ask.num_tokens, "max_matching_ngram_size": ask.max_ngram}
    elif ask.way != "greedy":
        values |= {"length_penalty": ask.length_penalty, "early_stopping": ask.early_stopping}
    ends = "    eos_token_id=ends,\n" if start.endswith(_STOPS) else ""
    body = "settings = dict(\n" + "".join(f"    {name}={value!r},\n" for name, value in values.items()) + ends + ")\n"
    if ask.way == "lookup":
        return "\n".join(lines) + "\n" + start + body + _LOOKUP
    if ask.way == "greedy":
        return "\n".join(lines) + "\n" + start + body + _GREEDY
    seed = f"torch.manual_seed({settings.seed})\n" if settings.do_sample else ""
    return "\n".join(lines) + "\n" + start + f"num_beams = {ask.num_beams}\n" + body + _BEAMS.format(seed=seed)


def _start(ask: Ask) -> str:
    text = f"text = {ask.text!r}\n"
    if not ask.chat:
        return _START + text + 'ids = tokenizer(text, return_tensors="pt").input_ids\n'
    system = f'{{"role": "system", "content": {ask.system!r}}}, ' if ask.system.strip() else ""
    return (_START + text + f'messages = [{system}{{"role": "user", "content": text}}]\n'
            "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)\n"
            'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids\n')


def _changed(settings: Settings) -> dict[str, Any]:
    """The arguments of `generate` that do something, top_k always where it samples: left out, it would be 50."""
    neutral = Settings().generate_arguments()
    asked = settings.generate_arguments()
    if not settings.do_sample:
        return {"do_sample": False, **{name: value for name, value in asked.items()
                                       if name not in ("do_sample", "top_k") and value != neutral.get(name)}}
    return {name: value for name, value in asked.items() if name in ("do_sample", "top_k")
            or value != neutral.get(name)}


def _drawn_settings(ask: Ask) -> str:
    """The chain as a list of the library's own processors, for the few that need nothing but a number."""
    asked = _changed(ask.settings)
    other = [name for name in asked if name not in CLASSES and name != "do_sample"]
    if other:
        raise ValueError(f"This short program has no place for {', '.join(other)}; switch it off to repeat the search.")
    names = sorted((name for name in asked if name in CLASSES and not (name == "top_k" and not asked[name])),
                   key=STAGES.index)
    classes = ", ".join(sorted({CLASSES[name] for name in names} | {"LogitsProcessorList"}))
    chain = "".join(f"    {CLASSES[name]}({asked[name]!r}),\n" for name in names)
    return (f"from transformers import {classes}\n\nchain = LogitsProcessorList([\n{chain}])\n"
            f"max_new_tokens, num_tokens, max_ngram, seed = {ask.max_new_tokens}, {ask.num_tokens}, {ask.max_ngram}, "
            f"{ask.settings.seed}\n")
