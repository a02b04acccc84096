"""Beam search with every step kept: which candidates were looked at, which stayed, which ended, which were dropped.

    Each step, for `num_beams` texts at once:
    1. read one token of every text in one batch; log-softmax, then the chain; add what each text has so far;
    2. take the best num_beams * max(2, 1 + end tokens) of all continuations (beam sampling draws them instead);
    3. those among the first num_beams that end a text are finished: score = total / length ** length_penalty;
    4. the best num_beams that do not end go on; the key-value cache follows them.

The steps, their order and their arithmetic are those of transformers' `_beam_search` (5.23), so that the result equals
`generate(num_beams=...)`: sequences, scores and beam indices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

from components.sampling.chain import Chain, _library
from components.sampling.decode import end_ids
from components.sampling.prefixes import prefixes
from components.sampling.reading import advance, check_ids, context_of
from components.sampling.settings import Settings
from components.workshop import FORWARD

MAX_BEAMS = 16
MAX_STEPS = 100
# What the library uses for "no text": it starts with one text in num_beams places, so all but the first are barred.
BARRED = -1.0e9
KEPT, FINISHED, LATE, DROPPED, VOID = "kept", "finished", "late", "dropped", "void"


@dataclass(frozen=True)
class Candidate:
    """One continuation that a step looked at.

    Attributes:
        parent: the running text, 0 to num_beams - 1, that it continues.
        id: the token.
        raw: ln of the token's probability as the model gave it.
        log_p: what the library adds for it: the same after the chain.
        total: what its text has come to, the sum of `log_p`.
        fate: "kept" goes on, "finished" ended among the first num_beams, "late" ended behind them and so does not
            count, "dropped" is out, "void" fills a place where nothing could come.
        beam: the place among the running texts of the next step; None unless kept.
        score: total / length ** length_penalty where it finished.
    """

    parent: int
    id: int
    raw: float
    log_p: float
    total: float
    fate: str
    beam: int | None
    score: float | None


@dataclass(frozen=True)
class Hypothesis:
    """A text that has ended.

    Attributes:
        ids: its new tokens, the end token included.
        beams: for each of them the running text it came from (the library's `beam_indices`).
        total: sum of the tokens' log-probabilities after the chain; raw: the same as the model gave them.
        score: total / length ** length_penalty.
        step: where it ended, 0 for the first.
        ended: "end" at an end token, "length" where the search ends.
    """

    ids: tuple[int, ...]
    beams: tuple[int, ...]
    total: float
    raw: float
    score: float
    step: int
    ended: str

    @property
    def void(self) -> bool:
        """Whether it only fills a place: the chain left fewer continuations than there are beams."""
        return not math.isfinite(self.total) or self.total < BARRED / 2


@dataclass(frozen=True)
class BeamStep:
    """One step.

    Attributes:
        candidates: by falling total; under beam sampling in the order in which they were drawn.
        running: the new tokens of the texts that go on, best first.
        finished: how many texts have ended and hold a place by now.
        reachable: the score that the best running text can still reach, by the rule of `early_stopping`.
        worst: the lowest score among the finished, once there are num_beams of them.
    """

    candidates: tuple[Candidate, ...]
    running: tuple[tuple[int, ...], ...]
    finished: int
    reachable: float
    worst: float | None


@dataclass(frozen=True)
class BeamSearch:
    """A whole search.

    Attributes:
        hypotheses: the num_beams texts that the library returns, best first; fewer where it was stopped.
        every: all texts that finished on the way, in that order, those that lost their place again included.
        ended: "beaten" where no running text could reach the finished ones, "full" where early_stopping ended it,
            "length", "context" where the model reads no further, "stopped".
    """

    prompt_ids: tuple[int, ...]
    settings: Settings
    num_beams: int
    max_new_tokens: int
    length_penalty: float
    early_stopping: bool | str
    steps: tuple[BeamStep, ...]
    hypotheses: tuple[Hypothesis, ...]
    every: tuple[Hypothesis, ...]
    ended: str


def _check(
    settings: Settings, num_beams: int, max_new_tokens: int, length_penalty: float, early_stopping: bool | str
) -> None:
    if isinstance(num_beams, bool) or not isinstance(num_beams, int) or not 1 <= num_beams <= MAX_BEAMS:
        raise ValueError(f"num_beams is {num_beams!r} and has to be a whole number from 1 to {MAX_BEAMS}.")
    if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int) or not 1 <= max_new_tokens <= MAX_STEPS:
        raise ValueError(f"max_new_tokens is {max_new_tokens!r}; a beam search takes from 1 to {MAX_STEPS} steps.")
    if not isinstance(length_penalty, (int, float)) or not -10 <= length_penalty <= 10:
        raise ValueError(f"length_penalty is {length_penalty!r} and has to lie between -10 and 10; 1 is usual.")
    if early_stopping not in (False, True, "never") or isinstance(early_stopping, int) is not isinstance(
        early_stopping, bool
    ):
        raise ValueError(f"early_stopping is {early_stopping!r}; it can be False, True or 'never'.")
    if settings.do_sample and settings.temperature == 0:
        raise ValueError("Beam sampling draws and temperature 0 leaves nothing to draw; raise it, or take beam search.")
    check_one_text(settings, "A beam search follows several texts")


def check_one_text(settings: Settings, what: str) -> None:
    """ValueError for knobs that keep a state of their own along one text."""
    for name, off in (("mirostat", 0), ("guidance_scale", 1), ("watermark", "")):
        if getattr(settings, name) != off:
            raise ValueError(f"{what}, and {name} keeps track of one; switch it off here.")


class _Reader:
    """The model reading num_beams texts in one batch, its key-value cache following them."""

    def __init__(self, model: Any, prompt: tuple[int, ...]) -> None:
        import torch

        self.model = model
        prefix = prefixes.take(model, prompt)
        self.first, prefix = advance(model, prefix, prompt[len(prefix.ids) :])
        with torch.inference_mode():
            self.cache = deepcopy(prefix.cache)
        prefixes.put(model, prefix)

    def spread(self, num_beams: int) -> None:
        import torch

        with torch.inference_mode():
            self.cache.batch_repeat_interleave(num_beams)

    def read(self, parents: Any, tokens: Any) -> Any:
        """Logits [beam, vocab] float32 after `tokens` [beam], each behind the text `parents` [beam] names."""
        import torch

        with FORWARD, torch.inference_mode():
            self.cache.reorder_cache(parents)
            output = self.model(input_ids=tokens[:, None], past_key_values=self.cache, use_cache=True)
        return output.logits[:, -1].float()


def beam_search(
    model: Any,
    prompt_ids: Sequence[int],
    *,
    num_beams: int = 3,
    max_new_tokens: int = 20,
    length_penalty: float = 1.0,
    early_stopping: bool | str = False,
    settings: Settings | None = None,
    do_sample: bool = False,
    seed: int = 1,
    ends: Sequence[int] | None = None,
    cancelled: Callable[[], bool] | None = None,
    on_step: Callable[[BeamStep], None] | None = None,
) -> BeamSearch:
    """Search for a likely text, all steps recorded.

    Args:
        model: an `OpenModel`, or a transformers decoder in float32.
        prompt_ids: tokens to go on from, at least one.
        num_beams: texts followed at once; 1 is greedy decoding (or plain sampling), as in the library.
        max_new_tokens: steps at most.
        length_penalty: a finished text's score is total / length ** length_penalty; above 0 favours long texts.
        early_stopping: True ends when num_beams texts have ended; False when the best running one can no longer
            reach them at its present length; "never" when it cannot at any length.
        settings: the chain's knobs; their `do_sample`, `seed` and `max_new_tokens` give way to the arguments here.
            Except for num_beams = 1 the chain works on log-probabilities, as in the library, so that a repetition
            penalty means something else than it does for one text.
        do_sample: beam sampling: candidates are drawn without replacement, in proportion to their probability.
        seed: of those draws. They are the library's own after `torch.manual_seed(seed)`, from a generator apart.
        ends: tokens that end a text, the library's `eos_token_id`; None for the model's own.
        cancelled: asked before every step; True ends the search, and what is there by then is returned.
        on_step: called with every step.

    Raises:
        ValueError: arguments or ids that cannot be, a prompt that fills the context, knobs that follow one text only.

    Source: transformers 5.23, `GenerationMixin._beam_search` and the functions above it.
    """
    import torch

    settings = replace(settings or Settings(), do_sample=do_sample, seed=seed)
    _check(settings, num_beams, max_new_tokens, length_penalty, early_stopping)
    library, prompt = _library(model), check_ids(model, prompt_ids)
    room = context_of(model) - len(prompt)
    if room < 1:
        raise ValueError("This text fills all that the model can read, so nothing can follow; shorten it.")
    longest = min(max_new_tokens, room)
    stops = end_ids(model) if ends is None else frozenset(check_ids(model, ends) if ends else ())
    settings = replace(settings, max_new_tokens=longest)
    chain = Chain(settings, model=library, prompt_ids=prompt, num_beams=num_beams, ends=ends)
    wide = max(2, 1 + len(stops)) * num_beams
    generator = torch.Generator().manual_seed(seed)
    reader = _Reader(library, prompt)
    # One text is greedy decoding in the library: the chain on logits, and the first end ends it.
    alone = num_beams == 1
    early = True if alone else early_stopping

    logits = reader.first[None]
    texts: list[tuple[int, ...]] = [()] * num_beams
    paths: list[tuple[int, ...]] = [()] * num_beams
    raws = [0.0] * num_beams
    running = torch.zeros(num_beams)
    running[1:] = BARRED
    places: list[Hypothesis | None] = [None] * num_beams
    place_scores = torch.full((num_beams,), BARRED)
    steps: list[BeamStep] = []
    every: list[Hypothesis] = []
    improvable, ended = True, ""
    while not ended:
        if cancelled is not None and cancelled():
            ended = "stopped"
            break
        plain = torch.log_softmax(logits, dim=-1)
        given = logits if alone else plain
        rows = [chain.scores(row, (*prompt, *text)) for row, text in zip(given, texts, strict=False)]
        changed = torch.stack(rows)
        if torch.isnan(changed).any() or torch.isneginf(changed[0]).all():
            raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
        vocabulary = changed.shape[-1]
        log_p = torch.log_softmax(changed, dim=-1) if alone else changed
        if len(log_p) < num_beams:  # the first step: every place holds the prompt, and it was read once
            log_p, plain = log_p.expand(num_beams, -1), plain.expand(num_beams, -1)
        sums = (log_p + running[:, None]).reshape(-1)
        if do_sample:
            source = changed.reshape(-1) if alone else sums
            drawn = torch.multinomial(torch.softmax(source, dim=-1)[None], 1 if alone else wide, generator=generator)
            picked = drawn[0]
        else:
            picked = torch.topk(changed.reshape(-1) if alone else sums, k=min(wide, vocabulary * num_beams))[1]
        totals = sums[picked]
        parents, tokens = picked // vocabulary, picked % vocabulary

        length = len(steps) + 1
        last = length >= longest
        hits = torch.tensor([last or int(token) in stops for token in tokens])
        counted = hits.clone()
        counted[num_beams:] = False
        # The running ones first, as the library does, then the finished.
        onward = totals + hits.to(torch.float32) * BARRED
        going = torch.topk(onward, k=num_beams)[1] if len(onward) >= num_beams else torch.zeros(0, dtype=torch.long)
        full = all(place is not None for place in places)
        scored = totals / (length**length_penalty)
        scores = scored.clone()
        scores += float(full and early is True) * BARRED
        scores += float(not improvable) * BARRED
        scores += (~counted) * BARRED
        made = []
        for place, (parent, token) in enumerate(zip(parents.tolist(), tokens.tolist(), strict=True)):
            made.append(Hypothesis(
                (*texts[parent], token), (*paths[parent], parent), float(totals[place]),
                raws[parent] + float(plain[parent, token]), float(scores[place]), length - 1,
                "end" if token in stops else "length",
            ))
        best = torch.topk(torch.cat([place_scores, scores]), k=num_beams)[1].tolist()
        counts: list[bool] = counted.tolist()
        merged = [*places, *(one if count else None for one, count in zip(made, counts, strict=True))]
        place_scores = torch.cat([place_scores, scores])[best]
        places = [merged[place] for place in best]
        every += [one for one, count in zip(made, counts, strict=True) if count and not one.void]

        goes = {} if last else {place: beam for beam, place in enumerate(going.tolist())}
        candidates = tuple(
            _candidate(made[place], parent, float(log_p[parent, token]), float(plain[parent, token]),
                       bool(hits[place]), counts[place], goes.get(place))
            for place, (parent, token) in enumerate(zip(parents.tolist(), tokens.tolist(), strict=True))
        )
        running = onward[going]
        texts = [made[place].ids for place in going.tolist()]
        paths = [made[place].beams for place in going.tolist()]
        raws = [made[place].raw for place in going.tolist()]
        full = all(place is not None for place in places)
        reach = longest if early == "never" and length_penalty > 0 else length
        reachable = running[:1] / (reach**length_penalty)
        worst = place_scores.min() if full else torch.tensor(BARRED)
        improvable = improvable and bool((reachable > worst).any())
        steps.append(BeamStep(
            candidates, tuple(text for place, text in enumerate(texts) if not last),
            sum(place is not None and not place.void for place in places),
            float(reachable[0]) if len(reachable) else 0.0, float(worst) if full else None,
        ))
        if on_step is not None:
            on_step(steps[-1])
        if bool(hits.all()) and last:
            ended = "length" if longest == max_new_tokens else "context"
        elif not improvable:
            ended = "beaten"
        elif (full and early is True) or bool(hits.all()):
            ended = "full"
        else:
            if length == 1:
                reader.spread(num_beams)
            logits = reader.read(parents[going], tokens[going])
    return BeamSearch(
        prompt, settings, num_beams, max_new_tokens, float(length_penalty), early_stopping, tuple(steps),
        tuple(place for place in places if place is not None), tuple(every), ended,
    )


def _candidate(
    made: Hypothesis, parent: int, log_p: float, raw: float, hit: bool, counted: bool, beam: int | None
) -> Candidate:
    if made.void:
        fate = VOID
    elif counted:
        fate = FINISHED
    elif hit:
        fate = LATE
    else:
        fate = DROPPED if beam is None else KEPT
    return Candidate(parent, made.ids[-1], raw, log_p, made.total, fate, beam if fate == KEPT else None,
                     made.score if fate == FINISHED else None)
