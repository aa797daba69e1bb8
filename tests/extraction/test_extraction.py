"""Many recordings become one matrix, whatever the workers, the cache or a kill do."""

from __future__ import annotations

import errno
import os
import shutil
import signal as signals
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
import soundfile
from conftest import voice
from support.caches import count_rows

from voxaffect.audio import read
from voxaffect.errors import CacheError, FeatureError
from voxaffect.extraction import FeatureCache, count_workers, extract
from voxaffect.extraction.cache import SCHEMA_VERSION, _checksum, get_cache_path
from voxaffect.features import FeatureSpec, compute_features, get_feature_spec

CLASSIC = get_feature_spec("classic")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "features.sqlite"


def matrix_of(paths: list[Path], **options: object) -> bytes:
    return extract(paths, CLASSIC, **options).matrix.tobytes()  # type: ignore[arg-type]


@pytest.mark.parametrize("workers", [1, 2, 5, 32])
def test_the_number_of_workers_changes_no_bit(recordings: list[Path], workers: int) -> None:
    alone = np.array([compute_features(read(path), CLASSIC) for path in recordings])
    found = extract(recordings, CLASSIC, workers=workers)
    assert np.array_equal(found.matrix, alone)
    assert found.matrix.dtype == np.float32
    assert found.kept.tolist() == list(range(len(recordings)))
    assert found.failures == ()


def test_there_is_at_least_one_worker() -> None:
    assert count_workers() >= 1


def test_a_hit_has_the_bits_of_a_miss(recordings: list[Path], database: Path) -> None:
    with FeatureCache(database) as cache:
        missed = matrix_of(recordings, cache=cache)
        assert count_rows(database) == len(recordings)
        hit = matrix_of(recordings, cache=cache)
    assert hit == missed == matrix_of(recordings)


def altered(database: Path) -> None:
    """Put a number into every row that no recording gives, so that a hit shows."""
    vector = np.full(180, 7, dtype=np.float32).tobytes()
    connection = sqlite3.connect(database)
    with connection:
        for content, recipe in connection.execute("SELECT content, recipe FROM vectors").fetchall():
            checksum = _checksum(content, recipe, vector)
            connection.execute(
                "UPDATE vectors SET vector=?, checksum=? WHERE content=?",
                (vector, checksum, content),
            )
    connection.close()


@pytest.fixture
def marked(recordings: list[Path], database: Path) -> Path:
    """Return a cache of all recordings whose hits show."""
    with FeatureCache(database) as cache:
        extract(recordings, CLASSIC, cache=cache)
    altered(database)
    return database


def first_number(path: Path, database: Path, spec: FeatureSpec = CLASSIC) -> float:
    with FeatureCache(database) as cache:
        return float(extract([path], spec, cache=cache).matrix[0, 0])


def test_what_is_known_is_not_computed_again(recordings: list[Path], marked: Path) -> None:
    assert first_number(recordings[0], marked) == 7


def test_a_renamed_file_is_a_hit(recordings: list[Path], marked: Path) -> None:
    moved = recordings[0].rename(recordings[0].with_name("another name.wav"))
    assert first_number(moved, marked) == 7


def test_changed_content_is_a_miss(recordings: list[Path], marked: Path) -> None:
    content = bytearray(recordings[0].read_bytes())
    content[-1] ^= 1
    recordings[0].write_bytes(content)
    assert first_number(recordings[0], marked) != 7


@pytest.mark.parametrize(
    "other",
    [get_feature_spec("classic", groups=("mfcc",)), get_feature_spec("classic", rate_hz=16_000)],
    ids=["groups", "rate"],
)
def test_another_spec_is_a_miss(recordings: list[Path], marked: Path, other: FeatureSpec) -> None:
    assert first_number(recordings[0], marked, other) != 7
    assert count_rows(marked) == len(recordings) + 1


