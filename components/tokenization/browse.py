"""A whole vocabulary to look through: search, kinds, scripts, lengths, and the counts that answer to a search.

Everything is a column over the entries, so that a search through 200,000 of them is a few array operations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.models.open import OpenTokenizer
from components.tokenization import scripts as writing
from components.tokenization.matching import matching
from components.tokenization.vocabulary import BYTE as BARE_FLAG
from components.tokenization.vocabulary import SPECIAL as SPECIAL_FLAG
from components.tokenization.vocabulary import UNKNOWN as UNKNOWN_FLAG
from components.tokenization.vocabulary import Vocabulary, vocabulary

Mask = NDArray[np.bool_]

#: Traits of an entry; it may have several. ORDINARY is what has none of SPECIAL, UNKNOWN, fallback byte, FRAGMENT.
SPECIAL, UNKNOWN, BYTE, FRAGMENT, SPACE, INSIDE, ORDINARY = 1, 2, 4, 8, 16, 32, 64
#: Ways to search, and kinds to keep; "never" and "candidate" need a mask from elsewhere.
WAYS = ("text", "bytes", "id", "pattern")
TRAITS = {"ordinary": ORDINARY, "space": SPACE, "inside": INSIDE, "byte": BYTE, "fragment": FRAGMENT,
          "special": SPECIAL}
ENTRY_KINDS = ("any", *TRAITS, "never", "candidate")
#: Lengths of 1 to 20 bytes are counted one by one, longer ones together; ids in so many equal steps.
LENGTHS, ID_STEPS = 21, 48
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class VocabularyEntries:
    """The entries of a vocabulary as columns, in the order of their ids.

    Attributes:
        table: what each id stands for.
        ids: int32 [entry], the ids that exist.
        lengths: int32 [entry], bytes.
        traits: uint8 [entry], a sum of the traits above. BYTE is an entry for one bare byte; FRAGMENT is not valid
            UTF-8 by itself; SPACE begins with a space; INSIDE is WordPiece's `##`, elsewhere an entry that begins with
            a letter and has no space before it.
        scripts: uint8 [entry], a place in `components.tokenization.scripts.SCRIPTS`.
        folded, folded_starts: the entries in lower case, for searches, laid out as in `Vocabulary`.
    """

    table: Vocabulary
    ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    traits: NDArray[np.uint8]
    scripts: NDArray[np.uint8]
    folded: bytes
    folded_starts: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def text(self, row: int) -> str | None:
        """The entry as text; None where it is not valid UTF-8."""
        if self.traits[row] & FRAGMENT:
            return None
        return self.table.piece(int(self.ids[row])).decode("utf-8")

    def row(self, token: int) -> int | None:
        """Where this id stands in the columns; None for an id that no entry has."""
        place = int(np.searchsorted(self.ids, token))
        return place if place < len(self.ids) and self.ids[place] == token else None


@dataclass(frozen=True)
class EntryQuery:
    """What to keep. Everything at once; an empty `find` keeps every entry.

    Attributes:
        find: text (capital or small letters alike), hexadecimal bytes, ids (`17`, `100-200`, `5, 9`) or a pattern.
        way: how `find` is read, one of WAYS.
        kind: one of ENTRY_KINDS.
        script: one of `scripts.SCRIPTS`, or "any".
        shortest, longest: bytes, both included.
    """

    find: str = ""
    way: str = "text"
    kind: str = "any"
    script: str = "any"
    shortest: int = 1
    longest: int = 1_000_000


@dataclass(frozen=True)
class EntriesFound:
    """What a query keeps, and the counts for its neighbours.

    Attributes:
        rows: int32, the entries that it keeps, by id.
        kinds: how many entries each kind would keep, were it chosen instead, the rest of the query as it is; kinds
            whose mask is not known are left out.
        scripts: int32 [script], the same for scripts.
        lengths: int32 [LENGTHS], the same for 1, 2, ... bytes, the last for all longer ones.
        plane: int32 [ID_STEPS, LENGTHS], the entries that it keeps by id and length.
    """

    rows: NDArray[np.int32]
    kinds: Mapping[str, int]
    scripts: NDArray[np.int32]
    lengths: NDArray[np.int32]
    plane: NDArray[np.int32]


def entries(tokenizer: OpenTokenizer) -> VocabularyEntries:
    """The columns of a tokenizer's vocabulary; a third of a second for 200,000 entries. Keep them."""
    table = vocabulary(tokenizer)
    sizes = np.diff(table.starts)
    ids = np.flatnonzero(sizes).astype(np.int32)
    texts, small = [], []
    own = table.flags[ids]
    traits = np.zeros(len(ids), np.uint8)
    for row, token in enumerate(ids.tolist()):
        piece = table.piece(token)
        try:
            text = piece.decode("utf-8")
        except UnicodeDecodeError:
            traits[row] = FRAGMENT
            text = ""
        texts.append(text)
        small.append(text.lower().encode("utf-8") if text else piece)
    kinds, letter = writing.of_texts(texts)
    control = (own & SPECIAL_FLAG) > 0
    kinds[control] = writing.CONTROL
    traits[control] = SPECIAL
    traits |= np.where(own & UNKNOWN_FLAG, UNKNOWN, 0).astype(np.uint8)
    plain = traits & (SPECIAL | UNKNOWN) == 0
    single = (sizes[ids] == 1) & plain & (table.algorithm == "byte-level BPE")
    traits |= np.where(single | (own & BARE_FLAG > 0), BYTE, 0).astype(np.uint8)
    first = np.frombuffer(table.buffer, np.uint8)[table.starts[ids]] if len(ids) else np.zeros(0, np.uint8)
    traits |= np.where((first == 0x20) & plain, SPACE, 0).astype(np.uint8)
    inside = np.isin(ids, _continued(tokenizer)) if table.algorithm == "WordPiece" else letter
    traits |= np.where(inside & plain, INSIDE, 0).astype(np.uint8)
    ordinary = plain & (traits & FRAGMENT == 0) & (own & BARE_FLAG == 0)
    traits |= np.where(ordinary, ORDINARY, 0).astype(np.uint8)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in small])]).astype(np.int32)
    return VocabularyEntries(table, ids, sizes[ids].astype(np.int32), traits, kinds, b"".join(small), starts)


