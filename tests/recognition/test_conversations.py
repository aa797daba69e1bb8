"""Timelines of conversations: windows that follow turns, and emotion of turns and sentences."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import voice
from hypothesis import given, settings, strategies as st
from support.synthesis import Sound, tone
from support.timelines import CALL as CALL_BY_HAND, DOUBTED, SILENT
from test_stream import talk

from voxaffect import Timeline, load, predict_many, timeline, timeline_many
from voxaffect.annotations import Sentence, Turn, Word, find_exclusive, read_turns
from voxaffect.audio import Samples, open_blocks
from voxaffect.errors import AnnotationError, ArgumentError
from voxaffect.extraction import LocalExecutor
from voxaffect.outputs.summary import format_timeline_summary, format_times
from voxaffect.recognition import Segment, Smoothing
from voxaffect.recognition.channels import MIX, ChannelReader
from voxaffect.recognition.diarization import DiarizationConfig
from voxaffect.recognition.packing import pack_features, unpack_features
from voxaffect.recognition.timelines.collection import collect_vectors
from voxaffect.recognition.timelines.conversation import (
    Conversation,
    add_conversation,
    take_turns,
)
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import TimelineConfig, Vector, configure_timeline
from voxaffect.recognition.timelines.windowing import (
    FrameClock,
    SpeechWindow,
    SpeechWindower,
    WindowConfig,
)

RATE_HZ = 16_000
PITCHES = {"anna": 200, "bert": 800, "carl": 3_200}
"""Each speaker is a tone; the stub hears an emotion in its pitch."""


@dataclass(frozen=True)
class StubConfig(TimelineConfig):
    """A timeline whose model hears one emotion in each speaker's tone, without features."""

    def make_extractor(
        self,
        windower_rate_hz: int,  # noqa: ARG002
        name: str,  # noqa: ARG002
    ) -> Callable[[SpeechWindow], Samples | None]:
        return lambda window: window.samples

    def classify(self, vector: Samples | None) -> Vector | None:
        assert vector is not None
        hertz = np.abs(np.fft.rfft(vector)).argmax() * RATE_HZ / len(vector)
        nearest = np.argmin(np.abs(np.array([*PITCHES.values()]) - hertz))
        row = np.full(len(self.model.emotions), 0.05)
        row[nearest] = 1 - 0.05 * (len(row) - 1)
        return row


def emotion_of(speaker: str) -> str:
    return load("fast").emotions[[*PITCHES].index(speaker)]


def converse(turns: list[Turn], seconds: float) -> Sound:
    """Return syllables of each speaker's tone in his turns, over faint noise."""
    sound = 1e-4 * np.random.default_rng(0).standard_normal(round(seconds * RATE_HZ))
    beat = np.sin(2 * np.pi * 4 * np.arange(len(sound)) / RATE_HZ) > -0.7
    for turn in turns:
        start, end = (round(at * RATE_HZ) for at in (turn.start_seconds, turn.end_seconds))
        sound[start:end] += tone(PITCHES[turn.speaker], seconds)[start:end] * beat[start:end]
    return sound.astype(np.float32)


def listen(
    sound: Sound,
    turns: tuple[Turn, ...] = (),
    sentences: tuple[Sentence, ...] = (),
    smoothing: Smoothing = Smoothing(),  # noqa: B008
) -> Timeline:
    config = StubConfig(load("fast"), WindowConfig(vad="energy"), smoothing, 0.5)
    with open_blocks(sound, RATE_HZ) as recording:
        reader = ChannelReader(recording, MIX)
        (result,) = run_timelines(
            reader, reader, config, conversation=Conversation(turns, sentences), workers=1
        )
    return result


def strip(result: Timeline) -> Timeline:
    """Return a timeline without speakers and turns."""
    return replace(
        result,
        windows=tuple(replace(one, speaker=None) for one in result.windows),
        segments=tuple(replace(one, speaker=None) for one in result.segments),
        turns=(),
    )


CALL = (
    Turn(1.0, 6.0, "anna"),
    Turn(6.0, 9.0, "bert"),
    Turn(9.0, 16.0, "anna"),
    Turn(14.0, 20.0, "carl"),
    Turn(20.0, 21.2, "bert"),
)
"""Anna and Carl overlap from 14 to 16 s."""


@pytest.fixture(scope="module")
def call() -> Timeline:
    return listen(converse([*CALL], 22.0), CALL)


# Windows.


turns_of_anyone = st.lists(
    st.builds(
        lambda start, length, speaker: Turn(start / 100, (start + length) / 100, speaker),
        st.integers(0, 1_150),
        st.integers(1, 500),
        st.sampled_from([*PITCHES]),
    ),
    min_size=1,
    max_size=12,
)


