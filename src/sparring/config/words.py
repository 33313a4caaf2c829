"""What is wrong with a TOML file of ours, in words: the line, the key, what was expected."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sparring.config.lines import Place, line_of
from sparring.config.tables import (
    AuditTable,
    Config,
    DataTable,
    FeatureTable,
    GateTable,
    ModelTable,
    TrainTable,
)
from sparring.errors import nearest

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["Tables", "fault_words"]

Tables = Mapping[tuple[str, ...], tuple[str, type[Any]]]
"""For each place where a table stands what readers call it, and the dataclass with its keys."""

_TABLES: Tables = {
    (): ("the file", Config),
    ("model",): ("[model]", ModelTable),
    ("data",): ("[data]", DataTable),
    ("audit",): ("[[audit]]", AuditTable),
    ("audit", "gate"): ("[audit.gate]", GateTable),
    ("train",): ("[train]", TrainTable),
}
_EXPECTED = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text in quotes",
    "string_too_short": "text that is not empty",
    "too_short": "a list that is not empty",
    "finite_number": "a finite number",
    "greater_than": "above {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "below {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "bool_type": "true or false",
    "timezone_aware": "a date and time with its time zone, such as 2026-12-01T09:00:00+01:00",
}
_LISTS = {
    "audit": "a list of tables, each under a line [[audit]]",
    "features": "a table for each column, such as [features.age]",
    "targets": "a list of texts in quotes",
    "techniques": "a list of texts in quotes",
}


def fault_words(error: ValidationError, text: str, tables: Tables = _TABLES) -> str:
    """The first fault, as the end of a sentence that begins with the name of the file.

    What stands there wrongly comes before what is missing: a misspelt table is both.
    """
    faults = [(_line(text, fault["loc"]), fault) for fault in error.errors(include_url=False)]
    line, fault = min(faults, key=lambda each: (each[1]["type"] == "missing", each[0]))
    context = fault.get("ctx", {})
    return f"line {line}: {_words(fault['type'], fault['loc'], fault['input'], context, tables)}"


def _line(text: str, place: Place) -> int:
    """Where a fault is: at the key, or where the table is that lacks it."""
    found = (line_of(text, place[:depth]) for depth in range(len(place), 0, -1))
    return next((line for line in found if line is not None), 1)


def _words(kind: str, place: Place, given: Any, context: dict[str, Any], tables: Tables) -> str:
    words = tuple(word for word in place if isinstance(word, str))
    columns = FeatureTable if words[:1] == ("features",) else None
    title, table = tables.get(words[:-1], (f"[{'.'.join(words[:-1])}]", columns))
    key = words[-1] if words else ""
    if kind == "unexpected_keyword_argument":
        known = [field.name.rstrip("_") for field in fields(table)] if table else []
        return f'{title} has no key "{key}"; {nearest(key, known)}'
    if kind == "missing":
        return _missing(words, title, tables)
    name = f"{key} of {title}" if len(words) > 1 else tables.get(words, (key, None))[0]
    return f"{name} must be {_expected(kind, words, context, tables)}, but is {_shown(given)}"


def _missing(words: tuple[str, ...], title: str, tables: Tables) -> str:
    if words == ("schema",):
        return "the file does not say which version it is written for; write schema = 1 at its top"
    if words in tables:
        how = "write one, or let sparring init write the file" if tables is _TABLES else "write one"
        return f"the file has no {tables[words][0]}; {how}"
    return f'{title} lacks its key "{words[-1]}"'


def _expected(kind: str, words: tuple[str, ...], context: dict[str, Any], tables: Tables) -> str:
    if kind in _EXPECTED:
        return _EXPECTED[kind].format(**context)
    if kind.startswith("datetime"):
        return _EXPECTED["timezone_aware"]
    return _LISTS.get(words[-1]) or ("a table" if words in tables else "a list of numbers")


def _shown(given: Any) -> str:
    """What stood there, short."""
    text = "a table" if isinstance(given, dict) else json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
