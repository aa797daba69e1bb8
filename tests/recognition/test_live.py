"""Live sound: what goes in by blocks is what a stream hears, keeps and shows."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from conftest import RATE_HZ, voice
from rich.console import Console

from voxaffect import Segment, Stream, Window
from voxaffect.audio import Samples, read
from voxaffect.audio.devices import describe_devices, open_microphone, play_file
from voxaffect.cli import cli, main
from voxaffect.errors import AudioError, MissingExtraError, VoxaffectError
from voxaffect.outputs.live.dashboard import assign_letters, draw_dashboard
from voxaffect.outputs.live.plain import format_clock, format_event, format_summary
from voxaffect.recognition import Update
from voxaffect.recognition.live.recorder import open_recorder, to_record
from voxaffect.recognition.live.session import Session
from voxaffect.recognition.live.state import SessionState, advance_state

EMOTIONS = ("angry", "calm", "sad", "surprised")
SILENCE = np.zeros(0, dtype=np.float32)


def pieces(samples: Samples, size: int) -> list[Samples]:
    return [samples[start : start + size] for start in range(0, len(samples), size)]


def spoken(seconds: float = 2.5) -> Samples:
    return np.pad(voice(0, seconds=seconds), (1600, 16_000)).astype(np.float32)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, spoken(), RATE_HZ, subtype="PCM_16")
    return path


def shares(emotion: str, probability: float) -> dict[str, float]:
    rest = (1 - probability) / (len(EMOTIONS) - 1)
    return {name: probability if name == emotion else rest for name in EMOTIONS}


# --- live sources ----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2])
def test_a_played_file_gives_all_of_its_sound_mixed_down(tmp_path: Path, channels: int) -> None:
    samples = np.stack([spoken(5.0)] * channels, axis=1) * np.arange(1, channels + 1)
    soundfile.write(tmp_path / "a.wav", samples, 22_050, subtype="FLOAT")
    with play_file(tmp_path / "a.wav", is_real_time=False) as source:
        blocks = list(source.blocks)
    assert (source.rate_hz, source.name) == (22_050, str(tmp_path / "a.wav"))
    assert max(map(len, blocks)) == 2_205
    np.testing.assert_array_equal(np.concatenate(blocks), read(tmp_path / "a.wav").samples)


def test_a_paced_file_takes_its_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", voice(0, seconds=0.5), RATE_HZ)
    begun = time.monotonic()
    with play_file(tmp_path / "a.wav") as source:
        list(source.blocks)
    assert time.monotonic() - begun > 0.45


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"not sound")
    with (
        pytest.raises(AudioError, match=r"a\.wav: not readable as audio"),
        play_file(tmp_path / "a.wav"),
    ):
        pass


SOUND_CARD = """
import signal, threading, time
import numpy as np
PAUSE = 0.6
class PortAudioError(Exception): pass
DEVICES = [dict(name="Speakers", max_input_channels=0, default_samplerate=44100.0),
           dict(name="Headset", max_input_channels=1, default_samplerate=16000.0)]
def query_devices(device=None, kind=None):
    if device is None and kind is None:
        return DEVICES
    if device not in (None, 1, "Headset"):
        raise ValueError(f"No input device matching {device!r}")
    return DEVICES[1]
class InputStream:
    def __init__(self, *, device, channels, samplerate, dtype, blocksize, callback):
        assert (channels, samplerate, dtype, blocksize) == (1, 16000, "float32", 1600)
        self.thread = threading.Thread(target=self.run, args=(callback,))
    def start(self):
        self.thread.start()
    def run(self, callback):
        sound = np.load(__file__.replace(".py", ".npy"))
        for start in range(0, len(sound), 1600):
            callback(sound[start:start + 1600, None], 1600, None, None)
        time.sleep(PAUSE)
        signal.raise_signal(signal.SIGINT)
    def close(self):
        self.thread.join()
"""


@pytest.fixture
def fake_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Put another sounddevice, the edge to the sound card, in the place of the real one."""

    def fake(source: str) -> Path:
        folder = tmp_path / "fake"
        folder.mkdir()
        (folder / "sounddevice.py").write_text(source)
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
        return folder / "sounddevice.npy"

    yield fake
    sys.modules.pop("sounddevice", None)


