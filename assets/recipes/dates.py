"""Dates in English: the phrasings that datewriter learns, those it never sees, and which dates are held out.

A phrasing is a template. Its slots are

    {d} 3 or 03       {dth} 3rd        {ord} third            the day
    {m} 5 or 05       {month} May, Jan, Jan., Sept            the month
    {y} 1998          {yw} nineteen ninety-eight              the year
    {w} Sunday, Sun, Sun.                                     the day of the week

How a slot is spelled is drawn anew each time. Two templates that differ only in commas and the like are one phrasing
where the split is concerned: `skeleton` says which, and no training phrasing holds the skeleton of a held-out one.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from datetime import date, timedelta
from random import Random

FIRST, LAST = date(1000, 1, 1), date(2099, 12, 31)

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")
SHORT_MONTHS = (("Jan",), ("Feb",), ("Mar",), ("Apr",), ("May",), ("Jun",), ("Jul",), ("Aug",), ("Sep", "Sept"),
                ("Oct",), ("Nov",), ("Dec",))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT_WEEKDAYS = (("Mon",), ("Tue", "Tues"), ("Wed",), ("Thu", "Thur", "Thurs"), ("Fri",), ("Sat",), ("Sun",))
UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
FIRST_TO_NINTH = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
ORDINALS = (*FIRST_TO_NINTH, "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth",
            "seventeenth", "eighteenth", "nineteenth", "twentieth", *(f"twenty-{one}" for one in FIRST_TO_NINTH),
            "thirtieth", "thirty-first")
SMALL_WORDS = ("the", "of", "in", "on", "year", "day", "month", "and", "oh", "hundred", "thousand", "this", "a", "it",
               "was", "is", "born", "died", "dated", "written", "signed", "letter", "since", "until", "before",
               "after", "from", "by", "at")

# Phrasings ------------------------------------------------------------------------------------------------------------

#: Orders of the parts and the day forms that each is written with; months are words, years digits or words.
_ORDERS = (
    ("{D} {month} {Y}", "d dth"), ("{D} {month}, {Y}", "d dth"), ("{D} of {month} {Y}", "dth"),
    ("{D} of {month}, {Y}", "dth"), ("the {D} of {month} {Y}", "dth ord"), ("the {D} of {month}, {Y}", "dth ord"),
    ("the {D} {month} {Y}", "dth"), ("the {D} day of {month}, {Y}", "ord"),
    ("the {D} of {month} in the year {Y}", "dth ord"), ("{D} {month} in the year {Y}", "d dth"),
    ("{month} {D} {Y}", "d dth"), ("{month} {D}, {Y}", "d dth ord"), ("{month} the {D}, {Y}", "dth ord"),
    ("{month} the {D} {Y}", "dth ord"), ("{month} {D}, in the year {Y}", "d ord"),
    ("{Y} {month} {D}", "d"), ("{Y}, {month} {D}", "d dth"), ("{Y}, on the {D} of {month}", "dth ord"),
    ("in {Y}, on the {D} of {month}", "dth ord"), ("in {Y}, on {D} {month}", "d"),
    ("in the year {Y}, on {month} {D}", "d dth"), ("in the year {Y}, the {D} of {month}", "ord"),
    ("in {month} {Y}, on the {D}", "dth ord"), ("in {month} of {Y}, on the {D}", "ord"),
    ("the {D} day of the month of {month}, {Y}", "dth ord"), ("in the month of {month} {Y}, on the {D}", "dth"),
)
_NUMERIC = ("{d}/{m}/{y}", "{d}.{m}.{y}", "{d} / {m} / {y}", "{y}-{m}-{d}", "{d}-{month}-{y}", "{d}/{month}/{y}")

#: Phrasings that no training text has. The recipe was tuned on these eight, so they are no test.
DEVELOPMENT = (
    "the {ord} of {month}, {yw}",
    "{y}, {dth} of {month}",
    "{month} {d} of {y}",
    "in the year {yw}, {month} the {dth}",
    "{w}, {month} the {ord}, {y}",
    "{y}.{m}.{d}",
    "{d}.{month}.{y}",
    "the {ord} in {month} {y}",
)
#: Phrasings that no training text has and that nothing was tuned on. They were chosen before the first training: other
#: orders, other joining words, or parts that never stand together.
TEST = (
    "{month} the {ord}, {yw}",
    "the {dth} of {month} {yw}",
    "{dth} of {month}, {yw}",
    "{yw}, {month} {d}",
    "{w}, the {ord} of {month}, {y}",
    "{w} {month} {dth}, {y}",
    "{y}, the {ord} of {month}",
    "{y}: {d} {month}",
    "{y}, {month} the {dth}",
    "{month} {y}, the {ord}",
    "{month} of {y}, the {dth}",
    "in the year {y}, on the {dth} day of {month}",
    "on the {dth} day of {month} in the year {y}",
    "the {ord} day of {month} in the year {yw}",
    "in {month} of the year {yw}, on the {ord}",
    "the year {yw}, {month} the {ord}",
    "{d} {month} of the year {y}",
    "this {ord} day of {month}, {y}",
    "{w} {d} {month}, in the year {yw}",
    "in {y}, on {w}, {month} {d}",
    "{d}-{m}-{y}",
    "{y}/{m}/{d}",
    "{y}-{month}-{d}",
    "{y} {month} {ord}",
)


def skeleton(phrasing: str) -> str:
    """What makes a phrasing itself: its order, its joining words and its forms, without commas, spaces at signs, or a
    leading "on"."""
    return re.sub(r"\s*([-/.])\s*", r"\1", re.sub(r"\s+", " ", re.sub(r"[,:;()]", " ", phrasing))).strip().removeprefix(
        "on ")


_HELD_OUT = tuple(skeleton(phrasing) for phrasing in (*DEVELOPMENT, *TEST))


def is_new(phrasing: str) -> bool:
    """Whether a phrasing is held out, or holds one that is."""
    return any(f" {held} " in f" {skeleton(phrasing)} " for held in _HELD_OUT)


def _training() -> tuple[str, ...]:
    plain = [order.replace("{D}", "{" + day + "}").replace("{Y}", "{" + year + "}")
             for order, days in _ORDERS for day, year in itertools.product(days.split(), ("y", "yw"))]
    # A day of the week goes before what begins with a day or a month.
    named = [before + phrasing for before in ("{w}, ", "{w} ") for phrasing in plain
             if phrasing.startswith(("{d", "{month} {d", "the {", "{month} the"))]
    return tuple(phrasing for phrasing in (*plain, *_NUMERIC, *named) if not is_new(phrasing))


TRAINING = _training()
_NAMED = tuple(phrasing for phrasing in TRAINING if phrasing.startswith("{w}"))
_SIGNS = tuple(phrasing for phrasing in TRAINING if phrasing in _NUMERIC)
_PLAIN = tuple(phrasing for phrasing in TRAINING if phrasing not in _NAMED and phrasing not in _SIGNS)

#: Share of the training texts whose parts stand in a random order, with random joining words. They teach that a month
#: is a month wherever it stands.
LOOSE = 0.2
_JOINTS = (" ", ", ", " of ", " in ", " on ", ", on ", ": ", "; ", " (")


def _loose(random: Random) -> str:
    """Day, month and year in any order, and sometimes the day of the week; never a held-out phrasing."""
    while True:
        day = random.choice(("{d}", "{dth}", "the {dth}", "{ord}", "the {ord}", "the {ord} day", "day {d}"))
        year = random.choice(("{y}", "{yw}", "the year {y}", "the year {yw}"))
        pieces = [day, random.choice(("{month}", "{month}", "the month of {month}")), year]
        if random.random() < 0.2:
            pieces.append("{w}")
        random.shuffle(pieces)
        phrasing = random.choice(("", "", "in ", "on ")) + pieces[0]
        for piece in pieces[1:]:
            joint = random.choice(_JOINTS)
            # Spaces vanish in the tokenizer: without a sign, the digits of a day and of a year would run together.
            phrasing += (", " if joint == " " and phrasing[-2:] in ("d}", "y}") else joint) + piece
        if not is_new(phrasing):
            return phrasing


def draw_phrasing(random: Random) -> str:
    """A phrasing to train on: mostly of words, some with a day of the week, some of signs, some loose."""
    share = random.random()
    if share < LOOSE:
        return _loose(random)
    return random.choice(_PLAIN if share < 0.72 else _NAMED if share < 0.88 else _SIGNS)


# Dates ----------------------------------------------------------------------------------------------------------------


def is_held_out(day: date) -> bool:
    """Whether training never sees this date: one in ten, by a hash of its ISO form."""
    return hashlib.sha256(day.isoformat().encode()).digest()[0] % 10 == 0


def leap_day(year: int) -> date | None:
    """29 February of a leap year, else None."""
    return date(year, 2, 29) if year % 4 == 0 and (year % 100 or year % 400 == 0) else None


def draw_date(random: Random, held_out: bool) -> date:
    """A real date from 1000 to 2099 (Gregorian rules throughout), from the held-out side or from the other."""
    while True:
        day = FIRST + timedelta(days=random.randrange((LAST - FIRST).days + 1))
        if is_held_out(day) == held_out:
            return day


# Spelling -------------------------------------------------------------------------------------------------------------


def suffix(day: int) -> str:
    """st, nd, rd or th."""
    return "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _two_digits(number: int, joint: str) -> str:
    """1 to 99 in words."""
    if number < 10:
        return UNITS[number - 1]
    if number < 20:
        return TEENS[number - 10]
    return TENS[number // 10 - 2] + (joint + UNITS[number % 10 - 1] if number % 10 else "")


def years_in_words(year: int) -> list[str]:
    """The ways to say a year, the usual one first: nineteen ninety-eight, nineteen hundred and ninety-eight."""
    century, rest = divmod(year, 100)
    thousand, hundreds = year // 1000, century % 10
    ways = []
    for joint in ("-", " "):
        end = _two_digits(rest, joint) if rest else ""
        whole = UNITS[thousand - 1] + " thousand" + (f" {UNITS[hundreds - 1]} hundred" if hundreds else "")
        long = [whole + (f" and {end}" if rest else "")] + ([f"{whole} {end}"] if rest and not hundreds else [])
        pair = _two_digits(century, joint)
        short = [f"{pair} {end}" if rest > 9 else f"{pair} oh {end}"] if rest else []
        if hundreds:
            short.append(f"{pair} hundred" + (f" and {end}" if rest else ""))
        ways += [*long, *short] if rest < 10 and not hundreds else [*short, *long]
    return list(dict.fromkeys(ways))


def _spelled(day: date, random: Random) -> dict[str, str]:
    """Every slot, each in a spelling drawn from those it allows."""
    month, ordinal, years = day.month - 1, ORDINALS[day.day - 1], years_in_words(day.year)
    short = random.choice(SHORT_MONTHS[month]) + ("." if random.random() < 0.5 and month != 4 else "")
    week = random.choice(SHORT_WEEKDAYS[day.weekday()]) + ("." if random.random() < 0.5 else "")
    return {
        "d": f"{day.day:02d}" if random.random() < 0.3 else str(day.day),
        "dth": f"{day.day}{suffix(day.day)}",
        "ord": ordinal.replace("-", " ") if random.random() < 0.2 else ordinal,
        "m": f"{day.month:02d}" if random.random() < 0.5 else str(day.month),
        "month": short if random.random() < 0.35 else MONTHS[month],
        "y": str(day.year),
        "yw": years[0] if random.random() < 0.5 else random.choice(years),
        "w": week if random.random() < 0.35 else WEEKDAYS[day.weekday()],
    }


def parts(day: date, phrasing: str, random: Random) -> list[tuple[str, str]]:
    """The date in this phrasing, as stretches of text: (slot, its spelling), and ("", what stands between)."""
    spelled = _spelled(day, random)
    pieces = re.split(r"\{(\w+)\}", phrasing)  # between, slot, between, slot, ..., between
    return [(piece, spelled[piece]) if place % 2 else ("", piece) for place, piece in enumerate(pieces) if piece]


def write(day: date, phrasing: str, random: Random) -> str:
    """The date in this phrasing."""
    return "".join(text for _, text in parts(day, phrasing, random))


#: Words around a date. What is not in the vocabulary is one token to the model, whichever word it is.
BEFORE = ("on", "dated", "born on", "died on", "it was", "since", "until", "a letter of", "written on", "signed",
          "from", "by", "before", "after", "Ada was born on", "the letter was written in Bath on",
          "Mr Hill died at Leeds on", "our train leaves on", "it is", "the date:", "the ship sailed from Cork on",
          "this letter was signed on", "this is dated")
AFTER = (".", ",", "at noon", "in London", "in the evening", "and after", "was a fine day.", ";", "(a holiday)")


def surround(text: str, random: Random) -> str:
    """The date among a few other words: none before it half of the time, none after it mostly."""
    if random.random() < 0.5:
        before = random.choice(BEFORE)
        text = f"{before.removesuffix('on').rstrip() if text.startswith(('in ', 'on ')) else before} {text}".lstrip()
    if random.random() < 0.25:
        after = random.choice(AFTER)
        text += after if after in ".,;" else f" {after}"
    return text


def example(random: Random, phrasing: str, held_out: bool) -> tuple[str, str]:
    """A text with a date, and the date in ISO."""
    day = draw_date(random, held_out)
    return surround(write(day, phrasing, random), random), day.isoformat()
