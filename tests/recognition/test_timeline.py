"""Emotion over the time of a recording: windows, segments, channels, and the frames they share."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Trained, voice
from support.synthesis import Sound, speech_like, tone, white
from test_stream import talk

from voxaffect import Signal, Timeline, compute_features, load, read, timeline
from voxaffect.errors import AudioError
from voxaffect.extraction import LocalExecutor
from voxaffect.features.affect.frames import (
    SAMPLES_AFTER,
    SAMPLES_BEFORE,
    analyze_frames,
    analyze_inner_frames,
)
from voxaffect.features.front_end import HOP_SAMPLES
from voxaffect.recognition.timelines.buffer import RingBuffer
from voxaffect.recognition.timelines.windowing import (
    SpeechWindow,
    SpeechWindower,
    WindowConfig,
    extract_window_features,
)

RATE_HZ = 16_000


def only(sound: Sound, **options: object) -> Timeline:
    (found,) = timeline(sound, rate_hz=RATE_HZ, **options)  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def talked() -> Timeline:
    return only(talk())


def test_segments_cover_the_stretches_of_speech(talked: Timeline) -> None:
    spoken = [(0.4, 0.9), (2.0, 6.3), (7.1, 8.7), (9.9, 12.0)]
    covered = [(one.start_seconds, one.end_seconds) for one in talked.segments]
    for start, stop in spoken:
        inside = [(a, b) for a, b in covered if a < stop and b > start]
        assert inside[0][0] == pytest.approx(start, abs=0.12)
        assert inside[-1][1] == pytest.approx(stop, abs=0.15)
    total = sum(b - a for a, b in covered)
    assert total == pytest.approx(sum(b - a for a, b in spoken), abs=0.8)


def test_segments_are_in_order_and_do_not_overlap(talked: Timeline) -> None:
    for one, two in itertools.pairwise(talked.segments):
        assert one.start_seconds < one.end_seconds <= two.start_seconds < two.end_seconds


def test_neighboring_segments_differ_unless_there_is_a_pause(talked: Timeline) -> None:
    for one, two in itertools.pairwise(talked.segments):
        assert one.emotion != two.emotion or two.start_seconds - one.end_seconds > 0.3


def test_probabilities_sum_to_one_and_name_the_emotion(talked: Timeline) -> None:
    for one in (*talked.windows, *talked.segments):
        assert tuple(one.probabilities) == talked.emotions
        assert sum(one.probabilities.values()) == pytest.approx(1.0)
    for segment in talked.segments:
        assert segment.confidence == max(segment.probabilities.values())


def test_windows_lie_within_one_stretch_and_are_no_longer_than_asked(talked: Timeline) -> None:
    for window in talked.windows:
        assert 0.25 <= window.end_seconds - window.start_seconds <= 3.0 + 1e-9
        assert not any(
            window.start_seconds < pause < window.end_seconds for pause in (1.5, 6.7, 9.3)
        )


def test_windows_hop_and_the_last_ends_with_the_speech() -> None:
    sound = np.concatenate([np.zeros(RATE_HZ, np.float32), voice(2, seconds=6.2)])
    ends = [window.end_seconds for window in only(sound).windows]
    assert np.diff(ends[:-1]) == pytest.approx(1.0)
    assert ends[-1] == pytest.approx(7.2, abs=0.4)
    halved = only(sound, hop_seconds=0.5, window_seconds=2.0).windows
    assert np.diff([window.end_seconds for window in halved[:-1]]) == pytest.approx(0.5)
    lengths = [window.end_seconds - window.start_seconds for window in halved]
    assert max(lengths) == pytest.approx(2.0)


@pytest.mark.parametrize("seconds", [0.25, 0.3, 0.5, 0.9, 1.5, 3.0])
def test_a_short_recording_of_speech_has_a_window(seconds: float) -> None:
    found = only(voice(1, seconds=seconds))
    assert found.seconds == pytest.approx(seconds, abs=1e-3)
    assert len(found.windows) >= 1
    assert found.segments[-1].end_seconds == pytest.approx(seconds, abs=0.12)


def test_a_short_steady_sound_is_taken_as_speech() -> None:
    assert len(only(tone(200, 0.3), vad="energy").windows) == 1


@pytest.mark.parametrize(
    "sound", [np.zeros(80_000, np.float32), white(5.0, rms=1e-3), np.full(4_000, 0.2, np.float32)]
)
def test_silence_has_neither_windows_nor_segments(sound: Sound) -> None:
    found = only(sound)
    assert (found.windows, found.segments) == ((), ())


def test_clicks_are_no_speech() -> None:
    sound = white(10.0, rms=1e-4)
    sound[:: 2 * RATE_HZ] = 0.9
    assert only(sound).segments == ()


def test_workers_change_nothing(talked: Timeline) -> None:
    assert only(talk(), workers=1) == talked == only(talk(), workers=3)


@pytest.mark.slow
def test_worker_processes_change_nothing(talked: Timeline) -> None:
    with LocalExecutor(2, kind="processes") as executor:
        assert only(talk(), workers=executor) == talked
        assert executor.process_ids
        both = np.stack([talk(), np.roll(talk(), 5_000)], axis=1)
        kept = {"rate_hz": RATE_HZ, "channels": "each", "window_seconds": 1.0}
        expected = timeline(both, workers=1, **kept)  # type: ignore[arg-type]
        assert timeline(both, workers=executor, **kept) == expected  # type: ignore[arg-type]


@pytest.mark.slow
def test_worker_processes_that_are_killed_change_no_timeline(talked: Timeline) -> None:
    with LocalExecutor(2, kind="processes") as executor:
        list(executor.map_unordered(time.sleep, [0.01] * 8))
        for process in executor.process_ids:
            os.kill(process, signal.SIGTERM)
        assert only(talk(), workers=executor) == talked


@pytest.mark.slow
def test_a_path_bytes_a_stream_a_signal_and_an_array_are_one_timeline(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    soundfile.write(path, talk(), RATE_HZ, subtype="FLOAT")
    sources = [path, str(path), path.read_bytes(), Signal(talk(), RATE_HZ)]
    found = [timeline(source)[0] for source in sources]
    with path.open("rb") as stream:
        found.append(timeline(stream)[0])
    assert [one.windows for one in found] == [only(talk()).windows] * 5
    assert [one.source for one in found] == [str(path), str(path), "<bytes>", "<array>", "<bytes>"]


# Channels.


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two parties: the left one speaks first, then the right one."""
    sound = np.random.default_rng(1).standard_normal((5 * RATE_HZ, 2)) * 1e-4
    sound[RATE_HZ // 2 : RATE_HZ // 2 + 24_000, 0] += voice(1, seconds=1.5)
    sound[3 * RATE_HZ : 3 * RATE_HZ + 24_000, 1] += voice(2, seconds=1.5)
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, sound, RATE_HZ, subtype="FLOAT")
    return path