def test_failures_are_listed_in_order_and_the_others_kept(
    recordings: list[Path], database: Path
) -> None:
    recordings[1].write_bytes(b"words")
    recordings[4].unlink()
    recordings[7].touch()
    recordings[7].write_bytes(b"")
    soundfile.write(recordings[9], np.zeros(9_000), 16_000)
    good = [path for place, path in enumerate(recordings) if place not in (1, 4, 7, 9)]
    with FeatureCache(database) as cache:
        for _ in range(2):  # the second time the others come from the cache
            found = extract(recordings, CLASSIC, cache=cache, workers=3)
            assert [failure.path for failure in found.failures] == [
                recordings[place] for place in (1, 4, 7, 9)
            ]
            reasons = [failure.reason for failure in found.failures]
            expected = ("not readable as audio", "no such file", "empty", "silent")
            assert all(word in reason for word, reason in zip(expected, reasons, strict=True))
            assert all(
                reason.startswith(str(f.path))
                for f, reason in zip(found.failures, reasons, strict=True)
            )
            assert found.kept.tolist() == [0, 2, 3, 5, 6, 8, 10, 11]
            assert np.array_equal(found.matrix, extract(good, CLASSIC).matrix)


@pytest.mark.parametrize("cached", [True, False])
def test_rows_come_in_the_order_asked_for(
    recordings: list[Path], database: Path, cached: bool
) -> None:
    forwards = extract(recordings, CLASSIC).matrix
    with FeatureCache(database) as cache:
        extract(recordings[::3], CLASSIC, cache=cache)  # some hits among the misses
        backwards = extract(recordings[::-1], CLASSIC, cache=cache if cached else None)
    assert np.array_equal(backwards.matrix, forwards[::-1])


def test_the_same_recording_twice_gives_two_rows(recordings: list[Path], database: Path) -> None:
    copy = Path(shutil.copy(recordings[0], recordings[0].with_name("copy.wav")))
    wanted = [recordings[0], recordings[1], recordings[0], copy]
    with FeatureCache(database) as cache:
        found = extract(wanted, CLASSIC, cache=cache).matrix
    assert np.array_equal(found[0], found[2])
    assert np.array_equal(found[0], found[3])
    assert count_rows(database) == 2


def test_nothing_asked_gives_no_row() -> None:
    found = extract([], CLASSIC)
    assert found.matrix.shape == (0, 180)
    assert found.kept.shape == (0,)


def test_more_than_one_chunk_keeps_the_order(
    recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = matrix_of(recordings)
    monkeypatch.setattr("voxaffect.extraction.matrix._CHUNK_FILES", 5)
    assert matrix_of(recordings) == whole


def test_an_unknown_version_is_refused_before_any_work(recordings: list[Path]) -> None:
    with pytest.raises(FeatureError, match="version 99 are asked for"):
        extract(recordings, FeatureSpec("classic", 99, CLASSIC.groups))


def test_progress_goes_to_standard_error(
    recordings: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    extract(recordings, CLASSIC, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "12/12" in err


# The cache file.


def test_the_cache_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path / "there"))
    with FeatureCache() as cache:
        assert cache.path == get_cache_path() == tmp_path / "there" / "features.sqlite"
    assert get_cache_path().is_file()


def test_without_the_environment_it_lies_in_the_users_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("VOXAFFECT_CACHE")
    assert get_cache_path().parent.name == "voxaffect"


def test_a_file_that_is_no_database_is_named(database: Path) -> None:
    database.parent.mkdir()
    database.write_bytes(b"These are words, not a database. " * 100)
    with pytest.raises(CacheError, match=r"features\.sqlite: cannot be used .* delete it"):
        FeatureCache(database)


def test_a_database_damaged_inside_is_named(recordings: list[Path], database: Path) -> None:
    with FeatureCache(database) as cache:
        extract(recordings, CLASSIC, cache=cache)
    content = bytearray(database.read_bytes())
    content[4096:] = bytes([0xA5]) * (len(content) - 4096)
    database.write_bytes(content)
    with (
        pytest.raises(CacheError, match=r"features\.sqlite: cannot be used"),
        FeatureCache(database) as cache,
    ):
        extract(recordings, CLASSIC, cache=cache)


def test_another_schema_is_named(database: Path) -> None:
    FeatureCache(database).__exit__(None, None, None)
    connection = sqlite3.connect(database)
    connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    connection.close()
    expected = rf"features\.sqlite: schema {SCHEMA_VERSION + 1}, expected {SCHEMA_VERSION}"
    with pytest.raises(CacheError, match=expected):
        FeatureCache(database)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match=r"file.features\.sqlite: cannot be used .* write to"):
        FeatureCache(tmp_path / "file" / "features.sqlite")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CacheError, match="cannot be used"):
        FeatureCache(tmp_path / "features.sqlite")


