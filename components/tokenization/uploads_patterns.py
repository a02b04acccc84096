"""Whether a regular expression could take for ever: read as text, never run.

A search goes back and forth for exponential time only where a repeat stands inside a repeat, or alternatives do. The
split patterns of published tokenizers have none of that, so what has it is refused rather than tried.
"""

from __future__ import annotations

LONGEST = 5_000
"""Characters of a pattern; the longest published one has some thousand."""


def endless(pattern: str) -> str:
    """Why the pattern is not to be trusted, as the end of a sentence ("has ..."); "" where it is.

    The syntax is that of Oniguruma, which the tokenizers library uses.
    """
    if len(pattern) > LONGEST:
        return f"has {len(pattern):,} characters"
    inside: list[bool] = []  # for each open group: whether it holds a repeat of open length, or alternatives
    open_now = False
    repeats = 0
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        loose = False  # whether what was just read, repeated, would be a repeat in a repeat
        if sign == "\\":
            following = pattern[place + 1:place + 2]
            if following in "123456789kg" and following:
                return "refers back to what it has found"
            if following in "pPx" and pattern[place + 2:place + 3] == "{":
                place = pattern.find("}", place)
                if place < 0:
                    return "is not whole"
            else:
                place += 1
        elif sign == "[":
            place = _class_end(pattern, place)
            if place < 0:
                return "is not whole"
        elif sign == "(":
            if pattern.startswith(("(?(", "(?~", "(?{", "(?&", "(?R", "(*"), place):
                return "has a condition or calls itself"
            inside.append(open_now)
            open_now = False
            place = _group_start(pattern, place)
            continue
        elif sign == ")":
            loose = open_now
            open_now = (inside.pop() if inside else False) or open_now
        elif sign == "|":
            # Outside every group alternatives are what a split pattern is made of.
            open_now = open_now or bool(inside)
            place += 1
            continue
        place += 1
        place, open_ended, varies = _repeat(pattern, place)
        if open_ended and loose:
            return "has a repeat inside a repeat"
        repeats += open_ended
        open_now = open_now or varies
    if repeats > 60:
        return "has too many repeats"
    return ""


def _group_start(pattern: str, place: int) -> int:
    """The place after `(`, `(?:`, `(?i:`, `(?<name>`, `(?<!` and the like."""
    place += 1
    if pattern[place:place + 1] != "?":
        return place
    place += 1
    while place < len(pattern) and pattern[place] in "imxsaunUWDSPyg-":
        place += 1
    if pattern[place:place + 2] in ("<=", "<!"):
        return place + 2
    if pattern[place:place + 1] == "<":
        end = pattern.find(">", place)
        return end + 1 if end > 0 else len(pattern)
    return place + 1 if pattern[place:place + 1] in (":", "=", "!", ">") else place


def _class_end(pattern: str, place: int) -> int:
    """The place of the `]` that closes the class which opens here, or -1."""
    depth, first = 0, place
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            place += 1
        elif sign == "[":
            depth += 1
            first = place
            if pattern[place + 1:place + 2] == "^":
                place += 1
                first = place
        elif sign == "]" and place > first + 1:
            depth -= 1
            if depth == 0:
                return place
        place += 1
    return -1


def _repeat(pattern: str, place: int) -> tuple[int, bool, bool]:
    """The quantifiers that stand here: the place after them, whether open-ended or large, whether of varying length."""
    open_ended = varies = False
    while place < len(pattern) and pattern[place] in "*+?{":
        sign = pattern[place]
        if sign == "{":
            end = pattern.find("}", place)
            low, comma, high = pattern[place + 1:end].partition(",")
            if end < 0 or not (low + high).isdigit():
                break  # a brace that stands for itself
            most = high if comma else low
            varies = varies or (bool(comma) and low != high)
            open_ended = open_ended or not most or int(most) > 50
            place = end + 1
        else:
            # `+` behind a quantifier makes it possessive, `?` lazy; both leave the rest as it is.
            open_ended = open_ended or sign in "*+"
            varies = True
            place += 1
    return place, open_ended, varies
