"""The panel "Train your own": a tokenizer learnt from a text, its learning curve, and a column of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

import streamlit as st

from components import caching, corpora
from components.tokenization import Recipe, Trained, train_apart, training
from components.views import frame
from components.views.component import mount
from components.views.running import Running
from components.views.tokenizer import own, training_payload, training_snippet, work
from components.views.tokenizer.training_payload import ALGORITHMS
from components.workshop import Job

SOURCES = {"encyclopedia": "the encyclopedia", "messages": "the messages to the town",
           "parallel": "eight sentences in 34 languages", "own": "a text of my own"}
CUTS = {"gpt2": "words with their space (GPT-2)", "gpt4": "the same, digits in threes (GPT-4)",
        "bert": "words and punctuation (BERT)", "spaces": "at spaces only",
        "metaspace": "at spaces, kept as ▁ (SentencePiece)", "none": "none: entries may cross spaces"}
CHANGES = {"none": "none", "nfc": "NFC", "nfkc": "NFKC", "lowercase": "lower case",
           "bert": "lower case, accents off (BERT)"}
LIMITS = "BPE and WordPiece read up to 5 MB, Unigram, which learns much more slowly, up to 200 kB."
_KEY = "tokenizer_training"


@dataclass(frozen=True)
class Ask:
    """What is to be trained: a text by its name and content, and how."""

    source: str
    text: str
    recipe: Recipe

    @property
    def key(self) -> tuple[Any, ...]:
        """The same text and settings have the same key."""
        return (self.source, corpora.fingerprint(self.text), *astuple(self.recipe))


def draw() -> None:
    """Knobs, the training under way, and the picture of the last one that is done."""
    with frame.sentences():
        ask, pressed = _knobs()
        if pressed:
            _begin(ask, pressed=True)
        if _settle() or (pressed and _kept(ask)):
            st.rerun()  # the whole page: there may be one tokenizer more to choose
        running = _running()
        if not running.run and _shown() is None and not running.says and ask.source != "own":
            _begin(ask, pressed=False)  # so that there is something to see at once
        running.follow(stop="Cancel", stopped="The training was ended; nothing of it was kept.")
        if running.says:
            frame.trouble(running.says)
        shown = _shown()
        if shown is None:
            if not running.run and not running.says:
                st.caption("Paste a text, and press Train.")
            return
        mount("tokenizer_training", _picture(*shown), key=f"{_KEY}_picture")
        _take_away(*shown)


# What is asked -------------------------------------------------------------------------------------------------------

def _knobs() -> tuple[Ask, bool]:
    """What is to be trained, and whether the button was pressed."""
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{_KEY}_knobs"):
        algorithm = st.segmented_control("Algorithm", list(ALGORITHMS), default="bpe", required=True,
                                         format_func=ALGORITHMS.__getitem__, key=f"{_KEY}_algorithm",
                                         bind="query-params")
        source = st.selectbox("Text to learn from", list(SOURCES), format_func=SOURCES.__getitem__, width=240,
                              key=f"{_KEY}_source", bind="query-params")
        size = st.number_input("Entries (vocab_size)", training.LEAST, training.MOST, 4_000, 100, width=185,
                               key=f"{_KEY}_size", bind="query-params",
                               help="Special ones and single bytes or letters count too.")
        cuts = training.PRE_TOKENIZERS[algorithm]
        cut = st.selectbox("Pre-tokeniser", cuts, format_func=CUTS.__getitem__, width=280,
                           key=f"{_KEY}_cut_{algorithm}", bind="query-params",
                           help="Cuts the text before the algorithm sees it. No entry crosses such a cut.")
        changes = training.NORMALIZERS
        change = st.selectbox("Normaliser", changes, index=changes.index(training.USUAL[algorithm]), width=225,
                              format_func=CHANGES.__getitem__, key=f"{_KEY}_change_{algorithm}", bind="query-params",
                              help="Changes the text first. What it takes away does not come back.")
    text = _pasted() if source == "own" else _bundled(source, algorithm)
    recipe = Recipe(algorithm, int(size), cut, change)
    ask = Ask(source, text, recipe)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{_KEY}_go"):
        # Pressed again while one is under way, the new one takes its place.
        pressed = st.button("Train", type="primary", key=f"{_KEY}_train")
        st.caption(_reads(source, text, algorithm), width="stretch")
    return ask, pressed


def _reads(source: str, text: str, algorithm: str) -> str:
    """What will be read, and how much could be: said before the click."""
    if not text:
        return LIMITS
    size = training_payload.amount(len(text.encode("utf-8")))
    sample = source != "own" and algorithm == "unigram" and text != _bundled(source, "bpe")
    return (f"{'An even sample of ' if sample else ''}{size} to read; every tenth line is held out, to measure with. "
            + LIMITS)


def _pasted() -> str:
    """The reader's own text. What was pasted stays there when another tab was open meanwhile."""
    key, kept = f"{_KEY}_text", f"_{_KEY}_text"
    if key not in st.session_state and kept in st.session_state:
        st.session_state[key] = st.session_state[kept]
    typed = st.text_area("A text of your own to learn from", key=key, height=150, max_chars=5_000_000,
                         placeholder="Paste a text here: a few pages make a better tokenizer than a few lines.")
    st.session_state[kept] = typed or ""
    return typed or ""


