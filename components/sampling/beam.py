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

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from components.sampling.beam_record import (
    BARRED,
    DROPPED,
    FINISHED,
    KEPT,
    LATE,
    VOID,
    BeamSearch,
    BeamStep,
    Candidate,
    Hypothesis,
)
from components.sampling.chain import Chain
from components.sampling.decode import end_ids
from components.sampling.library import library_of
from components.sampling.prefixes import prefixes
from components.sampling.reading import advance, check_ids, context_of
from components.sampling.settings import Settings
from components.workshop import FORWARD

MAX_BEAMS = 16
MAX_STEPS = 100
# Every text followed has a copy of the prompt's keys and values.
CACHE_BYTES = 400_000_000


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

    def check(self, num_beams: int, tokens: int) -> None:
        """ValueError where so many copies of the prompt's cache would take too much memory."""
        parts = (part for layer in self.cache.layers for part in (layer.keys, layer.values) if part is not None)
        needed = num_beams * sum(part.nbytes for part in parts)
        if needed > CACHE_BYTES:
            raise ValueError(
                f"{num_beams} texts of {tokens:,} tokens would take {needed / 1e6:,.0f} MB beside the model; shorten "
                "the text, or follow fewer at once."
            )

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
        ValueError: arguments or ids that cannot be, a prompt that fills the context or the memory, knobs that follow
            one text only.

    Source: transformers 5.23, `GenerationMixin._beam_search` and the functions above it.
    """
    import torch

    settings = replace(settings or Settings(), do_sample=do_sample, seed=seed)
    _check(settings, num_beams, max_new_tokens, length_penalty, early_stopping)
    library, prompt = library_of(model), check_ids(model, prompt_ids)
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
    reader.check(num_beams, len(prompt))
    # One text is greedy decoding in the library: the chain on logits, and the first end ends it.
    alone = num_beams == 1
    early = True if alone else early_stopping

    logits = reader.first[None]
    texts: list[tuple[int, ...]] = [()] * num_beams
    paths: list[tuple[int, ...]] = [()] * num_beams
    raws = [0.0] * num_beams
    running = torch.zeros(num_beams)
    running[1:] = BARRED
    places = _Places(num_beams)
    steps: list[BeamStep] = []
    every: list[Hypothesis] = []
    ended = ""
    while not ended:
        if cancelled is not None and cancelled():
            ended = "stopped"
            break
        plain, changed = _fold(chain, logits, [(*prompt, *text) for text in texts], alone)
        log_p = torch.log_softmax(changed, dim=-1) if alone else changed
        if len(log_p) < num_beams:  # the first step: every place holds the prompt, and it was read once
            log_p, plain = log_p.expand(num_beams, -1), plain.expand(num_beams, -1)
        sums = (log_p + running[:, None]).reshape(-1)
        source = changed.reshape(-1) if alone else sums
        if do_sample:
            chances = torch.softmax(source, dim=-1)[None]
            picked = torch.multinomial(chances, 1 if alone else wide, generator=generator)[0]
        else:
            picked = torch.topk(source, k=min(wide, len(source)))[1]
        totals, vocabulary = sums[picked], changed.shape[-1]
        parents, tokens = picked // vocabulary, picked % vocabulary
        pairs = list(zip(parents.tolist(), tokens.tolist(), strict=True))

        length = len(steps) + 1
        last = length >= longest
        hits = torch.tensor([last or token in stops for _, token in pairs])
        counted = hits.clone()
        counted[num_beams:] = False
        onward = totals + hits.to(torch.float32) * BARRED
        going = torch.topk(onward, k=num_beams)[1]
        scores = totals / (length**length_penalty)
        scores += float(places.full and early is True) * BARRED
        scores += float(not places.improvable) * BARRED
        scores += (~counted) * BARRED
        made = [
            Hypothesis((*texts[parent], token), (*paths[parent], parent), float(totals[place]),
                       raws[parent] + float(plain[parent, token]), float(scores[place]), length - 1,
                       "end" if token in stops else "length")
            for place, (parent, token) in enumerate(pairs)
        ]
        counts: list[bool] = counted.tolist()
        places.merge(made, scores, counts)
        every += [one for one, count in zip(made, counts, strict=True) if count and not one.void]

        goes = {} if last else {place: beam for beam, place in enumerate(going.tolist())}
        candidates = tuple(
            _candidate(made[place], parent, float(log_p[parent, token]), float(plain[parent, token]),
                       bool(hits[place]), counts[place], goes.get(place))
            for place, (parent, token) in enumerate(pairs)
        )
        running = onward[going]
        onwards = [made[place] for place in going.tolist()]
        texts, paths, raws = ([one.ids for one in onwards], [one.beams for one in onwards],
                              [one.raw for one in onwards])
        reach = longest if early == "never" and length_penalty > 0 else length
        reachable = running[:1] / (reach**length_penalty)
        places.compare(reachable)
        steps.append(BeamStep(candidates, () if last else tuple(texts), places.count, float(reachable[0]),
                              places.worst))
        if on_step is not None:
            on_step(steps[-1])
        if last:
            ended = "length" if longest == max_new_tokens else "context"
        elif not places.improvable:
            ended = "beaten"
        elif (places.full and early is True) or bool(hits.all()):
            ended = "full"
        else:
            if length == 1:
                reader.spread(num_beams)
            logits = reader.read(parents[going], tokens[going])
    return BeamSearch(
        prompt, settings, num_beams, max_new_tokens, float(length_penalty), early_stopping, tuple(steps),
        places.best, tuple(every), ended,
    )


class _Places:
    """The num_beams best texts that have ended so far, and whether a running one could still be among them."""

    def __init__(self, num_beams: int) -> None:
        import torch

        self._held: list[Hypothesis | None] = [None] * num_beams
        self._scores = torch.full((num_beams,), BARRED)
        self.improvable = True

    @property
    def full(self) -> bool:
        return all(one is not None for one in self._held)

    @property
    def best(self) -> tuple[Hypothesis, ...]:
        return tuple(one for one in self._held if one is not None)

    @property
    def count(self) -> int:
        return sum(not one.void for one in self.best)

    @property
    def worst(self) -> float | None:
        return float(self._scores.min()) if self.full else None

    def merge(self, made: Sequence[Hypothesis], scores: Any, counts: Sequence[bool]) -> None:
        """Let the texts that have ended now compete with those that had before."""
        import torch

        merged = [*self._held, *(one if count else None for one, count in zip(made, counts, strict=True))]
        together = torch.cat([self._scores, scores])
        best = torch.topk(together, k=len(self._held))[1]
        self._scores, self._held = together[best], [merged[place] for place in best.tolist()]

    def compare(self, reachable: Any) -> None:
        """Once nothing running can reach the worst of a full list, it stays so."""
        worst = self._scores.min() if self.full else BARRED
        self.improvable = self.improvable and bool((reachable > worst).any())


def _fold(chain: Chain, logits: Any, histories: Sequence[Sequence[int]], alone: bool) -> tuple[Any, Any]:
    """The model's log-probabilities [beam, vocab], and what the chain makes of them (of the logits for one text)."""
    import torch

    plain = torch.log_softmax(logits, dim=-1)
    rows = zip(logits if alone else plain, histories, strict=False)
    changed = torch.stack([chain.scores(row, history) for row, history in rows])
    if torch.isnan(changed).any() or torch.isneginf(changed[0]).all():
        raise ValueError("The knobs leave no token, so nothing can come next; turn one of them back.")
    return plain, changed


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
