"""What a tokenizer.json must hold to be used here, checked before the library reads it.

The library takes more than is good: the same id for two entries, an unknown token that is not there, an id of four
thousand million, a split pattern that never ends, normalisers that make a text a thousand times longer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from components.tokenization.uploads_build import LONGEST_ENTRY, MOST_ENTRIES
from components.tokenization.uploads_patterns import endless
from components.tokenization.vocabulary import byte_characters

GROWTH = 64
"""So many times longer a normaliser or a decoder may make a text."""
_MODELS = ("BPE", "WordPiece", "Unigram", "WordLevel")
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>\Z")


def check(raw: bytes) -> list[str]:
    """What is odd about a tokenizer.json, a sentence each.

    Raises:
        ValueError: one sentence: why it cannot be used.
    """
    found = _read(raw)
    model = found.get("model")
    if not isinstance(model, dict):
        raise ValueError('This JSON file is no tokenizer.json: it has no "model". Files such as vocab.json or '
                         "tokenizer_config.json hold only a part; bring the tokenizer.json itself.")
    kind = model.get("type") or _guess(model)
    if kind not in _MODELS:
        raise ValueError(f"The model of this tokenizer is {str(kind)[:40]!r}; {', '.join(_MODELS[:-1])} and "
                         f"{_MODELS[-1]} are known here.")
    entries = _entries(model, kind)
    added = _added(found, entries)
    notes = _unknown(model, kind, entries, added, found)
    if kind == "BPE":
        notes += _merges(model, entries)
    if kind == "WordPiece" and _number(model.get("max_input_chars_per_word", 100)) > 1_000:
        raise ValueError("This WordPiece model reads words of more than 1,000 characters, which can take for ever; set "
                         "max_input_chars_per_word to 100.")
    _steps(found)
    return notes + _settings(found, model)


def _read(raw: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise _Twice(twice)
        return made

    try:
        found = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=unique)
    except _Twice as problem:
        raise ValueError(f"The file names {str(problem)[:40]!r} twice in one list, so its id is not clear; remove one "
                         "of them.") from None
    except RecursionError:
        raise ValueError("This JSON is nested too deeply to be a tokenizer; check where it comes from.") from None
    except UnicodeDecodeError as problem:
        raise ValueError(f"This file is not UTF-8 text (byte {problem.start:,}); download it again.") from None
    except ValueError as problem:
        where = f" at line {problem.lineno:,}" if isinstance(problem, json.JSONDecodeError) else ""
        raise ValueError(f"This file is not whole: its JSON is damaged{where}; download it again.") from None
    if not isinstance(found, dict):
        raise ValueError("This JSON file is no tokenizer.json: it is a list or a single value.")
    return found


class _Twice(Exception):
    """A name that stands twice in one JSON object."""


def _guess(model: dict[str, Any]) -> str:
    if "merges" in model:
        return "BPE"
    if isinstance(model.get("vocab"), list):
        return "Unigram"
    return "WordPiece" if "continuing_subword_prefix" in model else "WordLevel"


def _entries(model: dict[str, Any], kind: str) -> dict[str, int]:
    """Name -> id."""
    vocab = model.get("vocab")
    if kind == "Unigram":
        if not isinstance(vocab, list) or not all(
                isinstance(one, list) and len(one) == 2 and isinstance(one[0], str) and isinstance(one[1], int | float)
                for one in vocab):
            raise ValueError("The Unigram vocabulary is no list of pieces with scores; download the file again.")
        entries = {one[0]: place for place, one in enumerate(vocab)}
        if len(entries) < len(vocab):
            twice = next(one[0] for place, one in enumerate(vocab) if entries[one[0]] != place)
            raise ValueError(f"The piece {twice[:40]!r} stands twice in the vocabulary, so its id is not clear; "
                             "remove one of them.")
        if any(one[1] != one[1] or one[1] in (float("inf"), float("-inf")) for one in vocab):
            raise ValueError("A score of the Unigram vocabulary is not a finite number; download the file again.")
    else:
        if not isinstance(vocab, dict) or not all(isinstance(token, int) and not isinstance(token, bool)
                                                  for token in vocab.values()):
            raise ValueError("The vocabulary is not a list of entries with their ids; download the file again.")
        entries = vocab
        by_id: dict[int, str] = {}
        for name, token in entries.items():
            if token in by_id:
                raise ValueError(f"The id {token} is given to {by_id[token][:40]!r} and to {name[:40]!r}, so decoding "
                                 "would be a guess; give each entry an id of its own.")
            by_id[token] = name
    if not entries:
        raise ValueError("The vocabulary is empty; bring the tokenizer that was trained.")
    if len(entries) > MOST_ENTRIES:
        raise ValueError(f"The vocabulary has {len(entries):,} entries, and no tokenizer has more than "
                         f"{MOST_ENTRIES:,}; check where it comes from.")
    _in_bounds(entries)
    return entries


def _in_bounds(entries: dict[str, int]) -> None:
    for name, token in entries.items():
        if not 0 <= token < 2 * MOST_ENTRIES:
            raise ValueError(f"The entry {name[:40]!r} has the id {str(token)[:20]}, outside 0 to "
                             f"{2 * MOST_ENTRIES:,}; number the entries from 0.")
        if len(name) > LONGEST_ENTRY:
            raise ValueError(f"The entry {name[:20]!r} and so on has {len(name):,} characters, and the limit is "
                             f"{LONGEST_ENTRY:,}; check where the file comes from.")


def _added(found: dict[str, Any], entries: dict[str, int]) -> dict[str, int]:
    listed = found.get("added_tokens") or []
    if not isinstance(listed, list) or len(listed) > 20_000 or not all(
            isinstance(one, dict) and isinstance(one.get("content"), str) and isinstance(one.get("id"), int)
            for one in listed):
        raise ValueError("The list of added tokens is damaged, or has more than 20,000; download the file again.")
    added: dict[str, int] = {}
    owner = {token: name for name, token in entries.items()}
    for one in listed:
        name, token = one["content"], one["id"]
        other = owner.get(token, name)
        if other != name or added.get(name, token) != token or entries.get(name, token) != token:
            second = other if other != name else name
            raise ValueError(f"The added token {name[:40]!r} has the id {token}, which does not agree with "
                             f"{second[:40]!r} elsewhere in the file; give each entry one id of its own.")
        if not name:
            raise ValueError("An added token is empty text; remove it.")
        added[name] = owner_token = token
        owner[owner_token] = name
    _in_bounds(added)
    return added


def _unknown(model: dict[str, Any], kind: str, entries: dict[str, int], added: dict[str, int],
             found: dict[str, Any]) -> list[str]:
    """A tokenizer without an entry for the unknown fails at the first character that it has not seen."""
    known = {**entries, **added}
    bytewise = '"ByteLevel"' in json.dumps([found.get("pre_tokenizer"), found.get("normalizer")])
    fallback = bool(model.get("byte_fallback")) and sum(1 for name in entries if _BYTE.match(name)) == 256
    lacking = [sign for sign in byte_characters() if sign not in entries] if bytewise else []
    every = fallback or (bytewise and not lacking)
    if kind == "Unigram":
        unknown = model.get("unk_id")
        if unknown is None and not every:
            raise ValueError("This Unigram model has no unknown token (unk_id), so it fails at the first character "
                             "that it has no piece for; set unk_id to the place of <unk>.")
        if unknown is not None and not 0 <= _number(unknown) < len(entries):
            raise ValueError(f"The unknown token is number {str(unknown)[:20]}, and there are {len(entries):,} "
                             "pieces; set unk_id to the place of <unk>.")
        return []
    name = model.get("unk_token")
    if name is not None and not isinstance(name, str):
        raise ValueError("The unknown token is not text; set unk_token to the name of an entry.")
    if name is None and kind != "BPE":
        name = "[UNK]" if kind == "WordPiece" else "<unk>"
    if name is not None and name not in (entries if kind != "BPE" else known) and not every:
        raise ValueError(f"The unknown token {name[:40]!r} has no entry in the vocabulary, so the tokenizer fails at "
                         "the first character that it has not seen; add the entry.")
    if name is None and not every:
        drops = f"{len(lacking)} of the 256 bytes have no entry" if bytewise else "it has no unknown token"
        return [f"Drops what it has no entry for without a trace: {drops}."]
    return []


def _merges(model: dict[str, Any], entries: dict[str, int]) -> list[str]:
    listed = model.get("merges")
    if not isinstance(listed, list):
        raise ValueError("This BPE model has no list of merges; bring the tokenizer.json, not vocab.json.")
    if len(listed) > 2 * MOST_ENTRIES:
        raise ValueError(f"{len(listed):,} merges are more than any tokenizer has; check where the file comes from.")
    prefix = model.get("continuing_subword_prefix") or ""
    made: dict[str, int] = {}
    pairs: set[tuple[str, str]] = set()
    twice = 0
    parsed: list[tuple[str, str]] = []
    for place, one in enumerate(listed):
        pair = one.split(" ") if isinstance(one, str) else one
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise ValueError(f"Merge {place + 1:,} is not a pair of entries; download the file again.")
        left, right = pair
        whole = left + right.removeprefix(prefix)
        for part in (left, right, whole):
            if part not in entries:
                raise ValueError(f"Merge {place + 1:,} joins {left[:30]!r} and {right[:30]!r}, but {part[:40]!r} has "
                                 "no entry in the vocabulary; download the file again.")
        if whole in (left, right):
            raise ValueError(f"Merge {place + 1:,} is cyclic: {left[:30]!r} and {right[:30]!r} become {whole[:40]!r} "
                             "again; remove it.")
        twice += (left, right) in pairs
        pairs.add((left, right))
        made.setdefault(whole, place)
        parsed.append((left, right))
    late = sum(max(made.get(left, -1), made.get(right, -1)) >= place for place, (left, right) in enumerate(parsed))
    notes = []
    if twice:
        notes.append(f"{twice:,} of the merges stand{'' if twice > 1 else 's'} twice; the later rank counts.")
    if late:
        notes.append(f"{late:,} merge{'s need' if late > 1 else ' needs'} a piece that is only made later in the list.")
    return notes


def _steps(found: dict[str, Any]) -> None:
    """Normalisers and decoders that make a text ever longer, and patterns that never end."""
    for part, what in (("normalizer", "normaliser"), ("decoder", "decoder")):
        growth = 1.0
        for step in _walk(found.get(part)):
            if step.get("type") == "Replace":
                growth *= _growth(step)
            elif step.get("type") == "Precompiled":
                growth *= 18  # the longest of Unicode's own compatibility forms
            elif step.get("type") == "Prepend" and len(str(step.get("prepend", ""))) > 100:
                growth *= GROWTH + 1
        if growth > GROWTH * 18:
            raise ValueError(f"The {what} could make a text more than {GROWTH} times longer, and memory with it; check "
                             "where the file comes from.")
    for part in ("normalizer", "pre_tokenizer", "decoder"):
        for step in _walk(found.get(part)):
            pattern = step.get("pattern")
            regex = pattern.get("Regex") if isinstance(pattern, dict) else None
            if isinstance(regex, str) and (why := endless(regex)):
                raise ValueError(f"The split pattern of this tokenizer {why}, so it might never end on some texts; it "
                                 "was not used.")


def _growth(step: dict[str, Any]) -> float:
    pattern = step.get("pattern")
    literal = pattern.get("String") if isinstance(pattern, dict) else None
    content = len(str(step.get("content", "")))
    return max(1.0, content / len(literal)) if isinstance(literal, str) and literal else 1.0 + content


def _walk(part: Any) -> Iterator[dict[str, Any]]:
    """A step and all steps inside it."""
    waiting = [part]
    count = 0
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, dict):
            count += 1
            if count > 200:
                raise ValueError("The tokenizer has more than 200 steps, and each would be run on every text; check "
                                 "where the file comes from.")
            yield one
            waiting.extend(one.get(name) for name in ("normalizers", "pretokenizers", "decoders") if name in one)


def _settings(found: dict[str, Any], model: dict[str, Any]) -> list[str]:
    notes = []
    cut = found.get("truncation")
    if isinstance(cut, dict):
        notes.append(f"Cuts every text after {str(cut.get('max_length', '?'))[:12]} tokens; that is switched off "
                     "here, so that all are counted.")
    if found.get("padding") is not None:
        notes.append("Fills short texts up to a fixed length; that is switched off here.")
    if model.get("dropout"):
        notes.append(f"Leaves out merges at random (dropout {str(model['dropout'])[:8]}); that is switched off here, "
                     "so that the same text is cut the same way.")
    if found.get("decoder") is None:
        notes.append("Has no decoder, so its library writes the pieces with spaces between them.")
    post = json.dumps(found.get("post_processor"))
    if len(post) > 100_000:
        raise ValueError("The template around a text is longer than any text; check where the file comes from.")
    return notes


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else float("inf")
