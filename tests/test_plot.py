"""A figure that anyone can read, and that is the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import soundfile
from support.timelines import CALL, DOUBTED, LEFT, RIGHT, SILENT, odds, timeline

from voxaffect.errors import MissingExtraError
from voxaffect.outputs.figures.timeline import _curves, check_installed, envelope, plot
from voxaffect.recognition import Segment, Timeline, Window

RATE_HZ = 8_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twelve seconds whose left channel grows and whose right one is constant."""
    growing = np.linspace(0, 0.8, 12 * RATE_HZ) * np.sin(np.arange(12 * RATE_HZ))
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([growing, np.full_like(growing, 0.25)], axis=1), RATE_HZ)
    return path


def words(path: Path) -> str:
    return " ".join(part for part in Xml.parse(path).getroot().itertext() if part.strip())


def test_the_figure_names_every_emotion_and_the_recording(recording: Path, tmp_path: Path) -> None:
    plot([CALL], tmp_path / "a.svg", recording=recording)
    found = words(tmp_path / "a.svg")
    assert all(word in found for word in ("angry", "happy", "sad", "call.wav", "time (s)"))
    assert found.count("angry") == 2  # beside its curve, and in its segment


def test_an_uncertain_segment_is_asked_and_pale_and_the_figure_says_what_that_means(
    recording: Path, tmp_path: Path
) -> None:
    plot([DOUBTED], tmp_path / "a.svg", recording=recording)
    found = words(tmp_path / "a.svg")
    assert "sad?" in found
    assert "angry?" not in found
    assert "uncertain" in found
    assert "opacity: 0.35" in (tmp_path / "a.svg").read_text()
    plot([CALL], tmp_path / "b.svg", recording=recording)
    assert "uncertain" not in words(tmp_path / "b.svg")


def test_each_channel_has_a_part_of_its_own(recording: Path, tmp_path: Path) -> None:
    plot([LEFT, RIGHT], tmp_path / "a.svg", recording=recording)
    found = words(tmp_path / "a.svg")
    assert "call.wav, left" in found
    assert "call.wav, right" in found


def test_a_picture_is_written_from_bytes_too(recording: Path, tmp_path: Path) -> None:
    plot([CALL], tmp_path / "a.png", recording=recording)
    plot([CALL], tmp_path / "b.png", recording=recording.read_bytes())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_drawing_is_the_same_bytes_in_another_process(recording: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path\n"
        "from support.timelines import CALL; from voxaffect.outputs.figures.timeline import plot\n"
        "plot([CALL], Path(sys.argv[3]), recording=Path(sys.argv[2]))"
    )
    arguments = [str(Path(__file__).parent), str(recording), str(tmp_path / "there.svg")]
    subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    plot([CALL], tmp_path / "here.svg", recording=recording)
    assert (tmp_path / "there.svg").read_bytes() == (tmp_path / "here.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "here.svg").read_bytes()


def test_silence_and_odd_names_are_drawn(recording: Path, tmp_path: Path) -> None:
    empty = Timeline("$_^{.wav", "mix", 2.0, SILENT.emotions, (), ())
    plot([empty], tmp_path / "a.svg", recording=recording)
    assert "$_^{.wav" in words(tmp_path / "a.svg")


def test_an_hour_is_counted_in_minutes(recording: Path, tmp_path: Path) -> None:
    parts = [
        Segment(float(a), float(b), "sad", {"angry": 0.1, "happy": 0.1, "sad": 0.8})
        for a, b in pairwise(range(0, 3_600, 60))
    ]
    plot([timeline(*parts, seconds=3_600.0)], tmp_path / "a.svg", recording=recording)
    assert "time (minutes:seconds)" in words(tmp_path / "a.svg")


@pytest.mark.parametrize(("channel", "peak"), [("left", 0.8), ("right", 0.25), ("2", 0.25)])
def test_the_envelope_holds_the_extremes_of_its_channel(
    recording: Path, channel: str, peak: float
) -> None:
    low, high = envelope(recording, channel)
    assert len(low) == len(high) <= 2_000
    assert high.max() == pytest.approx(peak, abs=2e-3)
    assert (low <= high).all()


def test_the_envelope_of_the_mix_is_that_of_the_mean(recording: Path) -> None:
    samples, _ = soundfile.read(recording, dtype="float32")
    _, high = envelope(recording, "mix")
    assert high.max() == pytest.approx(samples.mean(axis=1).max(), abs=1e-6)


def test_an_envelope_is_as_long_as_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(RATE_HZ * 200 + 3), RATE_HZ)
    low, _ = envelope(path, "mix")
    assert 1_000 < len(low) <= 2_000


def test_a_curve_holds_each_window_over_what_it_hears_first() -> None:
    spans = [(1.0, 1.5), (1.0, 2.0), (1.5, 2.5), (4.0, 4.6)]
    windows = tuple(Window(*span, odds("sad", 0.5 + at / 10)) for at, span in enumerate(spans))
    moments, values = _curves(replace(CALL, windows=windows))
    assert moments.tolist() == [1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 2.5, 4.0, 4.0, 4.6]
    nan, sad = np.nan, values[:, 2].tolist()
    assert sad == pytest.approx([nan, 0.5, 0.5, 0.6, 0.6, 0.7, 0.7, nan, 0.8, 0.8], nan_ok=True)


def test_without_matplotlib_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "voxaffect\[plot\]"'):
        check_installed()


def test_drawing_changes_no_global_setting(recording: Path, tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot([CALL], tmp_path / "a.png", recording=recording)
    assert dict(matplotlib.rcParams) == before