@given(turns=turns_of_anyone, hop=st.sampled_from([0.3, 1.0]))
@settings(max_examples=25)
def test_no_window_contains_two_speakers_or_overlapping_speech(
    turns: list[Turn], hop: float
) -> None:
    config = WindowConfig(hop_seconds=hop, vad="energy")
    owners = Conversation(tuple(turns)).list_speakers(FrameClock(RATE_HZ))
    windower = SpeechWindower(load("fast").spec, RATE_HZ, config, owners)
    steps = [*windower.push(talk()), *windower.finish()]
    others = {speaker: [one for one in turns if one.speaker != speaker] for speaker in PITCHES}
    items = [item for step in steps for item in step.items]
    for item in items:
        assert item.speaker in PITCHES
    reached = 0
    for window in (window for step in steps for window in step.windows):
        start, stop = window.start / 100, window.stop / 100
        assert 25 <= window.stop - window.start <= 300
        assert window.utterance_start <= window.start
        assert not any(
            turn.start_seconds < stop - 1e-9 and turn.end_seconds > start + 1e-9
            for turn in others[str(window.speaker)]
        )
        assert window.stop >= reached
        reached = window.stop


def test_one_turn_over_everything_changes_no_number() -> None:
    plain = timeline(talk(), rate_hz=RATE_HZ, model="fast")
    spoken = timeline(talk(), rate_hz=RATE_HZ, model="fast", speakers=[Turn(0, 12, "anna")])
    assert {one.speaker for one in (*spoken[0].windows, *spoken[0].segments)} == {"anna"}
    assert strip(spoken[0]) == plain[0]


@pytest.mark.parametrize("seconds", [0.3, 0.45])
def test_a_short_recording_of_a_speaker_is_one_window(seconds: float) -> None:
    sound = voice(1, seconds=seconds)
    (plain,) = timeline(sound, rate_hz=RATE_HZ, model="fast")
    (spoken,) = timeline(sound, rate_hz=RATE_HZ, model="fast", speakers=[Turn(0, seconds, "anna")])
    assert strip(spoken) == plain
    assert len(spoken.windows) == 1


def test_a_turn_that_touches_another_ends_its_windows_there(call: Timeline) -> None:
    for window in call.windows:
        for edge in (6.0, 9.0, 14.0, 16.0, 20.0):
            assert not window.start_seconds < edge - 1e-9 < window.end_seconds - 2e-9


def test_a_short_pause_of_one_speaker_does_not_end_an_utterance() -> None:
    turns = (Turn(1.0, 3.0, "anna"), Turn(3.3, 5.0, "anna"))
    result = listen(converse([Turn(1.0, 5.0, "anna")], 6.0), turns)
    assert len(result.segments) == 1
    assert any(one.start_seconds < 3.0 and one.end_seconds > 3.3 for one in result.windows)
    apart = (*turns, Turn(3.1, 3.2, "bert"))
    assert len(listen(converse([Turn(1.0, 5.0, "anna")], 6.0), apart).segments) == 2


@pytest.mark.slow
def test_workers_and_processes_change_nothing() -> None:
    turns = [Turn(0, 4, "anna"), Turn(3.5, 7, "bert"), Turn(7, 12, "anna")]
    options = {"rate_hz": RATE_HZ, "model": "fast", "speakers": turns}
    one = timeline(talk(), workers=1, **options)  # type: ignore[arg-type]
    assert one == timeline(talk(), workers=2, **options)  # type: ignore[arg-type]
    with LocalExecutor(2, kind="processes") as executor:
        assert one == timeline(talk(), workers=executor, **options)  # type: ignore[arg-type]


def test_turns_hold_for_every_channel() -> None:
    both = np.stack([talk(), np.roll(talk(), 5_000)], axis=1)
    turns = [Turn(0, 4, "anna"), Turn(4, 12, "bert")]
    options = {"rate_hz": RATE_HZ, "model": "fast", "speakers": turns}
    results = timeline(both, channels="each", **options)  # type: ignore[arg-type]
    assert [one.channel for one in results] == ["1", "2"]
    for result in results:
        assert {one.speaker for one in result.windows} == {"anna", "bert"}
        assert [one.speaker for one in result.turns] == ["anna", "bert"]
    assert results[0] == replace(
        timeline(talk(), **options)[0],
        channel="1",  # type: ignore[arg-type]
    )


# Emotion of speakers.


def test_turns_that_name_a_channel_hold_for_it_alone() -> None:
    turns = [Turn(0, 12, "anna", "1"), Turn(3, 9, "bert", "2")]
    sound = np.stack([talk(), talk()], axis=1)
    options = {"rate_hz": RATE_HZ, "model": "fast", "workers": 1}
    left, right = timeline(sound, speakers=turns, channels="each", **options)  # type: ignore[arg-type]
    for result, turn in ((left, turns[0]), (right, turns[1])):
        (alone,) = timeline(talk(), speakers=[replace(turn, channel="")], **options)  # type: ignore[arg-type]
        assert (result.windows, result.turns, result.overlaps) == (alone.windows, alone.turns, ())
    (side,) = timeline(sound, speakers=turns, channels="right", **options)  # type: ignore[arg-type]
    assert side.windows == right.windows
    (mixed,) = timeline(sound, speakers=turns, **options)  # type: ignore[arg-type]
    assert [one.speaker for one in mixed.turns] == ["anna", "bert"]
    assert mixed.overlaps
    silent, _ = timeline(sound, speakers=turns[1:], channels="each", **options)  # type: ignore[arg-type]
    assert (silent.windows, silent.turns) == ((), ())
    with pytest.raises(AnnotationError, match=r"turns of channel 2, and it has 1\. Are"):
        timeline(talk(), speakers=turns, **options)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="channel: expected its number as text, from '1'"):
        timeline(sound, speakers=[Turn(0, 12, "anna", "left")], **options)  # type: ignore[arg-type]


