"""The stream: the same events however the sound comes, soon, and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
import pytest
import soxr
from conftest import Trained, voice
from hypothesis import given, settings, strategies as st
from support.synthesis import Sound, speech_like

from voxaffect import Segment, Smoothing, Stream, Timeline, Update, Window, load, timeline
from voxaffect.errors import AudioError, ModelError
from voxaffect.recognition import Event

RATE_HZ = 16_000


@cache
def talk(rate_hz: int = RATE_HZ) -> Sound:
    """Four stretches of synthesized speech, short and long, with pauses between them."""
    noise = np.random.default_rng(5).standard_normal(12 * RATE_HZ) * 1e-4
    sound = noise.astype(np.float32)
    for start, seconds, seed in ((0.4, 0.5, 6), (2.0, 4.3, 2), (7.1, 1.6, 3), (9.9, 2.1, 4)):
        first = round(start * RATE_HZ)
        part = voice(seed, seconds=seconds)
        sound[first : first + len(part)] += part
    sound = sound.astype(np.float32)
    return sound if rate_hz == RATE_HZ else soxr.resample(sound, RATE_HZ, rate_hz)


def run(stream: Stream, blocks: Iterable[np.ndarray]) -> list[Event]:
    events: list[Event] = []
    for block in blocks:
        events += stream.push(block)
    return events + stream.finish()


def cut(sound: Sound, size: int) -> list[Sound]:
    return [sound[at : at + size] for at in range(0, len(sound), size)]


@cache
def whole(rate_hz: int) -> tuple[Timeline, list[Event]]:
    """What the file gives, and the stream in one block."""
    sound = talk(rate_hz)
    return timeline(sound, rate_hz=rate_hz)[0], run(Stream(rate_hz=rate_hz), [sound])


def parts(events: list[Event], kind: Any) -> tuple[Any, ...]:
    return tuple(event for event in events if isinstance(event, kind))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("size", [160, 1_024, 48_000])
def test_a_stream_is_the_file_whatever_its_blocks(size: int, rate_hz: int) -> None:
    file, in_one = whole(rate_hz)
    events = run(Stream(rate_hz=rate_hz), cut(talk(rate_hz), size))
    assert events == in_one
    assert parts(events, Window) == file.windows
    assert parts(events, Segment) == file.segments
    assert len(file.windows) >= 6
    assert len(file.segments) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_stream_of_single_samples_is_the_file(rate_hz: int) -> None:
    sound = talk(rate_hz)[: int(1.1 * rate_hz)]
    events = run(Stream(rate_hz=rate_hz), cut(sound, 1))
    assert parts(events, Window) == timeline(sound, rate_hz=rate_hz)[0].windows
    assert len(parts(events, Window)) == 1


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@given(sizes=st.lists(st.integers(50, 70_000), min_size=1, max_size=30))
@settings(max_examples=3, deadline=None)
def test_a_stream_of_random_blocks_is_the_file(sizes: list[int], rate_hz: int) -> None:
    sound, blocks, at = talk(rate_hz), [], 0
    while at < len(sound):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(sound[at : at + size])
        at += size
    assert run(Stream(rate_hz=rate_hz), blocks) == whole(rate_hz)[1]


def test_a_model_of_other_features_streams_as_its_file(trained: Trained) -> None:
    sound = talk(RATE_HZ)
    events = run(Stream(trained.model, rate_hz=RATE_HZ), cut(sound, 5_000))
    (file,) = timeline(sound, rate_hz=RATE_HZ, model=trained.model)
    assert parts(events, Window) == file.windows
    assert parts(events, Segment) == file.segments
    assert file.windows


@pytest.mark.parametrize("least", [None, 0.0, 0.6, 1.0])
def test_a_stream_is_as_uncertain_as_the_file(least: float | None) -> None:
    sound = talk(RATE_HZ)
    events = run(Stream(rate_hz=RATE_HZ, uncertain_below=least), cut(sound, 5_000))
    (file,) = timeline(sound, rate_hz=RATE_HZ, uncertain_below=least)
    assert parts(events, Window) == file.windows
    assert parts(events, Segment) == file.segments
    threshold = load().card.abstention["threshold"] if least is None else least
    for segment in file.segments:
        assert segment.uncertain == (segment.confidence < threshold)
    for event in (*file.windows, *parts(events, Update)):
        most = max(event.probabilities.values(), default=1.0)
        assert event.uncertain == (most < threshold)


def test_a_threshold_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ModelError, match=r"uncertain_below: .* found 1\.5"):
        timeline(talk(RATE_HZ), rate_hz=RATE_HZ, uncertain_below=1.5)
    with pytest.raises(ModelError, match=r"uncertain_below: .* found 1\.5"):
        Stream(rate_hz=RATE_HZ, uncertain_below=1.5)


def test_integers_are_floats_by_their_full_range() -> None:
    sound = talk()[: 3 * RATE_HZ]
    whole_numbers = np.round(sound * 32_768).astype(np.int16)
    exact = whole_numbers / np.float32(32_768)
    ints = run(Stream(rate_hz=RATE_HZ), cut(whole_numbers, 999))
    assert ints == run(Stream(rate_hz=RATE_HZ), cut(exact, 999))


def test_a_caller_may_use_its_block_again() -> None:
    stream, buffer, events = Stream(rate_hz=RATE_HZ), np.zeros(800, dtype=np.float32), []
    for block in cut(talk()[: 4 * RATE_HZ], 800):
        buffer[:] = block
        events += stream.push(buffer)
    assert events + stream.finish() == run(Stream(rate_hz=RATE_HZ), [talk()[: 4 * RATE_HZ]])


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_events_come_soon_after_their_evidence(rate_hz: int) -> None:
    stream, ends = Stream(rate_hz=rate_hz), []
    held_back = 0.2 if rate_hz != RATE_HZ else 0.0
    for block in cut(talk(rate_hz), rate_hz // 100):
        for event in stream.push(block):
            if isinstance(event, Window):
                ends.append(event.end_seconds)
                assert stream.seconds - event.end_seconds <= 0.5 + held_back
            elif isinstance(event, Segment):
                last = max(end for end in ends if end <= event.end_seconds + 1.0)
                assert stream.seconds - last <= 1.25 + held_back


def test_an_update_tells_what_is_said_now_and_that_speech_has_ended() -> None:
    _, events = whole(RATE_HZ)
    windows, updates = parts(events, Window), parts(events, Update)
    told = [update for update in updates if update.emotion is not None]
    assert [update.seconds for update in told] == [window.end_seconds for window in windows]
    for update in told:
        assert update.emotion == max(update.probabilities, key=update.probabilities.__getitem__)
        assert sum(update.probabilities.values()) == pytest.approx(1.0)
    assert len(updates) - len(told) == 4
    assert updates[-1].emotion is None
    assert updates[-1].probabilities == {}


def size_of(thing: Any, seen: set[int]) -> int:
    """Numbers that an object holds, in arrays and collections, at any depth."""
    if id(thing) in seen:
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.size
    if isinstance(thing, dict):
        return sum(size_of(value, seen) for value in thing.values())
    if isinstance(thing, str | bytes):
        return 0
    if hasattr(thing, "__iter__"):
        return sum(1 + size_of(value, seen) for value in thing)
    return size_of(vars(thing), seen) if hasattr(thing, "__dict__") else 0


@pytest.mark.slow
def test_a_streams_memory_does_not_grow(trained: Trained) -> None:
    """Five minutes, speech and silence."""
    stream, sizes = Stream(trained.model, rate_hz=RATE_HZ), []
    for _ in range(25):
        stream.push(talk())
        seen = {id(stream.model)}
        sizes.append(size_of(vars(stream), seen))
    assert max(sizes[5:]) <= max(sizes[:5]) + 2_000


def test_a_long_smoothing_does_not_change_the_windows() -> None:
    stream = Stream(rate_hz=RATE_HZ, smoothing=Smoothing(dwell_seconds=60.0))
    events = run(stream, [talk()])
    assert parts(events, Window) == whole(RATE_HZ)[0].windows


# What cannot be streamed says so.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_block_with_a_number_that_is_none_is_refused_and_the_stream_goes_on(bad: float) -> None:
    stream, sound = Stream(rate_hz=RATE_HZ), talk()[: 2 * RATE_HZ]
    broken = sound[:100].copy()
    broken[50] = bad
    with pytest.raises(AudioError, match="NaN or infinite"):
        stream.push(broken)
    assert run(stream, [sound]) == run(Stream(rate_hz=RATE_HZ), [sound])


@pytest.mark.parametrize("shape", [(100, 2), (100, 1), (1, 100), ()])
def test_a_block_of_channels_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"expected a block of shape \(n,\), found shape"):
        Stream(rate_hz=RATE_HZ).push(np.zeros(shape, dtype=np.float32))


def test_a_list_is_no_block() -> None:
    with pytest.raises(AudioError, match="found list"):
        Stream(rate_hz=RATE_HZ).push([0.0, 0.1])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.uint8, np.bool_, np.complex64])
def test_a_block_of_another_kind_is_refused(kind: type) -> None:
    with pytest.raises(AudioError, match="expected signed integers or floats"):
        Stream(rate_hz=RATE_HZ).push(np.zeros(100, dtype=kind))


def test_a_block_far_too_loud_is_refused() -> None:
    with pytest.raises(AudioError, match="Normalize it"):
        Stream(rate_hz=RATE_HZ).push(np.full(10, 1e7, dtype=np.float32))


@pytest.mark.parametrize("rate_hz", [0, 4_000, 400_000])
def test_a_rate_out_of_range_is_refused(rate_hz: int) -> None:
    with pytest.raises(AudioError, match="8000 to 192000 Hz are supported"):
        Stream(rate_hz=rate_hz)


def test_an_empty_block_is_nothing() -> None:
    stream = Stream(rate_hz=RATE_HZ)
    assert stream.push(np.zeros(0, dtype=np.float32)) == []
    assert stream.finish() == []


def test_a_finished_stream_takes_no_more() -> None:
    stream = Stream(rate_hz=RATE_HZ)
    stream.finish()
    with pytest.raises(AudioError, match="finished"):
        stream.push(speech_like(0.1))
    with pytest.raises(AudioError, match="finished"):
        stream.finish()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("window_seconds", 0.1),
        ("window_seconds", 100.0),
        ("window_seconds", np.nan),
        ("hop_seconds", 0.0),
        ("hop_seconds", 31.0),
    ],
)
def test_a_window_or_hop_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(AudioError, match=f"{name}: expected"):
        Stream(rate_hz=RATE_HZ, **{name: value})