def test_each_channel_has_its_own_timeline(call: Path) -> None:
    left, right = timeline(call, channels="each")
    assert (left.channel, right.channel) == ("1", "2")
    assert left.segments[0].start_seconds == pytest.approx(0.5, abs=0.1)
    assert right.segments[0].start_seconds == pytest.approx(3.0, abs=0.1)
    assert left.windows == timeline(call, channels="left")[0].windows
    assert right.segments == timeline(call, channels="right")[0].segments


def test_the_mix_hears_both(call: Path) -> None:
    (mix,) = timeline(call)
    assert mix.channel == "mix"
    assert {round(one.start_seconds) for one in mix.segments} == {0, 3}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_mono_recording_has_neither_a_left_nor_a_right_channel(side: str) -> None:
    with pytest.raises(AudioError, match=f"has 1 channel, expected 2 to take the {side} one"):
        only(talk(), channels=side)


def test_other_channels_are_refused() -> None:
    with pytest.raises(AudioError, match="no channels 'both'; there are: mix, left, right, each"):
        only(talk(), channels="both")


# What cannot be used says so.


def test_a_recording_too_short_is_refused() -> None:
    with pytest.raises(AudioError, match=r"0\.2 s long, at least 0\.25 s are needed"):
        only(voice(1, seconds=0.2))


def test_a_break_on_the_way_is_told() -> None:
    sound = talk().copy()
    sound[10 * RATE_HZ] = np.nan
    with pytest.raises(AudioError, match="NaN or infinite"):
        only(sound)