def test_each_speaker_has_his_own_emotion(call: Timeline) -> None:
    for part in (*call.windows, *call.segments, *call.turns):
        assert part.emotion == emotion_of(str(part.speaker))
    assert [one.speaker for one in call.turns] == [turn.speaker for turn in CALL]


def test_smoothing_does_not_go_from_one_speaker_to_the_other() -> None:
    slow = Smoothing(dwell_seconds=1e6)
    result = listen(converse([*CALL], 22.0), CALL, smoothing=slow)
    for part in (*result.segments, *result.turns):
        assert part.emotion == emotion_of(str(part.speaker))


def test_segments_cover_the_time_in_which_one_speaker_speaks_alone(call: Timeline) -> None:
    alone = find_exclusive(CALL)
    for speaker in PITCHES:
        expected = sum(
            one.end_seconds - one.start_seconds for one in alone if one.speaker == speaker
        )
        covered = [one for one in call.segments if one.speaker == speaker]
        seconds = sum(one.end_seconds - one.start_seconds for one in covered)
        assert seconds == pytest.approx(expected, abs=0.15)
    for one, two in itertools.pairwise(call.segments):
        assert one.end_seconds <= two.start_seconds


def test_a_turn_of_one_segment_has_its_probabilities(call: Timeline) -> None:
    turn = call.turns[1]
    segment = next(one for one in call.segments if one.speaker == "bert")
    assert dict(turn.probabilities) == pytest.approx(dict(segment.probabilities))
    assert turn.confidence == pytest.approx(segment.confidence)
    assert turn.uncertain == segment.uncertain


def test_overlapping_speech_is_marked(call: Timeline) -> None:
    (overlap,) = call.overlaps
    assert (overlap.start_seconds, overlap.end_seconds) == (14.0, 16.0)
    assert overlap.speakers == ("anna", "carl")
    assert [one.overlap_seconds for one in call.turns] == [0, 0, 2, 2, 0]


def test_a_turn_without_speech_alone_has_no_emotion() -> None:
    turns = (
        Turn(0.5, 6.0, "anna"),
        Turn(2.0, 3.0, "bert"),
        Turn(6.5, 6.7, "carl"),
        Turn(8.0, 9.5, "bert"),
    )
    result = listen(converse([turns[0], turns[2]], 10.0), turns)
    assert [one.emotion for one in result.turns] == [emotion_of("anna"), None, None, None]
    for turn in result.turns[1:]:
        assert (turn.probabilities, turn.uncertain, turn.confidence) == ({}, True, None)
    assert {one.speaker for one in result.windows} == {"anna"}


# Words.


SENTENCES = (
    Sentence(1.2, 3.0, "Good morning, how are you?", None, (
        Word(1.2, 1.5, "Good"), Word(1.5, 2.0, "morning"), Word(2.1, 2.2, "how"),
        Word(2.2, 2.5, "are"), Word(2.5, 3.0, "you"),
    )),
    Sentence(6.2, 8.5, "Fine."),
    Sentence(14.2, 15.5, "Both of us.", "anna"),
)  # fmt: skip


def test_sentences_have_emotion_and_the_speaker_who_speaks_most_of_them() -> None:
    result = listen(converse([*CALL], 22.0), CALL, SENTENCES)
    first, second, third = result.sentences
    assert (first.speaker, first.emotion) == ("anna", emotion_of("anna"))
    assert (second.speaker, second.emotion) == ("bert", emotion_of("bert"))
    assert (third.speaker, third.emotion) == ("anna", None)
    assert third.overlap_seconds == pytest.approx(1.3)
    assert [one.text for one in result.sentences] == [one.text for one in SENTENCES]


def test_segments_and_turns_have_the_words_whose_middle_lies_in_them() -> None:
    result = listen(converse([*CALL], 22.0), CALL, SENTENCES)
    texts = [one.text for one in result.turns]
    assert texts == ["Good morning, how are you?", "Fine.", "Both of us.", None, None]
    assert result.segments[0].text == "Good morning, how are you?"
    parted = (Turn(0, 2.05, "anna"), Turn(2.05, 22, "bert"))
    result = listen(converse([*CALL], 22.0), parted, SENTENCES[:1])
    assert [one.text for one in result.segments][:2] == ["Good morning,", "how are you?"]
    assert [one.text for one in result.turns] == ["Good morning,", "how are you?"]


def make_timeline(segments: list[Segment], seconds: float = 30.0) -> Timeline:
    return Timeline("call.wav", "mix", seconds, load("fast").emotions, (), tuple(segments))


def make_segment(start: float, end: float, speaker: str | None = None) -> Segment:
    return Segment(start, end, "neutral", {"neutral": 1.0}, False, speaker=speaker)


spoken_sentences = st.lists(
    st.tuples(
        st.integers(0, 250),
        st.lists(st.integers(1, 8), min_size=1, max_size=6),
        st.booleans(),
        st.sampled_from([None, *PITCHES]),
    ),
    min_size=1,
    max_size=8,
)


