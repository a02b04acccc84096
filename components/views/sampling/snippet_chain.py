"""The chain as source: the library's own processors, and the others written out in a few lines of torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from components.sampling import STAGES, Settings, arrange

Lines = tuple[str, ...]
MAIN = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p")
# Stages that the draw alone uses: under greedy decoding they are not there.
WARPERS = frozenset({
    "temperature", "top_h", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_n_sigma",
    "top_a", "tfs_z", "xtc_probability", "smoothing_factor", "dynatemp_range", "mirostat",
})
CUTS = WARPERS - {"temperature", "smoothing_factor", "dynatemp_range", "mirostat"}

LIBRARY: dict[str, Callable[[Settings], str]] = {
    "guidance_scale": lambda s: (
        f"UnbatchedClassifierFreeGuidanceLogitsProcessor({s.guidance_scale!r}, model, unconditional_ids=other)"),
    "sequence_bias": lambda s: (
        f"SequenceBiasLogitsProcessor({[[list(word), bias] for word, bias in s.sequence_bias]!r})"),
    "encoder_repetition_penalty": lambda s: (
        f"EncoderRepetitionPenaltyLogitsProcessor({float(s.encoder_repetition_penalty)!r}, prompt)"),
    "repetition_penalty": lambda s: f"RepetitionPenaltyLogitsProcessor({float(s.repetition_penalty)!r})",
    "no_repeat_ngram_size": lambda s: f"NoRepeatNGramLogitsProcessor({s.no_repeat_ngram_size})",
    "encoder_no_repeat_ngram_size": lambda s: (
        f"EncoderNoRepeatNGramLogitsProcessor({s.encoder_no_repeat_ngram_size}, prompt)"),
    "bad_words_ids": lambda s: f"NoBadWordsLogitsProcessor({[list(word) for word in s.bad_words_ids]!r}, end)",
    "min_length": lambda s: f"MinLengthLogitsProcessor({s.min_length}, end)",
    "min_new_tokens": lambda s: f"MinNewTokensLengthLogitsProcessor(prompt.shape[1], {s.min_new_tokens}, end)",
    "forced_bos_token_id": lambda s: f"ForcedBOSTokenLogitsProcessor({s.forced_bos_token_id})",
    "forced_eos_token_id": lambda s: (
        f"ForcedEOSTokenLogitsProcessor(prompt.shape[1] + {s.max_new_tokens}, {s.forced_eos_token_id})"),
    "remove_invalid_values": lambda s: "InfNanRemoveLogitsProcessor()",
    "exponential_decay_length_penalty": lambda s: (
        f"ExponentialDecayLengthPenalty({s.exponential_decay_length_penalty!r}, end, prompt.shape[1])"),
    "suppress_tokens": lambda s: f"SuppressTokensLogitsProcessor({list(s.suppress_tokens)!r})",
    "begin_suppress_tokens": lambda s: (
        f"SuppressTokensAtBeginLogitsProcessor({list(s.begin_suppress_tokens)!r}, prompt.shape[1])"),
    "temperature": lambda s: f"TemperatureLogitsWarper({float(s.temperature)!r})",
    "top_h": lambda s: f"TopHLogitsWarper({float(s.top_h)!r})",
    "top_k": lambda s: f"TopKLogitsWarper({s.top_k!r})",
    "top_p": lambda s: f"TopPLogitsWarper({float(s.top_p)!r})",
    "min_p": lambda s: f"MinPLogitsWarper({float(s.min_p)!r})",
    "typical_p": lambda s: f"TypicalLogitsWarper({float(s.typical_p)!r})",
    "epsilon_cutoff": lambda s: f"EpsilonLogitsWarper({float(s.epsilon_cutoff)!r})",
    "eta_cutoff": lambda s: f"EtaLogitsWarper({float(s.eta_cutoff)!r})",
    "renormalize_logits": lambda s: "LogitNormalization()",
}


def stages_on(settings: Settings) -> list[str]:
    """Names of the stages that do something, in the order in which they act."""
    usual = Settings()
    names = []
    for name in STAGES:
        if name == "constraint" or getattr(settings, name) == getattr(usual, name):
            continue
        if (settings.greedy and name in WARPERS) or (settings.mirostat and name in CUTS):
            continue
        if name == "temperature" and settings.dynatemp_range:
            continue
        if name == "dry_multiplier" and not settings.dry_penalty_last_n:
            continue
        names.append(name)
    # Switched-off main knobs keep their row on the page, and with it a place in the order.
    rows = sorted({*names, *MAIN}, key=STAGES.index)
    return [rows[place] for place in arrange(rows, settings.order) if rows[place] in names]


def chain_lines(settings: Settings, step: int, redraw: int, chances: Sequence[float]) -> tuple[list[str], list[str]]:
    """Names to import from transformers, and the lines that build `chain`, a list of (ids, scores) -> scores.

    The lines use `prompt` and `ids` [1, n], `model`, `logits` [vocab]. `step`, `redraw` and `chances` as in
    `Chain.fold`.
    """
    imports: list[str] = []
    before: list[str] = []
    entries: list[str] = []
    on = stages_on(settings)
    if {"bad_words_ids", "min_length", "min_new_tokens", "exponential_decay_length_penalty"} & set(on):
        before.append("end = model.generation_config.eos_token_id")
    for name in on:
        if name in LIBRARY:
            code = LIBRARY[name](settings)
            imports.append(code.split("(", 1)[0])
            entries.append(f"    {code},")
            if name == "guidance_scale":
                start = f"torch.tensor([{list(settings.negative_prompt_ids)!r}])" if settings.negative_prompt_ids \
                    else "prompt[:, -1:]"
                before.append(f"other = torch.cat([{start}, ids[:, prompt.shape[1]:]], dim=-1)  # the negative prompt")
        elif name == "watermark":
            imports += _watermark(settings, before)
            entries.append("    watermark,")
        else:
            before += ["", *OWN_LINES[name](settings, step, redraw, tuple(chances)), ""]
            entries.append(f"    {name},")
    return imports, [*before, "chain = [", *entries, "]"]


def _watermark(settings: Settings, before: list[str]) -> list[str]:
    config = settings.generate_arguments()["watermarking_config"]
    if settings.watermark == "greenlist":
        before += [
            f"config = WatermarkingConfig(bias={settings.watermark_bias!r}, seeding_scheme={config.seeding_scheme!r}, "
            f"context_width={config.context_width})",
            'watermark = config.construct_processor(len(logits), "cpu")',
        ]
        return ["WatermarkingConfig"]
    before += [
        f"config = SynthIDTextWatermarkingConfig(ngram_len={config.ngram_len}, keys={list(config.keys)!r})",
        'watermark = config.construct_processor(len(logits), "cpu")',
        "for n in range(prompt.shape[1], ids.shape[1]):  # it remembers the contexts that it has seen",
        "    watermark(ids[:, :n], logits[None].clone())",
    ]
    return ["SynthIDTextWatermarkingConfig"]


def _window(last_n: int) -> str:
    return {0: "ids[0, prompt.shape[1]:]", -1: "ids[0]"}.get(last_n, f"ids[0, -{last_n}:]")


def _presence(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def presence_penalty(ids, scores):",
        f"    counts = torch.bincount({_window(s.penalty_last_n)}, minlength=scores.shape[-1])",
        f"    return scores - {s.presence_penalty!r} * (counts > 0)",
    )


def _frequency(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def frequency_penalty(ids, scores):",
        f"    return scores - {s.frequency_penalty!r} * torch.bincount({_window(s.penalty_last_n)}, "
        "minlength=scores.shape[-1])",
    )


def _dry(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def dry_multiplier(ids, scores):",
        f"    past, breakers, found = {_window(s.dry_penalty_last_n)}.tolist(), {set(s.dry_breakers) or '()'}, {{}}",
        "    for end in range(len(past) - 1):",
        "        n = 0",
        "        while n <= end and past[end - n] == past[-1 - n] and past[-1 - n] not in breakers:",
        "            n += 1",
        f"        if n >= {s.dry_allowed_length} and past[end + 1] not in breakers:",
        "            found[past[end + 1]] = max(n, found.get(past[end + 1], 0))",
        "    scores = scores.clone()",
        "    for token, n in found.items():",
        f"        scores[0, token] -= {s.dry_multiplier!r} * {float(s.dry_base)!r} ** (n - {s.dry_allowed_length})",
        "    return scores",
    )


def _top_n_sigma(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def top_n_sigma(ids, scores):",
        "    alive = scores[scores.isfinite()].double()",
        f"    floor = alive.max() - {s.top_n_sigma!r} * alive.std(correction=0)",
        '    return scores.masked_fill(scores < floor, float("-inf"))',
    )


def _top_a(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def top_a(ids, scores):",
        "    p = scores.softmax(-1)",
        f'    return scores.masked_fill(p < {s.top_a!r} * p.max() ** 2, float("-inf"))',
    )


def _tfs(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def tfs_z(ids, scores):",
        "    ordered, places = scores[0].sort(descending=True, stable=True)",
        "    alive = int(ordered.isfinite().sum())",
        "    bend = ordered[:alive].softmax(-1).diff().diff().abs()",
        "    if alive < 3 or bend.sum() <= 0:",
        "        return scores",
        "    gone = torch.ones(len(ordered), dtype=torch.bool)  # the last one bends no more and goes",
        "    gone[0] = False",
        f"    gone[1:alive - 1] = torch.cumsum(bend / bend.sum(), -1) > {s.tfs_z!r}",
        '    return scores.masked_fill(torch.zeros_like(gone).scatter(0, places, gone), float("-inf"))',
    )


def _xtc(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def xtc_probability(ids, scores):",
        f"    random = numpy.random.default_rng([{s.seed}, {step}, {redraw}, 1]).random()  # a stream of its own",
        "    ordered, places = scores[0].sort(descending=True, stable=True)",
        f"    top = places[(ordered.softmax(-1) >= {s.xtc_threshold!r}) & ordered.isfinite()]",
        f"    if random < {s.xtc_probability!r} and len(top) > 1 and {s.xtc_threshold!r} <= 0.5:",
        '        scores = scores.index_fill(1, top[:-1], float("-inf"))  # all top choices but the least likely',
        "    return scores",
    )


def _smoothing(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    return (
        "def smoothing_factor(ids, scores):",
        "    d = scores - scores.max()",
        f"    bent = scores.max() + {s.smoothing_factor!r} * d**2 * "
        f"(({s.smoothing_curve!r} - 1) / 2 * d - (3 - {s.smoothing_curve!r}) / 2)",
        "    return torch.where(scores.isneginf(), scores, bent)",
    )


def _dynatemp(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    low, high = max(0.0, s.temperature - s.dynatemp_range), s.temperature + s.dynatemp_range
    return (
        "def dynatemp_range(ids, scores):",
        "    alive = scores[scores.isfinite()].double()",
        "    openness = torch.special.entr(alive.softmax(-1)).sum() / numpy.log(max(2, len(alive)))",
        f"    temperature = {low!r} + {high - low!r} * float(openness) ** {s.dynatemp_exponent!r}",
        "    if temperature < 0.01:",
        '        return scores.masked_fill(scores < scores.max(), float("-inf"))',
        "    return scores / temperature",
    )


def _mirostat(s: Settings, step: int, redraw: int, chances: tuple[float, ...]) -> Lines:
    learns = (
        f"mu = 2 * {s.mirostat_tau!r}  # in bits; it learns from the chances of what was written",
        f"for chance in {[float(f'{chance:.9g}') for chance in chances]!r}:",
        f"    mu -= {s.mirostat_eta!r} * (-numpy.log2(chance) - {s.mirostat_tau!r})",
        "",
    )
    if s.mirostat == 2:
        return (
            *learns,
            "def mirostat(ids, scores):",
            "    gone = -scores.double().log_softmax(-1) / numpy.log(2) > mu",
            "    gone[0, scores.argmax()] = False",
            '    return scores.masked_fill(gone, float("-inf"))',
        )
    return (
        *learns,
        "def mirostat(ids, scores):",
        "    p, places = scores[0].softmax(-1).double().sort(descending=True, stable=True)",
        "    p = p[:100][p[:100] > 0]  # the slope of the first hundred",
        "    t = (torch.arange(2, len(p) + 1) / torch.arange(1, len(p))).double().log()",
        "    s = float((t * (p[:-1] / p[1:]).log()).sum() / (t * t).sum())",
        "    keep = ((s - 1) * 2**mu / (1 - scores.shape[-1] ** (1 - s))) ** (1 / s)",
        '    return scores.index_fill(1, places[max(1, int(min(keep, len(places)))):], float("-inf"))',
    )


OWN_LINES: dict[str, Callable[[Settings, int, int, tuple[float, ...]], Any]] = {
    "presence_penalty": _presence, "frequency_penalty": _frequency, "dry_multiplier": _dry,
    "top_n_sigma": _top_n_sigma, "top_a": _top_a, "tfs_z": _tfs, "xtc_probability": _xtc,
    "smoothing_factor": _smoothing, "dynatemp_range": _dynatemp, "mirostat": _mirostat,
}