def test_a_missing_portaudio_says_what_to_install(fake_module: Callable[[str], Path]) -> None:
    fake_module("raise OSError('PortAudio library not found')")
    with pytest.raises(MissingExtraError, match=r"apt install libportaudio2.*brew install"):
        describe_devices()


def test_a_missing_sounddevice_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with (
        pytest.raises(MissingExtraError, match=r'pip install "voxaffect\[live\]"'),
        open_microphone(),
    ):
        pass


def test_only_devices_that_record_are_listed(fake_module: Callable[[str], Path]) -> None:
    fake_module(SOUND_CARD)
    assert describe_devices() == ("  1  Headset: 1 channels, 16000 Hz",)


def test_an_unknown_microphone_is_an_error_with_a_remedy(
    fake_module: Callable[[str], Path],
) -> None:
    fake_module(SOUND_CARD)
    with pytest.raises(AudioError, match=r"microphone '7': .*--list-devices"), open_microphone("7"):
        pass


@pytest.mark.parametrize("pause", [0.6, 0.0], ids=["at leisure", "before a block was recognized"])
def test_ctrl_c_ends_a_microphone_session_with_a_summary(
    fake_module: Callable[[str], Path], tmp_path: Path, pause: float
) -> None:
    np.save(fake_module(SOUND_CARD.replace("PAUSE = 0.6", f"PAUSE = {pause}")), spoken())
    arguments = ["listen", "--device", "1", "--save", str(tmp_path / "kept")]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    assert "0:03.6 heard, 0:02." in done.output
    assert len(read(tmp_path / "kept" / "audio.wav").samples) == len(spoken())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# --- session and keeping ----------------------------------------------------------------------


def test_a_session_tells_what_its_stream_tells() -> None:
    alone = Stream(rate_hz=RATE_HZ)
    expected = [*alone.push(spoken()), *alone.finish()]
    session = Session("test", Stream(rate_hz=RATE_HZ))
    events = [event for block in pieces(spoken(), 1_600) for event in session.take(block)]
    events += [*session.take(SILENCE), *session.end()]
    assert sorted(map(repr, events)) == sorted(map(repr, expected))
    assert session.state.seconds == pytest.approx(3.6)
    segments = [event for event in events if isinstance(event, Segment)]
    heard = sum(one.end_seconds - one.start_seconds for one in segments)
    assert sum(session.state.totals.values()) == pytest.approx(heard)


def test_what_is_kept_is_whole_before_it_is_closed(tmp_path: Path) -> None:
    names = ("happy", "sad")
    with open_recorder(
        tmp_path / "new" / "kept", name="x", rate_hz=RATE_HZ, emotions=names
    ) as recorder:
        for block in pieces(spoken(), 1_000):
            recorder.write_sound(block)
        recorder.write_events([Window(0, 1, {"happy": 1.0, "sad": 0.0}), Update(1.5, None, {})])
        found = read(tmp_path / "new" / "kept" / "audio.wav")
        rows = (tmp_path / "new" / "kept" / "timeline.jsonl").read_text().splitlines()
    np.testing.assert_allclose(found.samples, spoken(), atol=1 / 65_000)
    assert [json.loads(row)["event"] for row in rows] == ["start", "window", "update"]


def test_a_session_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "audio.wav").write_bytes(b"mine")
    with (
        pytest.raises(VoxaffectError, match="holds a session already"),
        open_recorder(tmp_path, name="x", rate_hz=RATE_HZ, emotions=EMOTIONS),
    ):
        pass
    assert (tmp_path / "audio.wav").read_bytes() == b"mine"


def test_loud_sound_is_kept_clipped_not_wrapped(tmp_path: Path) -> None:
    with open_recorder(tmp_path, name="x", rate_hz=RATE_HZ, emotions=EMOTIONS) as recorder:
        recorder.write_sound(np.array([2.0, -2.0], dtype=np.float32))
    np.testing.assert_allclose(read(tmp_path / "audio.wav").samples, [1, -1], atol=1e-4)