@cache
def _bundled(source: str, algorithm: str) -> str:
    """A text that ships with the app, for Unigram an even sample of it that is small enough."""
    return "\n".join(training.even_sample(_texts(source), training.MAX_BYTES[algorithm]))


def _texts(source: str) -> list[str]:
    if source == "own":
        return []
    return [one.text for one in corpora.parallel()] if source == "parallel" else list(corpora.bundled(source).texts)


# The training under way ----------------------------------------------------------------------------------------------

def _running() -> Running:
    return Running(_KEY, doing="The training")


def _begin(ask: Ask, *, pressed: bool) -> None:
    """Start a training, or join the same one; another that was under way is ended."""
    running = _running()
    run = running.run
    if run is not None and run.ask[0].key == ask.key and not run.job.done():
        run.ask = (ask, pressed)
        return
    running.stop()
    running.say(None)
    try:
        training.check(ask.recipe, ask.text)
    except ValueError as problem:
        running.say(str(problem))
        return
    if _kept(ask) is not None:
        _finish(ask, pressed)
        return

    def work(job: Job, tell: Callable[[Any], None]) -> Trained:
        job.report(None, _name(ask))

        def report(fraction: float | None, stage: str) -> None:
            job.report(fraction, f"{_name(ask)}, {stage}")
            tell(fraction)

        return train_apart(ask.recipe, ask.text, report, job.check)

    # A pasted text is the reader's alone. Thirty readers who ask for the same of a bundled text get one training.
    whose = id(caching.session_store()) if ask.source == "own" else 0
    running.start((ask, pressed), work, same=("tokens-training", whose, *ask.key))


def _name(ask: Ask) -> str:
    return f"{ALGORITHMS[ask.recipe.algorithm]} of {ask.recipe.vocab_size:,}"


def _settle() -> bool:
    """Take in a training that has ended well; True when there was one."""
    ended = _running().settle()
    if ended is None:
        return False
    (ask, pressed), found = ended
    caching.session_store().put(("tokens-training", *ask.key), found)
    if ask.source != "own":
        caching.keep("tokens-training", ask.key, found)
    _finish(ask, pressed)
    return True


def _finish(ask: Ask, pressed: bool) -> None:
    """Show this one. One that was asked for by name stands in every list of tokenizers from now on."""
    st.session_state[f"_{_KEY}_shown"] = ask
    if pressed:
        _add(ask)


def _add(ask: Ask) -> own.Own | None:
    found = _kept(ask)
    if found is None:
        return None
    title = f"My {ALGORITHMS[found.recipe.algorithm]} {found.size:,}"
    return own.add(title, found.opened("own"), found.file, "tokenizer.json")


def _kept(ask: Ask) -> Trained | None:
    found: Trained | None = caching.session_store().peek(("tokens-training", *ask.key))
    if found is None and ask.source != "own":
        found = caching.peek("tokens-training", ask.key)
    return found


def _shown() -> tuple[Ask, Trained] | None:
    ask: Ask | None = st.session_state.get(f"_{_KEY}_shown")
    found = _kept(ask) if ask else None
    return (ask, found) if ask and found else None


# What came of it -----------------------------------------------------------------------------------------------------

def _picture(ask: Ask, found: Trained) -> bytes:
    return caching.session_store().get(("tokens-training-picture", *ask.key),
                                       lambda: training_payload.payload(found, SOURCES[ask.source]))


def _take_away(ask: Ask, found: Trained) -> None:
    there = next((mine for mine in map(own.find, own.names()) if mine and mine.file == found.file), None)
    above = there is not None and any(st.session_state.get(f"tokenizer_{side}") == there.name for side in work.SIDES)
    with st.container(horizontal=True, vertical_alignment="center", key=f"{_KEY}_take"):
        st.button("Use it as the third column", key=f"{_KEY}_use", on_click=_use, args=(ask,), disabled=above)
        st.download_button("Download tokenizer.json", lambda: found.file, "tokenizer.json", "application/json",
                           key=f"{_KEY}_download", on_click="ignore")
        with st.popover("Reproduce this training", type="tertiary", key=f"{_KEY}_snippet", on_change="rerun") as box:
            if box.open:
                st.code(training_snippet.snippet(found, ask.source, _texts(ask.source)), language="python")
        if there:
            st.caption(f"{frame.plain(there.title)} " + ("stands in a column at the top of the page." if above else
                       "can be chosen at the top of the page now."), width="content")


def _use(ask: Ask) -> None:
    mine = _add(ask)
    if mine is not None:
        st.session_state["tokenizer_third"] = mine.name

