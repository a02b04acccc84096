"""The panel "Three architectures": an encoder-decoder rewrites a date, an encoder fills gaps, heads side by side."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from components.attention import SCORES, Gaps, Guesses, HeadMap, Rewriting, fill_gaps, map_text, rewrite, spelled
from components.models import catalog, loaders, sources
from components.models.open import OpenTokenizer
from components.payload import pack
from components.views import address, frame
from components.views.attention.snippet_architectures import snippet_crossing, snippet_gap, snippet_sides
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job, repair

KEY = "attention_architecture"
CROSSING, GAP, SIDES = "attention_crossing", "attention_gap", "attention_sides"
#: Where the text of the date stands in the session and in the address, and which word is hidden.
DATE, WORD = "attention_date", "attention_gap_word"
WRITER, FILLER, TELLER = "datewriter", "gapfiller", "storyteller"
KINDS = ("cross", "encoder", "decoder")
#: The head of datewriter whose lines go from each written character to its word (its model card has the measures).
FIRST_VIEW = ("cross", 1, 2, None)
#: From this share on, a head counts as one that looks one token back or ahead.
COUNTS = 0.5
# Characters of a date; what is longer is left out of the link.
LINKED = 300


@cache
def words() -> dict[str, Any]:
    """The panel's words, from `assets/copy/`."""
    found: dict[str, Any] = json.loads((frame.ASSETS / "copy" / "attention_architectures.json").read_text("utf-8"))
    return found


@cache
def exactness() -> dict[str, Any]:
    """How often datewriter is right on held-out dates, from its `evaluation.json`."""
    found = json.loads((sources.locate(WRITER) / "evaluation.json").read_text("utf-8"))
    return {name: [found[name], found["texts"][name]] for name in ("held_out_dates", "held_out_phrasings")}


def draw(text: str) -> None:
    """The choice, the three masks, and what was chosen."""
    choices = words()["choices"]
    address.accept_ids([KEY], choices, choices.__getitem__)
    choice = st.segmented_control(
        "Architecture", list(choices), default="dates", required=True, format_func=choices.__getitem__, key=KEY,
        bind="query-params", label_visibility="collapsed",
    )
    chosen = choice if choice in choices else "dates"
    mount("attention_kinds", pack({"kinds": words()["kinds"], "now": words()["shows"][chosen]}), key="attention_kinds")
    {"dates": dates, "gap": lambda: gap(text), "sides": lambda: sides(text)}[chosen]()


def _needed(*names: str) -> None:
    for name in names:
        if name not in catalog.ENTRIES or not sources.state(name).here:
            raise ValueError(f"{name} is not here, and this part needs it; put its files into assets/models/{name}.")


def _opened(job: Job, name: str) -> Any:
    if not loaders.loaded(name):
        job.report(None, f"opening {name}")
    return loaders.model(name)


def _keep(key: str, value: str | None) -> None:
    """A choice made inside a picture: in the session, and in the address for a link."""
    if value is None:
        st.session_state.pop(key, None)
        st.query_params.pop(key, None)
        return
    st.session_state[key] = value
    if st.query_params.get(key) != value:
        st.query_params[key] = value


# --------------------------------------------------------------------------------------------------------------- dates


def date() -> str:
    """The date in the box: the reader's, a link's, or the first example."""
    found = st.session_state.get(DATE, st.query_params.get(DATE))
    now, _ = repair(str(found) if found is not None else str(words()["dates"]["examples"][0]["text"]))
    st.session_state[DATE] = now
    if now == words()["dates"]["examples"][0]["text"] or len(now) > LINKED:
        st.query_params.pop(DATE, None)
    elif st.query_params.get(DATE) != now:
        st.query_params[DATE] = now
    return now


def _sent() -> None:
    value = (st.session_state.get("attention_date_box") or {}).get("sent")
    if isinstance(value, str):
        st.session_state[DATE] = value
        # Another text has other characters: which of them was looked at says nothing any more.
        kind, layer, head, _ = view()
        _keep(CROSSING + "_view", _linked(kind, layer, head, None))