@given(turns=st.one_of(st.just([]), turns_of_anyone), spoken=spoken_sentences, data=st.data())
@settings(max_examples=60, deadline=None)
def test_each_word_is_in_one_segment_and_one_turn(
    turns: list[Turn],
    spoken: list[tuple[int, list[int], bool, str | None]],
    data: st.DataObject,
) -> None:
    sentences = []
    for number, (start, lengths, has_words, speaker) in enumerate(spoken):
        times = [(start + sum(lengths[:index])) / 10 for index in range(len(lengths) + 1)]
        texts = [f"w{number}x{index}" for index in range(len(lengths))]
        words = tuple(map(Word, times, times[1:], texts)) if has_words else ()
        sentences.append(Sentence(times[0], times[-1], " ".join(texts), speaker, words))
    alone = find_exclusive(turns) if turns else (Turn(1, 4, ""), Turn(6, 9, ""))
    cut = [one for one in alone if data.draw(st.booleans())]
    segments = [
        make_segment(one.start_seconds, one.end_seconds, one.speaker or None) for one in cut
    ]
    conversation = Conversation(tuple(turns), tuple(sentences))
    result = add_conversation(make_timeline(segments), conversation, {}, 0.5)
    heard = {one.speaker for one in segments}
    for sentence, source in zip(result.sentences, sentences, strict=True):
        for word in source.text.split():
            in_segments = " ".join(one.text or "" for one in result.segments).split().count(word)
            is_lost = not heard or (turns and sentence.speaker not in (None, *heard))
            assert in_segments == 1 or (is_lost and in_segments == 0)
            in_turns = " ".join(one.text or "" for one in result.turns).split().count(word)
            assert in_turns == (1 if turns else 0)


def test_a_word_in_the_turn_of_somebody_without_a_segment_is_in_one_of_its_own_speaker() -> None:
    turns = (Turn(0, 2, "anna"), Turn(3, 5, "bert"), Turn(6, 8, "anna"))
    said = Sentence(0.5, 1.5, "Hello.", "bert")
    segments = [make_segment(3, 5, "bert")]
    result = add_conversation(make_timeline(segments), Conversation(turns, (said,)), {}, 0.5)
    assert [one.text for one in result.segments] == ["Hello."]


def test_a_word_without_times_does_not_shorten_its_sentence() -> None:
    words = (Word(2, 2.5, "It"), Word(2.6, 3, "is"))
    timed = Sentence(1, 5, "It is!", "anna", words)
    untimed = replace(timed, text="It is 42.")
    (turn,) = take_turns([timed])
    assert (turn.start_seconds, turn.end_seconds) == (2, 3)
    (turn,) = take_turns([untimed])
    assert (turn.start_seconds, turn.end_seconds) == (1, 5)
    late = replace(untimed, words=(*words, Word(5, 6, "now")))
    assert take_turns([late]) == (Turn(1, 6, "anna"),)
    plain = make_timeline([make_segment(0, 9)])
    result = add_conversation(plain, Conversation((), (untimed,)), {}, 0.5)
    assert (result.sentences[0].start_seconds, result.sentences[0].end_seconds) == (1, 5)
    assert result.segments[0].text == "It is 42."


def test_words_in_a_pause_are_in_the_nearest_segment_of_their_speaker() -> None:
    turns = (Turn(0, 9, "anna"), Turn(9, 14, "bert"), Turn(14, 20, "anna"))
    segments = [
        make_segment(0, 3, "anna"),
        make_segment(5, 6, "anna"),
        make_segment(10, 13, "bert"),
        make_segment(14, 20, "anna"),
    ]
    sentences = (
        Sentence(1, 2, "One."),
        Sentence(3.2, 4.2, "Two."),
        Sentence(4.4, 4.8, "Three."),
        Sentence(8, 9, "Four."),  # of this turn, though bert is nearer
        Sentence(9.1, 9.5, "Five."),
        Sentence(20.5, 21, "Six."),
    )
    result = add_conversation(make_timeline(segments), Conversation(turns, sentences), {}, 0.5)
    texts = ["One. Two.", "Three. Four.", "Five.", "Six."]
    assert [one.text for one in result.segments] == texts
    assert [one.text for one in result.turns] == ["One. Two. Three. Four.", "Five.", "Six."]
    nobody = add_conversation(make_timeline(segments), Conversation((), sentences), {}, 0.5)
    assert [one.text for one in nobody.segments] == ["One. Two.", "Three.", "Four. Five.", "Six."]


def test_a_transcript_alone_gives_sentences_without_speakers() -> None:
    sound = converse([*CALL], 22.0)
    result = listen(sound, (), SENTENCES[:2])
    assert result.windows == listen(sound).windows
    assert [one.emotion for one in result.sentences] == [emotion_of("anna"), emotion_of("bert")]
    assert {one.speaker for one in (*result.sentences, *result.segments)} == {None}
    assert result.turns == ()
    assert result.segments[0].text is not None


