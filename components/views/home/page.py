"""What Home does between the text box and the lessons: the model's choice, the walk, the picture, the way on.

Opening the page imports nothing heavy: the first example's picture is stored, and models are loaded on Enter.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import quote

import streamlit as st

from components import caching, first_views
from components.models import catalog, loaders, sources
from components.payload import unpack
from components.views import frame
from components.views.component import mount
from components.workshop import LIMITS, Job

PAGE = "home"
KIND = "home.walk"
TARGETS = ("tokenizer", "attention", "sampling", "search", "topics")


@cache
def _copy() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((frame.ASSETS / "copy" / "home.json").read_text("utf-8"))
    return found


def name_of(model: str) -> str:
    """A model's name as people say it."""
    known = _copy()["names"].get(model)
    return str(known["name"]) if known else catalog.entry(model).title


# --------------------------------------------------------------------------------------------------------------- model


def models() -> list[str]:
    """The models that read word by word and are here."""
    decoders = [entry.id for entry in catalog.ENTRIES.values() if entry.kind == "decoder"]
    return [name for name in decoders if sources.state(name).here]


def model() -> str:
    """The chosen model, kept in the address as `home_model`; the picture itself holds the list to choose from."""
    here = models()
    first = sources.default_model()
    first = first if first in here else (here[0] if here else "storyteller")
    linked = st.query_params.get("home_model")
    if linked is not None and linked != st.session_state.get("_home_model_linked"):
        st.session_state["home_model"] = linked
    chosen = st.session_state.setdefault("home_model", first)
    if chosen not in here:
        chosen = st.session_state["home_model"] = first
    if chosen == first:
        if linked is not None:
            del st.query_params["home_model"]
        st.session_state["_home_model_linked"] = None
    else:
        if linked != chosen:
            st.query_params["home_model"] = chosen
        st.session_state["_home_model_linked"] = chosen
    return str(chosen)


# ---------------------------------------------------------------------------------------------------------------- walk


def stored(text: str, name: str) -> bytes | None:
    """The picture of this sentence where it is known already: the stored first view, or kept from before."""
    view = first_views.find(PAGE, name, text, {})
    return view.payload if view is not None else caching.peek(KIND, (name, text))


def follow(text: str, name: str) -> None:
    """Take the sentence through all five stages, in the background; `draw` shows the last that came through."""
    if stored(text, name) is None:
        from components.views.home import stages

        stages.check_length(text)

        def work(job: Job) -> bytes:
            return _walk(text, name, job)

        frame.compute(KIND, (name, text), work, label="Following your sentence")
    st.session_state["_home_shown"] = (text, name)


def _walk(text: str, name: str, job: Job) -> bytes:
    from components import corpora
    from components.search import build_index
    from components.topics import shipped
    from components.views.home import stages

    job.report(0.02, "opening the model" if not loaders.loaded(name) else "starting")
    opened = loaders.model(name)
    job.check()
    job.report(0.06, "opening MiniLM" if not loaders.loaded("minilm") else "starting")
    encoder = loaders.encoder("minilm")
    topics = caching.shared("topics.shipped", (), _known(shipped, "The map of the topics is not here; run "
                                                         "`python -m assets.recipes.first_view topics`."))
    corpus = corpora.bundled("encyclopedia")
    vectors = _known(lambda: corpora.stored_vectors(corpus.name, corpus.texts),
                     "The passages' vectors are not here; run `python -m assets.recipes.vectors`.")()
    # The key of the Search page's own index, so that both pages share one.
    index = caching.shared("search.index", (corpus.hash, 1.5, 0.75, True),
                           lambda: build_index(corpus.texts, None, embeddings=vectors))

    def report(fraction: float, stage: str) -> None:
        job.check()
        job.report(fraction, stage)

    return stages.follow(text, opened, encoder, corpus, index, topics, settings={}, report=report)


def _known(make: Any, otherwise: str) -> Any:
    def found() -> Any:
        made = make()
        if made is None:
            raise ValueError(otherwise)
        return made

    return found


# ------------------------------------------------------------------------------------------------------------- picture


def shown() -> tuple[str, str, bytes] | None:
    """Text, model and picture that are on the screen now; the first example's until something else came through."""
    text, name = st.session_state.get("_home_shown") or (frame.examples(PAGE)[0]["text"], model())
    payload = stored(text, name)
    if payload is None:  # dropped from the cache since; the first view is always here
        text, name = frame.examples(PAGE)[0]["text"], sources.default_model()
        payload = stored(text, name)
    return None if payload is None else (text, name, payload)


