"""The panel "Bring your own": a tokenizer file, a tokenizer from the Hub, ids to text, and bytes to tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import streamlit as st

from components import workshop
from components.models import catalog, sources
from components.models.catalog import Entry, Hub
from components.payload import pack
from components.tokenization import decoding, uploads, vocabulary
from components.tokenization.uploads_build import CASES, PATTERNS
from components.views import frame, picker
from components.views.component import mount
from components.views.tokenizer import own, wording, work
from components.workshop import LIMITS, Job

WAYS = ("A file", "From the Hub", "Ids to text", "Bytes to tokens")
DRAWN = 600
"""Ids that are drawn; all are counted and decoded."""
FIRST_BYTES = r"A tortoise: \xF0\x9F\x90\xA2, and half of one: \xF0\x9F"
_KEY = "tokenizer_bring"
_LINKED = 1_200
"""Characters of a box that may stand in the address."""
_READ_AS = {"ranks": ("Split pattern", PATTERNS), "words": ("Letters", CASES)}


def settle() -> None:
    """What was brought in the last run takes its column now, before the columns are chosen."""
    name = st.session_state.pop(f"_{_KEY}_column", None)
    if name in work.here():
        st.session_state["tokenizer_third"] = name


def draw(text: str, chosen: Sequence[str]) -> None:
    """One of the four ways."""
    way = st.segmented_control("What to bring", WAYS, default=WAYS[0], required=True, key=f"{_KEY}_way",
                               bind="query-params", label_visibility="collapsed")
    with frame.sentences():
        if way == "From the Hub":
            _hub()
        elif way == "Ids to text":
            _ids(text, chosen)
        elif way == "Bytes to tokens":
            _bytes(chosen)
        else:
            _file()


# A file --------------------------------------------------------------------------------------------------------------

def _file() -> None:
    number = st.session_state.setdefault(f"_{_KEY}_number", 0)
    file = st.file_uploader(
        "A tokenizer file: tokenizer.json, a .tiktoken rank file, a SentencePiece .model, or a WordPiece vocab.txt",
        key=f"{_KEY}_file_{number}", max_upload_size=LIMITS.tokenizer_bytes // 1_000_000,
        help="It is tried in a process of its own first, stays in this session's memory, and is never unpacked or run.")
    if file is not None:
        with frame.sentences():
            _take(file.name, file.getvalue())
    again = st.session_state.pop(f"_{_KEY}_again", None)
    if again is not None:
        with frame.sentences():
            _read_again(*again)
    mine = [found for found in map(own.find, own.names()) if found is not None]
    if not mine:
        st.caption("Nothing of your own yet. A file that can be read becomes the third column at once.")
        return
    for one in reversed(mine):
        _card(one)


def _take(filename: str, raw: bytes) -> None:
    """Read an uploaded file; it becomes a column in the next run."""
    kept = sum(len(found.file) for found in map(own.find, own.names()) if found)
    if kept + len(raw) > LIMITS.session_bytes:
        raise ValueError(f"Your files have {workshop.megabytes(kept)} already, and with this one they would be over "
                         f"the limit of {workshop.megabytes(LIMITS.session_bytes)}; remove one below.")
    brought = _read(filename, raw, "auto")
    _keep(filename, raw, brought)
    st.session_state[f"_{_KEY}_number"] += 1  # an empty box again, which lets go of the upload
    st.rerun()


def _read(filename: str, raw: bytes, read_as: str) -> uploads.Brought:
    """The file as a tokenizer. What was refused once is refused at once, not tried at every rerun."""
    key = (hashlib.sha256(raw).hexdigest(), read_as)
    refused: dict[Any, str] = st.session_state.setdefault(f"_{_KEY}_refused", {})
    if key in refused:
        raise ValueError(refused[key])
    pattern = read_as if read_as in PATTERNS else "auto"
    case = read_as if read_as in CASES else "auto"

    def work(job: Job) -> uploads.Brought:
        return uploads.bring(raw, filename, pattern=pattern, case=case, report=job.report, check_wanted=job.check)

    try:
        return frame.compute("tokens-brought", key, work, label=PurePath(filename).name[:60], session=True)
    except ValueError as problem:
        refused[key] = str(problem)
        raise


def _keep(filename: str, raw: bytes, brought: uploads.Brought) -> None:
    name = PurePath(filename.replace("\\", "/")).name[:60]
    title = PurePath(name).stem[:24] if name not in ("tokenizer.json", "vocab.txt", "tokenizer.model") else ""
    mine = own.add(title or f"My {brought.algorithm} {brought.size:,}", brought.tokenizer, raw, name, brought.read_as)
    facts: dict[str, uploads.Brought] = st.session_state.setdefault(f"_{_KEY}_facts", {})
    facts[mine.name] = replace(brought, tokenizer=mine.tokenizer)
    st.session_state[f"_{_KEY}_column"] = mine.name


def _read_again(name: str, read_as: str) -> None:
    """The same file, read in another way, takes the place of the first."""
    mine = own.find(name)
    if mine is not None:
        brought = _read(mine.filename, mine.file, read_as)
        own.remove(name)
        _keep(mine.filename, mine.file, brought)
        st.rerun()


def _card(mine: own.Own) -> None:
    facts: uploads.Brought | None = st.session_state.get(f"_{_KEY}_facts", {}).get(mine.name)
    table = vocabulary(mine.tokenizer)
    size = workshop.megabytes(len(mine.file))
    kind = uploads.NAMES[facts.kind] if facts else "trained on this page"
    above = any(st.session_state.get(f"tokenizer_{side}") == mine.name for side in work.SIDES)
    mount("tokenizer_bring", pack({
        "card": {"title": mine.title, "about": [*dict.fromkeys((kind, mine.filename, size, wording.about(table)))],
                 "specials": [[name, token] for name, token in facts.specials] if facts else [],
                 "special_count": facts.special_count if facts else 0, "notes": list(facts.notes) if facts else [],
                 "known": facts is not None}}), key=f"{_KEY}_card_{mine.name}")
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"{_KEY}_row_{mine.name}"):
        if facts and facts.kind in _READ_AS:
            label, choices = _READ_AS[facts.kind]
            key = f"{_KEY}_as_{mine.name}"
            st.segmented_control(
                label, list(choices), default=facts.read_as, required=True, key=key,
                on_change=lambda: st.session_state.update({f"_{_KEY}_again": (mine.name, st.session_state[key])}))
        st.button("A column at the top" if above else "Use it as the third column", key=f"{_KEY}_use_{mine.name}",
                  disabled=above, on_click=lambda: st.session_state.update({f"_{_KEY}_column": mine.name}))
        st.button("Remove", key=f"{_KEY}_remove_{mine.name}", on_click=_remove, args=(mine.name,))


def _remove(name: str) -> None:
    own.remove(name)
    st.session_state.get(f"_{_KEY}_facts", {}).pop(name, None)


# The Hub -------------------------------------------------------------------------------------------------------------

def _hub() -> None:
    away = [entry for entry in catalog.of_kind("tokenizer") if _repo(entry) and not sources.state(entry.id).here]
    under_way = [name for name in picker.jobs() if name in {entry.id for entry in away}]
    if st.session_state.get(f"_{_KEY}_fetching") in work.here():
        st.session_state[f"_{_KEY}_column"] = st.session_state.pop(f"_{_KEY}_fetching")
        st.rerun()
    if not away:
        st.caption("Every tokenizer of the list from the Hub is here; choose it at the top of the page.")
        return
    names = [entry.id for entry in away]
    name = st.selectbox("A tokenizer from the Hugging Face Hub, without its model", names, key=f"{_KEY}_hub",
                        format_func=lambda one: f"{catalog.entry(one).title} ({_repo(catalog.entry(one))})",
                        bind="query-params")
    entry, state = catalog.entry(name), sources.state(name)
    st.caption(frame.plain(" ".join(filter(None, (
        f"{entry.size_mb:.3g} MB.", f"{entry.licence}." if entry.licence else "", entry.note,
        "Only these are fetched: each is held to one revision, and nothing in it is run.")))))
    st.fragment(_fetching, run_every=1.0 if under_way else None)(name)
    hindered = state.unreachable or not state.downloadable
    says = st.session_state.get(f"_{_KEY}_says") or (state.reason if hindered else "")
    if says and not under_way:
        frame.trouble(says)


def _repo(entry: Entry) -> str:
    return next((source.repo for source in entry.sources if isinstance(source, Hub)), "")


def _fetching(name: str) -> None:
    """The button, or how far the download is."""
    job = picker.jobs().get(name)
    if job is None or job.done():
        if picker.finished():
            st.session_state[f"_{_KEY}_says"] = st.session_state.pop("_fetch_says", None)
            st.rerun()
        allowed = sources.state(name).downloadable
        st.button("Fetch it, and make it a column", type="primary", key=f"{_KEY}_fetch", on_click=_start, args=(name,),
                  disabled=not allowed)
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{_KEY}_under_way"):
        st.progress(job.fraction or 0.0, text=frame.plain(f"{catalog.entry(name).title}: {job.stage}"))
        st.button("Stop", key=f"{_KEY}_stop", on_click=picker.stop, args=(name,))


def _start(name: str) -> None:
    st.session_state[f"_{_KEY}_says"] = None
    st.session_state[f"_{_KEY}_fetching"] = name
    picker.start(name)
    st.session_state["_fetch_watched"] = True


# Ids and bytes -------------------------------------------------------------------------------------------------------

def _by(chosen: Sequence[str]) -> str:
    """The column that reads."""
    names = list(chosen)
    key = f"{_KEY}_by"
    if st.session_state.get(key) not in (None, *names):
        del st.session_state[key]
    found: str = st.segmented_control("Read by", names, default=names[0], required=True, format_func=work.title,
                                      key=key, bind="query-params")
    return found


def _box(label: str, name: str, first: str, help_text: str) -> str:
    """A text box whose content outlives another tab being open, and stands in the address while it is short."""
    key = f"{_KEY}_{name}"
    if key not in st.session_state:
        st.session_state[key] = st.session_state.get(f"_{key}", st.query_params.get(key, first))
    typed, note = workshop.repair(st.text_area(label, key=key, height=100, help=help_text) or "")
    if typed != first:
        st.session_state[f"_{key}"] = typed
    if typed != first and len(quote(typed)) <= _LINKED:
        st.query_params[key] = typed
    elif key in st.query_params:
        del st.query_params[key]
    if note:
        st.caption(frame.plain(note))
    return typed


def _ids(text: str, chosen: Sequence[str]) -> None:
    name = _by(chosen)
    first = ", ".join(map(str, work.traced(name, text[:400]).ids[:16].tolist())) if text else ""
    typed = _box("Ids", f"ids_{name}", first, "Numbers with commas, spaces or brackets, JSON, or hexadecimal with 0x.")
    tokenizer = work.opened(name)
    found = decoding.decode_ids(tokenizer, decoding.read_ids(typed))
    missing = sum(part.kind == "missing" for part in found.parts)
    broken = sum(len(part.broken) for part in found.parts)
    says = [_count(len(found.parts), "id") + (f"; {work.title(name)} has no entry for {missing:,} of them."
                                              if missing else f", read by {work.title(name)}.")]
    if broken:
        says.append(f"{_count(broken, 'byte')} {'belong' if broken > 1 else 'belongs'} to no whole character and "
                    f"{'are' if broken > 1 else 'is'} shown as \ufffd.")
    elif found.again is not None:
        ids = tuple(part.id for part in found.parts)
        says.append("This text is cut into the very same ids again." if found.again == ids else
                    f"Cut again, this text gives other ids, {len(found.again):,} of them: several lists of ids can say "
                    "the same text.")
    mount("tokenizer_bring", _payload(found, says, work.title(name)), key=f"{_KEY}_ids_picture")
    if found.text and not missing and not broken and len(found.text) <= LIMITS.text_bytes // 4:
        st.button("Put this text into the box at the top", key=f"{_KEY}_send", on_click=frame.set_text,
                  args=("tokenizer", found.text))


def _bytes(chosen: Sequence[str]) -> None:
    name = _by(chosen)
    typed = _box("Bytes", "bytes", FIRST_BYTES, r"Hexadecimal such as F0 9F 90 A2, or text with escapes such as \xF0.")
    raw, how = decoding.read_bytes(typed)
    broken, inside = decoding.damage(raw)
    says = [f"{_count(len(raw), 'byte')}, read as {how}" + (
        f"; {len(broken):,} of them {'belong' if len(broken) > 1 else 'belongs'} to no whole character." if broken
        else ": valid UTF-8.")]
    row = {"hex": raw[:96].hex(), "rest": max(0, len(raw) - 96), "broken": [place for place in broken if place < 96],
           "inside": [place for place in inside if place < 96]}
    tokenizer = work.opened(name)
    try:
        ids = decoding.encode_bytes(tokenizer, raw)
    except ValueError as problem:
        mount("tokenizer_bring", pack({"decoded": {"says": says, "title": work.title(name), "row": row, "parts": [],
                                                   "count": 0, "text": "", "trouble": str(problem)}}),
              key=f"{_KEY}_bytes_picture")
        return
    found = decoding.decode_ids(tokenizer, ids)
    says.append(f"{_count(len(ids), 'token')} in {work.title(name)}" + (
        ", and they give back the very same bytes." if found.utf8 == raw else
        "." if found.utf8 is None else "; what comes back are other bytes."))
    mount("tokenizer_bring", _payload(found, says, work.title(name), row), key=f"{_KEY}_bytes_picture")


def _count(many: int, word: str) -> str:
    return f"{many:,} {word}{'' if many == 1 else 's'}"


def _payload(found: decoding.Decoded, says: Sequence[str], title: str, row: dict[str, Any] | None = None) -> bytes:
    """Header: `decoded` with `title`, `says`, `text`, `count`, `row` (the bytes typed) and `parts`, each
    [id, hexadecimal, kind, broken places, shares a character]."""
    return pack({"decoded": {
        "title": title, "says": list(says), "text": found.text[:4_000], "cut": len(found.text) > 4_000,
        "count": len(found.parts), "row": row, "spelt": found.utf8 is not None,
        "parts": [[part.id, part.bytes[:200].hex(), part.kind, list(part.broken), part.shares]
                  for part in found.parts[:DRAWN]]}})