def test_a_transcript_that_names_speakers_serves_as_turns() -> None:
    sentences = (
        Sentence(1, 3, "One.", "anna"),
        Sentence(3.2, 5, "Two.", "anna"),
        Sentence(6, 9, "Three.", "bert"),
        Sentence(9, 12, "Four."),
    )
    turns = take_turns(sentences)
    assert turns == (Turn(1, 5, "anna"), Turn(6, 9, "bert"), Turn(9, 12, ""))
    result = listen(converse([*CALL], 22.0), turns, sentences)
    assert [one.speaker for one in result.turns] == ["anna", "bert", None]
    assert [one.speaker for one in result.sentences] == ["anna", "anna", "bert", None]
    assert result.sentences[3].emotion == emotion_of("anna")
    assert result.turns[0].text == "One. Two."
    assert take_turns(SENTENCES[:2]) == ()


# Files.


def write_call(folder: Path, name: str = "call", *, seconds: float = 12.0) -> Path:
    path = folder / f"{name}.wav"
    soundfile.write(path, talk()[: round(seconds * RATE_HZ)], RATE_HZ)
    return path


def write_rttm(path: Path, *rows: tuple[str, float, float, str]) -> Path:
    lines = [
        f"SPEAKER {name} 1 {start} {length} <NA> <NA> {who} <NA> <NA>\n"
        for name, start, length, who in rows
    ]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def write_srt(path: Path, start: str, end: str, text: str) -> Path:
    path.write_text(f"1\n{start} --> {end}\n{text}\n", encoding="utf-8")
    return path


def test_files_of_turns_and_text_are_as_their_values(tmp_path: Path) -> None:
    call = write_call(tmp_path)
    rttm = write_rttm(tmp_path / "a.rttm", ("call", 0, 4, "anna"), ("call", 4, 8, "bert"))
    srt = write_srt(tmp_path / "a.srt", "00:00:02,000", "00:00:03,000", "Hello.")
    turns, sentences = [Turn(0, 4, "anna"), Turn(4, 12, "bert")], [Sentence(2, 3, "Hello.")]
    by_file = timeline(call, model="fast", speakers=rttm, transcript=str(srt))
    assert by_file == timeline(call, model="fast", speakers=turns, transcript=sentences)
    assert by_file[0].sentences[0].speaker == "anna"


def test_a_folder_has_a_file_for_each_recording(tmp_path: Path) -> None:
    calls = [write_call(tmp_path, name, seconds=4) for name in ("one", "two", "three")]
    turns = tmp_path / "turns" / "inner"
    turns.mkdir(parents=True)
    for name in ("one", "two"):
        write_rttm(turns / f"{name}.rttm", (name, 0, 4, f"of {name}".replace(" ", "_")))
    batch = timeline_many(calls, model="fast", speakers=tmp_path / "turns", workers=1)
    assert [one.turns[0].speaker for one in batch.results] == ["of_one", "of_two"]
    (failure,) = batch.failures
    assert failure.error == "AnnotationError"
    assert "three.wav: no file for it in the folder of speakers" in failure.message


def test_one_file_of_several_recordings_serves_them_all(tmp_path: Path) -> None:
    calls = [write_call(tmp_path, name, seconds=4) for name in ("one", "two")]
    both = write_rttm(tmp_path / "all.rttm", ("one", 0, 4, "anna"), ("two", 0, 4, "bert"))
    batch = timeline_many(calls, model="fast", speakers=both, workers=1)
    assert [one.turns[0].speaker for one in batch.results] == ["anna", "bert"]
    single = write_rttm(tmp_path / "one.rttm", ("one", 0, 4, "anna"))
    batch = timeline_many(calls, model="fast", speakers=single, workers=1)
    assert len(batch.failures) == 2
    assert "holds the speakers of one recording, and there are several" in str(batch.failures[0])


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ([Turn(1, 3_600, "anna")], "from 1 to 3600 s, and .* is 4.0 s long. Are they milli"),
        ([Turn(1, 60, "anna")], "from 1 to 60 s, and .* is 4.0 s long. Is it another recording's"),
        ([Turn(-1, 3, "anna")], "from -1 to 3 s, expected a start of 0 or more"),
        ([Turn(3, 2, "anna")], "from 3 to 2 s, expected"),
        ([], "expected a path, or a list of Turn, found an empty list"),
        ([Sentence(1, 2, "Hello.")], "expected a path, or a list of Turn, found Sentence"),
        (3, "speakers: expected"),
        ("missing.rttm", "missing.rttm: no such file or folder of speakers"),
        ([Turn("0", 1, "anna")], "speakers: Turn.start_seconds: expected a number, found str"),  # type: ignore[arg-type]
        ([Turn(True, 4, "anna")], "speakers: Turn.start_seconds: expected a number, found bool"),
        ([Turn(0, 4, ["x"])], "speakers: speaker: expected a text, found list"),  # type: ignore[arg-type]
        ([Turn(0, 4, 5)], "speakers: speaker: expected a text, found int"),  # type: ignore[arg-type]
        ([Turn(0, 4, "\ud800")], r"speakers: speaker: '\\ud800' holds half of a character"),
        ([Turn(0, 3, f"{index}") for index in range(1_001)], "speakers: 1,001 speakers, expected"),
        ("", "speakers: expected a path, found an empty text"),
    ],
)
def test_bad_turns_are_one_clear_line(turns: object, message: str) -> None:
    with pytest.raises((AnnotationError, ArgumentError), match=message) as error:
        timeline(talk()[: 4 * RATE_HZ], rate_hz=RATE_HZ, model="fast", speakers=turns)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        (Sentence(0, 3, 5, None), "transcript: text: expected a text, found int"),  # type: ignore[arg-type]
        (Sentence("0", 3, "hi"), "Sentence.start_seconds: expected a number, found str"),  # type: ignore[arg-type]
        (Sentence(0, 3, "hi", 5), "transcript: speaker: expected a text, found int"),  # type: ignore[arg-type]
        (Sentence(0, 3, "hi", "a", "nope"), "transcript: words: expected a list of Word"),  # type: ignore[arg-type]
        (Sentence(0, 3, "hi", "a", ("b",)), "words: expected a list of Word, found str"),  # type: ignore[arg-type]
        (Sentence(0, 3, "x", "a", (Word(float("nan"), 1, "x"),)), "a word from nan to 1 s"),
        (Sentence(0, 3, "x", "a", (Word(2, 1, "x"),)), "a word from 2 to 1 s, expected"),
    ],
)
def test_bad_sentences_are_one_clear_line(sentence: Sentence, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        timeline(talk()[:RATE_HZ], rate_hz=RATE_HZ, model="fast", transcript=[sentence])


def test_other_arguments_of_another_kind_are_refused(call: Timeline) -> None:
    with pytest.raises(ArgumentError, match=r"level: expected one of segments, .* found 'nope'"):
        call.to_frame("nope")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"max_speakers: expected a whole number .* found True"):
        DiarizationConfig(max_speakers=True)
    with pytest.raises(ArgumentError, match=r"recording: expected the name .* found int"):
        read_turns(b"", recording=5)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="labels: expected names of emotions, found int"):
        load("fast").restrict([5])  # type: ignore[list-item]