def _continued(tokenizer: OpenTokenizer) -> NDArray[np.int32]:
    """The ids of WordPiece entries that go on with a word."""
    library = tokenizer.library_object
    prefix = getattr(library.model, "continuing_subword_prefix", None) or "##"
    known = library.get_vocab(with_added_tokens=False)
    return np.array([token for name, token in known.items() if name.startswith(prefix)], np.int32)


def look_up(
    seen: VocabularyEntries, query: EntryQuery, masks: Mapping[str, Mask] | None = None, said: Mask | None = None
) -> EntriesFound:
    """Run a query.

    Args:
        seen: from `entries`.
        masks: "never" and "candidate", bool [entry], where they are known.
        said: which entries `find` keeps, from `spoken`, where that was worked out before.

    Raises:
        ValueError: `find` cannot be read in this way, or a choice is unknown.
    """
    masks = masks or {}
    if query.kind not in ENTRY_KINDS or (query.kind in ("never", "candidate") and query.kind not in masks):
        raise ValueError(f"{query.kind!r} is no kind of entry here; choose one of {', '.join(ENTRY_KINDS[:-2])}.")
    if query.script != "any" and query.script not in writing.SCRIPTS:
        raise ValueError(f"{query.script!r} is no script known here; choose one from the list.")
    said = spoken(seen, query) if said is None else said
    script = np.ones(len(seen), np.bool_) if query.script == "any" else (
        seen.scripts == writing.SCRIPTS.index(query.script))
    size = (seen.lengths >= query.shortest) & (seen.lengths <= query.longest)
    kinds = {"any": np.ones(len(seen), np.bool_), **{name: seen.traits & bit > 0 for name, bit in TRAITS.items()},
             **masks}
    kind = kinds[query.kind]
    kept = said & script & size & kind
    rows = np.flatnonzero(kept).astype(np.int32)
    bins = np.minimum(seen.lengths, LENGTHS) - 1
    top = int(seen.ids[-1]) + 1 if len(seen) else 1
    step = (seen.ids[rows].astype(np.int64) * ID_STEPS) // top
    plane = np.bincount(step * LENGTHS + bins[rows], minlength=ID_STEPS * LENGTHS).reshape(ID_STEPS, LENGTHS)
    return EntriesFound(
        rows,
        {name: int(np.count_nonzero(said & script & size & mask)) for name, mask in kinds.items()},
        np.bincount(seen.scripts[said & size & kind], minlength=len(writing.SCRIPTS)).astype(np.int32),
        np.bincount(bins[said & script & kind], minlength=LENGTHS).astype(np.int32),
        plane.astype(np.int32),
    )


