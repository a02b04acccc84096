"""The page's knobs and its main picture: all heads, and one head large."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import streamlit as st

from components import caching, first_views
from components.attention import SCORES, HeadMap, is_encoder, limits_of, map_text, remark, telling_head
from components.models import catalog, loaders, sources
from components.views import frame
from components.views.attention import scoreboard, view
from components.views.attention.payload import Look, View, payload
from components.views.component import mount
from components.workshop import Job, check_text

PAGE = "attention"
MAP = "attention_map"
PINNED = "attention_pinned"
# Made for fifty languages; its vocabulary alone is larger than the other encoders, and its heads show nothing more.
LEFT_OUT = ("multilingual-minilm",)


def decoders() -> list[str]:
    """The catalog's decoders: the models that read from left to right."""
    return [entry.id for entry in catalog.of_kind("decoder")]


def models() -> list[str]:
    """The catalog's decoders and encoders whose attention can be read."""
    return [entry.id for entry in catalog.of_kind("decoder", "encoder") if entry.id not in LEFT_OUT]


@cache
def shape(name: str) -> dict[str, int]:
    """Layers, heads and the token limit of a model, from its `config.json`; the model itself stays unopened."""
    config = json.loads((sources.locate(name) / "config.json").read_text("utf-8"))
    layers = int(config.get("num_hidden_layers") or config["n_layer"])
    heads = int(config.get("num_attention_heads") or config["n_head"])
    limit, kept = limits_of({**config, "num_hidden_layers": layers, "num_attention_heads": heads})
    return {"layers": layers, "heads": heads, "limit": limit, "kept_mb": round(kept / 1e6)}


def read(name: str, text: str) -> HeadMap:
    """All heads on this text: the stored first view where it is that, else one forward pass in the background."""
    check_text(text)
    stored = first_views.find(PAGE, name, text, {})
    if stored is not None:
        return HeadMap.restore(stored.header, stored.arrays)

    def work(job: Job) -> HeadMap:
        job.report(None, "opening the model" if not loaders.loaded(name) else "one forward pass")
        opened = loaders.model(name)
        job.report(None, "one forward pass")
        return map_text(opened, text, check=job.check)

    return frame.compute(PAGE, (name, text), work, label="Reading your text")


def _inside(key: str, below: int) -> None:
    """Forget a layer or head that this model has not: it came from another model or a forged link."""
    value = st.session_state.get(key)
    if value is not None and not (isinstance(value, int) and 0 <= value < below):
        st.session_state[key] = None


def _choice(label: str, key: str, options: list[str], title: Callable[[str], str], **settings: Any) -> None:
    """A list whose entries depend on the model; a choice that this model has not is forgotten."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
    st.selectbox(label, options, format_func=title, key=key, bind="query-params", **settings)


# On a phone the picture comes first and the knobs stand under it.
ORDER = """<style>
.st-key-attention_model { max-width: 285px; }
@media (max-width: 640px) {
  .st-key-attention_stage > :has(.st-key-attention_knobs) { order: 3; }
  .st-key-attention_model { max-width: 100%; }
}
</style>"""


def knobs() -> str:
    """The row of knobs, each bound to the address. Returns the chosen model."""
    st.html(ORDER)
    copy = scoreboard.copy()
    with st.container(horizontal=True, vertical_alignment="bottom", key="attention_knobs", gap="small"):
        name = frame.model(PAGE, models())
        facts, encoder = shape(name), is_encoder(name)
        scores = scoreboard.names(encoder=encoder)

        def title(score: str) -> str:
            other = {"none": "nothing", "place": "place in the model"}
            return other.get(score) or scoreboard.label(score, encoder=encoder)

        _inside("attention_layer", facts["layers"])
        _inside("attention_head", facts["heads"])
        _choice("Sort by", "attention_sort", ["place", *scores], title, width=180, help=copy["sort_help"])
        _choice("Light up", "attention_light", ["none", *scores], title, index=1, width=165, help=copy["light_help"])
        st.slider(
            "at least",
            0.05,
            0.95,
            0.5,
            0.05,
            key="attention_at_least",
            bind="query-params",
            width=135,
            help="The score from which a head is lit up and marked; for distance and effect, the part of the highest.",
        )
        for word, below in (("layer", facts["layers"]), ("head", facts["heads"])):
            st.number_input(
                word.capitalize(),
                0,
                below - 1,
                None,
                1,
                key=f"attention_{word}",
                bind="query-params",
                width=98,
                placeholder="found",
                help="Empty: the head that looks far away most firmly. Click a picture to choose another.",
            )
        st.toggle(
            "Hide the special tokens" if encoder else "Hide the first token",
            True,
            key="attention_hide_first",
            bind="query-params",
            help=f"Most heads rest on {'the special tokens' if encoder else 'the first token'} when they have nothing "
            "to do. Hiding keeps them out of arcs and colours; the numbers stay as they are.",
        )
    return name


def chosen(heads: HeadMap) -> tuple[int, int]:
    """The head that is shown: the reader's choice, else the most telling one."""
    found = telling_head(heads.scores)
    layer, head = st.session_state.get("attention_layer"), st.session_state.get("attention_head")
    if layer is None and head is None:
        return found
    return (int(layer or 0), int(head or 0))


def _said(part: str) -> Any:
    return (st.session_state.get(MAP) or {}).get(part)


def _pair(value: Any) -> tuple[int, int] | None:
    """Two whole numbers, perhaps with the turn behind them, or None for anything else that a browser may send."""
    long = len(value) if isinstance(value, list | tuple) else 0
    fine = long in (2, 3) and all(type(one) is int and one >= 0 for one in value)
    return (value[0], value[1]) if fine else None