def test_turns_in_any_order_are_the_same() -> None:
    turns = [Turn(0, 4, "anna"), Turn(3.5, 7, "bert"), Turn(7, 12, "anna")]
    options = {"rate_hz": RATE_HZ, "model": "fast"}
    assert timeline(talk(), speakers=turns, **options) == timeline(  # type: ignore[arg-type]
        talk(),
        speakers=turns[::-1],
        **options,  # type: ignore[arg-type]
    )


def test_adaptation_and_checkpoints_keep_the_turns(tmp_path: Path) -> None:
    call = write_call(tmp_path)
    rttm = write_rttm(tmp_path / "a.rttm", ("call", 0, 4, "anna"), ("call", 4, 8, "bert"))
    options = {"model": "fast", "speakers": rttm, "workers": 1}
    for adapt in (None, "all"):
        resume = tmp_path / f"{adapt}.checkpoint"
        first, again = (
            timeline_many([call], adapt=adapt, resume=resume, **options)  # type: ignore[arg-type]
            for _ in range(2)
        )
        assert first == again
        assert first.results == timeline(call, adapt=adapt, **options)  # type: ignore[arg-type]
        assert {one.speaker for one in first.results[0].windows} == {"anna", "bert"}


@pytest.fixture(scope="module")
def long_call() -> Sound:
    """Two speakers, who speak long enough to be adapted to, if the check lets it."""
    return np.tile(talk(), 6)


LONG_TURNS = [
    Turn(start, start + 8.0, "anna" if start % 16 else "bert") for start in range(0, 64, 8)
]


