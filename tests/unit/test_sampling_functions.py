"""The calculator against Python's own arithmetic, hostile input, the calendar, and calls."""

from __future__ import annotations

import ast
import datetime
import json
import operator
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sampling import functions
from components.sampling.functions import calculate, date, run_call, show

TODAY = datetime.date(2026, 11, 21)  # a Saturday

OPERATORS: dict[type, Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow, ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def by_python(text: str) -> Any:
    """Python's own reading of the expression, walked node by node."""

    def walk(node: Any) -> Any:
        if isinstance(node, ast.Expression):
            return walk(node.body)
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp):
            return OPERATORS[type(node.op)](walk(node.operand))
        return OPERATORS[type(node.op)](walk(node.left), walk(node.right))

    return walk(ast.parse(text.strip(), mode="eval"))


def outcome(read: Callable[[str], Any], text: str) -> tuple[Any, str]:
    """The value, or None and why there is none."""
    try:
        return read(text), ""
    except (ValueError, ArithmeticError, SyntaxError, TypeError) as problem:
        return None, str(problem)


def expression(chance: random.Random, depth: int) -> str:
    gap = chance.choice(["", " ", "  "])
    if depth == 0 or chance.random() < 0.25:
        return chance.choice(["0", "1", "2", "3", "7", "12", "100", "2.5", ".5", "3.", "0.0"])
    kind = chance.random()
    if kind < 0.15:
        return chance.choice("-+") + gap + expression(chance, depth - 1)
    if kind < 0.35:
        return f"({gap}{expression(chance, depth - 1)})"
    sign = chance.choice(["+", "-", "*", "/", "//", "%", "**"])
    return f"{expression(chance, depth - 1)}{gap}{sign}{gap}{expression(chance, depth - 1)}"


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.integers(0, 10**9))
def test_the_calculator_reads_as_python_does(seed: int) -> None:
    text = expression(random.Random(seed), 4)[:200]
    mine, problem = outcome(calculate, text)
    if any(word in problem for word in ("large", "deep", "signs")):
        return  # bounded where Python goes on
    theirs, _ = outcome(by_python, text)
    if isinstance(theirs, complex):
        theirs = None
    assert mine == theirs
    assert type(mine) is type(theirs)


@pytest.mark.parametrize(("text", "value"), [
    ("17 * 23", "391"), ("100 / 8", "12.5"), ("-2 ** 2", "-4"), ("2 ** -1", "0.5"), ("2 ** 3 ** 2", "512"),
    ("(1 + 2) * 3 % 4", "1"), ("7 // 2 - - 3", "6"), ("6 / 3", "2"), ("0.1 + 0.2", "0.3"), ("1 ** 99999999999", "1"),
    ("(-1) ** 99999999999", "-1"), ("0 ** 100000", "0"), ("2 ** 100", str(2**100)),
    ("2 ** 1000", "a whole number of about 301 digits"),
])
def test_hand_worked(text: str, value: str) -> None:
    assert show(calculate(text)) == value


@pytest.mark.parametrize(("text", "says"), [
    ("", "empty"), ("   ", "empty"), ("9 ** 9 ** 9", "too large"), ("9**9**9**9**9", "too large"),
    ("(((10**40)**10)**4)**4", "too large"), ("10.0 ** 400", "too large"), ("1e400", "cannot read “e”"),
    ("(" * 60 + "1" + ")" * 60, "nested"), ("-" * 150 + "1", "nested"), ("1" * 60, "shorten"), ("1+" * 300, "shorten"),
    ("\u0661 + 1", "cannot read"), ("\uff11", "cannot read"), ("x + 1", "cannot read “x”"),
    ("__import__('os')", "cannot read"), ("1 / 0", "zero"), ("5 % 0", "zero"), ("5 // 0.0", "zero"),
    ("0 ** -1", "Zero"), ("(-8) ** .5", "negative number"), ("2 +", "ends too early"), ("(2", "not closed"),
    ("2 3", "cannot stand"), ("* 2", "cannot stand"), ("1,000 * 2", "cannot read “,”"), ("007", "begins with 0"),
    ("1 \n+ 2", "cannot read"), ("2 ** 0.5 ** -2000", "too large"), ("\ud800", "cannot read"), ("3 = 3", "cannot read"),
])
def test_hostile_input_is_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        calculate(text)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(alphabet=st.sampled_from("0123456789.+-*/%() eE_jx\t\u0663"), max_size=220) | st.text(max_size=40))
def test_no_text_gets_past_the_parser(text: str) -> None:
    value, problem = outcome(calculate, text)
    assert problem.endswith(".") if value is None else len(show(value)) < 60


@pytest.mark.parametrize(("argument", "says"), [
    ("today", "2026-11-21"), ("weekday of today", "Saturday"), ("weekday of 2026-12-25", "Friday"),
    ("weekday 2000-02-29", "Tuesday"), ("days from today to 2026-12-25", "34 days"),
    ("days between 2026-12-25 and today", "-34 days"), ("days from today to 2026-11-22", "1 day"),
    ("today + 30 days", "2026-12-21"), ("2024-03-01 - 1 day", "2024-02-29"), (" today ", "2026-11-21"),
])
def test_the_calendar(argument: str, says: str) -> None:
    assert date(argument, TODAY) == says


@pytest.mark.parametrize(("argument", "says"), [
    ("2023-02-29", "no day"), ("weekday of 2026-13-01", "no day"), ("today + 99999 weeks", "cannot read"),
    ("9999-12-31 + 1 day", "outside"), ("0001-01-01 - 99999 days", "outside"), ("", "cannot read"),
    ("TODAY", "cannot read"), ("today; rm -rf", "cannot read"), ("today + 123456 days", "cannot read"),
    ("\u0662\u0660\u0662\u0664-01-01", "cannot read"), ("0000-01-01", "no day"),
])
def test_the_calendar_refuses_in_a_sentence(argument: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        date(argument, TODAY)


@pytest.mark.parametrize(("text", "well_formed", "ran", "says"), [
    ('{"function": "calculator", "argument": "100 / 8"}', True, True, "12.5"),
    ('{"function": "date", "argument": "weekday of 2026-12-25"}', True, True, "Friday"),
    ('{"function": "date", "argument": "17 times 23"}', True, False, "cannot read"),
    ('{"function": "calculator", "argument": "10 / 0"}', True, False, "zero"),
    ('{"function": "eval", "argument": "1"}', False, False, "no call"),
    ('{"function": ["date"], "argument": "today"}', False, False, "no call"),
    ('{"function": "calculator", "argument": 3}', False, False, "no call"),
    ('{"function": "date"}', False, False, "needs a function"), ("[1]", False, False, "needs a function"),
    ('{"function": "calculator", "argu', False, False, "no whole JSON"), ("[" * 5000, False, False, "no whole JSON"),
])
def test_calls(text: str, well_formed: bool, ran: bool, says: str) -> None:
    call = run_call(text, TODAY)
    assert (call.well_formed, call.ran) == (well_formed, ran)
    assert says in call.says


def test_the_schema_names_the_functions_that_run() -> None:
    schema = json.loads(functions.CALL_SCHEMA)
    assert schema["properties"]["function"]["enum"] == list(functions.NAMES)
    for name in functions.NAMES:
        assert run_call(json.dumps({"function": name, "argument": "today"}), TODAY).well_formed