def _clicked() -> None:
    pair = _pair(_said("chosen"))
    if pair:
        st.session_state["attention_layer"], st.session_state["attention_head"] = pair


def _viewed() -> None:
    view.take(_said("view"))


def _pinned() -> None:
    st.session_state[PINNED] = _pair(_said("pinned"))


def pinned(heads: HeadMap) -> tuple[int, int] | None:
    """The (query, key) that is pinned in the picture, in tokens: by the reader, a link or a lesson."""
    pair = _pair(st.session_state.get(PINNED))
    return pair if pair and max(pair) < heads.tokens else None


def _pin(heads: HeadMap, name: str, text: str) -> bool:
    """Whether what is pinned is news to the picture; the address follows what is pinned."""
    state: Any = st.session_state
    if PINNED not in state:
        two = re.fullmatch(r"(\d{1,4})\.(\d{1,4})", st.query_params.get(PINNED, ""))
        state[PINNED] = (int(two[1]), int(two[2])) if two else None
    was = state.get("_attention_pinned_in")
    # A pair of the text before; one that came together with the new text stays.
    if was and was[:2] != (name, text) and was[2] == state[PINNED]:
        state[PINNED] = None
    state["_attention_pinned_in"] = (name, text, state[PINNED])
    now = pinned(heads)
    view.keep(PINNED, now, f"{now[0]}.{now[1]}" if now else None)
    if not state.get(MAP):  # a picture that is drawn anew knows nothing of it
        state["_attention_told"] = now
    return now is not None and now not in (state["_attention_told"], _pair(_said("pinned")))


def current_look(heads: HeadMap, name: str, now: tuple[int, int]) -> Look:
    """How the picture stands for this reader, with `now` as the chosen head: what a file to take away shows."""
    state: Any = st.session_state
    shown = view.current()
    return Look(
        model=catalog.entry(name).title,
        chosen=now,
        turn=1,
        exact=now,
        light=str(state.get("attention_light", "previous")),
        at_least=round(float(state.get("attention_at_least", 0.5)), 2),
        sort=str(state.get("attention_sort", "place")),
        hide_first=bool(state.get("attention_hide_first", True)),
        view=shown,
        whose=shown.whose,
        pinned=pinned(heads),
    )


def _follow(now: tuple[int, int], shown: View, pin: tuple[int, int] | None, news: bool) -> tuple[tuple[int, int], View]:
    """The head and the view to send, so that the picture comes to show `now` and `shown`.

    What the reader clicked is drawn already. Sending it back would send the whole picture again, so the buffer keeps
    what the server chose last, and a new turn tells the picture to follow when it shows anything else than it should,
    or when `pin` is `news` to it.
    """
    state: Any = st.session_state
    wanted: dict[str, Any] = {"chosen": now, "view": vars(shown)}
    said = {part: _said(part) for part in wanted}
    looks = said["view"] if isinstance(said["view"], dict) else {}
    reported: dict[str, Any] = {
        "chosen": _pair(said["chosen"]), "view": {key: looks.get(key) for key in vars(shown)} if looks else None,
    }
    old = state.get("_attention_followed") or {"said": dict.fromkeys(wanted), "shows": wanted, "sent": (now, shown)}
    # Each report carries the turn that it was made in, so the same choice made again later is news too.
    shows = {
        part: reported[part] if reported[part] is not None and said[part] != old["said"][part] else old["shows"][part]
        for part in wanted
    }
    # A picture that reported something and now reports nothing was built anew when its page was opened again.
    anew = any(old["said"][part] is not None and said[part] is None for part in wanted)
    sent = old["sent"]
    if anew or news or shows != wanted:
        state["_attention_turn"] = int(state.get("_attention_turn", 0)) + 1
        shows, sent = wanted, (now, shown)
        state["_attention_told"] = pin
    state["_attention_followed"] = {"said": said, "shows": shows, "sent": sent}
    return sent[0], sent[1]


def draw(heads: HeadMap, name: str, text: str) -> tuple[int, int]:
    """The picture. Returns the chosen (layer, head)."""
    now, shown = chosen(heads), view.current()
    state: Any = st.session_state
    news = _pin(heads, name, text)
    sent, looked = _follow(now, shown, pinned(heads), news)
    effect = scoreboard.effect_of(name, text)
    look = replace(
        current_look(heads, name, now),
        chosen=sent, turn=int(state.get("_attention_turn", 0)), view=looked, pinned=state["_attention_told"],
    )
    made = caching.shared(
        "attention_picture", (name, text, look, None if effect is None else float(effect.sum())),
        lambda: payload(heads, look, scoreboard.columns(heads, name, effect)),
    )
    mount(
        "attention", made, key=MAP, state=("chosen", "view", "pinned"),
        callbacks={"chosen": _clicked, "view": _viewed, "pinned": _pinned},
    )
    note = remark(heads)
    if note:
        st.caption(note)
    return now


def says(name: str, heads: HeadMap) -> str:
    """Under the picture: what was run, and how long a text each model takes."""
    facts = shape(name)
    here = [one for one in models() if one != name and sources.state(one).here]
    others = ", ".join(f"{catalog.entry(one).title} {shape(one)['limit']}" for one in here)
    return (
        f"One forward pass of {catalog.entry(name).title}: {heads.layers} layers of {heads.heads} heads, "
        f"{heads.tokens} tokens of at most {facts['limit']} here "
        f"(weights of that many tokens hold {facts['kept_mb']} MB). A thumbnail's cell is the largest weight it spans."
        + (f" The other models here take up to: {others}." if others else "")
    )


__all__ = ["MAP", "PAGE", "SCORES", "chosen", "decoders", "draw", "knobs", "models", "pinned", "read", "says", "shape"]