def test_each_speaker_is_adapted_as_if_alone(
    long_call: Sound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxaffect.recognition.adaptation._explain_refusal", lambda *_: None)
    options = {"rate_hz": RATE_HZ, "model": "fast", "vad": "energy", "workers": 1}
    (both,) = timeline(long_call, speakers=LONG_TURNS, adapt="speakers", **options)  # type: ignore[arg-type]
    decisions = {one.group: one for one in both.speaker_adaptations}
    assert [*decisions] == ["bert", "anna"]
    assert both.adaptation is None
    for speaker, decision in decisions.items():
        own = [turn for turn in LONG_TURNS if turn.speaker == speaker]
        (alone,) = timeline(long_call, speakers=own, adapt="all", **options)  # type: ignore[arg-type]
        assert alone.adaptation is not None
        assert replace(alone.adaptation, group=speaker) == decision
        assert alone.windows == tuple(one for one in both.windows if one.speaker == speaker)
    column = both.to_frame("turns")["adapted"]
    assert [*column] == [decisions[turn.speaker].is_applied for turn in LONG_TURNS]


def test_nobody_is_adapted_to_without_the_name_of_a_speaker(tmp_path: Path) -> None:
    call = write_call(tmp_path)
    srt = write_srt(tmp_path / "a.srt", "00:00:02,000", "00:00:03,000", "Hello.")
    with pytest.raises(ArgumentError, match="adapt: 'speakers', and there are no turns"):
        timeline(call, model="fast", adapt="speakers")
    with pytest.raises(AnnotationError, match=r"names no speaker.*To adapt to each speaker, name"):
        timeline(call, model="fast", transcript=srt, adapt="speakers")
    with pytest.raises(ArgumentError, match="found 'speakers'"):
        predict_many([call], model="fast", adapt="speakers")  # type: ignore[arg-type]
    resume = tmp_path / "checkpoint"
    options = {"model": "fast", "speakers": [Turn(0, 4, "anna")], "workers": 1}
    (alone,) = timeline(call, adapt="speakers", **options)  # type: ignore[arg-type]
    rttm = write_rttm(tmp_path / "call.rttm", ("call", 0, 4, "anna"))
    for _ in range(2):
        batch = timeline_many(
            [call], model="fast", speakers=rttm, adapt="speakers", resume=resume, workers=1
        )
        assert batch.results == (alone,)
    assert alone.speaker_adaptations[0].reason is not None
    assert alone.to_dict()["speaker_adaptations"][0]["group"] == "anna"


def test_packed_features_keep_their_conversation() -> None:
    config = configure_timeline("fast", WindowConfig(), None, None)
    conversation = Conversation((Turn(0, 4, "anna"), Turn(4, 12, "bert")), SENTENCES[:1])
    with open_blocks(talk(), RATE_HZ, name="call") as recording:
        reader = ChannelReader(recording, MIX)
        features = collect_vectors(reader, reader, config, conversation=conversation, workers=1)
    size = len(config.model.card.mean)
    (restored,) = unpack_features(pack_features(features), "call", size).channels  # type: ignore[union-attr]
    assert restored.conversation == conversation
    speakers = [window.speaker for step in restored.steps for window in step.windows]
    assert {*speakers} == {"anna", "bert"}


# Summaries.


def test_the_summary_of_a_speaker_is_the_time_of_his_segments(call: Timeline) -> None:
    summary = call.summary
    assert [one.speaker for one in summary.speakers] == ["anna", "bert", "carl"]
    for part in summary.speakers:
        own = [one for one in call.segments if one.speaker == part.speaker]
        seconds = sum(one.end_seconds - one.start_seconds for one in own)
        assert part.speech_seconds == pytest.approx(seconds)
        assert part.shares[emotion_of(str(part.speaker))] == pytest.approx(1.0)
        assert (part.changes_per_minute, part.certain_share) == (0.0, 1.0)
    total = sum(part.speech_seconds for part in summary.speakers)
    assert summary.whole.speech_seconds == pytest.approx(total)
    assert sum(summary.whole.shares.values()) == pytest.approx(1.0)
    assert summary.whole.changes_per_minute == 0.0


def test_the_course_is_by_thirds_and_adds_up(call: Timeline) -> None:
    summary = call.summary
    for part in (summary.whole, *summary.speakers):
        thirds = [one for one in summary.course if one.speaker == part.speaker]
        assert len(thirds) == 3
        assert [one.end_seconds for one in thirds] == pytest.approx([22 / 3, 44 / 3, 22])
        total = sum(one.speech_seconds for one in thirds)
        assert total == pytest.approx(part.speech_seconds)


def test_the_summary_counts_changes_doubt_and_confidence() -> None:
    kept = CALL_BY_HAND.summary.whole  # 2.7 s angry 0.9, 2.8 s happy 0.75, 5.1 s sad 0.6
    lengths = np.array([2.7, 2.8, 5.0956789])
    assert kept.speech_seconds == pytest.approx(lengths.sum(), abs=1e-5)
    assert [*kept.shares.values()] == pytest.approx(lengths / lengths.sum(), abs=1e-5)
    assert kept.changes_per_minute == pytest.approx(2 * 60 / lengths.sum(), abs=1e-4)
    confidence = lengths @ np.array([0.9, 0.75, 0.6]) / lengths.sum()
    assert kept.confidence == pytest.approx(confidence, abs=1e-5)
    assert DOUBTED.summary.whole.certain_share == pytest.approx(2.5 / 5.5)
    silent = SILENT.summary.whole
    assert (silent.speech_seconds, silent.shares, silent.confidence) == (0.0, {}, None)


def test_the_summary_calls_nothing_certain_without_a_threshold() -> None:
    assert "% certain" in format_timeline_summary(DOUBTED)[0]
    without = replace(DOUBTED, has_threshold=False)
    assert "certain" not in "".join(format_timeline_summary(without))
    assert "changes a minute." in "".join(format_timeline_summary(without))
    parts = (without.summary.whole, *without.summary.speakers, *without.summary.course)
    assert {part.certain_share for part in parts} == {None}


def test_the_summary_is_printed_with_its_speakers(call: Timeline) -> None:
    lines = format_timeline_summary(call)
    assert lines[0].startswith("<array>: 0:22.0 heard, 0:1")
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        *("anna", "bert", "carl", "overlapped speech"),
        *("first third", "second third", "last third"),
    ]
    assert "angry 0:10.0 (100 %). 0.0 changes a minute, 100 % certain." in lines[1]


# The command line.


def test_the_summary_leaves_out_what_rounds_to_nothing(call: Timeline) -> None:
    assert "sad" not in format_times(60, {"happy": 100.0, "sad": 0.4})
    emotion = next(one for one in call.emotions if one != call.segments[0].emotion)
    blip = replace(call.segments[0], end_seconds=call.segments[0].start_seconds + 0.001)
    segments = (replace(blip, emotion=emotion), *call.segments)
    printed = "\n".join(format_timeline_summary(replace(call, segments=segments)))
    assert "100 %" in printed
    assert not re.search(r"\b0 %", printed.replace(", 0 % certain", ""))


