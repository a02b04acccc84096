"""A text -> the words that a model's algorithm works on one by one, in the library's own spelling.

Before an algorithm cuts anything the text is normalised and split. BPE, WordPiece and Unigram then see one word at a
time and never look across its ends. The libraries are asked for these words where they can be; tiktoken splits by a
pattern that it publishes, and SentencePiece reads a whole text as one word, which is divided here only at places that
no entry of the vocabulary reaches across.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from components.models.open import OpenTokenizer

#: Some entry would have to hold this for a piece to reach across the place before a `▁` that follows something else.
_ACROSS = re.compile("[^▁]▁")
_BEFORE_SPACE = re.compile("(?<=[^▁])(?=▁)")
_NOBODY = "\x00nobody"
#: Characters whose class no version of Unicode will change.
_EVERYDAY = frozenset(map(chr, range(0x250)))


class Read(NamedTuple):
    """One word as the algorithm reads it.

    Attributes:
        spelling: in the library's own letters: `Ġ` or `▁` for a space where the library writes so.
        start, end: its characters in the original text.
        control: the id of the added token that it was read as, so that no algorithm sees it; else None.
    """

    spelling: str
    start: int
    end: int
    control: int | None


def reads_across(entries: Any) -> bool:
    """Whether words could not be told apart by `▁`: some entry holds one behind another character, or none is one.

    Without an entry of its own a `▁` is unknown, and unknown characters side by side become one.
    """
    alone = False
    for entry in entries:
        if _ACROSS.search(entry):
            return True
        alone = alone or entry == "▁"
    return not alone


def read_words(tokenizer: OpenTokenizer, text: str, divide: bool) -> list[Read]:
    """The words of a text in order.

    Args:
        tokenizer: any of the three kinds.
        text: the original.
        divide: whether to divide at `▁` what the library reads as one word (see `reads_across`).
    """
    if not text:
        return []
    return {"tiktoken": _tiktoken, "tokenizers": _tokenizers, "sentencepiece": _sentencepiece}[tokenizer.kind](
        tokenizer, text, divide)


def _tiktoken(tokenizer: OpenTokenizer, text: str, divide: bool) -> list[Read]:
    import regex  # the pattern needs character classes that Python's own `re` does not know

    pattern = regex.compile(tokenizer.library_object._pat_str)
    return [Read(text[found.start():found.end()], found.start(), found.end(), None)
            for found in pattern.finditer(_same_unicode(text))]


#: The classes that split patterns speak of, each with a character that every Unicode version has in it.
_CLASSES = {"Lu": "Б", "Ll": "б", "Lt": "ǅ", "Lm": "ʰ", "Lo": "א", "M": "\u0301", "N": "²"}
_NO_CLASS = "☃"


@cache
def _members(name: str) -> Any:
    """A tiktoken encoding that finds the characters of one class and nothing else."""
    import tiktoken

    return tiktoken.Encoding(name=name, pat_str=rf"\p{{{name}}}", special_tokens={},
                             mergeable_ranks={bytes([byte]): byte for byte in range(256)})


def _same_unicode(text: str) -> str:
    """The text as `regex` has to see it to split as tiktoken does.

    The two know different versions of Unicode: a character that is a letter for one may be nobody yet for the other.
    tiktoken is asked, and where it differs a stand-in of the class that it sees takes the character's place.
    """
    import regex

    rare = "".join(sorted(set(text) - _EVERYDAY))
    if not rare:
        return text
    theirs, ours = dict.fromkeys(rare, ""), dict.fromkeys(rare, "")
    for name in _CLASSES:
        found = _members(name)
        theirs.update(dict.fromkeys(found.decode_bytes(found.encode_ordinary(rare)).decode("utf-8"), name))
        ours.update(dict.fromkeys(regex.findall(rf"\p{{{name}}}", rare), name))
    swap = {ord(one): _CLASSES.get(theirs[one], _NO_CLASS) for one in rare if theirs[one] != ours[one]}
    return text.translate(swap) if swap else text


def _tokenizers(tokenizer: OpenTokenizer, text: str, divide: bool) -> list[Read]:
    """The library itself splits; a last step behind its own ones writes down what it was given.

    This runs in a tokenizer of its own without a vocabulary, since the shared one must not change.
    """
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    library = tokenizer.library_object
    seen: list[Any] = []

    class Notes:
        def pre_tokenize(self, words: Any) -> None:
            seen.extend(words.get_splits("original", "char"))

    twin = Tokenizer(models.WordLevel({_NOBODY: 0}, unk_token=_NOBODY))
    steps = [] if library.pre_tokenizer is None else [library.pre_tokenizer]
    if divide:
        steps.append(pre_tokenizers.Split(Regex("▁+[^▁]*"), "isolated"))
    if library.normalizer is not None:
        twin.normalizer = library.normalizer
    twin.pre_tokenizer = pre_tokenizers.Sequence([*steps, pre_tokenizers.PreTokenizer.custom(Notes())])
    numbers = {added.content: token for token, added in library.get_added_tokens_decoder().items()}
    for _, added in sorted(library.get_added_tokens_decoder().items()):
        (twin.add_special_tokens if added.special else twin.add_tokens)([added])
    twin.encode(text, add_special_tokens=False)
    contents = {token: added.content for token, added in twin.get_added_tokens_decoder().items()}
    found = []
    for spelling, (start, end), tokens in seen:
        # An added token was taken out of the text before it was split; its number is the real vocabulary's.
        control = numbers[contents[tokens[0].id]] if tokens else None
        if spelling or control is not None:
            found.append(Read(spelling, start, end, control))
    return found


def _sentencepiece(tokenizer: OpenTokenizer, text: str, divide: bool) -> list[Read]:
    spelling, places = tokenizer.library_object.normalize(text, with_offsets=True)
    places = [*places[:len(spelling)], len(text)]
    cuts = [0, *(found.start() for found in _BEFORE_SPACE.finditer(spelling))] if divide else [0]
    return [Read(spelling[begin:end], places[begin], places[end], None)
            for begin, end in zip(cuts, [*cuts[1:], len(spelling)], strict=True) if begin < end]