def view() -> tuple[str, int, int | None, int | None]:
    """(kind, layer, head or None for the layer's mean, row or None for a telling one) as chosen or linked."""
    linked = str(st.session_state.get(CROSSING + "_view", st.query_params.get(CROSSING + "_view", "")))
    parts = linked.split("-")
    if len(parts) != 4 or parts[0] not in KINDS or not parts[1].isdecimal() or len(linked) > 30:
        return FIRST_VIEW
    head, row = (int(one) if one.isdecimal() else None for one in parts[2:])
    return parts[0], int(parts[1]), head, row


def _linked(kind: str, layer: int, head: int | None, row: int | None) -> str | None:
    told = (kind, layer, head, row)
    if told == FIRST_VIEW:
        return None
    return "-".join([kind, str(layer), "mean" if head is None else str(head), "x" if row is None else str(row)])


def _viewed() -> None:
    said = (st.session_state.get(CROSSING) or {}).get("view")
    if not isinstance(said, dict) or said.get("kind") not in KINDS or type(said.get("layer")) is not int:
        return
    head, row = (one if type(one) is int and one >= 0 else None for one in (said.get("head"), said.get("row")))
    _keep(CROSSING + "_view", _linked(said["kind"], abs(said["layer"]), head, row))


def dates() -> None:
    """A date, what datewriter makes of it, and where it looked."""
    _needed(WRITER)
    copy, now = words()["dates"], date()
    header = {
        "text": now, "examples": copy["examples"], "label": copy["label"], "placeholder": copy["placeholder"],
        "hint": copy["hint"], "note": "", "live": False, "rows": 1, "mono": False,
    }
    mount("textbox", pack(header), key="attention_date_box", triggers=("sent",), callbacks={"sent": _sent})

    def work(job: Job) -> Rewriting:
        opened = _opened(job, WRITER)
        job.report(None, "reading and writing")
        return rewrite(opened, now)

    made = frame.compute("attention-rewriting", (now,), work, label="Rewriting the date")
    kind, layer, head, row = view()
    kind, layer, head = inside(made, kind, layer, head)
    mount(CROSSING, crossing_payload(made, now, (kind, layer, head, row)), key=CROSSING, state=("view",),
          callbacks={"view": _viewed})
    reproduce(CROSSING, lambda: snippet_crossing(now, kind, layer, head))


def inside(made: Rewriting, kind: str, layer: int, head: int | None) -> tuple[str, int, int | None]:
    """A view that this model has: a forged layer or head falls back to the first view's."""
    layers = getattr(made.seen, kind)
    if layer >= len(layers) or (head is not None and head >= layers[layer].weights.shape[0]):
        return FIRST_VIEW[0], FIRST_VIEW[1], FIRST_VIEW[2]
    return kind, layer, head


