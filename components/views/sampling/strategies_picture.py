"""What the browser draws of a search: labels once, candidates as columns, sentences made here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.payload import pack
from components.sampling import BeamSearch, Hypothesis, Speculation
from components.views.sampling.strategies_ask import Ask, words

FATES = ("kept", "finished", "late", "dropped", "void")
Label = Callable[[int], dict[str, Any]]
Decode = Callable[[Sequence[int]], str]


class _Labels:
    """Labels sent once each; what is drawn names them by their place."""

    def __init__(self, label: Label) -> None:
        self._label, self._places = label, {}  # type: tuple[Label, dict[int, int]]
        self.found: list[dict[str, Any]] = []

    def place(self, token: int) -> int:
        if token not in self._places:
            self._places[token] = len(self.found)
            self.found.append(self._label(token))
        return self._places[token]


def repeats(ids: Sequence[int]) -> float:
    """Share of the runs of three tokens that stood before in the same text (0 to 1)."""
    runs = [tuple(ids[place : place + 3]) for place in range(len(ids) - 2)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def times(ratio: float) -> str:
    """`1.3 times`, `32 times`, `2,900 times`."""
    if ratio >= 1e6:
        return "more than a million times"
    return f"{float(f'{ratio:.2g}'):,.10g} times" if ratio < 100 else f"{int(float(f'{ratio:.2g}')):,} times"


def left_at(search: BeamSearch, ids: Sequence[int]) -> int | None:
    """The step, counted from 0, at which the text `ids` was no longer followed; None where it stayed to its end."""
    ended = {one.ids for one in search.every}
    for number, step in enumerate(search.steps):
        text = tuple(ids[: number + 1])
        if text in ended:
            return None
        if text not in step.running:
            return None if len(text) > len(ids) or not step.running else number
    return None


def insight(search: BeamSearch, greedy: Hypothesis) -> list[str]:
    """Is the best text likelier than the greedy one, by how much, and does it read better?"""
    if not search.hypotheses or search.hypotheses[0].void:
        return []
    best = search.hypotheses[0]
    if best.ids == greedy.ids:
        return ["The best text is the greedy one: nothing likelier was found by looking at more texts at once."]
    ratio = math.exp(min(700.0, abs(best.raw - greedy.raw)))
    logs = f"log p {best.raw:.2f} against {greedy.raw:.2f}".replace("-", "−")
    if best.raw >= greedy.raw:
        factor = f"{times(ratio)} as likely as" if ratio >= 1.05 else "about as likely as"
        told = [f"The best text is {factor} the greedy one ({logs})."]
    else:
        told = [f"The best text by score is less likely than the greedy one, by a factor of "
                f"{times(ratio).removesuffix(' times')} ({logs})."]
    if len(best.ids) != len(greedy.ids):
        told[0] = told[0][:-1] + f", with {len(best.ids)} tokens against {len(greedy.ids)}."
    left = left_at(search, greedy.ids)
    if left is not None and search.num_beams > 1:
        told.append(f"Greedy's own text fell out of the search at step {left + 1}.")
    here, there = repeats(best.ids), repeats(greedy.ids)
    if max(here, there) < 0.1:
        told.append("Does it read better? Compare the two below: likely and good are not the same.")
    else:
        more = "more than" if here > there + 0.02 else "less than" if here < there - 0.02 else "as much as"
        told.append(f"Does it read better? It repeats itself {more} the greedy one: of its runs of three tokens "
                    f"{here:.0%} stood before, against {there:.0%}.".replace("%", " %"))
    return told


def beams(ask: Ask, search: BeamSearch, greedy: Hypothesis | None, label: Label, decode: Decode,
          marks: Sequence[int]) -> bytes:
    """The browser's buffer of a beam search or of greedy decoding. `marks` are the model's own end tokens, which are
    no part of what is read."""
    labels = _Labels(label)
    flat = [(number, one) for number, step in enumerate(search.steps) for one in step.candidates]
    starts = np.cumsum([0, *(len(step.candidates) for step in search.steps)])
    final = {one.ids: place for place, one in enumerate(search.hypotheses) if not one.void}

    def told(one: Hypothesis) -> dict[str, Any]:
        trimmed = one.ids[:-1] if one.ids[-1] in marks else one.ids
        return {"ids": [labels.place(token) for token in one.ids], "total": one.total, "raw": one.raw,
                "score": one.score, "step": one.step, "ended": one.ended, "place": final.get(one.ids),
                "text": decode(trimmed)}

    header: dict[str, Any] = {
        "kind": "beams", "way": ask.way, "num_beams": search.num_beams, "steps": len(search.steps),
        "length_penalty": search.length_penalty, "early_stopping": search.early_stopping,
        "drawn": search.settings.do_sample, "ended": words()["beam_ended"][search.ended],
        "root": label(search.prompt_ids[-1]),
        "hypotheses": [told(one) for one in search.every],
        "greedy": told(greedy) if greedy else None,
        "insight": insight(search, greedy) if greedy and ask.way != "greedy" else [],
        "reachable": [step.reachable if step.reachable > -1e6 else None for step in search.steps],
        "worst": [step.worst for step in search.steps],
        # With a chain that changes probabilities the search adds up other numbers than the model's.
        "changed": any(abs(one.log_p - one.raw) > 1e-4 for _, one in flat if one.fate != "void"),
    }
    arrays: dict[str, NDArray[Any]] = {
        "start": starts.astype(np.uint16),
        "parent": np.array([one.parent for _, one in flat], dtype=np.uint8),
        "token": np.array([labels.place(one.id) for _, one in flat], dtype=np.uint16),
        "fate": np.array([FATES.index(one.fate) for _, one in flat], dtype=np.uint8),
        "beam": np.array([-1 if one.beam is None else one.beam for _, one in flat], dtype=np.int8),
        "raw": np.array([one.raw for _, one in flat], dtype=np.float32),
        "log_p": np.array([one.log_p for _, one in flat], dtype=np.float32),
        "total": np.array([one.total for _, one in flat], dtype=np.float32),
        "score": np.array([math.nan if one.score is None else one.score for _, one in flat], dtype=np.float32),
    }
    return pack({**header, "labels": labels.found}, arrays)


def lookup(ask: Ask, made: Speculation, label: Label) -> bytes:
    """The browser's buffer of a prompt lookup."""
    labels = _Labels(label)
    rounds = []
    for one in made.rounds:
        draft = one.draft
        rounds.append({
            "start": one.start, "ngram": draft.ngram if draft else 0, "copied": draft.copied if draft else -1,
            "draft": [labels.place(token) for token in draft.ids] if draft else [],
            "judged": [[judged.probability, judged.random] for judged in one.judged],
            "accepted": len(one.accepted), "written": labels.place(one.written), "raw": one.raw,
        })
    header: dict[str, Any] = {
        "kind": "lookup", "prompt": [labels.place(token) for token in made.prompt_ids], "rounds": rounds,
        "drawn": not made.settings.greedy, "tokens": len(made.ids), "forwards": made.forwards, "saved": made.saved,
        "drafted": made.drafted, "accepted": made.accepted, "num_tokens": made.num_tokens,
        "insight": verdict(made), "ended": words()["lookup_ended"][made.ended], "draft_models": words()["draft_models"],
    }
    return pack({**header, "labels": labels.found})


def verdict(made: Speculation) -> list[str]:
    """What the drafts were worth."""
    count, saved = len(made.ids), made.saved
    if not count:
        return []
    if not made.drafted:
        told = ["No run was saved: the end of the text never stood further up, so no draft could be copied."]
    elif not saved:
        told = ["No run was saved: not one of the copied tokens was accepted."]
    elif saved >= count / 2:
        told = ["Most of this text was copied, and the model agreed: it ran less than half as often."]
    else:
        told = [f"Here and there a draft held: {saved} of {count} runs were saved."]
    if made.settings.greedy:
        told.append("The text is greedy decoding's own, token for token: a draft stays only where the model agrees.")
    else:
        told.append("The text is one that plain drawing could have given, each with the same chance as without drafts.")
    return told
