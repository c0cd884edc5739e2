"""Filters against a plain Python oracle, and what people get to read when one is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openitr.collection import Collection, parse_where
from openitr.collection.filters import has_words
from openitr.collection.sidecars import Words
from openitr.errors import FilterError

_FOLDERS = ["", "a", "a/b", "ab", "a'b", "日本", "%"]
_COLOURS = ["red", "Red", "blue'; DROP TABLE items; --", "10"]
_DATES = ["2023-12-31", "2024-05-01T10:00:00", "2024-05-31T23:59:59", "2024-06-01"]
_TAGS = ["dog", "big dog", "cat", "10"]


def catalogue() -> list[dict[str, Any]]:
    """60 items with every type of field, some without."""
    rows = []
    for n in range(60):
        row: dict[str, Any] = {
            "id": n + 1,
            "path": f"{_FOLDERS[n % 7]}/p{n}.jpg".lstrip("/"),
            "folder": _FOLDERS[n % 7],
            "name": f"p{n}.jpg",
            "width": 100 * (n % 9 + 1),
            "height": 300,
            "size": n * n,
            "format": ["jpeg", "png"][n % 2],
            "captions": [["a dog runs"], ["Two Dogs", "on grass"], []][n % 3],
        }
        if n % 4:
            row["colour"] = _COLOURS[n % 4]
        if n % 5:
            row["taken_at"] = _DATES[n % 4]
        if n % 2:
            row["tags"] = [_TAGS[n % 4], _TAGS[(n + 1) % 4]]
        if n % 3:
            row["stars"] = (n % 6) - 0.5 if n % 7 else n % 6
        if n % 6:
            row["kept"] = n % 4 == 0
        rows.append(row)
    return rows


ROWS = catalogue()
_META = ("colour", "tags", "stars", "kept")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Collection.create(tmp_path_factory.mktemp("filters") / "c") as collection:
        with collection.writing() as writer, writer.batch() as db:
            db.execute("INSERT INTO roots VALUES (1, '/pictures', '')")
            for row in ROWS:
                facts = {k: row[k] for k in ("width", "height", "size", "format")}
                facts |= {"sha256": f"{row['id']:064x}", "mtime_ns": 0, "phash": 0}
                fields = {k: row[k] for k in ("taken_at",) if k in row}
                words = Words({k: row[k] for k in _META if k in row}, row["captions"])
                writer.put_item(row["id"], 1, row["path"], facts, fields, [], words, "")
        yield collection


def ids(collection: Collection, where: Any) -> set[int]:
    found = collection.matching(where)
    assert found is not None
    assert found.tolist() == sorted(found.tolist())
    return set(found.tolist())


def equal(value: Any, wanted: Any, field: str) -> bool:
    """Whether one stored value equals what was asked for."""
    if field == "folder":
        inside = wanted.strip("/").removeprefix("./")
        return inside in ("", ".") or value == inside or value.startswith(f"{inside}/")
    if isinstance(value, bool):
        return str(wanted).lower() == str(value).lower()
    if isinstance(value, int | float):
        try:
            return float(value) == float(wanted)
        except (TypeError, ValueError):
            return False
    return value.startswith(str(wanted)) if field == "taken_at" else value == str(wanted)


def passes(row: dict[str, Any], field: str, test: str, wanted: Any) -> bool:
    """The meaning of one test, in plain words."""
    value = row.get(field)
    values = [] if value is None else value if isinstance(value, list) else [value]
    if test in ("eq", "ne", "in"):
        options = wanted if isinstance(wanted, list) else [wanted]
        held = [any(equal(v, one, field) for v in values) for one in options]
        return all(held) if test == "eq" else any(held) if test == "in" else not any(held)
    if test == "match":
        return any(all(w in re.findall(r"\w+", v.casefold()) for w in wanted.casefold().split()) for v in values)
    below = {"gte": lambda a, b: a >= b, "lte": lambda a, b: a <= b}[test]
    return any(below(v[: len(wanted)] if isinstance(v, str) else v, wanted) for v in values)


_NUMBERS = st.sampled_from([-0.5, 0, 1, 1.5, 100, 500, 900, 3600])
_WORDS = st.sampled_from(["dog", "DOGS two", "grass", "a", "red", "drop", "cat"])
_EQUAL = {
    "folder": st.sampled_from([*_FOLDERS, "b", "a/", "nowhere", "_"]),
    "name": st.sampled_from(["p3.jpg", "P3.jpg"]),
    "path": st.sampled_from(["a/p1.jpg", "p0.jpg"]),
    "format": st.sampled_from(["png", "gif"]),
    "width": st.sampled_from([100, "200", 1]),
    "stars": st.sampled_from([0.5, "1.5", 3]),
    "colour": st.sampled_from([*_COLOURS, "green"]),
    "tags": st.sampled_from([*_TAGS, "do"]),
    "kept": st.sampled_from([True, "false"]),
    "taken_at": st.sampled_from(["2024", "2024-05", "2024-06-01", "2023-12-31"]),
    "captions": st.sampled_from(["a dog runs", "on grass"]),
}
_TEST = st.one_of(
    *[
        st.tuples(st.just(field), st.sampled_from(["eq", "ne", "in"]), st.lists(values, min_size=1, max_size=3))
        for field, values in _EQUAL.items()
    ],
    st.tuples(st.sampled_from(["width", "size", "stars"]), st.sampled_from(["gte", "lte"]), _NUMBERS),
    st.tuples(st.just("taken_at"), st.sampled_from(["gte", "lte"]), st.sampled_from(["2024", "2024-05", *_DATES])),
    st.tuples(st.sampled_from(["captions", "colour", "tags", "name"]), st.just("match"), _WORDS),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tests=st.lists(_TEST, min_size=1, max_size=3))
def test_any_filter_means_what_it_says(collection: Collection, tests: list[tuple[str, str, Any]]) -> None:
    where: dict[str, dict[str, Any]] = {}
    for field, test, value in tests:
        where.setdefault(field, {})[test] = value
    expected = {
        row["id"] for row in ROWS if all(passes(row, f, t, v) for f, inner in where.items() for t, v in inner.items())
    }
    assert ids(collection, where) == expected


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        where = parse_where([text])
    except FilterError:
        return
    assert len(where) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    field=st.sampled_from([*_EQUAL, "size", "height", "x' OR 1=1 --", ""]),
    test=st.sampled_from(["eq", "ne", "gte", "lte", "in", "match", "sql"]),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.text(max_size=3)),
        st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
    ),
)  # fmt: skip
def test_any_value_filters_or_is_refused(collection: Collection, field: str, test: str, value: Any) -> None:
    """Nothing a caller sends ends as an SQL error or changes the table."""
    try:
        collection.matching({field: {test: value}})
    except FilterError as error:
        assert error.message
    assert len(collection) == 60


def test_expressions() -> None:
    assert parse_where([]) == {}
    assert parse_where(["folder=holidays"]) == {"folder": {"eq": "holidays"}}
    assert parse_where(["width>=800", "width<=1600"]) == {"width": {"gte": 800, "lte": 1600}}
    assert parse_where([" tag = a | b "]) == {"tag": {"in": ["a", "b"]}}
    assert parse_where([r"tag=a\|b"]) == {"tag": {"eq": "a|b"}}
    assert parse_where(["tag!=a|b"]) == {"tag": {"ne": ["a", "b"]}}
    assert parse_where(["tag=a", "tag=b"]) == {"tag": {"eq": ["a", "b"]}}
    assert parse_where(["tag=a|b", "tag=c|d"]) == {"tag": {"in": [["a", "b"], ["c", "d"]]}}
    assert parse_where(["t~dog", "t~two"]) == {"t": {"match": "dog two"}}
    assert parse_where(["w>=5", "w>=7", "w<=9", "w<=8"]) == {"w": {"gte": 7, "lte": 8}}
    assert parse_where(["taken_at>=2024-05"]) == {"taken_at": {"gte": "2024-05"}}
    assert parse_where(["title=x=y"]) == {"title": {"eq": "x=y"}}
    for wrong in ("", "dogs", "=x", ">=3", "a<3", "a>3"):
        with pytest.raises(FilterError):
            parse_where([wrong])


def test_repeats_are_joined_by_and(collection: Collection) -> None:
    both = ids(collection, parse_where(["tags=dog", "tags=10"]))
    assert both == {r["id"] for r in ROWS if {"dog", "10"} <= set(r.get("tags", []))} != set()
    either = ids(collection, parse_where(["tags=dog|cat", "tags=10|cat"]))
    expected = {r["id"] for r in ROWS if set(r.get("tags", ())) & {"dog", "cat"} and set(r["tags"]) & {"10", "cat"}}
    assert either == expected != set()


def test_no_filter_is_none_and_not_everything(collection: Collection) -> None:
    assert collection.matching({}) is None and collection.matching(None) is None


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"colur": {"eq": "red"}}, "colour"),
        ({"widht": {"gte": 3}}, "width"),
        ({"width": {"gte": "wide"}}, "width>=800"),
        ({"width": {"match": "8"}}, "has no words"),
        ({"colour": {"gte": "red"}}, "no order"),
        ({"taken_at": {"gte": "yesterday"}}, "2024-05"),
        ({"width": {"eq": "wide"}}, "is a number"),
        ({"kept": {"eq": "maybe"}}, "is a bool"),
        ({"colour": {"in": "red"}}, "needs a list"),
        ({"colour": {"in": []}}, "0 values"),
        ({"colour": {"like": "r%"}}, "there is no test"),
        ({"colour": "red"}, "needs a test"),
        ({"colour": {"match": "--"}}, "no word"),
        ([("colour", "red")], "an object"),
    ],
)
def test_what_is_wrong_is_said_with_the_way_out(collection: Collection, where: Any, words: str) -> None:
    with pytest.raises(FilterError) as caught:
        collection.matching(where)
    assert words in str(caught.value)


def test_a_fact_that_no_item_has_finds_nothing(collection: Collection) -> None:
    assert ids(collection, {"camera": {"eq": "Leica"}}) == set()


def test_words_of_scripts_without_spaces() -> None:
    assert has_words("一只狗在草地上奔跑", "狗") and not has_words("一只猫", "狗")
    assert has_words("STRASSE", "straße") and not has_words(None, "x")


def test_fields_are_listed_with_their_types(collection: Collection) -> None:
    fields = collection.fields()
    assert fields["stars"] == ["number"] and fields["tags"] == ["set"] and fields["kept"] == ["bool"]
    assert fields["taken_at"] == ["date"] and "camera" in fields


def test_a_database_is_not_changed_by_reading(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="readonly"):
        collection.store.read.execute("DELETE FROM items")
