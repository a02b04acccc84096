"""The numbers of "Force a shape" with public libraries only."""

from __future__ import annotations

import json
from dataclasses import fields

from components.sampling import Settings
from components.views.sampling import shape_ask
from components.views.sampling.shape_ask import Ask
from components.views.snippets import folder_line


def snippet_shape(ask: Ask) -> str:
    """Python source; its last lines bind plain lists and numbers.

    A shape binds `written` (ids), `allowed` and `forbidden` (a step each), `log_p` and `log_q`, choices also `masked`
    and `whole`; scored answers bind `here`, `empty` and `adds`, in the order of the answers, and `said`.
    """
    return _likely(ask) if ask.kind == "likely" else _shape(ask)


def _begin(model: str, *more: str) -> list[str]:
    return [
        folder_line(model),
        *more,
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
        "model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)",
        "",
    ]


def _grammar(ask: Ask) -> list[str]:
    shape = shape_ask.shape_of(ask)
    if shape.kind == "choices":
        return [
            f"choices = {list(shape.choices)!r}",
            'grammar = "start: " + " | ".join(json.dumps(one, ensure_ascii=False) for one in choices)',
        ]
    if shape.kind == "regex":
        return [f"grammar = LLMatcher.grammar_from_regex({shape.text!r})"]
    return [
        f"schema = {json.loads(shape.text)!r}",
        'one_line = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}',
        "grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults=one_line)",
    ]


def _check(settings: Settings) -> None:
    """The snippet knows the main knobs; with others on it would give other numbers, so it says so instead."""
    known = {"do_sample", "seed", "max_new_tokens", "repetition_penalty", *_AFTER}
    plain = Settings()
    others = [one.name for one in fields(Settings)
              if one.name not in known and getattr(settings, one.name) != getattr(plain, one.name)]
    if others:
        raise ValueError(f"This code knows the five main knobs, and {', '.join(others)} is on; set that back and run "
                         "again.")


def _shape(ask: Ask) -> str:
    _check(ask.settings)
    before = shape_ask.call_prompt(ask.before) if ask.kind == "call" else ask.before
    settings = ask.settings
    prompt = ['ids = tokenizer(text, return_tensors="pt").input_ids']
    if ask.chat:
        prompt = [
            'messages = [{"role": "user", "content": text}]',
            "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
            'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids',
        ]
    lines = [
        *_begin(ask.model, "import json", "", "import llguidance.hf", "import numpy", "import torch",
                "from llguidance import LLMatcher", "from transformers import AutoModelForCausalLM, AutoTokenizer",
                "from transformers import LogitsProcessorList" + "".join(f", {name}" for name in _classes(settings)),
                ""),
        f"text = {before!r}",
        *prompt,
        *_grammar(ask),
        "",
        "ends = model.generation_config.eos_token_id",
        "ends = [ends] if isinstance(ends, int) else ends",
        "size = model.get_output_embeddings().weight.shape[0]",
        "table = llguidance.hf.from_tokenizer(tokenizer, n_vocab=size, eos_token=ends)",
        "matcher, start = LLMatcher(table, grammar), ids",
        "assert not matcher.is_error(), matcher.get_error()",
        f"before_the_shape = LogitsProcessorList([{_list(settings, False)}])",
        f"after_the_shape = LogitsProcessorList([{_list(settings, True)}])",
        "",
        "written, allowed, forbidden, log_p, log_q = [], [], [], 0.0, 0.0",
        "cache, new = None, ids",
        f"while len(written) < {settings.max_new_tokens}:",
        "    bits = numpy.frombuffer(matcher.compute_bitmask(), dtype=numpy.uint8)",
        '    mask = torch.from_numpy(numpy.unpackbits(bits, bitorder="little")[:size].astype(bool))',
        "    if int(mask.sum()) == int(mask[ends].sum()):",
        "        break  # only the end of the text may follow",
        "    with torch.inference_mode():",
        "        out = model(new, past_key_values=cache, use_cache=True)",
        "    cache, logits = out.past_key_values, out.logits[0, -1]",
        "    scores = before_the_shape(ids, logits[None].clone())",
        '    scores = after_the_shape(ids, scores.masked_fill(~mask, float("-inf")))[0]',
        *_draw(settings),
        "    p = torch.log_softmax(logits.double(), -1)",
        "    written.append(token)",
        "    allowed.append(int(mask.sum()))",
        "    forbidden.append(float(p[~mask].exp().sum()))",
        "    log_p += float(p[token])",
        "    log_q += float(p[token] - torch.logsumexp(p[mask], 0))",
        "    if token in ends:",
        "        break",
        "    matcher.consume_token(token)",
        "    new = torch.tensor([[token]])",
        "    ids = torch.cat([ids, new], dim=-1)",
        "",
        "for token, count, mass in zip(written, allowed, forbidden):",
        '    print(f"{tokenizer.decode([token])!r:16} {count:7,} allowed, {mass:.4f} forbidden")',
        'print(repr(tokenizer.decode(written)), "ln p", log_p, "ln q", log_q)',
        *(_WEIGHED if ask.kind == "choices" else []),
    ]
    return "\n".join(lines) + "\n"