def crossing_payload(made: Rewriting, text: str, shown: tuple[str, int, int | None, int | None]) -> bytes:
    """The picture's buffer: weights [layer, head, query, key] of each kind, and how sure each character was."""
    seen, source = made.seen, made.source
    scores = seen.logits - seen.logits.max(axis=-1, keepdims=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    marks = [end == start for start, end in source.spans]
    header: dict[str, Any] = {
        "text": text,
        "written": made.written,
        "source": ["end" if mark else piece for piece, mark in zip(source.pieces, marks, strict=True)],
        "marks": marks,
        "known": list(source.known),
        "nothing_known": made.nothing_known,
        "target": ["end" if piece == "</s>" else piece for piece in seen.target_pieces],
        "before": ["start", *["end" if piece == "</s>" else piece for piece in seen.decoder_pieces[1:]]],
        "view": list(shown),
        "exact": exactness(),
        "copy": {key: words()["dates"][key] for key in ("honest", "nothing", "kinds")},
    }
    arrays = {kind: np.stack([layer.weights for layer in getattr(seen, kind)]) for kind in KINDS}
    arrays["chance"] = chances[np.arange(len(seen.target_ids)), seen.target_ids].astype(np.float32)
    return pack(header, arrays)


# ----------------------------------------------------------------------------------------------------------------- gap


def _worded() -> None:
    said = ((st.session_state.get(GAP) or {}).get("view") or {}).get("word")
    if type(said) is int and 0 <= said < 1000:
        _keep(WORD, str(said))


def word_of(made: Gaps) -> int:
    """The hidden word: the reader's or a link's choice where this text has it, else the most telling one."""
    text = "".join(made.segments)
    if st.session_state.get(f"{WORD}_text", text) != text:
        # The choice belongs to the text that it was made in.
        _keep(WORD, None)
    st.session_state[f"{WORD}_text"] = text
    linked = str(st.session_state.get(WORD, st.query_params.get(WORD, "")))
    at = int(linked) if linked.isdecimal() and len(linked) < 4 else -1
    if 0 <= at < len(made.spans):
        return at
    _keep(WORD, None)
    return made.telling()


def gap(text: str) -> None:
    """The page's sentence with one word hidden, filled by gapfiller and told by storyteller."""
    _needed(FILLER, TELLER)

    def work(job: Job) -> tuple[Gaps, list[Spelled]]:
        filler, teller = _opened(job, FILLER), _opened(job, TELLER)

        def report(done: int, of: int) -> None:
            job.report(done / of, f"reading {done} of {of}")

        made = fill_gaps(filler, teller, text, check=job.check, report=report)
        return made, [_spelled(filler.tokenizer, made.filler), _spelled(teller.tokenizer, made.teller)]

    made, texts = frame.compute("attention-gaps", (text,), work, label="Hiding each word once")
    at = word_of(made)
    mount(GAP, gap_payload(made, at, texts), key=GAP, state=("view",), callbacks={"view": _worded})
    reproduce(GAP, lambda: snippet_gap(text, made, at))


#: One model's answers in letters: the likeliest first tokens of each word, and what it filled in.
Spelled = tuple[list[list[str]], list[str]]


def _spelled(tokenizer: OpenTokenizer, side: Guesses) -> Spelled:
    decode = tokenizer.library_object.decode
    return spelled(tokenizer, side.top_ids), [str(decode(list(one), skip_special_tokens=False)) for one in side.filled]


def gap_payload(made: Gaps, at: int, texts: list[Spelled]) -> bytes:
    """The picture's buffer: every word's guesses by both, so that another word needs no answer from the server."""
    header = {
        "segments": list(made.segments),
        "gap_of": list(made.gap_of),
        "tokens": [last - first for first, last in made.spans],
        "at": at,
        "titles": [catalog.entry(name).title for name in (FILLER, TELLER)],
        "tops": [tops for tops, _ in texts],
        "fills": [fills for _, fills in texts],
        "copy": words()["gap"],
    }
    arrays: dict[str, Any] = {}
    true = made.ids[[first for first, _ in made.spans]][:, None]
    for name, side in (("0", made.filler), ("1", made.teller)):
        arrays[f"shares_{name}"] = side.top_probabilities
        arrays[f"chance_{name}"] = side.probability
        arrays[f"rank_{name}"] = side.rank
        arrays[f"right_{name}"] = side.right.astype(np.uint8)
        arrays[f"first_{name}"] = (side.top_ids == true).astype(np.uint8)
    return pack(header, arrays)


# --------------------------------------------------------------------------------------------------------------- sides


def sides(text: str) -> None:
    """All heads of an encoder beside all heads of a decoder."""
    _needed(FILLER, TELLER)

    def work(job: Job) -> tuple[HeadMap, HeadMap]:
        maps = []
        for name in (FILLER, TELLER):
            opened = _opened(job, name)
            job.report(None, f"{name} reads")
            maps.append(map_text(opened, text, check=job.check))
        return maps[0], maps[1]

    maps = frame.compute("attention-sides", (text,), work, label="Two models read your text")
    mount(SIDES, sides_payload(*maps), key=SIDES)
    reproduce(SIDES, lambda: snippet_sides(text, COUNTS))


def sides_payload(encoder: HeadMap, decoder: HeadMap) -> bytes:
    """The picture's buffer: thumbnails of both as bytes, and each head's share one token back and one ahead."""
    header: dict[str, Any] = {"counts": COUNTS, "copy": words()["sides"], "models": []}
    arrays: dict[str, Any] = {}
    for at, (name, heads) in enumerate(((FILLER, encoder), (TELLER, decoder))):
        header["models"].append(
            {"title": catalog.entry(name).title, "kind": "decoder" if heads.causal else "encoder",
             "layers": heads.layers, "heads": heads.heads, "causal": heads.causal, "pieces": list(heads.pieces)}
        )
        arrays[f"thumbs_{at}"] = heads.thumbs
        arrays[f"edges_{at}"] = heads.edges
        arrays[f"back_{at}"] = heads.scores[SCORES.index("previous")]
        arrays[f"ahead_{at}"] = heads.scores[SCORES.index("next")]
    return pack(header, arrays)
