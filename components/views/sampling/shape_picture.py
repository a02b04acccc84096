"""The data of the pictures of "Force a shape": from results to one buffer, see assets/web/sampling_shape.js."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from components.payload import pack
from components.sampling import ChoiceOdds, Constrained, Likelihoods, Prompt, ShapeStep
from components.views.sampling.labels import Labels

TAIL = 90  # characters of the text in front that are shown

ENDED = {
    "complete": "The shape is complete.",
    "length": "Cut off at max_new_tokens, in the middle of the shape: {what} is not whole. Allow more tokens, or bound "
              "the shape, as maxLength and {{1,20}} do.",
    "stopped": "Stopped in the middle of the shape: {what} is not whole.",
    "context": "The model reads no further, so {what} is cut off in the middle of the shape. Shorten the text.",
    "limit": "{note} What was written until then is kept.",
}
WHOLE = "It has the whole shape already, and could have gone on."
WHAT = {"choices": "the choice", "regex": "the match", "json": "the JSON", "call": "the call"}


class Picture:
    """Draws one output, again after every token."""

    def __init__(self, kind: str, model: Any, labels: Labels, prompt: Prompt) -> None:
        self._kind, self._labels = kind, labels
        self._library = model.tokenizer.library_object
        self._vocabulary = int(model.vocab_size)
        self._tail = prompt.text[-TAIL:]
        self._cut = len(prompt.text) > TAIL

    def text(self, steps: Sequence[ShapeStep]) -> str:
        """What was written, an end token excluded."""
        return str(self._library.decode([one.step.id for one in steps if not one.ends], skip_special_tokens=False))

    def draw(self, steps: Sequence[ShapeStep], made: Constrained | None = None, **more: Any) -> bytes:
        """The buffer; `made` is there once it has ended."""
        header: dict[str, Any] = {
            "view": "shape", "kind": self._kind, "tail": self._tail, "cut": self._cut, "text": self.text(steps),
            "vocabulary": self._vocabulary, "steps": [self._step(one) for one in steps], "ended": "", "says": "",
            "complete": False, "log_p": sum(one.log_p for one in steps), "log_q": sum(one.log_q for one in steps),
            **more,
        }
        if made is not None:
            header |= {"ended": made.ended, "complete": made.complete, "says": ended(self._kind, made)}
        return pack(header)

    def _step(self, one: ShapeStep) -> dict[str, Any]:
        return {
            **self._labels.label(one.step.id), "n": one.allowed, "f": one.forbidden, "one": one.forced,
            "p": float(np.exp(one.log_p)), "q": float(np.exp(one.log_q)), "c": one.step.probability,
            "rank": one.step.rank, "end": one.ends,
            "before": [{**self._labels.label(token), "p": p, "ok": ok} for token, p, ok in one.before],
            "after": [{**self._labels.label(token), "p": p} for token, p in one.after],
        }


def ended(kind: str, made: Constrained) -> str:
    """How an output ended, in a sentence that does not promise more than there is."""
    if made.ended == "complete":
        return ENDED["complete"]
    if made.complete:
        return WHOLE
    return ENDED[made.ended].format(what=WHAT[kind], note=made.note)


def odds(found: ChoiceOdds) -> dict[str, Any]:
    """Both weights of every choice."""
    texts = found.choices
    return {
        "choices": list(texts), "masked": found.masked.tolist(), "whole": found.whole.tolist(),
        "log_p": [float(one) if np.isfinite(one) else None for one in found.log_p],
        "own": found.own_cut.tolist(), "unseen_masked": found.unseen_masked, "unseen_whole": found.unseen_whole,
        "begins": next(([a, b] for a in texts for b in texts if a != b and b.startswith(a)), None),
    }


def likely(
    text: str, options: Sequence[str], found: Likelihoods, said: str, expected: str, prompt: str
) -> bytes:
    """The answers with their scores, and the free text beside them."""
    rows = [
        {"text": one.strip(), "p": float(found.log_p[i]), "empty": float(found.log_p_empty[i]),
         "c": float(found.calibrated[i]), "mean": float(found.mean[i]), "tokens": int(found.tokens[i])}
        for i, one in enumerate(options)
    ]
    return pack({"view": "likely", "text": text, "prompt": prompt, "rows": rows, "said": said, "expected": expected,
                 "best": int(found.calibrated.argmax()), "plain": int(found.log_p.argmax())})


def reviews(rows: Sequence[dict[str, Any]], of: int) -> bytes:
    """Ready reviews, each with what the scores and what the free text say."""
    return pack({"view": "reviews", "rows": list(rows), "of": of})
