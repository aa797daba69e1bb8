"""Feature tables read back to the very bits that were written."""

from __future__ import annotations

import csv
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from voxaffect.errors import FeatureError, VoxaffectError
from voxaffect.outputs.formats.features import WRITERS, table_writer

FILES = ["a.wav", 'b, "c".wav', "Ärger/d.wav"]
NAMES = ("mfcc_1", "chroma_C#", "mel_1")
MATRIX = np.array(
    [[1 / 3, -1e-38, 3.4e38], [0, 16777216, 1e-45], [-123.456, 2**-24, 7]], dtype=np.float32
)


def written(path: Path) -> Path:
    table_writer(path)(path, FILES, NAMES, MATRIX)
    return path


def test_csv_reads_back_bit_equal(tmp_path: Path) -> None:
    with written(tmp_path / "table.csv").open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["file", *NAMES]
    assert [row[0] for row in rows] == FILES
    found = np.array([row[1:] for row in rows]).astype(np.float32)
    assert found.tobytes() == MATRIX.tobytes()


def test_npz_reads_back_bit_equal(tmp_path: Path) -> None:
    with np.load(written(tmp_path / "table.npz"), allow_pickle=False) as found:
        assert found["files"].tolist() == FILES
        assert found["names"].tolist() == list(NAMES)
        assert found["features"].dtype == np.float32
        assert found["features"].tobytes() == MATRIX.tobytes()


def test_parquet_reads_back_bit_equal(tmp_path: Path) -> None:
    found = parquet.read_table(written(tmp_path / "table.parquet"))
    assert found.column_names == ["file", *NAMES]
    assert found["file"].to_pylist() == FILES
    columns = [found[name].to_numpy() for name in NAMES]
    assert np.stack(columns, axis=1).tobytes() == MATRIX.tobytes()


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_of_no_recording_is_still_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    table_writer(path)(path, [], NAMES, np.empty((0, 3), np.float32))
    assert path.stat().st_size


def test_the_extension_may_be_in_capitals(tmp_path: Path) -> None:
    assert table_writer(tmp_path / "TABLE.CSV") is WRITERS[".csv"]


@pytest.mark.parametrize("name", ["table", "table.xlsx", "table.csv.gz"])
def test_another_extension_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(FeatureError, match=r"expected a name ending in \.csv, \.npz, \.parquet"):
        table_writer(tmp_path / name)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoxaffectError, match=r"the folder .*nowhere does not exist"):
        table_writer(tmp_path / "nowhere" / "table.csv")


def files_of(path: Path) -> list[str]:
    """Return the file names that a table holds."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as stream:
            return [row[0] for row in csv.reader(stream)][1:]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            return list(found["files"])
    return list(parquet.read_table(path)["file"].to_pylist())


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_name_that_is_no_utf8_is_escaped(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    table_writer(path)(path, ["a\udcff.wav", "b.wav", "c.wav"], NAMES, MATRIX)
    assert files_of(path) == ["a\\udcff.wav", "b.wav", "c.wav"]


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="limits files as Unix does")
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_that_fails_midway_leaves_the_old_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_bytes(b"the old one")
    writer = table_writer(path)
    writer(tmp_path / "imports what it needs", FILES, NAMES, MATRIX)
    (tmp_path / "imports what it needs").unlink()
    with disk_full_after(20), pytest.raises(VoxaffectError, match="cannot be written"):
        writer(path, FILES, NAMES, MATRIX)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_full_disk_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"table{suffix}"
    path.symlink_to("/dev/full")
    with pytest.raises(VoxaffectError, match=r"table\.\w+: cannot be written \(No space left"):
        table_writer(path)(path, FILES, NAMES, MATRIX)
