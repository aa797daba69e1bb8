"""A figure that anyone can read, and that is the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
import soundfile
from support.timelines import BEN, CALL, DOUBTED, LEFT, RIGHT, SILENT, TALK, odds, segment, timeline

from voxaffect.errors import MissingExtraError
from voxaffect.outputs.envelope import compute_envelopes
from voxaffect.outputs.figures.circles import shorten_circles
from voxaffect.outputs.figures.shares import choose_stretch, compute_means, compute_shares
from voxaffect.outputs.figures.timeline import _curves, check_installed, plot
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


def test_a_title_has_the_name_of_the_channel(recording: Path, tmp_path: Path) -> None:
    plot([replace(LEFT, channel_name="agent")], tmp_path / "a.svg", recording=recording)
    assert "call.wav, agent" in words(tmp_path / "a.svg")


def test_each_channel_has_a_part_of_its_own(recording: Path, tmp_path: Path) -> None:
    plot([LEFT, RIGHT], tmp_path / "a.svg", recording=recording)
    found = words(tmp_path / "a.svg")
    assert "call.wav, left" in found
    assert "call.wav, right" in found


@pytest.mark.slow
def test_a_picture_is_written_from_bytes_too(recording: Path, tmp_path: Path) -> None:
    plot([CALL], tmp_path / "a.png", recording=recording)
    plot([CALL], tmp_path / "b.png", recording=recording.read_bytes())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
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


def test_each_speaker_has_a_row_and_overlaps_are_crossed(recording: Path, tmp_path: Path) -> None:
    plot([TALK], tmp_path / "a.svg", recording=recording)
    found = words(tmp_path / "a.svg")
    assert all(word in found for word in ("SPEAKER_00", BEN, "happy?", "several speakers"))
    parts = [
        replace(segment(2.0 * at, 2 * at + 1.5, "sad"), speaker="AB"[at % 2]) for at in range(360)
    ]
    plot([timeline(*parts, seconds=720.0)], tmp_path / "b.svg", recording=recording)
    found = words(tmp_path / "b.svg")
    assert "share of time in each 10 s" in " ".join(found.split())
    assert "crossed" not in found


@pytest.mark.parametrize("name", ["<script>", "two\nlines", "x" * 10_000, "\u202eback", "$_^{"])
def test_names_of_speakers_stay_short_text(recording: Path, tmp_path: Path, name: str) -> None:
    part = replace(segment(0.5, 1.5, "sad"), speaker=name)
    plot([timeline(part)], tmp_path / "a.svg", recording=recording)
    assert len(words(tmp_path / "a.svg")) < 400
    assert "\u202e" not in words(tmp_path / "a.svg")


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
    ((low, high),) = compute_envelopes(recording, [channel])
    assert len(low) == len(high) <= 2_000
    assert high.max() == pytest.approx(peak, abs=2e-3)
    assert (low <= high).all()


def test_the_envelope_of_the_mix_is_that_of_the_mean(recording: Path) -> None:
    samples, _ = soundfile.read(recording, dtype="float32")
    ((_, high),) = compute_envelopes(recording, ["mix"])
    assert high.max() == pytest.approx(samples.mean(axis=1).max(), abs=1e-6)


def test_an_envelope_is_as_long_as_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(RATE_HZ * 200 + 3), RATE_HZ)
    ((low, _),) = compute_envelopes(path, ["mix"])
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


@pytest.mark.slow
def test_drawing_changes_no_global_setting(recording: Path, tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot([CALL], tmp_path / "a.png", recording=recording)
    assert dict(matplotlib.rcParams) == before


def long_timeline(seconds: float, **options: str) -> Timeline:
    """Segments of 1.5 s, every third uncertain, half a second apart, with a window each."""
    parts = [
        Segment(start, start + 1.5, name, odds(name, 0.8), uncertain=name == "sad")
        for start, name in zip(np.arange(0, seconds - 2, 2.0), cycle(CALL.emotions))
    ]
    windows = tuple(Window(one.start_seconds, one.end_seconds, one.probabilities) for one in parts)
    return replace(timeline(*parts, seconds=seconds, **options), windows=windows)


@pytest.mark.parametrize(
    ("seconds", "stretch"), [(60, None), (600, 10), (1_200, 30), (3_600, 60), (36_000, 600)]
)
def test_long_recordings_are_drawn_in_round_stretches(seconds: float, stretch: int | None) -> None:
    assert choose_stretch([long_timeline(seconds)]) == stretch


def test_without_segments_nothing_is_summed_up() -> None:
    assert choose_stretch([SILENT]) is None


def test_shares_add_up_to_the_speech_of_each_stretch() -> None:
    shares = compute_shares(long_timeline(605.0), 10)
    assert shares.shape == (61, 3, 2)
    assert shares[:60].sum(axis=(1, 2)) == pytest.approx(0.75)
    assert shares[:, :2, 1].sum() == shares[:, 2, 0].sum() == 0  # sad alone is uncertain
    assert 10 * shares[:60].sum() + 5 * shares[60].sum() == pytest.approx(302 * 1.5)


def test_a_segment_over_a_border_is_split_there() -> None:
    one = timeline(Segment(8.0, 13.0, "angry", odds("angry", 0.9)), seconds=20.0)
    assert compute_shares(one, 10)[:, 0, 0] == pytest.approx([0.2, 0.3])


def test_means_are_weighted_by_time_and_missing_in_silence() -> None:
    steps = [(0.0, 8.0, [1.0]), (8.0, 12.0, [0.0])]
    means = compute_means(steps, 30.0, 10)
    assert means[:, 0] == pytest.approx([0.8, 0.0, np.nan], nan_ok=True)


@pytest.mark.slow
def test_a_long_call_is_drawn_as_shares_and_says_so(recording: Path, tmp_path: Path) -> None:
    sides = [long_timeline(600.0, channel=name) for name in ("1", "2")]
    plot(sides, tmp_path / "a.svg", recording=recording)
    text = words(tmp_path / "a.svg")
    assert "call.wav, channel 2" in text
    assert "in each 10 s" in text
    assert "pale: uncertain" in text
    assert "angry?" not in text


@pytest.mark.parametrize("seconds", [600.5, 3_600.0])
def test_a_long_recording_without_windows_is_drawn(
    recording: Path, tmp_path: Path, seconds: float
) -> None:
    plot([replace(long_timeline(seconds), windows=())], tmp_path / "a.svg", recording=recording)
    assert "share of time" in words(tmp_path / "a.svg")


def test_dots_of_hatches_are_arcs_and_their_holes_turn_the_other_way() -> None:
    bottom, top = "3.00 0.60", "3.00 -0.60"
    for sweep in (0, 1):
        arc = f"A 0.60 0.60 0 0 {sweep}"
        assert (
            shorten_circles(draw_circle(1 - 2 * sweep))
            == f"M {bottom} {arc} {top} {arc} {bottom} z"
        )
    square = "M 0 0 \nL 1 0 \nL 1 1 \nz"
    assert shorten_circles(square) == square


def draw_circle(direction: int) -> str:
    """Circle of radius 0.6 around (3, 0) as eight curves from its bottom."""
    angles = direction * np.arange(1, 9) * np.pi / 4
    ends = np.round([3 + 0.6 * np.sin(angles), 0.6 * np.cos(angles)], 6).T
    return "M 3 0.6 \n" + "".join(f"C 1 1 1 1 {x} {y} \n" for x, y in ends) + "z"
