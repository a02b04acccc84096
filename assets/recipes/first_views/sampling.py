"""The Sampling page's first view: the first example under the knobs that the page opens with."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from components import corpora, sampling
from components.first_views import stamp
from components.models import catalog
from components.models.open import open_model
from components.payload import pack, unpack
from components.tokenization import vocabulary
from components.views.sampling.knobs import DEFAULTS, shown
from components.views.sampling.labels import Labels
from components.views.sampling.picture import Moment, draw, settings_of

MODELS = ("smollm2", "storyteller")
LIBRARIES = ("torch", "transformers", "tokenizers")


def build(model: str) -> dict[str, bytes]:
    """`sampling.<model>.bin`: the payload of the picture, as the page makes it."""
    text = json.loads((corpora.FOLDER / "examples.json").read_text(encoding="utf-8"))["sampling"][0]["text"]
    opened = open_model(model)
    weights = hashlib.sha256((opened.path / "model.safetensors").read_bytes()).hexdigest()
    knobs = shown(DEFAULTS)
    prompt = sampling.prompt(opened, text)
    reading = sampling.read(opened, prompt.ids)
    chain = sampling.Chain(settings_of(knobs), model=opened.model, prompt_length=len(prompt.ids))
    header, arrays = draw(
        Moment(
            text=text,
            knobs=knobs,
            model=catalog.entry(model).title,
            reading=reading,
            steps=(),
            stages=tuple(chain.fold(reading.logits, prompt.ids)),
            pending=sampling.take(reading.logits, prompt.ids, chain, 0),
            redraw=0,
        ),
        Labels(vocabulary(opened.tokenizer)),
    )
    return {f"sampling.{model}.bin": pack({"stamp": stamp(weights, LIBRARIES), **header}, arrays)}


def compare(stored: bytes, fresh: bytes) -> None:
    """AssertionError with a sentence where two views do not say the same."""
    old, old_arrays = unpack(stored)
    new, new_arrays = unpack(fresh)
    assert old["text"] == new["text"], "the first example is another one"
    assert old["settings"] == new["settings"], "the page opens with other knobs"
    assert old["so_far"]["hidden"] == new["so_far"]["hidden"]
    for ours, theirs in zip(old["so_far"]["tokens"], new["so_far"]["tokens"], strict=True):
        assert ours["i"] == theirs["i"], "the text is cut into other tokens"
        assert ours["s"] is theirs["s"] or abs(ours["s"] - theirs["s"]) <= 1e-3, "a surprise differs"
    ids = [[row["i"] for row in header["rows"]] for header in (old, new)]
    assert set(ids[0]) == set(ids[1]), "other tokens are at the top"
    given, now = old_arrays["shares"][:, 0], old_arrays["shares"][:, -1]
    for place, (ours, theirs) in enumerate(zip(*ids, strict=True)):
        other = ids[0].index(theirs)
        near = abs(given[place] - given[other]) <= 1e-3 and abs(now[place] - now[other]) <= 1e-3
        assert ours == theirs or near, f"the order differs at place {place + 1}"
    order = [ids[1].index(token) for token in ids[0]]
    assert np.abs(old_arrays["shares"] - new_arrays["shares"][order]).max() <= 1e-3, "chances differ"
    assert np.abs(old_arrays["others"] - new_arrays["others"]).max() <= 1e-3, "the others' chances differ"
    for ours, theirs in zip(old["stages"], new["stages"], strict=True):
        assert (ours["name"], ours["value"], ours["on"]) == (theirs["name"], theirs["value"], theirs["on"])
        assert abs(ours["removed"] - theirs["removed"]) <= 1e-3, f"{ours['name']} removes another share"
        assert abs(ours["entropy"] - theirs["entropy"]) <= 1e-3, f"the entropy after {ours['name']} differs"
        assert abs(ours["left"] - theirs["left"]) <= max(1, ours["left"] // 1000), f"{ours['name']} leaves others"
    assert old["draw"]["i"] == new["draw"]["i"], "the draw gives another token"