def spoken(seen: VocabularyEntries, query: EntryQuery) -> Mask:
    """Which entries `query.find` keeps: bool [entry].

    Raises:
        ValueError: it cannot be read in this way; the sentence says how it could.
    """
    if query.way not in WAYS:
        raise ValueError(f"{query.way!r} is no way to search; choose one of {', '.join(WAYS)}.")
    if len(query.find) > LONGEST_SEARCH:
        raise ValueError(f"The search has {len(query.find)} characters, and the limit is {LONGEST_SEARCH}; shorten it.")
    if not query.find or (query.way in ("id", "bytes") and not query.find.strip()):
        return np.ones(len(seen), np.bool_)
    if query.way == "text":
        return _holding(seen.folded, seen.folded_starts, query.find.lower().encode("utf-8", "replace"))
    if query.way == "bytes":
        starts = np.append(seen.table.starts[seen.ids], len(seen.table.buffer)).astype(np.int32)
        return _holding(seen.table.buffer, starts, _hexadecimal(query.find))
    if query.way == "id":
        found = np.zeros(len(seen), np.bool_)
        for first, last in _ranges(query.find):
            found |= (seen.ids >= first) & (seen.ids <= last)
        return found
    rows = np.flatnonzero(seen.traits & FRAGMENT == 0)
    texts = [seen.table.piece(token).decode("utf-8") for token in seen.ids[rows].tolist()]
    found = np.zeros(len(seen), np.bool_)
    found[rows] = matching(query.find, texts)
    return found


def _holding(buffer: bytes, starts: NDArray[np.int32], wanted: bytes) -> Mask:
    """The entries of a buffer that hold these bytes, without a Python loop; a match never reaches over an end."""
    raw = np.frombuffer(buffer, np.uint8)
    found = np.zeros(len(starts) - 1, np.bool_)
    if len(wanted) > len(raw):
        return found
    places = np.flatnonzero(raw[:len(raw) - len(wanted) + 1] == wanted[0])
    for offset in range(1, len(wanted)):
        places = places[raw[places + offset] == wanted[offset]]
    owner = np.searchsorted(starts, places, side="right") - 1
    found[owner[places + len(wanted) <= starts[owner + 1]]] = True
    return found


def _hexadecimal(text: str) -> bytes:
    digits = re.sub(r"0x|\\x|[\s,;:]", "", text, flags=re.IGNORECASE)
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})+", digits):
        raise ValueError("Bytes are written as pairs of hexadecimal digits, such as F0 9F 90 A2; write them so.")
    return bytes.fromhex(digits)


def _ranges(text: str) -> list[tuple[int, int]]:
    found = []
    for part in re.split(r"[,;\s]+", re.sub(r"\s*(?:-|–|:|\.\.+|to)\s*", "-", text.strip())):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part)
        if not match:
            raise ValueError("An id is a number, such as 17, and a range is two, such as 100-200; write them so.")
        found.append((int(match[1]), int(match[2] or match[1])))
    return found
