"""Manifests: tables of recordings of any length, whose faults are known before the work."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings, strategies as st
from pyarrow import parquet

from voxaffect.errors import ManifestError, VoxaffectError
from voxaffect.scaling.manifest import Entry, check_manifest, list_paths, open_manifest
from voxaffect.scaling.storage import join_name

ROWS = [
    {"path": "a.wav", "start": "0.5", "end": "1.5", "channel": "left", "who": "Ann"},
    {"path": "b.wav", "start": "", "end": "", "channel": "", "who": "Bo, B."},
]
ENTRIES = [
    Entry(1, "{}/a.wav", 0.5, 1.5, "left", ("Ann",)),
    Entry(2, "{}/b.wav", None, None, None, ("Bo, B.",)),
]


def write_text(path: Path, rows: list[dict[str, Any]], separator: str = ",") -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def place(entry: Entry, folder: Path) -> Entry:
    path = os.path.normpath(entry.path.format(folder))
    return Entry(
        entry.row, path, entry.start_seconds, entry.end_seconds, entry.channels, entry.carried
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_rows_of_text_are_entries_relative_to_the_table(tmp_path: Path, separator: str) -> None:
    manifest = open_manifest(write_text(tmp_path / "m.csv", ROWS, separator))
    assert [*manifest] == [place(entry, tmp_path) for entry in ENTRIES]
    assert [*manifest] == [*manifest]
    assert manifest.carried == {"who": "string"}


def test_parquet_keeps_the_kinds_of_the_columns_that_it_carries(tmp_path: Path) -> None:
    table = pyarrow.table({"age": [40, None], "file": ["a.wav", "/b.wav"], "end": [2.5, None]})
    parquet.write_table(table, tmp_path / "m.parquet")
    manifest = open_manifest(str(tmp_path / "m.parquet"))
    assert [*manifest] == [
        Entry(1, str(tmp_path / "a.wav"), None, 2.5, None, (40,)),
        Entry(2, "/b.wav", None, None, None, (None,)),
    ]
    assert manifest.carried == {"age": pyarrow.int64()}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(
                str.strip
            ),
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r")),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_text_in_a_cell_comes_back(tmp_path_factory: Any, cells: list[tuple[str, str]]) -> None:
    rows = [{"path": f"/{path}", "note": note} for path, note in cells]
    name = write_text(tmp_path_factory.mktemp("m") / "m.csv", rows)
    entries = [*open_manifest(name)]
    assert [entry.carried for entry in entries] == [(note,) for _, note in cells]
    assert [entry.path for entry in entries] == [os.path.normpath(f"/{path}") for path, _ in cells]


def test_addresses_are_taken_as_they_are_and_file_addresses_as_paths(tmp_path: Path) -> None:
    paths = ["s3://calls/a.wav", "file:///calls/b.wav"]
    name = write_text(tmp_path / "m.csv", [{"url": path} for path in paths])
    assert [entry.path for entry in open_manifest(name)] == ["s3://calls/a.wav", "/calls/b.wav"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,start\na.wav,0\n", "no column of paths. Expected one of path, file, .*; found name"),
        ("", "no column of paths"),
        ("path\n", "no rows"),
        ("path,start\na.wav,x\n", "row 1: start is 'x', expected seconds"),
        ("path,start\na.wav,-1\n", "row 1: start is '-1', expected seconds"),
        ("path,end\na.wav,nan\n", "row 1: end is 'nan', expected seconds"),
        ("path,start,end\na.wav,2,1\n", "row 1: the end, 1 s, is not after the start, 2 s"),
        ("path,end\na.wav,0\n", "row 1: the end, 0 s, is not after the start, 0 s"),
        ("path,channel\na.wav,middle\n", "row 1: channels are 'middle', expected mix, left"),
        ("path,who\n,Ann\n", "row 1: no path"),
        ("path,who\na.wav,Ann,x\n", "line 2: has 3 cells, expected 2"),
        ("path,who,who\na.wav,x,y\n", "the column 'who' is there twice"),
        ('path,who\n"a.wav,x\n', "line 2: the row that begins there is not readable as CSV"),
        ("path\na.wav\nb.wav\na.wav\n", "row 3: is the same recording as row 1"),
        ("path\nx.wav\ny.wav\n", "none of the first 2 files exists"),
    ],
)
def test_faults_are_named_before_the_work(tmp_path: Path, text: str, message: str) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=message):
        check_manifest(open_manifest(str(tmp_path / "m.csv")))


def test_one_row_of_many_that_is_not_utf8_is_named_by_its_line(tmp_path: Path) -> None:
    lines = [f"{number}.wav".encode() for number in range(20_000)]
    lines[12_345] = "für.wav".encode("latin-1")
    (tmp_path / "m.csv").write_bytes(b"path\n" + b"\n".join(lines) + b"\n")
    with pytest.raises(ManifestError, match="line 12347: is not UTF-8"):
        check_manifest(open_manifest(str(tmp_path / "m.csv")))


def test_parts_of_one_recording_are_no_repetition(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    rows = [{"path": "a.wav", "start": start, "end": start + 1} for start in range(3)]
    assert check_manifest(open_manifest(write_text(tmp_path / "m.csv", rows))) == 3


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").write_bytes(b"path\na.wav\n" * 10)
    with pytest.raises(ManifestError, match="is no Parquet file"):
        open_manifest(str(tmp_path / "m.parquet"))


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoxaffectError, match=r"m\.csv: cannot be read"):
        open_manifest(str(tmp_path / "m.csv"))


def test_a_list_of_paths_is_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    assert [*list_paths([str(path)])] == [Entry(1, str(path))]
    assert check_manifest(list_paths([str(path)])) == 1


def test_dates_that_python_cannot_hold_are_carried_exactly(tmp_path: Path) -> None:
    kinds = {"when": pyarrow.timestamp("us"), "day": pyarrow.date32(), "at": pyarrow.time64("ns")}
    columns = {name: pyarrow.array([1, 2**30], kind) for name, kind in kinds.items()}
    table = pyarrow.table({"path": ["a.wav", "b.wav"], **columns})
    parquet.write_table(table, tmp_path / "m.parquet")
    manifest = open_manifest(str(tmp_path / "m.parquet"))
    assert [entry.carried for entry in manifest] == [(1, 1, 1), (2**30, 2**30, 2**30)]
    for kind, values in zip(kinds.values(), columns.values(), strict=True):
        assert pyarrow.array([1, 2**30], kind).equals(values)


def test_a_start_that_is_a_date_is_refused(tmp_path: Path) -> None:
    start = pyarrow.array([1], pyarrow.duration("ns"))
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "start": start}), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match=r"start is of type duration\[ns\], expected seconds"):
        open_manifest(str(tmp_path / "m.parquet"))


def test_a_column_of_parquet_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    arrays = [pyarrow.array(["a.wav"]), pyarrow.array([1]), pyarrow.array([2])]
    table = pyarrow.Table.from_arrays(arrays, names=["path", "x", "x"])
    parquet.write_table(table, tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match="the column 'x' is there twice"):
        open_manifest(str(tmp_path / "m.parquet"))


def test_a_path_that_is_no_text_is_named(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"path": [b"a.wav"]}), tmp_path / "m.parquet")
    with pytest.raises(ManifestError, match=r"row 1: the path is b'a\.wav', expected text"):
        check_manifest(open_manifest(str(tmp_path / "m.parquet")))


def test_an_open_quote_is_named_by_the_line_where_its_row_begins(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text('path,note\na.wav,x\nb.wav,"open\n' + "c.wav,x\n" * 99)
    with pytest.raises(ManifestError, match="line 3: the row that begins there"):
        check_manifest(open_manifest(str(tmp_path / "m.csv")))


def test_a_start_at_zero_is_no_start(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "m.csv").write_text("path,start\na.wav,\n./a.wav,0\n")
    with pytest.raises(ManifestError, match="row 2: is the same recording as row 1"):
        check_manifest(open_manifest(str(tmp_path / "m.csv")))


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("./a.wav", "s3://calls/in/a.wav"),
        ("../b/a.wav", "s3://calls/b/a.wav"),
        ("../../../a.wav", "s3://calls/a.wav"),
        ("b/../a#?.wav", "s3://calls/in/a#?.wav"),
        ("gs://other/./a.wav", "gs://other/./a.wav"),
    ],
)
def test_relative_names_of_a_remote_table_are_resolved(name: str, address: str) -> None:
    assert join_name("s3://calls/in", name) == address


def test_paths_of_a_table_with_a_file_address_are_local(tmp_path: Path) -> None:
    name = write_text(tmp_path / "m.csv", [{"path": "a.wav"}, {"path": "/b.wav"}])
    entries = [*open_manifest(f"file://{name}")]
    assert [entry.path for entry in entries] == [str(tmp_path / "a.wav"), "/b.wav"]


@pytest.mark.parametrize("text", ["sep=;\npath;a,b,c\na.wav;1,2,3\n", "path;a,b,c\na.wav;1,2,3\n"])
def test_the_separator_is_that_of_the_columns_that_it_needs(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    manifest = open_manifest(str(tmp_path / "m.csv"))
    assert [*manifest] == [Entry(1, str(tmp_path / "a.wav"), carried=("1,2,3",))]
    assert [*manifest.carried] == ["a,b,c"]