def test_a_cache_in_place_of_a_folder_is_named(database: Path) -> None:
    database.mkdir(parents=True)
    with pytest.raises(CacheError, match=r"features\.sqlite: cannot be used"):
        FeatureCache(database)


@pytest.mark.parametrize(
    "damage",
    [
        "vector=zeroblob(720)",
        "vector=zeroblob(716)",
        "vector='words'",
        "vector=7.5",
        "checksum=zeroblob(16)",
        "checksum=7",
        "recipe=recipe || ' '",
        "content=zeroblob(32)",
        "vector=(SELECT vector FROM vectors WHERE rowid=4)",
        "content=CAST(content AS TEXT)",
        "recipe=CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_row_is_computed_anew(
    recordings: list[Path], database: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    with FeatureCache(database) as cache:
        expected = matrix_of(recordings, cache=cache)
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(f"UPDATE vectors SET {damage} WHERE rowid=3")
    connection.close()
    is_found = damage.startswith(("vector", "checksum"))
    for turn in range(2):
        caplog.clear()
        with FeatureCache(database) as cache:
            assert matrix_of(recordings, cache=cache) == expected
            assert cache.damaged == (is_found and not turn)
        told = [f"{database}: damaged rows: 1. Their features are computed anew."]
        assert caplog.messages == (told if is_found and not turn else [])


@pytest.mark.slow
def test_flipped_bits_change_no_feature(recordings: list[Path], tmp_path: Path) -> None:
    source, database = tmp_path / "source.sqlite", tmp_path / "damaged.sqlite"
    with FeatureCache(source) as cache:
        expected = matrix_of(recordings, cache=cache)
    content, refused = source.read_bytes(), 0
    for index in np.random.default_rng(0).integers(0, 8 * len(content), 150):
        damaged = bytearray(content)
        damaged[index // 8] ^= 1 << index % 8
        for path in tmp_path.glob("damaged.sqlite*"):
            path.unlink()
        database.write_bytes(damaged)
        try:
            with FeatureCache(database) as cache:
                assert matrix_of(recordings, cache=cache) == expected
        except CacheError:
            refused += 1
    assert refused < 15


def test_a_cache_of_the_version_before_begins_anew(recordings: list[Path], database: Path) -> None:
    database.parent.mkdir()
    connection = sqlite3.connect(database)
    with connection:
        connection.execute(
            "CREATE TABLE vectors (content BLOB NOT NULL, recipe TEXT NOT NULL, "
            "vector BLOB NOT NULL, PRIMARY KEY (content, recipe))"
        )
        connection.execute("INSERT INTO vectors VALUES ('a', 'b', 'c')")
        connection.execute("PRAGMA user_version=1")
    connection.close()
    with FeatureCache(database) as cache:
        assert matrix_of(recordings, cache=cache) == matrix_of(recordings)
    assert count_rows(database) == len(recordings)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (sqlite3.SQLITE_FULL, "The disk is full: free space on it"),
        (sqlite3.SQLITE_CORRUPT, "It is damaged: delete it"),
        (sqlite3.SQLITE_BUSY, "Another process is using it"),
        (sqlite3.SQLITE_IOERR_READ, "The disk may be failing"),
        (sqlite3.SQLITE_READONLY, "Set VOXAFFECT_CACHE to a folder that you can write to"),
    ],
)
def test_the_remedy_is_true(database: Path, code: int, remedy: str) -> None:
    error = sqlite3.OperationalError("whatever")
    error.sqlite_errorcode = code
    with FeatureCache(database) as cache:
        assert f"(whatever). {remedy}" in str(cache._problem(error))
    full = OSError(errno.ENOSPC, "No space left on device")
    assert "The disk is full: free space" in str(cache._problem(full))


def test_a_cache_that_cannot_be_written_loses_no_features(
    recordings: list[Path],
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise CacheError("full")

    monkeypatch.setattr(FeatureCache, "put", fail)
    with FeatureCache(database) as cache:
        assert matrix_of(recordings, cache=cache) == matrix_of(recordings)
    assert caplog.messages == ["Features are not kept for next time: full"]


def test_more_keys_than_one_query_takes_are_found(database: Path) -> None:
    vectors = {
        number.to_bytes(32, "big"): np.full(3, number, dtype=np.float32) for number in range(1_203)
    }
    with FeatureCache(database) as cache:
        cache.put(vectors, "recipe")
        found = cache.get(vectors, "recipe", length=3)
    assert {key: vector.tolist() for key, vector in found.items()} == {
        key: vector.tolist() for key, vector in vectors.items()
    }


# Several processes, and a kill.

EXTRACT = """
import sys
from pathlib import Path
import numpy as np
from voxaffect.extraction import FeatureCache, extract
from voxaffect.features import get_feature_spec
folder, database, output, workers = sys.argv[1:]
with FeatureCache(Path(database)) as cache:
    paths = sorted(Path(folder).rglob("*.wav"))
    found = extract(paths, get_feature_spec("classic"), cache=cache, workers=int(workers))
np.save(output, found.matrix)
"""


def started(
    folder: Path, database: Path, output: Path, *, workers: int = 1
) -> subprocess.Popen[bytes]:
    arguments = [str(folder), str(database), str(output), str(workers)]
    return subprocess.Popen(
        [sys.executable, "-c", EXTRACT, *arguments],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_two_processes_share_one_cache(
    recordings: list[Path], database: Path, tmp_path: Path
) -> None:
    folder = recordings[0].parent
    outputs = [tmp_path / "one.npy", tmp_path / "two.npy"]
    running = [started(folder, database, output) for output in outputs]
    assert [process.wait(120) for process in running] == [0, 0]
    expected = extract(sorted(recordings), CLASSIC).matrix
    assert all(np.array_equal(np.load(output), expected) for output in outputs)
    assert count_rows(database) == len(recordings)


def killed_midway(folder: Path, database: Path, *, total: int) -> int:
    """Start an extraction, kill it once some rows are saved, and return how many."""
    process = started(folder, database, database.with_name("never.npy"))
    deadline = time.monotonic() + 120
    while count_rows(database) == 0:
        assert process.poll() is None, "the extraction ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signals.SIGKILL)
    assert process.wait(30) == -signals.SIGKILL
    saved = count_rows(database)
    assert 0 < saved < total
    return saved


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_extraction_goes_on_where_it_stopped(tmp_path: Path, database: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    paths = [folder / f"{number:03}.wav" for number in range(160)]
    sound = np.tile(voice(1, rate_hz=48_000), 5)
    for number, path in enumerate(paths):
        soundfile.write(path, np.roll(sound, 97 * number), 48_000, subtype="PCM_16")
    saved = killed_midway(folder, database, total=len(paths))
    output = tmp_path / "second.npy"
    altered(database)  # so that what the second run takes from the first shows
    assert started(folder, database, output, workers=2).wait(120) == 0
    second = np.load(output)
    is_from_first = (second == 7).all(axis=1)
    assert is_from_first.sum() == saved
    expected = extract(paths, CLASSIC).matrix
    assert np.array_equal(second[~is_from_first], expected[~is_from_first])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_ravdess_killed_midway_ends_with_the_same_matrix(
    data_root: Callable[[str], Path], tmp_path: Path, database: Path
) -> None:
    folder = data_root("ravdess")
    paths = sorted(folder.rglob("*.wav"))
    saved = killed_midway(folder, database, total=len(paths))
    output = tmp_path / "second.npy"
    assert started(folder, database, output, workers=2).wait(300) == 0
    assert saved > 0
    assert count_rows(database) >= saved
    assert np.array_equal(np.load(output), extract(paths, CLASSIC).matrix)


def test_opening_waits_for_a_process_that_is_preparing_the_file(tmp_path: Path) -> None:
    path = tmp_path / "features.sqlite"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE half_done (x)")
    Timer(0.5, other.rollback).start()
    with FeatureCache(path) as cache:
        assert cache.get([b"x"], "recipe", length=3) == {}
    other.close()