# --- scene, lines, view -----------------------------------------------------------------------


def told(*events: object, seconds: float = 10.0) -> SessionState:
    return advance_state(SessionState("mic", EMOTIONS), SILENCE, seconds=seconds, events=events)


def test_an_update_paints_what_its_window_heard() -> None:
    now = told(Window(2.0, 5.0, shares("sad", 0.8)), Update(5.0, "sad", shares("sad", 0.8)))
    assert now.strip == {2: "sad", 3: "sad", 4: "sad"}
    assert now.emotion == "sad"


def test_a_segment_repaints_its_seconds_and_counts_them() -> None:
    now = told(
        Window(2.0, 5.0, shares("sad", 0.8)),
        Update(5.0, "sad", shares("sad", 0.8)),
        Segment(1.6, 4.4, "calm", shares("calm", 0.7)),
        Update(6.0, None, {}),
    )
    assert now.strip == {2: "calm", 3: "calm", 4: "sad"}
    assert now.totals == {"calm": pytest.approx(2.8)}
    assert now.emotion is None


def test_the_strip_never_holds_more_than_a_minute() -> None:
    scene = SessionState("mic", EMOTIONS)
    for second in range(500):
        window = Window(float(second), second + 1.0, shares("sad", 0.9))
        update = Update(second + 1.0, "sad", shares("sad", 0.9))
        scene = advance_state(scene, SILENCE, seconds=second + 1.0, events=[window, update])
    assert len(scene.strip) <= 60
    assert max(scene.strip) == 499


def test_level_of_a_sine_is_its_rms() -> None:
    sine = (0.5 * np.sin(np.arange(1_600) * 2 * np.pi / 16)).astype(np.float32)
    now = advance_state(SessionState("mic", EMOTIONS), sine, seconds=0.1, events=[])
    assert now.level_db == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0:00.0"), (59.96, "1:00.0"), (61.5, "1:01.5"), (3_725.25, "1:02:05.2")],
)
def test_clock(seconds: float, expected: str) -> None:
    assert format_clock(seconds) == expected


def test_lines_say_what_happens() -> None:
    assert format_event(Window(0, 1, shares("sad", 0.9))) is None
    assert format_event(Update(1, "sad", shares("sad", 0.9))) == "now      0:01.0  sad 0.90"
    assert format_event(Update(2, None, {})) == "silence  0:02.0"
    found = format_event(Segment(0.5, 62, "calm", shares("calm", 0.7)))
    assert found == "segment  0:00.5 to 1:02.0  calm 0.70"


def test_lines_say_what_is_uncertain() -> None:
    update = Update(1, "sad", shares("sad", 0.3), uncertain=True)
    assert format_event(update) == "now      0:01.0  sad 0.30  uncertain"
    segment = Segment(0.5, 62, "calm", shares("calm", 0.3), uncertain=True)
    assert format_event(segment) == "segment  0:00.5 to 1:02.0  calm 0.30  uncertain"
    assert "SAD  0.30  uncertain" in drawn(told(update))
    assert all(to_record(one)["uncertain"] is True for one in (update, segment))
    assert to_record(Window(0, 1, shares("sad", 0.9)))["uncertain"] is False


def test_the_summary_shares_out_the_speech() -> None:
    now = told(Segment(0, 3, "calm", {}), Segment(3, 4, "sad", {}), Segment(5, 8, "calm", {}))
    expected = "0:10.0 heard, 0:07.0 of it speech: calm 0:06.0 (86 %), sad 0:01.0 (14 %)."
    assert format_summary(now) == expected
    assert format_summary(told()) == "0:10.0 heard, no speech."


def test_the_held_level_falls_slowly() -> None:
    scene = advance_state(
        SessionState("mic", EMOTIONS), np.full(16, 0.1, np.float32), seconds=1.0, events=[]
    )
    quiet = advance_state(scene, np.full(16, 1e-3, np.float32), seconds=3.0, events=[])
    assert quiet.level_db == pytest.approx(-60, abs=0.01)
    assert quiet.held_db == pytest.approx(-26, abs=0.01)


