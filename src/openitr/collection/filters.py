"""Filters: ``--where`` expressions to their JSON form, and that to SQL with bound values.

    field=v      eq      equal; for a date: within that year, month or day; for a set or captions: has v
    field!=v     ne      not (field=v); an item without the field passes
    field>=v     gte     numbers and dates, dates to the precision of v
    field<=v     lte     likewise: taken_at<=2024-05 includes all of May
    field=a|b    in      equal to any of them (write \\| for a plain bar)
    field~words  match   every word occurs in the text, upper and lower case alike

Repeats are joined by and. Fields are those of every item (path, folder, name, format, width, height, size, captions),
what files say of themselves (taken_at, camera, ...) and any metadata. ``folder=a`` is a folder and all below it.
"""

from __future__ import annotations

import difflib
import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from openitr.errors import FilterError

Where = dict[str, dict[str, Any]]
Known = Mapping[str, set[str]]
Sql = tuple[str, list[Any]]

_OPERATORS = {"!=": "ne", ">=": "gte", "<=": "lte", "=": "eq", "~": "match"}
_EXPRESSION = re.compile(r"\s*(?P<field>[^=!<>~]+?)\s*(?P<test>!=|>=|<=|=|~)(?P<value>.*)", re.DOTALL)
_TESTS = ("eq", "ne", "gte", "lte", "in", "match")
_MAX_VALUES = 1000

# Columns of an item and their types.
_COLUMNS = {
    "path": "text",
    "folder": "text",
    "name": "text",
    "format": "text",
    "width": "number",
    "height": "number",
    "size": "number",
}
# What files say of themselves; named here so that asking for one that no item has is no mistake.
_FACTS = {
    "taken_at": "date",
    "camera": "text",
    "lens": "text",
    "latitude": "number",
    "longitude": "number",
    "altitude": "number",
    "iso": "number",
    "focal_length": "number",
    "aperture": "number",
    "exposure": "number",
    "description": "text",
    "artist": "text",
}
_WORD = re.compile(r"\w+")
# Scripts written without spaces between words: there, a part of the text is a match.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def parse_where(expressions: Sequence[str]) -> Where:
    """``--where`` expressions as a filter in JSON form.

    Raises:
        FilterError: An expression without field or operator.

    >>> parse_where(["folder=holidays", "width>=800", "tag=a|b", "title~dog"])
    {'folder': {'eq': 'holidays'}, 'width': {'gte': 800}, 'tag': {'in': ['a', 'b']}, 'title': {'match': 'dog'}}
    """
    where: Where = {}
    for expression in expressions:
        found = _EXPRESSION.fullmatch(expression)
        if found is None:
            raise FilterError(f"cannot read the filter {expression!r}", "write field=value, !=, >=, <=, a|b or ~word")
        field, test, text = found["field"], _OPERATORS[found["test"]], found["value"].strip()
        value: Any = text
        parts = [part.replace("\\|", "|").strip() for part in re.split(r"(?<!\\)\|", text)]
        if test in ("eq", "ne"):
            value = parts if len(parts) > 1 else parts[0]
            test = "in" if len(parts) > 1 and test == "eq" else test
        elif test in ("gte", "lte"):
            value = _number(text) if _number(text) is not None else text
        tests = where.setdefault(field, {})
        tests[test] = _both(field, test, tests[test], value) if test in tests else value
    return where


def _both(field: str, test: str, first: Any, second: Any) -> Any:
    """One value that asks what two asked: a list holds for eq when all of it does, for ne when none does."""
    if test == "match":
        return f"{first} {second}"
    if test in ("eq", "ne"):
        return [*(first if isinstance(first, list) else [first]), *(second if isinstance(second, list) else [second])]
    if test == "in":
        return [*(first if isinstance(first[0], list) else [first]), second]
    if type(first) is not type(second) and (isinstance(first, str) or isinstance(second, str)):
        raise FilterError(f"{field} is compared with a number and a text", "compare it with one of them")
    return max(first, second) if test == "gte" else min(first, second)