# Every way to spell a choice is followed as long as it weighs something, by one measure or the other.
_WEIGHED = """
# Each choice, weighed in two ways: `masked` as it is drawn step by step, `whole` by the model's own whole texts.


def after(path):
    whole = torch.cat([start, torch.tensor([path], dtype=torch.long)], dim=-1)
    with torch.inference_mode():
        return torch.softmax(model(whole).logits[0].double(), dim=-1)


own = [tuple(tokenizer(one, add_special_tokens=False).input_ids) for one in choices]
scale = 0.0  # about how much probability the model gives all of them
for path in own:
    scale += float(after(path)[start.shape[1] - 1 : -1].gather(1, torch.tensor([path]).T).prod())
masked, whole = [0.0] * len(choices), [0.0] * len(choices)
paths = [((), 1.0, 1.0)]
while paths:
    path, q, p = paths.pop()
    matcher = LLMatcher(table, grammar)
    matcher.consume_tokens(list(path))
    bits = numpy.frombuffer(matcher.compute_bitmask(), dtype=numpy.uint8)
    fits = numpy.flatnonzero(numpy.unpackbits(bits, bitorder="little")[:size]).tolist()
    spelled = table.decode_bytes(list(path)).decode("utf-8", "replace")
    if set(fits) <= set(ends):
        masked[choices.index(spelled)] += q
        whole[choices.index(spelled)] += p
        continue
    chances = after(path)[-1]
    share = float(chances[fits].sum())
    for token in fits:
        q_next, p_next = q * float(chances[token]) / share, p * float(chances[token])
        if token in ends:
            masked[choices.index(spelled)] += q_next
            whole[choices.index(spelled)] += p_next
            continue
        begun = table.decode_bytes([*path, token])
        left = [i for i, one in enumerate(choices) if one.encode().startswith(begun)]
        if len(left) == 1:  # only one choice can still come, however it is spelled
            masked[left[0]] += q_next
            q_next = 0.0
        if max(q_next, p_next / scale) > 1e-4:
            paths.append(((*path, token), q_next, p_next))
whole = [one / sum(whole) for one in whole]
for one, q, p in zip(choices, masked, whole):
    print(f"{one!r:24} drawn step by step {q:.4f}   as a whole text {p:.4f}")
""".rstrip("\n").split("\n")

_AFTER = {"temperature": "TemperatureLogitsWarper", "top_k": "TopKLogitsWarper", "top_p": "TopPLogitsWarper",
          "min_p": "MinPLogitsWarper"}
_OFF = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0}


def _on(settings: Settings) -> list[str]:
    """The knobs after the shape that do something."""
    return [] if settings.greedy else [name for name in _AFTER if getattr(settings, name) != _OFF[name]]


def _classes(settings: Settings) -> list[str]:
    penalty = ["RepetitionPenaltyLogitsProcessor"] if settings.repetition_penalty != 1 else []
    return penalty + [_AFTER[name] for name in _on(settings)]


def _list(settings: Settings, after: bool) -> str:
    if not after:
        penalty = settings.repetition_penalty
        return f"RepetitionPenaltyLogitsProcessor({float(penalty)!r})" if penalty != 1 else ""
    return ", ".join(f"{_AFTER[name]}({getattr(settings, name)!r})" for name in _on(settings))


def _draw(settings: Settings) -> list[str]:
    if settings.greedy:
        return ["    token = int(scores.argmax())  # greedy: no draw"]
    return [
        "    # One random number lands in one token; they stand side by side, the likeliest first.",
        f"    random = numpy.random.default_rng([{settings.seed}, len(written), 0]).random()  # seed, step",
        "    now = torch.softmax(scores, -1).numpy()",
        "    alive = numpy.flatnonzero(now > 0)",
        '    order = alive[numpy.argsort(-now[alive], kind="stable")]',
        "    edges = numpy.cumsum(now[order], dtype=numpy.float64)",
        '    token = int(order[numpy.searchsorted(edges / edges[-1], random, side="right")])',
    ]


def _likely(ask: Ask) -> str:
    lines = [
        *_begin(ask.model, "import torch", "from transformers import AutoModelForCausalLM, AutoTokenizer", ""),
        f"asked = {shape_ask.filled(ask.form, ask.before)!r}",
        f"nothing = {shape_ask.filled(ask.form, '')!r}  # the same form with nothing in the text's place",
        f"answers = {[' ' + one.strip() for one in shape_ask.lines(ask.text)]!r}",
        "",
        "",
        "def score(prompt, answer):",
        '    front = tokenizer(prompt, return_tensors="pt").input_ids',
        '    behind = tokenizer(answer, return_tensors="pt", add_special_tokens=False).input_ids',
        "    with torch.inference_mode():",
        "        logits = model(torch.cat([front, behind], dim=-1)).logits[0].double()",
        "    told = torch.log_softmax(logits[front.shape[1] - 1 : -1], dim=-1)",
        "    return float(told.gather(1, behind.T).sum())",
        "",
        "",
        "here = [score(asked, answer) for answer in answers]",
        "empty = [score(nothing, answer) for answer in answers]",
        "adds = [a - b for a, b in zip(here, empty)]",
        "",
        f"question = {shape_ask.filled(ask.ask, ask.before)!r}",
        'messages = [{"role": "user", "content": question}]',
        "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)",
        'ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids',
        f"made = model.generate(ids, do_sample=False, max_new_tokens={shape_ask.FREE_TOKENS})",
        "said = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)",
        "for row in sorted(zip(adds, answers, here, empty), reverse=True):",
        '    print(f"{row[1]!r:16} adds {row[0]:+.2f}   ln P {row[2]:.2f}   behind nothing {row[3]:.2f}")',
        'print("in its own words:", repr(said))',
    ]
    return "\n".join(lines) + "\n"
