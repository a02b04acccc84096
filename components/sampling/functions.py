"""The two functions that a model may call: a calculator and a calendar. Nothing that a model writes is ever executed.

A call is JSON, `{"function": "calculator", "argument": "100 / 8"}`. A grammar can make sure that it is well-formed. It
cannot make sure that it is the right function, or the right argument.

The calculator is a parser of arithmetic (a descent through Python's own precedence: `**`, unary minus, `* / // %`,
`+ -`) with bounds on length, depth and size. The calendar knows four sentences.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from dataclasses import dataclass

NAMES = ("calculator", "date")
ARGUMENT = 60
# What a grammar holds the model to: one of the two names and a short text.
CALL_SCHEMA = json.dumps({
    "type": "object",
    "properties": {
        "function": {"enum": list(NAMES)},
        "argument": {"type": "string", "minLength": 1, "maxLength": ARGUMENT},
    },
    "required": ["function", "argument"],
    "additionalProperties": False,
}, indent=2)

_LENGTH, _DEPTH, _BITS, _DIGITS = 200, 20, 2_000, 40
Number = int | float


@dataclass(frozen=True)
class Call:
    """What became of a call.

    Attributes:
        function, argument: as the model wrote them; empty where it wrote no call.
        well_formed: whether the text is a call of one of the two functions.
        ran: whether the function could make something of the argument.
        says: its result, or why there is none, as a text.
    """

    function: str
    argument: str
    well_formed: bool
    ran: bool
    says: str


def run_call(text: str, today: datetime.date) -> Call:
    """Read a call out of a model's text and run it. Never raises for what the text holds."""
    try:
        found = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return Call("", "", False, False, "This is no whole JSON, so there is no call to run.")
    if not isinstance(found, dict) or set(found) != {"function", "argument"}:
        return Call("", "", False, False, "This JSON is no call: it needs a function and an argument, nothing else.")
    function, argument = found["function"], found["argument"]
    if function not in NAMES or not isinstance(argument, str):
        return Call("", "", False, False, "This JSON is no call of the calculator or of date.")
    try:
        says = show(calculate(argument)) if function == "calculator" else date(argument, today)
    except ValueError as problem:
        return Call(function, argument, True, False, str(problem))
    return Call(function, argument, True, True, says)


# ---------------------------------------------------------------------------------------------------------- calculator

_TOKEN = re.compile(r"[ \t]*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))|(?P<sign>\*\*|//|[-+*/%()]))")


def calculate(expression: str) -> Number:
    """The value of an arithmetic expression: numbers, `+ - * / // % **`, parentheses, unary signs, as in Python.

    Raises:
        ValueError: something else stands in it, it is too long, too deep or too large, or it divides by zero.
    """
    if not isinstance(expression, str):
        raise ValueError("The calculator reads a text such as 17 * 23.")
    if len(expression) > _LENGTH:
        raise ValueError(f"The expression has {len(expression):,} signs, the calculator reads {_LENGTH}; shorten it.")
    return _Parser(expression).value()


def show(value: Number) -> str:
    """A number as people write it: 12.5, and 2 for 2.0; long ones in full up to 40 digits, then rounded."""
    if isinstance(value, float):
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.12g}"
    if abs(value) < 10**_DIGITS:
        return str(value)
    digits = math.floor(abs(value).bit_length() * math.log10(2))
    return f"a whole number of about {digits:,} digits"


