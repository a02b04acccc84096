"""Which writing an entry is in: the script of its letters, or what it holds where it has none.

Scripts are Unicode's `Script` property, read through the `regex` package, for code points of the vocabulary only.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

#: What an entry without letters holds, and letters that are in no one script of the list below.
OTHERS = ("white space", "digits", "signs", "emoji", "several scripts", "other letters", "no whole character",
          "control token")
#: Unicode's names of scripts. What is not in the list counts as "other letters".
NAMES = ("Latin", "Cyrillic", "Greek", "Han", "Hiragana", "Katakana", "Hangul", "Bopomofo", "Arabic", "Hebrew",
         "Syriac", "Thaana", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada",
         "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Mongolian", "Georgian", "Armenian",
         "Ethiopic", "Cherokee", "Tifinagh", "Yi")
SCRIPTS = OTHERS + NAMES
SPACE, DIGITS, SIGNS, EMOJI, SEVERAL, OTHER, NO_TEXT, CONTROL = range(len(OTHERS))
_INHERITED = 63  # a combining mark that goes with any script says nothing


def code_classes(codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """The place in `SCRIPTS` of each code point, or 63 for a mark that belongs to none: uint8 [code]."""
    import regex

    characters = [chr(code) for code in codes.tolist()]
    found = np.full(len(characters), SIGNS, np.uint8)
    letters = []
    for place, character in enumerate(characters):
        category = unicodedata.category(character)
        if character.isspace():
            found[place] = SPACE
        elif category[0] == "N":
            found[place] = DIGITS
        elif category[0] in "LM":
            found[place] = OTHER if category[0] == "L" else _INHERITED
            letters.append(place)
    pictures = regex.compile(r"[\p{Emoji_Presentation}\p{Extended_Pictographic}--[\x00-\xff]]", regex.V1)
    every = "".join(characters)
    for match in pictures.finditer(every):
        found[match.start()] = EMOJI
    written = "".join(characters[place] for place in letters)
    for number, name in enumerate(NAMES, start=len(OTHERS)):
        for match in regex.finditer(rf"\p{{Script={name}}}+", written):
            found[letters[match.start():match.end()]] = number
    return found


def of_texts(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """For each text its place in `SCRIPTS`, uint8 [text], and whether it begins with a letter, bool [text].

    A text with letters has the script of its letters, or "several scripts". One without letters is emoji, digits,
    signs or white space, the first of these that it holds. An empty text is "no whole character".
    """
    scripts = np.full(len(texts), NO_TEXT, np.uint8)
    begins = np.zeros(len(texts), np.bool_)
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    if not len(codes):
        return scripts, begins
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    filled = np.flatnonzero(lengths)
    first = (np.cumsum(lengths) - lengths)[filled]
    distinct, places = np.unique(codes, return_inverse=True)
    classes = code_classes(distinct)[places]
    bits = np.bitwise_or.reduceat(np.uint64(1) << classes.astype(np.uint64), first)
    known = bits >> np.uint64(len(OTHERS)) & np.uint64((1 << len(NAMES)) - 1)
    several = known & (known - np.uint64(1)) != 0
    one = np.zeros(len(filled), np.uint8)
    # The exponent of a power of two is exact in float64.
    single = (known > 0) & ~several
    one[single] = np.log2(known[single].astype(np.float64)).astype(np.uint8) + len(OTHERS)
    held = np.full(len(filled), SIGNS, np.uint8)
    # The later ones win over the earlier ones.
    for kind in (SPACE, SIGNS, DIGITS, EMOJI, OTHER):
        held[bits >> np.uint64(kind) & np.uint64(1) > 0] = kind
    held[known > 0] = one[known > 0]
    held[several] = SEVERAL
    scripts[filled] = held
    begins[filled] = (classes[first] >= len(OTHERS)) | (classes[first] == OTHER)
    return scripts, begins
