"""What is written in the checkpoint stays true, wherever a kill cuts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from voxaffect.errors import CheckpointError
from voxaffect.recognition.checkpoint import Checkpoint, discard, sign_file

TASK = {"model": "a1b2", "window_seconds": 3.0, "channels": "mix"}
STAMP = (10, 20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A checkpoint with three finished files."""
    path = tmp_path / "out.csv.checkpoint"
    with Checkpoint(path, TASK) as checkpoint:
        for name in ("a.wav", "b.wav", "odd\udcff\n.wav"):
            checkpoint.add(name, STAMP, [{"emotion": "sad", "p": 0.1 + 0.2}])
    return path


def test_two_runs_do_not_share_a_checkpoint(path: Path) -> None:
    with (
        Checkpoint(path, TASK),
        pytest.raises(CheckpointError, match="another run is writing to it"),
    ):
        Checkpoint(path, TASK)
    assert finished(path, "a.wav", "b.wav") == ["a.wav", "b.wav"]


HOLDING = """
import sys, time
from pathlib import Path
from voxaffect.recognition.checkpoint import Checkpoint
held = Checkpoint(Path(sys.argv[1]), {"model": "a1b2", "window_seconds": 3.0, "channels": "mix"})
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_run_leaves_no_lock_behind(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(path)], text=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(CheckpointError, match="another run is writing to it"):
            Checkpoint(path, TASK)
        process.kill()
    assert finished(path, "a.wav") == ["a.wav"]


def test_a_checkpoint_that_is_in_use_is_not_forgotten(path: Path) -> None:
    with Checkpoint(path, TASK):
        discard(path)
        assert path.exists()
    discard(path)
    assert not path.exists()
    discard(path)


@pytest.mark.skipif(sys.platform == "win32", reason="deletes an open file")
def test_a_checkpoint_deleted_while_it_is_opened_begins_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, opened = os.open, []

    def open_and_delete_once(name: Path, *arguments: int) -> int:
        descriptor = real(name, *arguments)
        if not opened:
            path.unlink()
        opened.append(name)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_and_delete_once)
        checkpoint = Checkpoint(path, TASK)
    with checkpoint:
        checkpoint.add("a.wav", STAMP, ["new"])
    assert finished(path, "a.wav", "b.wav") == ["a.wav"]


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links as Unix has them")
def test_a_link_in_the_place_of_a_checkpoint_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.touch()
    path.unlink(missing_ok=True)
    path.symlink_to(victim)
    with pytest.raises(CheckpointError, match="cannot be used as checkpoint"):
        Checkpoint(path, TASK)
    assert victim.read_bytes() == b""


def finished(path: Path, *names: str) -> list[str]:
    with Checkpoint(path, TASK) as checkpoint:
        return [name for name in names if checkpoint.result(name, STAMP) is not None]


def test_results_come_back_to_the_last_bit(path: Path) -> None:
    with Checkpoint(path, TASK) as checkpoint:
        assert checkpoint.result("odd\udcff\n.wav", STAMP) == [{"emotion": "sad", "p": 0.1 + 0.2}]


@pytest.mark.parametrize("now", [(11, 20), (10, 21), None])
def test_a_file_that_has_changed_is_not_finished(path: Path, now: tuple[int, int] | None) -> None:
    with Checkpoint(path, TASK) as checkpoint:
        assert checkpoint.result("a.wav", now) is None
        assert checkpoint.result("unknown.wav", STAMP) is None


def test_the_last_result_of_a_file_holds(path: Path) -> None:
    with Checkpoint(path, TASK) as checkpoint:
        checkpoint.add("a.wav", (11, 21), ["new"])
    with Checkpoint(path, TASK) as checkpoint:
        assert checkpoint.result("a.wav", STAMP) is None
        assert checkpoint.result("a.wav", (11, 21)) == ["new"]


def test_wherever_it_is_cut_whole_lines_hold_and_it_goes_on(path: Path) -> None:
    content = path.read_bytes()
    ends = [place for place, byte in enumerate(content) if byte == ord("\n")]
    beside = {end + step for end in ends for step in (0, 1)}
    for length in sorted({*range(0, len(content), 9), *beside}):
        path.write_bytes(content[:length])
        expected = max(0, sum(end <= length for end in ends) - 1)  # b'\n' may lack
        assert len(finished(path, "a.wav", "b.wav", "odd\udcff\n.wav")) == expected
        with Checkpoint(path, TASK) as checkpoint:
            checkpoint.add("c.wav", STAMP, [])
        assert finished(path, "c.wav") == ["c.wav"]


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ({**TASK, "model": "c3d4"}, "model a1b2, now c3d4"),
        ({**TASK, "window_seconds": 4.0}, r"window_seconds 3\.0, now 4\.0"),
        ({**TASK, "gate": "energy"}, "gate none, now energy"),
        ({"model": "a1b2"}, "window_seconds 3.0, now none; channels mix, now none"),
    ],
)
def test_a_checkpoint_of_other_settings_is_refused(
    path: Path, task: dict[str, object], reason: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(
        CheckpointError, match=f"other settings \\({reason}\\).*delete the checkpoint"
    ):
        Checkpoint(path, task)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_version_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"format": 2', b'"format": 1'))
    with pytest.raises(CheckpointError, match="format 1, now 2"):
        Checkpoint(path, TASK)


@pytest.mark.parametrize("content", [b"my notes", b"my notes\n", b"{}\n", b"\x00\xff\n", b"[1]\n"])
def test_a_file_that_is_no_checkpoint_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "out.csv.checkpoint"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is no voxaffect checkpoint"):
        Checkpoint(path, TASK)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "line",
    [b"words\n", b"[]\n", b"{}\n", b'{"file": "x", "stamp": [1], "result": 1}\n', b"\xff\xfe\n"],
)
def test_a_line_that_cannot_be_read_is_passed_over(path: Path, line: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], line, *lines[2:]]))
    assert finished(path, "a.wav", "b.wav", "x") == ["a.wav", "b.wav"]


def test_a_flipped_bit_loses_its_line_and_changes_no_result(path: Path) -> None:
    names, content = ("a.wav", "b.wav", "odd\udcff\n.wav"), path.read_bytes()
    with Checkpoint(path, TASK) as checkpoint:
        expected = {name: checkpoint.result(name, STAMP) for name in names}
    first = content.index(b"\n") + 1
    for index in range(0, 8 * len(content), 5):
        damaged = bytearray(content)
        damaged[index // 8] ^= 1 << index % 8
        path.write_bytes(damaged)
        try:
            with Checkpoint(path, TASK) as checkpoint:
                results = {name: checkpoint.result(name, STAMP) for name in names}
        except CheckpointError:
            assert index // 8 < first
            continue
        assert index // 8 >= first
        lost = [name for name in names if results[name] is None]
        assert 1 <= len(lost) <= 2  # a line end that has gone joins two
        assert all(results[name] in (None, expected[name]) for name in names)


def test_a_place_where_none_can_be_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"x\.checkpoint: cannot be used as checkpoint"):
        Checkpoint(tmp_path / "nowhere" / "x.checkpoint", TASK)
    with pytest.raises(CheckpointError, match="cannot be used as checkpoint"):
        Checkpoint(tmp_path, TASK)


def test_a_stamp_changes_with_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    assert sign_file(path) is None
    path.write_bytes(b"12")
    first = sign_file(path)
    os.utime(path, ns=(1, 2_000_000_000))
    assert first is not None
    assert sign_file(path) == (2, 2_000_000_000) != first
    assert sign_file(Path("a\0b")) is None