class _Parser:
    """One method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip(" \t"):
            found = _TOKEN.match(text, place)
            if not found:
                sign = text[place:].strip(" \t")[0]
                raise ValueError(f"The calculator cannot read “{sign}”; it knows numbers, + - * / // % ** and ( ).")
            kind = "number" if found["number"] else "sign"
            self._tokens.append((kind, found[kind]))
            place = found.end()
        self._at = 0
        self._depth = 0

    def value(self) -> Number:
        if not self._tokens:
            raise ValueError("The expression is empty; the calculator needs something such as 17 * 23.")
        found = self._sum()
        if self._at < len(self._tokens):
            raise ValueError(f"“{self._tokens[self._at][1]}” cannot stand there; the calculator expected a sign or the "
                             "end.")
        return found

    def _sign(self, *signs: str) -> str:
        if self._at < len(self._tokens) and self._tokens[self._at] in [("sign", one) for one in signs]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return ""

    def _sum(self) -> Number:
        value = self._product()
        while sign := self._sign("+", "-"):
            right = self._product()
            value = _bounded(value + right if sign == "+" else value - right)
        return value

    def _product(self) -> Number:
        value = self._signed()
        while sign := self._sign("*", "//", "/", "%"):
            value = _product(sign, value, self._signed())
        return value

    def _signed(self) -> Number:
        self._deeper()
        try:
            if sign := self._sign("-", "+"):
                value = self._signed()
                return -value if sign == "-" else +value
            return self._power()
        finally:
            self._depth -= 1

    def _power(self) -> Number:
        base = self._atom()
        # `**` binds more tightly than a sign before it, less than one after it, and from the right.
        return _power(base, self._signed()) if self._sign("**") else base

    def _atom(self) -> Number:
        if self._sign("("):
            value = self._sum()
            if not self._sign(")"):
                raise ValueError("A parenthesis is not closed; the calculator expected ).")
            return value
        if self._at >= len(self._tokens):
            raise ValueError("The expression ends too early; a number is missing.")
        kind, text = self._tokens[self._at]
        if kind != "number":
            raise ValueError(f"“{text}” cannot stand there; the calculator expected a number.")
        self._at += 1
        if len(text) > _DIGITS:
            raise ValueError(f"A number has {len(text)} signs and the calculator reads {_DIGITS}; shorten it.")
        if text.isdigit():
            if len(text) > 1 and text[0] == "0" and text.strip("0"):
                raise ValueError(f"“{text}” begins with 0; write it without.")
            return int(text)
        return float(text)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError(f"The expression is nested more than {_DEPTH} deep; take some parentheses out.")


def _bounded(value: Number) -> Number:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("The result is too large for the calculator; use smaller numbers.")
    elif value.bit_length() > _BITS:
        raise ValueError("The result is too large for the calculator (over 600 digits); use smaller numbers.")
    return value


def _product(sign: str, left: Number, right: Number) -> Number:
    try:
        if sign == "*":
            return _bounded(left * right)
        if sign == "/":
            return _bounded(left / right)
        return _bounded(left // right if sign == "//" else left % right)
    except ZeroDivisionError as problem:
        raise ValueError("The expression divides by zero; no number is the result.") from problem
    except OverflowError as problem:
        raise ValueError("The result is too large for the calculator; use smaller numbers.") from problem


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * max(1, base.bit_length()) > _BITS:
        # Before it is computed: 9 ** 9 ** 9 would fill the memory. 0, 1 and -1 stay small.
        if abs(base) > 1:
            raise ValueError("The power is too large for the calculator (over 600 digits); use smaller numbers.")
        exponent = exponent % 2 + 2 if exponent > 0 else -(exponent % 2 + 2)
    try:
        value = base**exponent
    except ZeroDivisionError as problem:
        raise ValueError("Zero has no negative power; no number is the result.") from problem
    except OverflowError as problem:
        raise ValueError("The power is too large for the calculator; use smaller numbers.") from problem
    if isinstance(value, complex):
        raise ValueError("A negative number has no such power among the real numbers.")
    return _bounded(value)


# ------------------------------------------------------------------------------------------------------------ calendar

_DAY = r"(today|[0-9]{4}-[0-9]{2}-[0-9]{2})"
_PATTERNS = {
    "day": re.compile(rf"{_DAY}"),
    "weekday": re.compile(rf"weekday(?: of)? {_DAY}"),
    "between": re.compile(rf"days (?:from|between) {_DAY} (?:to|and) {_DAY}"),
    "add": re.compile(rf"{_DAY} ([+-]) ([0-9]{{1,5}}) days?"),
}


def date(argument: str, today: datetime.date) -> str:
    """What the calendar says to one of four arguments.

    `today` or a day such as `2026-12-24`; `weekday of DAY`; `days from DAY to DAY`; `DAY + 30 days` (or `-`).

    Raises:
        ValueError: another text, or a day that does not exist.
    """
    for kind, pattern in _PATTERNS.items():
        found = pattern.fullmatch(argument.strip(" "))
        if not found:
            continue
        day = _day(found[1], today)
        if kind == "day":
            return day.isoformat()
        if kind == "weekday":
            return WEEKDAYS[day.weekday()]
        if kind == "between":
            days = (_day(found[2], today) - day).days
            return f"{days:,} day" + ("" if abs(days) == 1 else "s")
        try:
            return (day + datetime.timedelta(days=int(found[2] + found[3]))).isoformat()
        except OverflowError as problem:
            raise ValueError("That day lies outside the calendar (the years 1 to 9999); use fewer days.") from problem
    raise ValueError("The calendar cannot read this; it knows today, weekday of DAY, days from DAY to DAY and "
                     "DAY + 30 days, where DAY is today or such as 2026-12-24.")


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _day(text: str, today: datetime.date) -> datetime.date:
    if text == "today":
        return today
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as problem:
        raise ValueError(f"There is no day {text}; write year, month and day, such as 2026-12-24.") from problem
