"""Names of channels: they change no number, and every interface shows them alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, voice

from voxaffect import predict, predict_channels, predict_many, timeline, timeline_many
from voxaffect.errors import ArgumentError, AudioError, CheckpointError
from voxaffect.extraction import Failure
from voxaffect.recognition import iter_predictions, iter_timelines
from voxaffect.recognition.channels import make_choice

NAMES = ("agent", "customer")
OPTIONS: dict[str, Any] = {"model": "fast", "channels": "each", "workers": 1}
CLI = ["--model=fast", "--channels=each", "--channel-names=agent, customer"]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two channels of synthesized speech, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = Path("call.wav")
    soundfile.write(path, np.stack([voice(1), voice(5)], axis=1), RATE_HZ)
    return path


@pytest.fixture
def memo(call: Path) -> Path:
    """One channel, next to the call."""
    path = call.with_name("memo.wav")
    soundfile.write(path, voice(2), RATE_HZ)
    return path


def name_all(results: Sequence[Any]) -> list[str | None]:
    return [one.channel_name for one in results]


def strip(results: Sequence[Any]) -> list[Any]:
    return [replace(one, channel_name=None) for one in results]


def test_names_change_no_number(call: Path) -> None:
    answers = predict_channels(call, model="fast", channel_names=NAMES)
    lines = timeline(call, channel_names=NAMES, **OPTIONS)
    assert name_all(answers) == name_all(lines) == [*NAMES]
    assert [one.channel for one in answers] == [one.channel for one in lines] == ["1", "2"]
    assert strip(answers) == [*predict_channels(call, model="fast")]
    assert strip(lines) == [*timeline(call, **OPTIONS)]


def test_one_channel_has_its_own_name_of_all(call: Path) -> None:
    sides = ("left", "right")
    for side, name in zip(sides, NAMES, strict=True):
        answer = predict(call, model="fast", channels=side, channel_names=NAMES)
        (line,) = timeline(call, model="fast", channels=side, channel_names=NAMES, workers=1)
        assert (answer.channel, answer.channel_name) == (side, name)
        assert (line.channel, line.channel_name) == (side, name)


def test_every_way_through_many_recordings_names_them(call: Path) -> None:
    given = {**OPTIONS, "channel_names": NAMES}
    answers = list(predict_channels(call, model="fast", channel_names=NAMES))
    lines = list(timeline(call, **given))
    assert list(predict_many([call], **given).results) == answers
    assert list(iter_predictions([call], **given)) == answers
    assert list(timeline_many([call], **given).results) == lines
    assert list(iter_timelines([call], **given)) == lines
    for run in (predict_many, timeline_many):
        assert name_all(run([call, call], adapt="all", **given).results) == [*NAMES, *NAMES]  # type: ignore[operator]


@pytest.mark.slow
def test_a_long_recording_keeps_the_names() -> None:
    sound = np.stack([voice(1, seconds=31), voice(5, seconds=31)], axis=1)
    answers = predict_channels(sound, rate_hz=RATE_HZ, model="fast", channel_names=NAMES)
    assert all(one.windows for one in answers)
    assert name_all(answers) == [*NAMES]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], r"an empty one \(none\)"),
        (["agent", " "], "an empty one"),
        (["agent", "agent "], "one twice"),
        (["agent", "a,b"], "one with a comma"),
        (["agent", "a\x1b[31m"], r"one with control characters \(agent, a\\x1b"),
        (["agent", "\u202egnirts"], "one with control characters"),
    ],
)
def test_names_that_are_none_are_refused(call: Path, names: list[str], found: str) -> None:
    message = rf"channel_names: expected one name for each channel, .*; found {found}"
    for recognize in (predict_channels, timeline):
        with pytest.raises(ArgumentError, match=message):
            recognize(call, model="fast", channels="each", channel_names=names)


@pytest.mark.parametrize("names", ["agent", 3, [1, 2], None])
def test_names_are_a_list_of_texts(names: Any) -> None:
    if names is None:
        assert make_choice("each", names).names == ()
        return
    with pytest.raises(ArgumentError, match=r"channel_names: expected one name for each channel"):
        make_choice("each", names)


def test_the_mix_has_no_names(call: Path) -> None:
    for recognize in (predict, timeline):
        with pytest.raises(
            ArgumentError, match=r"expected channels each, left or right; found mix"
        ):
            recognize(call, model="fast", channel_names=NAMES)  # type: ignore[operator]


@pytest.mark.parametrize("channels", ["each", "left"])
def test_another_number_of_channels_is_refused_with_its_remedy(call: Path, channels: str) -> None:
    message = (
        r"call\.wav: has 2 channels, expected 3 for the channel names a, b, c\. Give one name for "
        r"each channel, in their order, or none\."
    )
    with pytest.raises(AudioError, match=message):
        predict_channels(call, model="fast", channels=channels, channel_names=["a", "b", "c"])
    with pytest.raises(AudioError, match=message):
        timeline(call, model="fast", channels=channels, channel_names=["a", "b", "c"])


@pytest.mark.parametrize("recognize", [predict_many, timeline_many])
@pytest.mark.parametrize("adapt", [None, "all"])
def test_in_a_batch_such_a_recording_is_one_failure(
    call: Path, memo: Path, recognize: Any, adapt: str | None
) -> None:
    batch = recognize([memo, call], channel_names=NAMES, adapt=adapt, **OPTIONS)
    assert name_all(batch.results) == [*NAMES]
    (failure,) = batch.failures
    assert isinstance(failure, Failure)
    assert failure.reason.startswith("memo.wav: has 1 channel, expected 2 for the channel names")


@pytest.mark.parametrize("recognize", [predict_many, timeline_many])
@pytest.mark.parametrize("adapt", [None, "all"])
def test_a_run_is_resumed_with_the_same_names_only(
    call: Path, recognize: Any, adapt: str | None
) -> None:
    given = {**OPTIONS, "adapt": adapt, "resume": "checkpoint"}
    first = recognize([call], channel_names=NAMES, **given)
    assert recognize([call], channel_names=[*NAMES], **given) == first
    with pytest.raises(CheckpointError, match=r"other settings \(channel_names"):
        recognize([call], channel_names=NAMES[::-1], **given)
    with pytest.raises(CheckpointError, match=r"other settings \(channel_names"):
        recognize([call], **given)
    Path("checkpoint").unlink()
    recognize([call], **given)
    with pytest.raises(CheckpointError, match=r"channel_names none, now"):
        recognize([call], channel_names=NAMES, **given)


@pytest.mark.parametrize("command", ["predict", "timeline"])
def test_the_command_gives_what_python_gives(call: Path, run: Run, command: str) -> None:
    done = run(command, call, *CLI, "--format=json")
    recognize = predict_channels if command == "predict" else timeline
    results = recognize(call, model="fast", channels="each", channel_names=NAMES)
    assert json.loads(done.out)["results"] == [one.to_dict() for one in results]
    assert "agent" in run(command, call, *CLI).out
    done = run(command, call, "--model=fast", "--channels=each", "--format=json")
    assert "channel_name" not in done.out


@pytest.mark.parametrize("command", ["predict", "timeline"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--channel-names=a,b"], "--channel-names goes with --channels each, left or right"),
        (["--channels=each", "--channel-names=a,a"], "--channel-names: expected one name for"),
        (["--channels=each", "--channel-names="], "found an empty one (none)"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--dataset", "-o", "out"]])
def test_wrong_usage_is_refused_before_the_work(
    call: Path, run: Run, command: str, arguments: list[str], message: str, more: list[str]
) -> None:
    done = run(command, call, *arguments, *more)
    assert done.code == 2
    assert message in done.err
    assert not Path("out").exists()


def test_a_file_of_settings_names_the_channels(call: Path, run: Run) -> None:
    Path("run.toml").write_text(
        '[predict]\nchannels = "each"\nchannel-names = ["agent", "customer"]\nmodel = "fast"\n'
    )
    typed = run("predict", call, *CLI, "--format=csv").out
    assert run("predict", call, "--config=run.toml", "--format=csv").out == typed


def test_warnings_name_a_silent_channel(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = np.stack([voice(1), 1e-3 * np.sin(np.arange(len(voice(1))))], axis=1)
    soundfile.write("half.wav", sound, RATE_HZ)
    done = run("timeline", "half.wav", *CLI)
    assert "no speech was found: half.wav, channel customer" in done.err
    assert "half.wav, channel agent: " in done.out
