"""What llguidance says is wrong with a shape -> a sentence that says what to do."""

from __future__ import annotations

import re


def line(problem: object) -> str:
    """The first line of an error, shortened."""
    return (str(problem).strip().splitlines() or ["no reason given"])[0][:200]


def never(kind: str) -> str:
    """For a shape that leaves no token at its very beginning."""
    name = {"json": "schema", "regex": "regular expression"}.get(kind, "shape")
    return f"No text can meet this {name}: it asks for things that exclude each other; loosen one of them."


def _large(says: str) -> bool:
    return any(mark in says for mark in ("too many", "too large", "too big", "limit", "fuel", "exceeds", "TooComplex"))


def door_trouble(kind: str, says: str) -> str:
    """For a shape that llguidance refuses."""
    if kind == "json":
        return _schema_trouble(says)
    if kind != "regex":
        return f"llguidance cannot use these choices ({line(says)}); change them."
    if _large(says):
        return "This regular expression grows too large (it explodes); use smaller counts such as {1,20}."
    reason = re.search(r"error: (.+)", says) or re.search(r"\(in regex\): ([^\n;]+)", says)
    why = reason[1].strip() if reason else line(says)
    return f"This regular expression cannot be used: {why}; mend that part."


def _schema_trouble(says: str) -> str:
    first = line(says)
    if first.startswith("Unsatisfiable schema: "):
        return f"No text can meet this schema: {first.removeprefix('Unsatisfiable schema: ')}; change that part."
    unknown = re.match(r"Unimplemented keys: (\[.*\])", first)
    if unknown:
        names = ", ".join(re.findall(r'"([^"]+)"', unknown[1]))
        return f"llguidance does not know {names} in a schema; leave it out, since it could not be enforced."
    if "oneOf" in first:
        return "llguidance cannot enforce oneOf here; use anyOf instead, or options that exclude each other."
    if "not present in a registry" in first:
        return "This schema refers to something outside itself, and nothing is fetched; copy that part in under $defs."
    if _large(first):
        return "This schema grows too large (it explodes); use smaller counts."
    reason = re.search(r"error: (.+)", says)
    why = f"a pattern in it: {reason[1].strip()}" if reason else first
    return f"This is no schema that llguidance understands ({why}); change that part."


def step_trouble(says: str) -> str:
    """For a shape that went wrong while a text was written."""
    if _large(says):
        return "The shape grew too large to follow at this token (too many states: it explodes); use smaller counts."
    return f"The output left the shape here ({line(says)}); start again."
