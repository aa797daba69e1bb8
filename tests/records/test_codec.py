"""Plain data are checked by their schema, and a fault is named by its path."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, strategies as st
from msgspec import Struct

from voxaffect.records.codec import check, check_lines, round_numbers, to_json, to_plain


class Part(Struct):
    amount: float
    names: list[str] = []


class Whole(Struct, forbid_unknown_fields=True):
    parts: dict[str, dict[str, Part]]
    rows: list[Part] = []


@dataclass(frozen=True)
class Value:
    amount: float
    names: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"parts": {"a": {"b": {"amount": 1}, "c": {"amount": "x"}}}}, "$.parts.a.c.amount: "),
        ({"parts": {"a": {}, "d": {"b": {}}}}, "$.parts.d.b.amount is missing"),
        ({"parts": {}, "rows": [{"amount": 1}, {"amount": None}]}, "$.rows[1].amount: "),
        ({"parts": {}, "rows": [{"amount": 1, "names": [3]}]}, "$.rows[0].names[0]: "),
        ({"parts": {}, "more": 1}, "$.more is not known"),
        ({"parts": []}, "$.parts: expected a mapping, found []"),
        ([], "$: expected a mapping, found []"),
        ({"parts": {"a\x1b": {"b": 7}}}, "$.parts.a\\x1b.b: expected a mapping, found 7"),
        ({"parts": {"": {".": {"amount": True}}}}, "$.parts....amount: expected a number"),
    ],
)
def test_a_fault_is_named_by_its_path(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as raised:
        check(value, Whole)
    assert str(raised.value).startswith(message)


class Chosen(Struct):
    level: Literal["low", "high"] = "low"
    rows: list[dict[str, Literal["a", "b"] | None]] = []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"level": "foo"}, "$.level: expected high or low, found 'foo'"),
        ({"rows": [{}, {"x": "c"}]}, "$.rows[1].x: expected a or b, found 'c'"),
    ],
)
def test_a_value_that_is_no_choice_lists_the_choices(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as raised:
        check(value, Chosen)
    assert str(raised.value) == message


def test_the_same_fault_in_another_key_is_not_blamed_on_the_first() -> None:
    good, bad = {"amount": 1.0}, {"amount": "x"}
    value = {"parts": {"a": {"b": good}, "c": {"d": good, "e": bad}, "f": {"g": bad}}}
    with pytest.raises(ValueError, match=r"\$\.parts\.c\.e\.amount"):
        check(value, Whole)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_no_number_without_end_is_written_or_read(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        to_plain(Value(number), Part)
    with pytest.raises(ValueError, match=r"\$\.a\[1\]: expected a finite number"):
        check_lines({"a": ["x", number]})


def test_numbers_are_rounded_and_arrays_become_lists() -> None:
    plain = to_plain(Value(0.12345678, ("a",)), Part)
    assert plain == {"amount": 0.123457, "names": ["a"]}
    assert to_plain(Value(0.12345678), Part, decimals=None)["amount"] == 0.12345678
    found = round_numbers({"a": np.array([[1.0, -1e-9]]), "b": np.int64(3), "c": np.float32(0.5)})
    assert str(found) == "{'a': [[1.0, 0.0]], 'b': 3, 'c': 0.5}"


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31m", "\u202e", "\udc80"])
def test_text_of_more_than_a_line_is_refused_by_its_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"^\$\.a\[0\]\.b: expected text without control"):
        check_lines({"a": [{"b": text}]})
    with pytest.raises(ValueError, match=r"^a name in \$\.a: "):
        check_lines({"a": {text: 1}})


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
)


@given(PLAIN)
def test_json_parses_back_whatever_its_layout(plain: object) -> None:
    assert json.loads(to_json(plain)) == plain


def test_json_has_a_line_for_each_record() -> None:
    lines = to_json({"version": 1, "rows": [{"n": 1, "a": [1, 2], "b": {"c": 3}}] * 2}).splitlines()
    assert len(lines) == 7
    assert lines[3] == '    {"n": 1, "a": [1, 2], "b": {"c": 3}},'
