"""Recordings without speech, of two channels, or too long for one answer."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Run, voice
from support.synthesis import Sound, tone, white

import voxaffect as va
from voxaffect.audio import read
from voxaffect.diagnosis.channels import compare_channels
from voxaffect.errors import AudioError
from voxaffect.extraction import FeatureCache, extract
from voxaffect.features import get_feature_spec
from voxaffect.recognition.channels import ChannelComparison
from voxaffect.recognition.utterance import LONG_SECONDS

RATE_HZ = 16_000


def example() -> Sound:
    return read(str(files("voxaffect") / "data" / "example.wav")).samples


def talk(seconds: float) -> Sound:
    """The example again and again, with pauses."""
    once = np.concatenate([example(), white(0.7, 1e-4)])
    return np.resize(once, int(seconds * RATE_HZ)).astype(np.float32)


def write(path: Path, *channels: Sound) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE_HZ, subtype="PCM_16")
    return path


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    return write(tmp_path / "hum.wav", tone(50, 3.0))


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    return write(tmp_path / "spoken.wav", example())


@pytest.fixture
def call(tmp_path: Path) -> Path:
    """Two people, one after the other, each on a channel."""
    first, second = voice(2, seconds=4.0), voice(5, seconds=4.0)
    silence = np.zeros_like(first)
    return write(
        tmp_path / "call.wav", np.concatenate([first, silence]), np.concatenate([silence, second])
    )


# No speech is a result


def test_no_speech_is_a_result_and_no_emotion(hum: Path, spoken: Path) -> None:
    result = va.predict(hum)
    assert (result.emotion, result.probabilities, result.confidence) == (None, {}, None)
    assert (result.has_speech, result.uncertain, result.seconds) == (False, True, 3.0)
    assert (result.result, va.predict(spoken).result) == ("no speech", "emotion")
    assert result.emotions == va.predict(spoken).emotions == tuple(va.predict(spoken).probabilities)
    assert va.predict(hum, uncertain_below=0).uncertain
    batch = va.predict_many([hum, spoken, hum])
    assert [one.has_speech for one in batch.results] == [False, True, False]
    assert batch.failures == ()


def test_who_asks_for_energy_alone_gets_an_emotion(hum: Path) -> None:
    assert va.predict(hum, vad="energy").has_speech


def test_all_parts_agree_that_there_is_no_speech(hum: Path) -> None:
    assert not va.predict(hum).has_speech
    assert not va.timeline(hum, workers=1)[0].has_speech
    diagnosis = va.diagnose(hum)
    assert "speech" in diagnosis.reasons
    assert diagnosis.trust == "low"
    assert "likeness" not in [one.topic for one in diagnosis.findings]
    assert va.explain(hum).contributions == {}


@pytest.mark.parametrize("command", ["predict", "timeline", "explain"])
def test_the_exit_code_tells_no_speech_from_failure(
    run: Run, hum: Path, spoken: Path, tmp_path: Path, command: str
) -> None:
    start = command.split()
    assert run(*start, spoken).code == 0
    done = run(*start, spoken, hum)
    assert done.code == 3
    assert f"no speech was found: {hum}" in done.err
    assert "No speech was found in 1 of 2 recordings." in done.err
    assert "--vad energy" in done.err
    assert str(spoken) not in done.err
    assert "(no speech)" in done.out
    assert run(*start, hum, tmp_path / "gone.wav").code == 1


def test_a_summary_does_not_count_a_recording_without_speech_as_recognized(
    run: Run, hum: Path, spoken: Path, tmp_path: Path
) -> None:
    done = run("predict", spoken, hum, "-o", tmp_path / "both.json")
    assert "1 recognized, 1 without speech, 0 failed" in done.err


def test_of_many_recordings_without_speech_twenty_are_named(run: Run, tmp_path: Path) -> None:
    for number in range(23):
        write(tmp_path / f"{number:02}.wav", tone(50, 0.5))
    done = run("timeline", tmp_path, "--format", "csv")
    assert done.err.count("no speech was found: ") == 21
    assert "19.wav" in done.err
    assert "20.wav" not in done.err
    assert "no speech was found: 3 more" in done.err
    assert done.out.count("\n") == 1


def test_a_side_without_speech_is_listed_and_the_recording_counts_as_recognized(
    run: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "one.wav", example(), np.zeros_like(example()))
    done = run("predict", path, "--channels", "each")
    assert done.code == 0
    assert f"no speech was found: {path}, channel 2" in done.err
    timeline = run("timeline", path, "--channels", "each")
    assert (timeline.code, timeline.err) == (0, done.err)
    hums = write(tmp_path / "hums.wav", tone(50, 3.0), tone(60, 3.0))
    assert run("predict", hums, "--channels", "each").code == 3


def test_digital_silence_is_a_failure_and_without_speech_in_a_timeline(
    run: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "silence.wav", np.zeros_like(example()))
    assert run("predict", path).code == 1
    assert run("timeline", path).code == 3
    half = write(tmp_path / "half.wav", example(), np.zeros_like(example()))
    assert run("predict", half, "--channels", "right").code == 1


@pytest.mark.parametrize("command", ["predict", "timeline"])
def test_a_resumed_run_knows_what_holds_no_speech(
    run: Run, hum: Path, spoken: Path, tmp_path: Path, command: str
) -> None:
    output = tmp_path / "out.json"
    arguments = [command, hum, spoken, tmp_path / "gone.wav", "--resume", "-o", output]
    first = run(*arguments)
    text = output.read_text(encoding="utf-8")
    again = run(*arguments)
    assert (first.code, again.code) == (1, 1)
    assert output.read_text(encoding="utf-8") == text
    assert [one["result"] for one in json.loads(text)["results"]] == ["no speech", "emotion"]


def test_features_are_of_any_sound(hum: Path) -> None:
    assert len(extract([hum], get_feature_spec("affect")).matrix) == 1


def test_a_recording_without_speech_cannot_be_adapted_to(run: Run, hum: Path, spoken: Path) -> None:
    with pytest.raises(AudioError, match=r"no speech was found in any of 1 recordings.*energy"):
        va.measure_adaptation([hum])
    assert va.measure_adaptation([spoken, hum]).recordings == 1
    assert va.measure_adaptation([spoken, hum], vad="energy").recordings == 2
    assert run("predict", spoken, "--adapt", hum).code == 1


# Long recordings


def test_a_recording_of_thirty_seconds_is_one_utterance_and_a_longer_one_is_not() -> None:
    sound = talk(LONG_SECONDS + 1)
    whole = va.predict(sound[: int(LONG_SECONDS * RATE_HZ)], rate_hz=RATE_HZ, model="fast")
    assert (whole.windows, whole.seconds) == (None, LONG_SECONDS)
    assert va.predict(sound, rate_hz=RATE_HZ, model="fast").windows is not None


@pytest.mark.slow
def test_a_long_recording_is_the_mean_of_its_windows_and_uncertain() -> None:
    sound = talk(31.5)
    result = va.predict(sound, rate_hz=RATE_HZ, model="fast")
    (found,) = va.timeline(sound, rate_hz=RATE_HZ, model="fast", workers=1)
    assert result.windows == len(found.windows)
    assert result.seconds == pytest.approx(31.5)
    reached, total, mean = 0.0, 0.0, np.zeros(len(found.emotions))
    for window in found.windows:
        weight = window.end_seconds - max(reached, window.start_seconds)
        mean += weight * np.array([*window.probabilities.values()])
        total, reached = total + weight, window.end_seconds
    assert list(result.probabilities.values()) == pytest.approx(mean / total)
    assert result.uncertain
    assert not va.predict(sound, rate_hz=RATE_HZ, model="fast", uncertain_below=0.0).uncertain


@pytest.mark.slow
def test_a_long_recording_is_answered_alike_alone_in_a_batch_and_as_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", talk(31.0))
    short = write(tmp_path / "short.wav", example())
    alone = va.predict(path, model="fast")
    batch = va.predict_many([path, short], model="fast", workers=2)
    assert batch.results[0] == alone
    assert [one.windows is None for one in batch.results] == [False, True]
    assert va.predict(path.read_bytes(), name=str(path), model="fast") == alone


def test_a_long_hum_is_no_speech() -> None:
    result = va.predict(tone(50, 40.0), rate_hz=RATE_HZ)
    assert (result.has_speech, result.windows) == (False, 0)


def test_a_warning_says_what_a_long_recording_needs(run: Run, tmp_path: Path) -> None:
    done = run("predict --model fast", write(tmp_path / "long.wav", talk(31.0)))
    assert done.code == 0
    assert "long.wav: longer than 30 s" in done.err
    assert "use voxaffect timeline" in done.err
    assert done.out.splitlines()[1].endswith("uncertain")


# Channels


def test_each_side_of_a_call_gets_an_answer(call: Path, run: Run) -> None:
    both = va.predict_channels(call)
    assert [one.channel for one in both] == ["1", "2"]
    left, right = (va.predict(call, channels=side) for side in ("left", "right"))
    assert [one.probabilities for one in both] == [left.probabilities, right.probabilities]
    assert (left.channel, right.channel) == ("left", "right")
    rows = json.loads(run("predict", call, "--channels", "each", "--format", "json").out)["results"]
    assert [one["channel"] for one in rows] == ["1", "2"]
    with pytest.raises(AudioError, match="predict_channels"):
        va.predict(call, channels="each")


def test_a_mix_of_two_people_is_uncertain_and_warned_of(call: Path, run: Run) -> None:
    result = va.predict(call)
    assert result.channels_differ
    assert result.uncertain
    assert "--channels each" in run("predict", call).err
    assert not va.predict(call, channels="left").channels_differ


def test_two_equal_channels_are_no_call(tmp_path: Path, run: Run) -> None:
    path = write(tmp_path / "stereo.wav", example(), example() * np.float32(0.5))
    assert not va.predict(path).channels_differ
    assert run("predict", path).err == ""


@pytest.mark.parametrize("milliseconds", [0.5, 5, 20])
@pytest.mark.parametrize("gain", [1.0, 0.1, -0.5])
def test_one_voice_on_two_microphones_is_no_call(milliseconds: float, gain: float) -> None:
    delay = int(milliseconds * RATE_HZ / 1000)
    later = np.concatenate([np.zeros(delay, np.float32), example()])[: len(example())]
    stereo = np.stack([example(), later * np.float32(gain)], axis=1)
    comparison = ChannelComparison(RATE_HZ)
    for block in np.array_split(stereo, 7):
        comparison.add(block)
    assert not comparison.are_different
    assert not compare_channels(stereo, RATE_HZ).are_different


def test_one_voice_in_a_room_is_no_call() -> None:
    generator = np.random.default_rng(0)
    seconds = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    echo = generator.standard_normal(len(seconds)) * 10 ** (-3 * seconds / 0.4)
    distant = np.convolve(example(), echo)[: len(example())].astype(np.float32)
    comparison = ChannelComparison(RATE_HZ)
    comparison.add(np.stack([example(), distant / np.abs(distant).max()], axis=1))
    assert not comparison.are_different


def test_two_people_are_different_at_once_and_in_turns(call: Path) -> None:
    pause = np.zeros(RATE_HZ, np.float32)
    first = np.concatenate([example(), pause, example()])
    second = np.concatenate([voice(2, seconds=1.0), pause, voice(5, seconds=3.0)])
    second = np.resize(second, len(first))
    comparison = ChannelComparison(RATE_HZ)
    comparison.add(np.stack([first, second], axis=1))
    assert comparison.are_different
    assert va.predict(call).channels_differ


def test_a_delayed_copy_is_certain_and_without_a_warning(run: Run, tmp_path: Path) -> None:
    later = np.concatenate([np.zeros(8, np.float32), example()[:-8]])
    path = write(tmp_path / "phone.wav", example(), later)
    assert not va.predict(path).channels_differ
    assert "two" not in run("predict", path).err


def test_a_mono_recording_has_neither_side(run: Run, spoken: Path) -> None:
    for side in ("left", "right"):
        done = run("predict", spoken, "--channels", side)
        assert done.code == 1
        assert f"has 1 channel, expected 2 to take the {side} one" in done.err


@pytest.mark.slow
def test_doctor_and_explain_call_the_same_answers_uncertain(run: Run, call: Path) -> None:
    assert va.predict(call).uncertain
    assert va.explain(call).prediction.uncertain
    answer = {one.topic: one.verdict for one in va.diagnose(call).findings}["answer"]
    assert answer == "warning"
    for command in ("explain", "doctor"):
        (shown,) = json.loads(run(command, call, "--format", "json").out)["results"]
        assert shown["prediction"]["uncertain"] is True
    assert "uncertain" in run("explain", call).out.splitlines()[0]


def test_explain_says_that_a_long_recording_is_explained_as_a_whole(
    run: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "long.wav", talk(31.0))
    done = run("explain --model fast --max-seconds 60", path)
    assert "It is explained as a whole. predict answers by windows" in done.err
    assert "uncertain" in done.out.splitlines()[0]


def test_a_silent_side_holds_no_speech(tmp_path: Path) -> None:
    path = write(tmp_path / "one.wav", example(), np.zeros_like(example()))
    assert [one.has_speech for one in va.predict_channels(path)] == [True, False]
    assert not va.predict(path).channels_differ


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [3.0, 31.0])
@pytest.mark.parametrize("recognize", [va.predict, va.timeline])
def test_channels_that_cancel_are_named_as_such(
    tmp_path: Path, seconds: float, recognize: Any
) -> None:
    sound = talk(seconds)
    path = write(tmp_path / "opposite.wav", sound, -sound)
    with pytest.raises(AudioError, match=r"cancel each other .* --channels left"):
        recognize(path, model="fast")
    recognize(path, model="fast", channels="left")


# Limits


@pytest.mark.parametrize("recognize", [va.predict, va.timeline, va.explain, va.diagnose])
def test_a_recording_over_the_limit_is_refused_by_name(spoken: Path, recognize: Any) -> None:
    recognize(spoken, max_seconds=5.0)
    with pytest.raises(AudioError, match=r"spoken\.wav: longer than the limit of 2\.5 s.*raise"):
        recognize(spoken, max_seconds=2.5)


@pytest.mark.parametrize(
    "command", ["predict", "timeline", "doctor", "explain", "listen --fast --input"]
)
def test_every_command_limits_the_length(run: Run, spoken: Path, command: str) -> None:
    done = run(*command.split(), spoken, "--max-seconds", "2.5")
    assert done.code == 1
    assert "longer than the limit of 2.5 s" in done.err


def test_features_have_a_limit_of_their_own(run: Run, spoken: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.csv"
    done = run("features", spoken, "--max-seconds", "2.5", "-o", output)
    assert (done.code, "--max-seconds" in done.err) == (1, True)
    found = extract([spoken], get_feature_spec("affect"), max_seconds=2.5)
    assert "longer than the limit of 2.5 s" in found.failures[0].reason


def test_the_cache_lets_no_recording_over_the_limit_pass(spoken: Path, tmp_path: Path) -> None:
    with FeatureCache(tmp_path / "cache.sqlite") as cache:
        spec = get_feature_spec("classic")
        assert not extract([spoken], spec, cache=cache).failures
        assert extract([spoken], spec, cache=cache, max_seconds=2.5).failures


def test_one_recording_over_the_limit_leaves_the_others(spoken: Path, tmp_path: Path) -> None:
    long = write(tmp_path / "long.wav", talk(8.0))
    batch = va.predict_many([long, spoken], max_seconds=5.0)
    assert [one.source for one in batch.results] == [str(spoken)]
    assert [one.path for one in batch.failures] == [long]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    """Ten minutes of silence and speech take as little as two: sound is not held."""
    import tracemalloc

    peaks = []
    for minutes in (2, 10):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", RATE_HZ, 2) as file:
            for _ in range(minutes):
                file.write(np.zeros((55 * RATE_HZ, 2), np.float32))
                file.write(np.stack([talk(5.0)] * 2, axis=1))
        tracemalloc.start()
        assert va.predict(path, workers=1).windows is not None
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 8_000_000
