"""Recordings block by block: the same sound as whole, and the same complaints."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import voice

from voxaffect.audio import Signal, Source, as_signal, mix_down, open_blocks, read
from voxaffect.errors import AudioError

RATE_HZ = 16_000


def joined(source: Source, rate_hz: int | None = None) -> np.ndarray:
    with open_blocks(source, rate_hz) as recording:
        return np.concatenate(list(recording))


def written(path: Path, *, channels: int = 1, seconds: float = 5.0, **options: str) -> Path:
    sound = np.stack([voice(seed, seconds=seconds) for seed in range(channels)], axis=1)
    soundfile.write(path, sound, RATE_HZ, **options)
    return path


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.mp3"])
@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_are_the_whole_recording(tmp_path: Path, name: str, channels: int) -> None:
    options = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    path = written(tmp_path / name, channels=channels, **options)
    for source in (path, str(path), path.read_bytes()):
        with open_blocks(source) as recording:
            assert (recording.rate_hz, recording.channels) == (RATE_HZ, channels)
            blocks = list(recording)
        assert {len(block) for block in blocks[:-1]} == {2 * RATE_HZ}
        assert {block.dtype for block in blocks} == {np.dtype(np.float32)}
        assert (mix_down(np.concatenate(blocks)) == read(path).samples).all()


def test_an_mp3_of_several_blocks_has_no_glitches(tmp_path: Path) -> None:
    """soundfile seeks after every read, which an MP3's decoder does not survive unharmed."""
    path = written(tmp_path / "a.mp3", seconds=9.0)
    with soundfile.SoundFile(path) as file:
        whole = file.read(dtype="float32")
    assert (joined(path)[:, 0] == whole).all()


def test_arrays_and_signals_come_in_blocks_too() -> None:
    sound = voice(1, seconds=5.0)
    assert (joined(sound, RATE_HZ)[:, 0] == sound).all()
    assert (joined(Signal(sound, RATE_HZ))[:, 0] == sound).all()
    whole = np.round(sound * 32_768).astype(np.int16)
    assert (joined(whole, RATE_HZ)[:, 0] == whole / np.float32(32_768)).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty, 0 bytes long"), (b"These are words. " * 100, "not readable as audio")],
)
def test_what_is_no_recording_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for source in (path, content):
        with pytest.raises(AudioError, match=message):
            joined(source)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav: no such file"):
        joined(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="is a folder"):
        joined(tmp_path)


def test_a_file_cut_short_is_refused_before_any_work(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav")
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(AudioError, match="cut short"), open_blocks(path):
        pytest.fail("it was opened")


def test_a_flac_cut_short_is_refused_at_its_end(tmp_path: Path) -> None:
    path = written(tmp_path / "a.flac")
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(AudioError, match=r"cut short|not readable"):
        joined(path)


def test_numbers_that_are_none_are_refused(tmp_path: Path) -> None:
    sound = voice(1, seconds=5.0)
    sound[70_000] = np.inf
    path = tmp_path / "a.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
    for source, rate_hz in ((path, None), (sound, RATE_HZ)):
        with pytest.raises(AudioError, match="NaN or infinite"):
            joined(source, rate_hz)


def test_no_samples_are_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(0, np.float32), RATE_HZ)
    for source, rate_hz in ((path, None), (np.zeros((0, 2)), RATE_HZ)):
        with pytest.raises(AudioError, match="holds no samples"):
            joined(source, rate_hz)


def test_a_rate_goes_with_an_array_and_an_array_with_a_rate(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav")
    for source in (path, Signal(voice(1), RATE_HZ)):
        with pytest.raises(AudioError, match="rate_hz goes with an array"):
            joined(source, RATE_HZ)
    with pytest.raises(AudioError, match="needs its rate"):
        joined(voice(1))
    with pytest.raises(AudioError, match="8000 to 192000"):
        joined(voice(1), 100)


@pytest.mark.parametrize("shape", [(4, 0), (4, 2, 2)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match="expected shape"):
        joined(np.zeros(shape), RATE_HZ)


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_file_whose_name_is_no_utf8_opens(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, voice(0), RATE_HZ)
    odd = path.rename(tmp_path / "a\udcff.wav")
    with open_blocks(odd) as recording:
        assert sum(map(len, recording)) == recording.frames


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_a_recording_longer_than_the_limit_is_refused_as_soon_as_it_is(
    tmp_path: Path, name: str
) -> None:
    path = written(tmp_path / name, seconds=9.0)
    for source in (path, path.read_bytes()):
        with pytest.raises(
            AudioError, match=r"longer than the limit of 4 s\. Cut it, or raise the limit"
        ):
            read(source, max_seconds=4)
        with open_blocks(source, max_seconds=4) as blocks, pytest.raises(AudioError):
            assert [len(next(blocks.blocks)) for _ in range(3)] == [2 * RATE_HZ] * 2
        assert read(source, max_seconds=10).seconds == pytest.approx(9, abs=0.1)


def test_the_limit_holds_for_arrays_and_signals_too() -> None:
    sound = voice(1, seconds=5.0)
    for source, rate_hz in ((sound, RATE_HZ), (Signal(sound, RATE_HZ), None)):
        with pytest.raises(AudioError, match="longer than the limit of 4 s"):
            as_signal(source, rate_hz, max_seconds=4)
        assert (as_signal(source, rate_hz, max_seconds=5).samples == sound).all()


def test_messages_call_a_recording_by_the_name_that_is_given() -> None:
    for source, rate_hz in ((b"no sound", None), (np.zeros(0), RATE_HZ)):
        with pytest.raises(AudioError, match=r"^upload 7: "):
            as_signal(source, rate_hz, name="upload 7")


@pytest.mark.parametrize("change", ["overwrite", "append", "truncate"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: str) -> None:
    path = written(tmp_path / "a.wav", seconds=9.0)
    content = path.read_bytes()
    with open_blocks(path) as blocks:
        next(blocks.blocks)
        changed = {"overwrite": content, "append": content + content, "truncate": content[:9000]}
        path.write_bytes(changed[change])
        os.utime(path, ns=(1, 1))
        with pytest.raises(AudioError, match="changed while it was read"):
            list(blocks)