def draw() -> None:
    """The picture; dimmed where it belongs to another text than the one in the box."""
    now = shown()
    if now is None:
        return
    text, name, payload = now
    old = (text, name) != (st.session_state.get("home_text"), st.session_state.get("home_model"))
    header = unpack(payload)[0]
    found = mount("home", _dressed(payload, header, text, name, old), key="home_picture",
                  triggers=("open", "add", "model"), callbacks={"add": _added, "model": _chosen})
    if found.open in TARGETS:
        _open(found.open, text, knobs(found.open, name, header))


def _dressed(payload: bytes, header: dict[str, Any], text: str, name: str, old: bool) -> bytes:
    from components.views.home.picture import mounted

    states = sources.states()
    here = [state.name for state in states if state.here]
    kinds = {one: catalog.entry(one).kind for one in here}
    named = [{"name": name_of(one), "purpose": _copy()["names"].get(one, {}).get("purpose", "")}
             for one in sorted(here, key=_order) if kinds[one] != "tokenizer"]
    vocabularies = sum(kind == "tokenizer" for kind in kinds.values())
    if vocabularies:
        known = [words for one, words in _copy()["vocabularies"].items() if one in here]
        some = ", ".join(known[:3]) + (" …" if len(known) > 3 else "")
        named.append({"name": f"{vocabularies} vocabularies", "purpose": some})
    return mounted(payload, {
        "old": old,
        "links": {target: link(target, text, knobs(target, name, header)) for target in TARGETS},
        "models": [{"id": one, "name": name_of(one)} for one in here if kinds[one] == "decoder"],
        "chosen": st.session_state.get("home_model", name),
        "here": named,
        "fetchable": sum(state.downloadable and not state.here for state in states),
    })


def _order(name: str) -> int:
    return list(_copy()["names"]).index(name) if name in _copy()["names"] else 99


def knobs(target: str, name: str, header: dict[str, Any]) -> dict[str, str]:
    """The knobs that open a page on what Home shows: its model, where a page opens on another, and its head."""
    found = {}
    if target in ("attention", "sampling") and name != sources.default_model():
        found[f"{target}_model"] = name
    if target == "attention" and header["attention"]["hub"] is not None:
        found |= {f"attention_{part}": str(header["attention"][part]) for part in ("layer", "head")}
    return found


def link(target: str, text: str, also: dict[str, str]) -> str:
    """A page's address with the sentence, relative to Home; without it where the address would grow too long."""
    knobs = "".join(f"&{key}={quote(value)}" for key, value in also.items())
    words = quote(text, safe="")
    fits = len(words) + len(knobs) + 200 < LIMITS.url_bytes
    return f"{target}?text={words}{knobs}" if fits else f"{target}?{knobs[1:]}" if knobs else target


def _open(target: str, text: str, also: dict[str, str]) -> None:
    frame.set_text(target, text)
    fits = len(quote(text)) + 200 < LIMITS.url_bytes
    params = {**({"text": text} if fits else {}), **also}
    st.switch_page(frame.pages()[target]["file"], query_params=params or None)


def _sent(name: str) -> str | None:
    value = (st.session_state.get("home_picture") or {}).get(name)
    return value if isinstance(value, str) else None


def _added() -> None:
    piece = _sent("add")
    now = st.session_state.get("_home_shown")
    if piece and len(piece) < 200:
        text = now[0] if now else frame.examples(PAGE)[0]["text"]
        frame.set_text(PAGE, text + piece)


def _chosen() -> None:
    name = _sent("model")
    if name in models():
        st.session_state["home_model"] = name


# -------------------------------------------------------------------------------------------------------------- footer


def footer() -> None:
    """Reproduce, share, export, send."""
    now = shown()
    if now is None:
        return
    text, _, payload = now

    def snippet() -> str:
        from components.views.home.snippet import snippet as made

        return made(payload)

    def as_json() -> bytes:
        from components.views.home.export import as_json as made

        return made(payload)

    frame.footer(PAGE, text=text, snippet=snippet,
                 exports=[frame.Export("All five stages (JSON)", "home.json", "application/json", as_json)])
