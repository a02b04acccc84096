"""The panel "What a language costs": the same eight sentences in every language, counted by the tokenizers here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import streamlit as st

from components import caching, corpora
from components.models.open import OpenTokenizer
from components.payload import pack
from components.tokenization import LanguageCost, language_costs
from components.views import frame
from components.views.component import mount
from components.views.tokenizer import work
from components.workshop import Job

NAMES = Path(__file__).resolve().parents[3] / "assets" / "copy" / "languages.json"
CAVEAT = (
    "Eight sentences, translated for this app and not yet read by native speakers: good for seeing how large a gap is,"
    " not for its last digit. Languages also need more or fewer words to say the same."
)


@cache
def names() -> Mapping[str, Mapping[str, str]]:
    """BCP 47 tag -> the language's name in English, and its own."""
    found: dict[str, dict[str, str]] = json.loads(NAMES.read_text("utf-8"))
    return found


def draw(chosen: Sequence[str]) -> None:
    """The picture, for the columns chosen above and every small vocabulary that is here."""
    # The two columns come first; a press on another name brings it forward in the picture itself.
    counted = work.within_reason("tokenizer_large_languages", chosen)
    counted = [*dict.fromkeys(chosen), *(name for name in counted if name not in chosen)]
    with frame.sentences():
        sentences = corpora.parallel()
        # The job runs outside this session, where the reader's own tokenizers are not to be found.
        library, titles = {name: work.opened(name) for name in counted}, {name: work.title(name) for name in counted}
        key = (tuple(titles.items()), corpora.fingerprint("\n".join(one.text for one in sentences)))

        def count(job: Job) -> bytes:
            found = []
            for place, name in enumerate(counted):
                def report(share: float, place: int = place, name: str = name) -> None:
                    job.check()
                    job.report((place + share) / len(counted), titles[name])

                found.append(_counted(library[name], sentences, key[1], report))
            return payload(counted, found, sentences, titles)

        picture = frame.compute("tokens-languages", key, count, label="What a language costs",
                                session=work.private(counted))
        mount("tokenizer_languages", picture, key="tokenizer_language_costs")
    st.caption(CAVEAT)


def _counted(
    tokenizer: OpenTokenizer, sentences: Sequence[corpora.Sentence], mark: str, report: Callable[[float], None]
) -> tuple[LanguageCost, ...]:
    if work.private([tokenizer.name]):
        return language_costs(tokenizer, sentences, report)
    return caching.shared("tokens-language", (tokenizer.name, mark),
                          lambda: language_costs(tokenizer, sentences, report))


def payload(
    tokenizers: Sequence[str], costs: Sequence[Sequence[LanguageCost]], sentences: Sequence[corpora.Sentence],
    titles: Mapping[str, str],
) -> bytes:
    """Header: languages, sentences with their English text, tokenizers. Arrays: `tokens` and `lost`
    `[tokenizer, language, sentence]`, `bytes` `[language, sentence]`, all int32."""
    kinds = list(dict.fromkeys(one.sentence for one in sentences))
    english = {one.sentence: one.text for one in sentences if one.language == "en"}
    header = {
        "languages": [{"tag": cost.language, "script": cost.script, **names()[cost.language]} for cost in costs[0]],
        "sentences": [{"kind": kind, "text": english[kind]} for kind in kinds],
        "tokenizers": [{"id": name, "title": titles[name]} for name in tokenizers],
    }
    columns = {what: np.array([[getattr(cost, what) for cost in one] for one in costs], np.int32)
               for what in ("tokens", "lost")}
    return pack(header, {**columns, "bytes": np.array([cost.bytes for cost in costs[0]], np.int32)})
