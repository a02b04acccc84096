"""The panel "Two sentences": one word, two senses, and what its neighbours did to it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import streamlit as st

from components.attention import Parting, Place, find_word, part
from components.models import catalog, loaders, sources
from components.payload import pack
from components.views import address, frame
from components.views.component import mount
from components.views.footer import reproduce
from components.workshop import Job

PAIRS = frame.ASSETS / "copy" / "word_pairs.json"
OWN = "own"
FIRST, SECOND = "The first sentence", "The second sentence"


@cache
def pairs() -> tuple[dict[str, str], ...]:
    """A word in two senses, and a third sentence that uses it as the first one does; from `assets/copy/`."""
    return tuple(json.loads(PAIRS.read_text("utf-8")))


def readers() -> list[str]:
    """The models here that can read a sentence, encoders first: they see what comes after a word, too."""
    known = [one for one in catalog.ENTRIES.values() if one.kind in ("encoder", "decoder")]
    known.sort(key=lambda one: one.kind != "encoder")
    return [one.id for one in known if sources.state(one.id).here]


def knobs() -> tuple[str, dict[str, str]]:
    """The chosen model, and the word with its two or three sentences."""
    here = readers()

    def title(name: str) -> str:
        return catalog.entry(name).title

    by_id = {one["id"]: one for one in pairs()}
    address.accept_ids(["attention_parting_model"], here, title)
    with st.container(horizontal=True, vertical_alignment="bottom", key="attention_parting_knobs", gap="small"):
        pair = st.selectbox(
            "A word", [*by_id, OWN], key="attention_pair", bind="query-params", width=240,
            format_func=lambda one: by_id[one]["title"] if one in by_id else "your own sentences",
            help="Each pair uses one word in two senses.",
        )
        name: str = st.selectbox(
            "Read by", here, key="attention_parting_model", bind="query-params", width=260, format_func=title,
            help="An encoder sees the words on both sides. A decoder sees only what came before.",
        )
    if pair in by_id:
        return name, by_id[pair]
    with st.container(horizontal=True, key="attention_parting_own", gap="small"):
        word = st.text_input("The word", "bank", key="attention_word", bind="query-params", width=130)
        first = st.text_input(FIRST, pairs()[0]["first"], key="attention_first", bind="query-params", width=420)
        second = st.text_input(SECOND, pairs()[0]["second"], key="attention_second", bind="query-params", width=420)
    return name, {"word": word, "first": first, "second": second}


def draw() -> None:
    """Knobs and picture. It has sentences of its own, apart from the text of the page."""
    name, pair = knobs()

    def work(job: Job) -> bytes:
        job.report(None, "opening the model" if not loaders.loaded(name) else "hiding each word in turn")
        opened = loaders.model(name)
        marks = catalog.entry(name).kind == "encoder"
        places = [
            find_word(opened.tokenizer, pair[which], pair["word"], marks=marks)
            for which in ("first", "second", "third") if pair.get(which)
        ]
        job.report(None, "hiding each word in turn")
        return payload(part(opened, *places, check=job.check), places, catalog.entry(name).title, pair)

    key = (name, tuple(sorted(pair.items())))
    picture = frame.compute("attention-parting", key, work, label="Following the word through the layers")
    mount("attention_parting", picture, key="attention_parting_picture")
    reproduce("attention_parting", lambda: snippet(name, pair))


def payload(found: Parting, places: list[Place], title: str, pair: dict[str, str]) -> bytes:
    """The picture's buffer: cosines [layer + 1] and pulls [layer + 1, token]."""
    header: dict[str, Any] = {
        "model": title,
        "word": pair["word"],
        "causal": found.causal,
        "sentences": [
            {"pieces": list(place.pieces), "at": list(place.at), "fixed": list(place.fixed)} for place in places[:2]
        ],
        "third": pair.get("third", ""),
    }
    arrays = {
        "cosine": found.cosine,
        "others": found.others,
        "same": np.zeros(0, np.float32) if found.same is None else found.same,
        "pull_0": found.pull_first,
        "pull_1": found.pull_second,
    }
    return pack(header, arrays)


_SNIPPET = '''{folder}
import re

import torch
from transformers import {loader}, AutoTokenizer

word, sentences = {word!r}, {sentences!r}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = {loader}.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def read(sentence, hidden=None):
    """The word's vector after every layer; `hidden` is a token that nobody may look at."""
    coded = tokenizer(sentence, return_tensors="pt", return_offsets_mapping=True, add_special_tokens={marks})
    start = re.search(rf"(?<!\\w){{re.escape(word)}}(?!\\w)", sentence, re.IGNORECASE).start()
    spans = coded.offset_mapping[0].tolist()
    at = [i for i, (a, b) in enumerate(spans) if a < start + len(word) and b > start and sentence[a:b].strip()]
    mask = torch.ones_like(coded.input_ids)
    if hidden is not None:
        mask[0, hidden] = 0
    with torch.inference_mode():
        states = model(coded.input_ids, attention_mask=mask, output_hidden_states=True).hidden_states
    return torch.stack([state[0, at].mean(0) for state in states[:-1]])


first, second = read(sentences[0]), read(sentences[1])
cosine = torch.cosine_similarity(first, second).tolist()  # before each layer
tokens = len(tokenizer(sentences[0], add_special_tokens={marks}).input_ids)
pulls = [
    float(torch.cosine_similarity(read(sentences[0], token)[-1], second[-1], dim=0)) - cosine[-1]
    for token in range(tokens)
]
print([round(one, 4) for one in cosine])
print([round(one, 4) for one in pulls])'''


def snippet(name: str, pair: dict[str, str]) -> str:
    """The cosines before each layer, and what each token of the first sentence did before the last one."""
    from components.views.snippets import folder_line

    encoder = catalog.entry(name).kind == "encoder"
    folder = 'folder = "minilm"  # a folder with the model\'s files' if name == "minilm" else folder_line(name)
    return _SNIPPET.format(
        loader="AutoModel", folder=folder, word=pair["word"].strip(), sentences=[pair["first"], pair["second"]],
        marks=encoder,
    )