def test_a_recording_far_too_loud_is_refused() -> None:
    with pytest.raises(AudioError, match="Normalize it"):
        only(voice(1, seconds=3.0) * np.float32(1e8))


# Frames that windows share.


def spans(sound: Sound) -> list[SpeechWindow]:
    windower = SpeechWindower(load("fast").card.spec, RATE_HZ, WindowConfig())
    steps = windower.push(sound) + windower.finish()
    return [window for step in steps for window in step.windows]


@pytest.mark.parametrize("offset", [0.0, 0.05])
def both_ways(sound: Sound) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of the windows: from shared frames, and each by itself."""
    spec, found = load("fast").card.spec, spans(sound)
    shared = [extract_window_features(one, spec, RATE_HZ, name="x") for one in found]
    alone = [
        compute_features(Signal(sound[one.start * 160 : one.stop * 160], RATE_HZ), spec)
        for one in found
    ]
    return np.stack(shared), np.stack(alone)


@pytest.mark.parametrize("offset", [0.0, 0.05])
def test_windows_that_share_frames_are_described_as_by_themselves(offset: float) -> None:
    """Nine numbers of ten within a tenth of a standard deviation over windows."""
    sound = np.concatenate([speech_like(7.0, seed) for seed in (1, 2)]) + np.float32(offset)
    shared, alone = both_ways(sound)
    distance = np.abs(shared - alone) / (alone.std(axis=0) + 1e-3)
    assert np.median(distance) < 1e-3
    assert np.quantile(distance, 0.9) < 0.1
    model = load("fast")
    change = np.abs(model.probabilities(shared) - model.probabilities(alone)).max(axis=1)
    assert np.median(change) < 0.01


def test_real_windows_that_share_frames_are_recognized_as_by_themselves(
    data_root: Callable[[str], Path],
) -> None:
    """Probabilities move by less than .01 at the median, and the answer once in fifty."""
    paths = sorted(data_root("ravdess").glob("Actor_0[1-4]/*.wav"))[::12]
    shared, alone = both_ways(np.concatenate([read(path).samples for path in paths]))
    model = load("fast")
    one, two = model.probabilities(shared), model.probabilities(alone)
    assert np.median(np.abs(one - two).max(axis=1)) < 0.01
    assert (one.argmax(axis=1) == two.argmax(axis=1)).mean() >= 0.98


def test_classic_windows_are_described_exactly(trained: Trained) -> None:
    sound, spec = talk(), trained.model.card.spec
    found = only(sound, model=trained.model).windows[-1]
    start, stop = round(found.start_seconds * RATE_HZ), round(found.end_seconds * RATE_HZ)
    # The stream takes off a constant offset, which these sounds hardly have.
    vector = compute_features(Signal(sound[start:stop], RATE_HZ), spec)
    expected = trained.model.probabilities(vector[None])[0]
    assert list(found.probabilities.values()) == pytest.approx(expected, abs=1e-3)


def test_frames_measured_in_pieces_are_those_of_the_whole() -> None:
    sound = speech_like(2.0)
    whole = analyze_frames(sound)
    for first, frames in ((5, 1), (10, 60), (100, 90)):
        start = first * HOP_SAMPLES - SAMPLES_BEFORE
        end = (first + frames - 1) * HOP_SAMPLES + SAMPLES_AFTER
        part = analyze_inner_frames(sound[start:end], frames)
        assert (part.power == whole.power[first : first + frames]).all()
        expected = whole.correlation[first : first + frames]
        np.testing.assert_allclose(part.correlation, expected, rtol=1e-4, atol=1e-5)
        expected = whole.halved[first * 80 : first * 80 + len(part.halved)]
        np.testing.assert_allclose(part.halved, expected, rtol=1e-4, atol=1e-7)


def test_a_ring_buffer_knows_its_last_rows_by_their_index_in_the_whole() -> None:
    ring, whole = RingBuffer(10), np.arange(200, dtype=np.float32)
    for start, stop in itertools.pairwise((0, 3, 10, 11, 45, 60, 61, 200)):
        ring.append(whole[start:stop])
        assert ring.stop == stop
        first = max(stop - 10, 0)
        assert (ring.rows(first, stop) == whole[first:stop]).all()
    with pytest.raises(IndexError, match="row 0 is gone"):
        ring.rows(0, 5)
