"""A damaged or hand-edited report document is refused by the path of its fault."""

from __future__ import annotations

import copy
import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.studies import rename

from voxaffect.errors import EvaluationError
from voxaffect.outputs.report import compare, read_document, write_report
from voxaffect.outputs.report.documents import check_document

NAN, INFINITE = float("nan"), float("inf")
VALUES: tuple[Any, ...] = (
    None,
    NAN,
    INFINITE,
    -1,
    0,
    1e308,
    -1e308,
    10**400,
    2**63,
    0.5,
    True,
    "",
    "x",
    "x" * 50_000,
    "\ud800",
    "\x1b[31m",
    "\ufffe",
    [],
    {},
    [[]],
    {"a": None},
    [None],
    [NAN],
    [1, 2, 3],
    "NaN",
)


Mutate = Callable[[random.Random], dict[str, Any]]


@pytest.fixture(scope="module")
def whole(evaluation: dict[str, Any]) -> dict[str, Any]:
    return dict(rename(evaluation, {"eGeMAPS + SVM": "mlp"}))


@pytest.fixture(scope="module")
def mutated(whole: dict[str, Any]) -> Mutate:
    pickled = pickle.dumps(whole)  # much faster than a deep copy
    return lambda chance: mutate(pickle.loads(pickled), chance)


def mutate(found: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the document with one or two parts replaced, removed, doubled or exchanged."""
    for _ in range(chance.choice([1, 1, 1, 2])):
        part: Any = found
        depth = chance.randint(0, 8)
        while True:
            keys = list(part) if isinstance(part, dict) else range(len(part))
            if not keys:
                break
            key = chance.choice(keys)
            if depth and isinstance(part[key], dict | list) and part[key]:
                part, depth = part[key], depth - 1
                continue
            act = chance.randrange(5)
            if act == 0:
                del part[key]
            elif act == 1 and isinstance(part, list):
                part.append(copy.deepcopy(part[key]))
            elif act == 2:
                part[key] = copy.deepcopy(part[chance.choice(keys)])
            else:
                part[key] = copy.deepcopy(chance.choice(VALUES))
            break
    return found


def refusal(document: dict[str, Any]) -> str:
    """Return why a document is refused; empty if it is not."""
    try:
        check_document(document, "mine")
    except EvaluationError as error:
        return str(error)
    return ""


def draw(document: dict[str, Any], folder: Path) -> None:
    """Write a report of a document, or learn in a line that it is damaged."""
    message = ""
    try:
        write_report(document, folder)
    except EvaluationError as error:
        message = str(error)
    assert "\n" not in message


def test_the_whole_document_is_sound(whole: dict[str, Any]) -> None:
    assert refusal(whole) == ""


@pytest.mark.slow
def test_2000_damaged_documents_are_sound_or_refused_in_a_line(mutated: Mutate) -> None:
    chance = random.Random(9)
    refusals = [refusal(mutated(chance)) for _ in range(2000)]
    refused = [text for text in refusals if text]
    assert 400 < len(refused) < 1900
    assert all(text.isprintable() and len(text) < 400 for text in refused)


@pytest.mark.slow
def test_every_damaged_document_that_is_sound_is_drawn(mutated: Mutate, tmp_path: Path) -> None:
    chance = random.Random(12)
    for found in (mutated(chance) for _ in range(40)):
        if not refusal(found):
            draw(found, tmp_path)


@pytest.mark.slow
def test_400_damaged_documents_are_compared_or_refused_in_a_line(
    whole: dict[str, Any], mutated: Mutate, tmp_path: Path
) -> None:
    chance = random.Random(10)
    path = tmp_path / "a.json"
    refused = 0
    for _ in range(400):
        path.write_text(json.dumps(mutated(chance)))
        try:
            found = read_document(path)
            compare(found, whole, names=(next(iter(found["systems"])), "mlp"))
        except EvaluationError as error:
            assert str(error).isprintable()  # noqa: PT017
            refused += 1
    assert 100 < refused < 400


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("protocol",), 7, "protocol: expected text"),
        (("systems",), [], "systems: expected a mapping"),
        (
            ("systems", "mlp", "evaluations", "speakers", "metrics", "uar", "mean"),
            1e400,
            "systems.mlp.evaluations.speakers.metrics.uar.mean: expected a number <= ",
        ),
        (
            ("systems", "mlp", "evaluations", "speakers", "tested", 3),
            10**6,
            "systems.mlp.evaluations.speakers.tested: expected numbers of utterances under 64",
        ),
        (
            ("systems", "mlp", "evaluations", "speakers", "confusion", 1),
            [1.0],
            r"systems.mlp.evaluations.speakers.confusion\[1\]: expected 4 entries, found 1",
        ),
        (("utterances", 2, "path"), None, r"utterances\[2\].path: expected text"),
        (
            ("premium", "mlp", "interval"),
            [0.1],
            "premium.mlp.interval: expected a list of length 2",
        ),
        (("seed",), {}, r"\$.seed: expected .* or text"),
    ],
)
def test_damage_is_named_by_its_path(
    whole: dict[str, Any], tmp_path: Path, keys: tuple[str | int, ...], value: Any, message: str
) -> None:
    found = copy.deepcopy(whole)
    part: Any = found
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    with pytest.raises(EvaluationError, match=message):
        write_report(found, tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not an evaluation"),
        (b"7", "not an evaluation"),
        (b"null", "not an evaluation"),
        (b'{"kind": "voxaffect evaluation"}', "written in format None"),
        (b'{"kind": "voxaffect evaluation", "schema_version": 1}', "holds no system"),
        (
            b'{"kind": "voxaffect evaluation", "schema_version": true, "systems": {"a": 1}}',
            "schema_version: expected a whole",
        ),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(EvaluationError, match=message) as raised:
        read_document(tmp_path / "a.json")
    assert "\n" not in str(raised.value)


def test_a_document_that_cannot_be_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="is a device, expected the JSON that voxaffect"):
        read_document("/dev/zero")
    with pytest.raises(EvaluationError, match="is a folder"):
        read_document(tmp_path)
