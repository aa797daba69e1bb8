"""Values to and from plain data: checked by a schema, rounded, and laid out as JSON.

A schema is a ``msgspec.Struct``. Plain data are what JSON holds: mappings, lists, text, numbers,
true, false and null. A fault is a ValueError with its path, such as
``$.systems.logistic.evaluations.loso.metrics.uar.mean: expected a number, found 'x'``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from reprlib import repr as shorten
from sys import float_info
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from voxaffect.files import escape_control

DECIMALS = 6
"""Of every number in a text that programs read."""
LARGEST_FLOAT = float_info.max

_Schema = TypeVar("_Schema")
_LOCATED = re.compile(r"(?s)(?P<reason>.*) - at `(?P<path>[^`]*)`(?P<in_key> in `(?P<of>.*)`)?")
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|(?P<key>\[\.\.\.\])")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_WORDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "a mapping",
    "str": "text",
}
_LONGEST_PART = 40
_LONGEST_VALUE = 60


def to_plain(
    value: object, schema: type[Any], *, decimals: int | None = DECIMALS
) -> dict[str, Any]:
    """Plain data of a value, as a schema names its attributes.

    Parameters
    ----------
    value : object
        With the attributes that the schema has as fields.
    schema : type
        A ``msgspec.Struct``.
    decimals : int, optional
        Of numbers; None keeps all.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, or an attribute is of another kind.
    """
    record = msgspec.convert(value, schema, from_attributes=True)
    plain: dict[str, Any] = round_numbers(msgspec.to_builtins(record), decimals)
    return plain


def check(value: Any, schema: type[_Schema], *, strict: bool = True) -> _Schema:
    """Record of plain data from outside.

    Parameters
    ----------
    value : plain data
    schema : type
        A ``msgspec.Struct``.
    strict : bool
        Whether text is no number, and neither true nor false.

    Raises
    ------
    ValueError
        With the path of the first part that the schema does not allow.
    """
    try:
        return msgspec.convert(value, schema, strict=strict)
    except msgspec.ValidationError as error:
        raise ValueError(_explain(value, schema, str(error))) from error


def round_numbers(value: Any, decimals: int | None = DECIMALS) -> Any:
    """Plain data with rounded numbers, and with lists for tuples and arrays.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number, found {value}")
        return value if decimals is None else round(float(value), decimals) + 0.0  # no −0
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, Mapping):
        return {key: round_numbers(part, decimals) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [round_numbers(part, decimals) for part in value]
    return round_numbers(value.tolist(), decimals)  # an array or a number of NumPy


def to_line(plain: Any) -> str:
    """JSON on one line, without a line end."""
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


def to_json(plain: Any) -> str:
    """JSON with a line for each record, so that people can read it and tools can compare it."""
    return "".join(_lay_out(plain, "")) + "\n"


def _lay_out(value: Any, indent: str) -> Iterator[str]:
    """Parts of a text; a record, with at most flat parts, stands on one line."""
    if _is_flat(value) or (isinstance(value, dict) and _is_record(value)):
        yield to_line(value)
        return
    inner = indent + "  "
    is_mapping = isinstance(value, dict)
    yield "{" if is_mapping else "["
    for number, item in enumerate(value):
        head = f"{to_line(item)}: " if is_mapping else ""
        yield f"{',' if number else ''}\n{inner}{head}"
        yield from _lay_out(value[item] if is_mapping else item, inner)
    yield f"\n{indent}{'}' if is_mapping else ']'}"


def _is_record(value: dict[str, Any]) -> bool:
    parts = [part for part in value.values() if isinstance(part, dict | list)]
    return len(parts) < len(value) and all(map(_is_flat, parts))


def _is_flat(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not any(isinstance(part, dict | list) for part in parts)


def check_lines(value: Any, path: str = "$") -> None:
    """Refuse text with control characters or hidden marks, and numbers that are not finite.

    Raises
    ------
    ValueError
        With the path.
    """
    if isinstance(value, str):
        if not value.isprintable() and escape_control(value) != value:
            raise ValueError(
                f"{path}: expected text without control characters, found {show(value)}"
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path}: expected a finite number, found {value}")
    elif isinstance(value, dict):
        for key, part in value.items():
            check_lines(key, f"a name in {path}")
            check_lines(part, f"{path}.{show_key(key)}")
    elif isinstance(value, list) and not _is_plain(value):
        for index, part in enumerate(value):
            check_lines(part, f"{path}[{index}]")


def _is_plain(values: list[Any]) -> bool:
    """True for a list of printable text, or of finite numbers, as most long lists are."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return "".join(values).isprintable()
    return kinds <= {float, int} and all(map(math.isfinite, values))


def show(value: object) -> str:
    """Value, short enough to stand in a message."""
    text = escape_control(shorten(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def _explain(value: Any, schema: type[Any], message: str) -> str:
    """Message of msgspec in plain words, with every key in the path, and the value there."""
    located = _LOCATED.fullmatch(message)
    reason = located["reason"] if located else message
    path = (located["of"] or located["path"] if located else "$") or "$"
    keys = _find_keys(value, schema, path, message)
    where = "$" + "".join(
        f"[{key}]" if isinstance(key, int) else f".{show_key(key)}" for key in keys
    )
    for pattern, text in ((_MISSING, "is missing"), (_UNKNOWN, "is not known")):
        if named := pattern.fullmatch(reason):
            return f"{where}.{show_key(named[1])} {text}"
    choices = _list_choices(schema, keys) if reason.startswith("Invalid enum value") else []
    if choices:
        return f"{where}: expected {' or '.join(choices)}, found {show(_follow(value, keys))}"
    head, _, _ = reason.partition(", got ")
    expected = re.sub(r"`(\w+)", lambda word: f"`{_WORDS.get(word[1], word[1])}", head)
    expected = re.sub(r" \| (\w+)", lambda word: f" or {_WORDS.get(word[1], word[1])}", expected)
    expected = expected.replace("`", "").replace("Expected ", "expected ")
    if located and located["in_key"]:
        return f"a name in {where}: {expected}"
    return f"{where}: {expected}, found {show(_follow(value, keys))}"


def _list_choices(schema: type[Any], keys: list[str | int]) -> list[str]:
    """Values that a schema allows at the end of a path, where they are listed."""
    kinds = [inspect.type_info(schema)]
    for key in [*keys, None]:
        kinds = [part for kind in kinds for part in _open_kind(kind)]
        if key is not None:
            kinds = [part for kind in kinds for part in _step_into(kind, key)]
    values: list[Any] = []
    for kind in kinds:
        if isinstance(kind, inspect.LiteralType):
            values += kind.values
        elif isinstance(kind, inspect.EnumType):
            values += [member.value for member in kind.cls]
    return [show_key(value) for value in values]


def _open_kind(kind: inspect.Type) -> Iterator[inspect.Type]:
    """Kinds that a union holds, or a kind alone, without remarks."""
    if isinstance(kind, inspect.Metadata):
        yield from _open_kind(kind.type)
    elif isinstance(kind, inspect.UnionType):
        for part in kind.types:
            yield from _open_kind(part)
    else:
        yield kind


def _step_into(kind: inspect.Type, key: str | int) -> Iterator[inspect.Type]:
    """Kind of a part of a mapping or list."""
    if isinstance(kind, inspect.StructType):
        yield from (field.type for field in kind.fields if field.encode_name == key)
    elif isinstance(kind, inspect.DictType):
        yield kind.value_type
    elif isinstance(kind, inspect.ListType | inspect.VarTupleType):
        yield kind.item_type
    elif isinstance(kind, inspect.TupleType) and isinstance(key, int):
        yield kind.item_types[key]


def show_key(key: object) -> str:
    """Key of a mapping, short enough to stand in a path."""
    return escape_control(str(key))[:_LONGEST_PART]


def _find_keys(value: Any, schema: type[Any], path: str, message: str) -> list[str | int]:
    """Keys and indices on the way to a fault; msgspec names no key of a mapping.

    Such a key is the first that, alone in its mapping, gives the same fault.
    """
    keys: list[str | int] = []
    for step in _STEP.finditer(path):
        if not step["key"]:
            keys.append(step["name"] if step["name"] else int(step["index"]))
            continue
        part = _follow(value, keys)
        for key in part:
            pruned = _replace(value, keys, {key: part[key]})
            try:
                msgspec.convert(pruned, schema)
            except msgspec.ValidationError as error:
                if str(error) == message:
                    value = pruned
                    keys.append(key)
                    break
    return keys


def _follow(value: Any, keys: list[str | int]) -> Any:
    for key in keys:
        value = value[key]
    return value


def _replace(value: Any, keys: list[str | int], part: Any) -> Any:
    """Copy of plain data with another part at the end of the keys."""
    if not keys:
        return part
    changed = value.copy()
    changed[keys[0]] = _replace(value[keys[0]], keys[1:], part)
    return changed