def test_the_command_writes_turns_segments_and_a_summary(
    tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_call(tmp_path)
    write_rttm(tmp_path / "call.rttm", ("call", 0, 4, "anna"), ("call", 4, 8, "bert"))
    write_srt(tmp_path / "call.srt", "00:00:02,000", "00:00:03,000", "Hello there.")
    command = ("timeline", "call.wav", "--model", "fast", "--speakers", "call.rttm")
    table = run(*command, "--transcript", "call.srt").out
    assert "speaker" in table.splitlines()[0]
    assert "Hello there." in table
    assert "call.wav: 0:12.0 heard" in table
    assert "\n  anna: " in table
    rows = run(*command, "--level", "turns", "--format", "csv").out.splitlines()
    assert rows[0].startswith("source,channel,start_seconds,end_seconds,emotion,confidence")
    assert [row.split(",")[7] for row in rows[1:]] == ["anna", "bert"]
    result = run(*command, "--format", "rttm").out  # turns, as readers of RTTM expect
    assert [line.split()[7] for line in result.splitlines()] == ["anna", "bert"]
    document = json.loads(run(*command, "--format", "json").out)["results"][0]
    assert [one["speaker"] for one in document["summary"]["speakers"]] == ["anna", "bert"]
    assert len(document["summary"]["course"]) == 9


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (("--level", "turns"), "--level turns needs the turns", 2),
        (("--level", "turns", "--transcript", "call.srt"), "--level turns needs the turns", 1),
        (("--level", "sentences", "--speakers", "call.rttm"), "add --transcript", 2),
        (("--speakers", "call.rttm", "--dataset", "-o", "x"), "does not go with --dataset", 2),
        (("--speakers", ""), "--speakers': expected a path, found an empty text", 2),
        (("--transcript", "", "--level", "turns"), "expected a path, found an empty text", 2),
        (("--speakers", "missing.rttm"), "missing.rttm: no such file or folder", 1),
        (("--speakers", "long.rttm"), "from 0 to 400 s, and call.wav is 4.0 s long", 1),
        (("--transcript", "bad.srt"), "bad.srt: not readable as text", 1),
        (("--speakers", "call.rttm", "-o", "call.rttm"), "would overwrite", 1),
    ],
)
def test_the_command_refuses_what_cannot_be(
    tmp_path: Path,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_call(tmp_path, seconds=4)
    write_rttm(tmp_path / "call.rttm", ("call", 0, 4, "anna"))
    write_rttm(tmp_path / "long.rttm", ("call", 0, 400, "anna"))
    write_srt(tmp_path / "call.srt", "00:00:01,000", "00:00:02,000", "Hello.")
    (tmp_path / "bad.srt").write_bytes("1\n00:00:01,000 --> 00:00:02,000\nÄh\n".encode("latin-1"))
    result = run("timeline", "call.wav", "--model", "fast", *options)
    assert result.code == code
    assert message in result.err


def test_the_command_states_whom_it_adapted_to(tmp_path: Path, run: Callable[..., Any]) -> None:
    call = write_call(tmp_path)
    rttm = write_rttm(tmp_path / "call.rttm", ("call", 0, 4, "anna"))
    done = run("timeline", call, "--model=fast", "--speakers", rttm, "--adapt", "speakers")
    assert f"not adapted: {call}: anna: too few recordings with speech" in done.err
    done = run("timeline", call, "--adapt", "speakers")
    assert "name the turns with --speakers" in done.err
    done = run("predict", call, "--adapt", "speakers")
    assert "--adapt speakers adapts to each speaker of a timeline" in done.err


def test_a_speaker_who_never_speaks_alone_is_listed(
    tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_call(tmp_path)
    rows = (("call", 0, 12, "anna"), ("call", 3, 1, "bert"))
    write_rttm(tmp_path / "call.rttm", *rows)
    result = run("timeline", "call.wav", "--model", "fast", "--speakers", "call.rttm")
    assert result.code == 0
    assert "no speech of bert alone was found: call.wav" in result.err
    rows = (("call", 0, 12, "anna"), *(("call", 3, 1, f"s{index}") for index in range(30)))
    write_rttm(tmp_path / "call.rttm", *rows)
    result = run("timeline", "call.wav", "--model", "fast", "--speakers", "call.rttm")
    assert result.err.count("no speech of") == 1
    assert " … (30) alone was found: call.wav" in result.err


@pytest.mark.parametrize(("end", "is_noted"), [(4, True), (8, False)])
def test_turns_that_cover_less_than_half_are_noted(
    tmp_path: Path,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    end: int,
    is_noted: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_call(tmp_path)
    write_rttm(tmp_path / "call.rttm", ("call", 0, end, "anna"))
    result = run("timeline", "call.wav", "--model", "fast", "--speakers", "call.rttm")
    assert result.code == 0
    note = "note: call.wav: turns cover 4.0 of 12.0 s; speech outside of them is left out."
    assert (note in result.err) is is_noted