def drawn(scene: SessionState, *, width: int = 100, color: bool = False) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="truecolor" if color else None,
    )
    console.print(draw_dashboard(scene))
    return console.file.getvalue()


def test_the_view_can_be_read_without_color() -> None:
    now = told(
        Window(2.0, 5.0, shares("surprised", 0.8)),
        Update(5.0, "surprised", shares("surprised", 0.8)),
    )
    text = drawn(now)
    assert "SURPRISED  0.80" in text
    assert "U surprised" in text
    assert "last 60 s  ··UUU······" in text
    assert "█" * 24 + "░" * 6 + " 0.80" in text
    assert "\x1b" not in text
    assert "\x1b[1;30;48;2;136;204;238mU" in drawn(now, color=True)  # black on light blue


def test_the_view_fits_80_columns_and_its_strip_keeps_its_place() -> None:
    scene = told(Update(3_700.0, None, {}), seconds=3_700.0)
    rows = drawn(scene, width=80).splitlines()
    assert {len(row) for row in rows} == {78}
    assert any("last 60 s  " + "·" * 60 in row for row in rows)


@pytest.mark.parametrize(("peak", "words"), [(1.0, "too loud: clipped"), (1e-4, "faint")])
def test_the_view_warns_of_a_bad_level(peak: float, words: str) -> None:
    block = np.full(160, peak, dtype=np.float32)
    events = [Update(1.0, "sad", shares("sad", 0.9))]
    now = advance_state(SessionState("mic", EMOTIONS), block, seconds=1.0, events=events)
    assert words in drawn(now)


def test_letters_are_unique_and_first_where_they_can_be() -> None:
    assert assign_letters(EMOTIONS) == {"angry": "A", "calm": "C", "sad": "S", "surprised": "U"}
    many = tuple(f"aa{'b' * number}" for number in range(20))
    assert len(set(assign_letters(many).values())) == 20


# --- the command ------------------------------------------------------------------------------


def test_a_file_goes_through_the_same_path(recording: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    arguments = ["listen", "--input", str(recording), "--fast", "--save", str(kept)]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("now      0:0")
    assert lines[-1] == f"Kept in {kept}."
    assert "of it speech" in lines[-2]
    np.testing.assert_array_equal(read(kept / "audio.wav").samples, read(recording).samples)
    rows = [json.loads(row) for row in (kept / "timeline.jsonl").read_text().splitlines()]
    assert rows[0]["source"] == str(recording)
    assert {row["event"] for row in rows} == {"start", "window", "update", "segment"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--fast"], "goes with --input"), (["--input", "a", "--device", "1"], "one of them")],
)
def test_options_that_contradict_each_other(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["listen", *arguments])
    assert done.exit_code == 2
    assert message in done.output


def test_no_such_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["listen", "--input", "nowhere.wav"])
    assert capsys.readouterr().err == "AudioError: nowhere.wav: no such file.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_on_a_terminal_ctrl_c_ends_the_view_cleanly(tmp_path: Path) -> None:
    import pty

    soundfile.write(tmp_path / "a.wav", np.tile(spoken(), 10), RATE_HZ)
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "voxaffect", "listen", "--input", "a.wav"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=inner, stderr=inner, env={**os.environ, "TERM": "xterm"}
    )
    os.close(inner)
    text = ""
    while "last 60 s" not in text:
        text += os.read(outer, 65_536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    try:
        while chunk := os.read(outer, 65_536):
            text += chunk.decode(errors="replace")
    except OSError:  # how Linux says that the other end has closed
        pass
    os.close(outer)
    assert process.wait(timeout=120) == 0
    assert " heard, " in text
    assert "Traceback" not in text


def test_sound_too_loud_is_refused_by_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, spoken() * np.float32(1e20), RATE_HZ, subtype="FLOAT")
    done = CliRunner().invoke(cli, ["listen", "--input", str(path), "--fast"])
    assert isinstance(done.exception, AudioError)
    assert str(done.exception).startswith(f"{path}: samples reach")