def _number(value: Any) -> int | float | None:
    """A finite number from a number or its text, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = int(value) if re.fullmatch(r"[+-]?\d{1,18}", value) else float(value)
        except ValueError:
            return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        # SQLite's integers end there; a float keeps the order.
        value = float(value) if abs(value) < 10**300 else None
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def known_fields(db: sqlite3.Connection) -> dict[str, set[str]]:
    """Every field that can be asked for, with the types it has."""
    known = {name: {kind} for name, kind in (*_COLUMNS.items(), *_FACTS.items())}
    known["captions"] = {"set"}
    for name, kind in db.execute("SELECT DISTINCT name, kind FROM fields"):
        if name not in _COLUMNS and name != "captions":
            known.setdefault(name, set()).add(kind)
    return known


def teach(db: sqlite3.Connection) -> None:
    """Give a connection the one function that filters need beside SQL."""
    db.create_function("has_words", 2, has_words, deterministic=True)


def has_words(text: Any, words: str) -> bool:
    """Whether every word occurs in a text, upper and lower case alike.

    >>> has_words("Two Dogs, running", "dogs two"), has_words("hotdogs", "dogs")
    (True, False)
    """
    if not isinstance(text, str):
        return False
    folded = text.casefold()
    present = set(_WORD.findall(folded))
    wanted = _WORD.findall(words.casefold())
    return all(word in present or (_UNSPACED.search(word) is not None and word in folded) for word in wanted)


def compile(where: Mapping[str, Mapping[str, Any]], known: Known) -> tuple[str, list[Any]]:
    """A condition on the table ``items`` and the values bound to it.

    Raises:
        FilterError: An unknown field (the closest known ones are named), an unknown test, or a value that the
            field's type cannot be compared with.
    """
    if not isinstance(where, Mapping):
        raise FilterError(f"a filter is an object, not {type(where).__name__}", 'like {"width": {"gte": 800}}')
    conditions: list[str] = []
    values: list[Any] = []
    for field, tests in where.items():
        if field not in known:
            near = difflib.get_close_matches(str(field), list(known), 3) or sorted(known)[:8]
            raise FilterError(f"there is no field {field!r}", f"did you mean {', '.join(near)}?")
        if not isinstance(tests, Mapping) or not tests:
            raise FilterError(f"{field} needs a test", 'like {"eq": "value"}')
        for test, value in tests.items():
            if test not in _TESTS:
                raise FilterError(f"{field}: there is no test {test!r}", f"use one of {', '.join(_TESTS)}")
            sql, bound = _test(field, test, value, set(known[field]))
            conditions.append(sql)
            values += bound
    return " AND ".join(conditions) or "1", values


def _test(field: str, test: str, value: Any, kinds: set[str]) -> Sql:
    if test in ("eq", "in", "ne"):
        many = value if isinstance(value, list | tuple) else [value]
        if not 1 <= len(many) <= _MAX_VALUES:
            raise FilterError(f"{field}: {len(many)} values", f"give 1 to {_MAX_VALUES}")
        if test == "in" and isinstance(many[0], list | tuple):
            return _joined("AND", [_test(field, "in", part, kinds) for part in many])
        if test == "in" and not isinstance(value, list | tuple):
            raise FilterError(f"{field}: in needs a list", 'like {"in": ["a", "b"]}')
        sql, bound = _joined("AND" if test == "eq" else "OR", [_equal(field, one, kinds) for one in many])
        return (f"NOT {sql}", bound) if test == "ne" else (sql, bound)
    if test == "match":
        if not isinstance(value, str) or not _WORD.search(value):
            raise FilterError(f"{field}: {value!r} holds no word", "give a word to look for")
        if not kinds & {"text", "set", "date"}:
            raise FilterError(f"{field} is a {_names(kinds)}, which has no words", "use =, >= or <=")
        return _where(field, kinds, {"text", "set", "date"}, "has_words({}, ?)", [value])
    return _compare(field, test, value, kinds)


def _equal(field: str, value: Any, kinds: set[str]) -> Sql:
    """Equal in any of the types that the field has and the value can be."""
    if field == "folder":
        folder = _wanted_text(field, value).strip("/").removeprefix("./")
        return _within(folder)
    tests: list[Sql] = []
    number = _number(value)
    if "number" in kinds and number is not None:
        tests.append(_where(field, kinds, {"number"}, "{} = ?", [number]))
    if "bool" in kinds and str(value).lower() in ("true", "false"):
        tests.append(_where(field, kinds, {"bool"}, "{} = ?", [int(str(value).lower() == "true")]))
    if isinstance(value, str | int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if kinds & {"text", "set"}:
            tests.append(_where(field, kinds, {"text", "set"}, "{} = ?", [text]))
        if "date" in kinds and text:
            tests.append(_where(field, kinds, {"date"}, "substr({}, 1, ?) = ?", [len(text), text]))
    if not tests:
        raise FilterError(f"{field} is a {_names(kinds)}; {value!r} is none", "compare it with a value of its type")
    return _joined("OR", tests)


def _within(folder: str) -> Sql:
    if folder in ("", "."):
        return "1", []
    # "0" is the character behind "/": everything that starts with "folder/".
    return "(folder = ? OR (folder >= ? AND folder < ?))", [folder, f"{folder}/", f"{folder}0"]


def _compare(field: str, test: str, value: Any, kinds: set[str]) -> Sql:
    sign = ">=" if test == "gte" else "<="
    tests: list[Sql] = []
    number = _number(value)
    if "number" in kinds and number is not None:
        tests.append(_where(field, kinds, {"number"}, f"{{}} {sign} ?", [number]))
    if "date" in kinds and isinstance(value, str | int) and re.match(r"\d{4}", str(value)):
        tests.append(_where(field, kinds, {"date"}, f"substr({{}}, 1, ?) {sign} ?", [len(str(value)), str(value)]))
    if not tests and kinds & {"number", "date"}:
        example = "800" if "number" in kinds else "2024-05"
        raise FilterError(f"{field} is a {_names(kinds)}; {value!r} is none", f"write {field}{sign}{example}")
    if not tests:
        raise FilterError(f"{field} is a {_names(kinds)}, which has no order", "use =, != or ~")
    return _joined("OR", tests)


def _where(field: str, kinds: set[str], wanted: set[str], test: str, values: list[Any]) -> Sql:
    """A test on a column, on captions, or on the fields of some types."""
    if field in _COLUMNS:
        column = f"items.{field}"
        # A file name that is no valid text lies there as bytes; what can be read of it takes part.
        return test.format(f"CAST({column} AS TEXT)" if _COLUMNS[field] == "text" else column), values
    if field == "captions":
        return f"EXISTS (SELECT 1 FROM captions c WHERE c.item = items.id AND {test.format('c.text')})", values
    marks = ", ".join("?" * len(kinds & wanted))
    inner = f"SELECT item FROM fields WHERE name = ? AND kind IN ({marks}) AND {test.format('value')}"
    return f"items.id IN ({inner})", [field, *sorted(kinds & wanted), *values]


def _joined(word: str, tests: Sequence[Sql]) -> Sql:
    """Tests as a balanced tree: SQLite refuses one that is a thousand deep."""
    if len(tests) == 1:
        return f"({tests[0][0]})", list(tests[0][1])
    half = len(tests) // 2
    (one, first), (other, second) = _joined(word, tests[:half]), _joined(word, tests[half:])
    return f"({one} {word} {other})", first + second


def _wanted_text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise FilterError(f"{field} is a text; {value!r} is none", "give a text")
    return value


def _names(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))
