"""Adaptation without labels: the same statistics, decision and answers on every way."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, Trained, voice
from support.encoders import make_small_encoder
from support.synthesis import speech_like

import voxaffect as va
from voxaffect.corpora import Utterance
from voxaffect.errors import ArgumentError, AudioError, CheckpointError, ModelError
from voxaffect.features import FeatureSpec, compute_features
from voxaffect.features.encoders import make_encoder_spec
from voxaffect.models import Model
from voxaffect.recognition import adaptation as module
from voxaffect.recognition.adaptation import Adaptation, make_adapter, measure_variety
from voxaffect.recognition.batch import _unpack
from voxaffect.recognition.live.recorder import to_record
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.tasks import PredictionTask
from voxaffect.training.estimators import BalancedLogistic

ENERGY = {"vad": "energy"}


@pytest.fixture(autouse=True)
def _any_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let synthesized voices pass the check of their spread; one test looks at the check."""
    monkeypatch.setattr(module, "LEAST_SPREAD", 0.01)
    monkeypatch.setattr(module, "LEAST_EMOTIONS", 0.0)
    monkeypatch.setattr(module, "LARGEST_SHARE", 1.0)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Write eight recordings into each of two folders, and three into a third."""
    paths = [tmp_path / "abc"[number // 8] / f"{number:02}.wav" for number in range(19)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, voice(number), RATE_HZ, subtype="PCM_16")
    return paths


def probabilities(results: Any) -> list[dict[str, float]]:
    return [dict(result.probabilities) for result in results]


def test_features_of_few_named_recordings_move_to_the_mean_of_the_training(
    recordings: list[Path], trained: Trained
) -> None:
    card, paths = trained.model.card, recordings[:6]
    adaptation = va.measure_adaptation(paths, model=trained.model)
    matrix = va.extract(paths, card.spec).matrix
    np.testing.assert_allclose(adaptation.mean, matrix.mean(axis=0), rtol=1e-5)
    moved = matrix - 0.6 * (adaptation.mean - np.array(card.mean))
    moved = np.where(np.array(card.sd) > 0, moved, matrix)
    expected = trained.model.probabilities(moved.astype(np.float32))
    batch = va.predict_many(paths, model=trained.model, adapt=adaptation)
    rows = [list(prediction.probabilities.values()) for prediction in batch.results]
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert va.predict(paths[0], model=trained.model, adapt=adaptation) == batch.results[0]
    assert va.predict(paths[0], model=trained.model, adapt=paths) == batch.results[0]
    decision = batch.results[0].adaptation
    assert decision is not None
    assert (decision.group, decision.recordings, decision.is_applied) == (
        "named recordings",
        6,
        True,
    )


@pytest.mark.parametrize("function", [va.predict_many, va.timeline_many])
def test_all_sources_of_a_call_are_measured_before_the_first_is_classified(
    recordings: list[Path], trained: Trained, function: Callable[..., Any]
) -> None:
    batch = function(recordings, model=trained.model, adapt="all")
    decision = batch.results[0].adaptation
    assert decision.group == "all"
    assert decision.is_applied
    assert all(result.adaptation == decision for result in batch.results)
    plain = function(recordings, model=trained.model)
    assert all(result.adaptation is None for result in plain.results)
    assert batch.results != plain.results
    if function is va.predict_many:
        named = va.measure_adaptation(recordings, model=trained.model)
        given = replace(named, group="all", is_named=False)
        assert function(recordings, model=trained.model, adapt=given) == batch


@pytest.mark.parametrize("function", [va.predict_many, va.timeline_many])
def test_order_workers_and_bytes_change_nothing(
    folders: list[Path], trained: Trained, function: Callable[..., Any]
) -> None:
    paths = folders[4:14]
    options = {"model": trained.model, "adapt": "folder"}
    expected = function(paths, workers=1, **options)
    assert function(paths, workers=3, **options) == expected
    assert function(paths[::-1], **options).results == expected.results[::-1]
    named = [(str(path), path.read_bytes()) for path in paths]
    assert function(iter(named), **options) == expected


def test_each_folder_is_a_group_and_one_of_few_recordings_is_not_adapted(
    folders: list[Path], trained: Trained
) -> None:
    batch = va.predict_many(folders, model=trained.model, adapt="folder")
    alone = va.predict_many(folders[:8], model=trained.model, adapt="folder")
    plain = va.predict_many(folders, model=trained.model)
    assert batch.results[:8] == alone.results
    assert {one.adaptation.group for one in batch.results if one.adaptation} == {
        str(path.parent) for path in folders
    }
    assert probabilities(batch.results[16:]) == probabilities(plain.results[16:])
    decision = batch.results[16].adaptation
    assert decision is not None
    assert not decision.is_applied
    assert decision.weight == 0
    assert decision.reason == "too few recordings with speech: 3, at least 8 are needed"


def test_failures_stay_failures_and_silence_does_not_count(
    recordings: list[Path], trained: Trained
) -> None:
    recordings[3].write_bytes(b"words")
    hum = 0.1 * np.sin(2 * np.pi * 100 * np.arange(2 * RATE_HZ) / RATE_HZ)
    soundfile.write(recordings[5], hum, RATE_HZ)
    batch = va.predict_many(recordings, model=trained.model, adapt="all")
    assert [failure.path for failure in batch.failures] == [recordings[3]]
    assert batch.results[4].emotion is None
    assert {one.adaptation.recordings for one in batch.results if one.adaptation} == {10}
    with pytest.raises(AudioError, match=r"1 of 12 cannot be adapted to: .*03\.wav"):
        va.measure_adaptation(recordings, model=trained.model)
    with pytest.raises(AudioError, match="no speech was found in any of 1 recordings"):
        va.measure_adaptation(recordings[5:6], model=trained.model)
    silent = va.predict_many(recordings[5:6], model=trained.model, adapt="all")
    assert silent.results[0].adaptation is not None
    assert silent.results[0].adaptation.recordings == 0


def test_a_failing_classifier_fails_its_recording_alone(
    recordings: list[Path], trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Model.probabilities, []

    def fail_once(model: Model, matrix: np.ndarray) -> np.ndarray:
        calls.append(matrix)
        if len(calls) == 3:
            raise ModelError("its graph cannot be run.")
        return real(model, matrix)

    monkeypatch.setattr(Model, "probabilities", fail_once)
    batch = va.predict_many(recordings, model=trained.model, adapt="all")
    assert len(batch.results) == 11
    (failure,) = batch.failures
    assert failure.reason == f"{failure.path}: its graph cannot be run."


@pytest.mark.parametrize(
    ("count", "is_named", "spread", "reason"),
    [
        (1, True, 1.0, "too few recordings with speech: 1, at least 2"),
        (2, True, 0.0, None),
        (7, True, 0.0, None),
        (8, True, 0.59, "too little spread: 0.59 of that in training, at least 0.6"),
        (8, True, 0.61, None),
        (7, False, 1.0, "too few recordings with speech: 7, at least 8"),
        (8, False, 0.59, "too little spread"),
        (8, False, 0.61, None),
    ],
)
def test_the_check_asks_for_recordings_and_spread(
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    is_named: bool,
    spread: float,
    reason: str | None,
) -> None:
    monkeypatch.setattr(module, "LEAST_SPREAD", 0.6)
    card = trained.model.card
    sd = spread * np.array(card.sd)
    adaptation = Adaptation(card.mean, sd, count, card.spec, is_named=is_named)
    decision = make_adapter(adaptation, trained.model).decision
    assert decision.is_applied == (reason is None)
    assert decision.weight == (0 if reason else count / (count + 4))
    assert (decision.reason or "").startswith(reason or "")


@pytest.mark.parametrize(
    ("emotions", "share", "is_applied"),
    [(0.7, 0.4, True), (0.7, 0.6, False), (0.5, 0.4, False), (None, None, True)],
)
def test_recordings_that_mostly_sound_like_one_emotion_are_not_adapted_to(
    trained: Trained,
    monkeypatch: pytest.MonkeyPatch,
    emotions: float | None,
    share: float | None,
    is_applied: bool,
) -> None:
    monkeypatch.setattr(module, "LEAST_EMOTIONS", 0.625)
    monkeypatch.setattr(module, "LARGEST_SHARE", 0.5)
    card = trained.model.card
    adaptation = Adaptation(
        card.mean, card.sd, 20, card.spec, emotions=emotions, largest_share=share
    )
    decision = make_adapter(adaptation, trained.model).decision
    assert decision.is_applied == is_applied
    assert is_applied or "too few emotions" in str(decision.reason)


def test_the_variety_of_answers_is_that_of_their_mean_and_their_most_frequent_emotion() -> None:
    probabilities = np.array([[0.5, 0.5, 0.0, 0.0], [0.6, 0.4, 0.0, 0.0], [0.4, 0.6, 0.0, 0.0]])
    variety, share = measure_variety(probabilities)
    assert variety == pytest.approx(0.5)
    assert share == pytest.approx(2 / 3)


def test_copies_of_one_recording_have_too_little_spread(
    recordings: list[Path], trained: Trained
) -> None:
    batch = va.predict_many(recordings[:1] * 9, model=trained.model, adapt="all")
    decision = batch.results[0].adaptation
    assert decision is not None
    assert decision.reason is not None
    assert decision.reason.startswith("too little spread: 0.00")


def test_an_adaptation_to_other_features_is_refused(
    recordings: list[Path], trained: Trained
) -> None:
    card = trained.model.card
    other = replace(card.spec, rate_hz=8_000)
    for spec, size in ((other, len(card.mean)), (card.spec, 3)):
        adaptation = Adaptation(np.zeros(size), np.ones(size), 8, spec)
        with pytest.raises(ModelError, match="measured with other features"):
            va.predict(recordings[0], model=trained.model, adapt=adaptation)
        with pytest.raises(ModelError, match="measured with other features"):
            va.Stream(trained.model, rate_hz=RATE_HZ, adapt=adaptation)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: va.predict("a.wav", adapt="all"), "take predict_many"),
        (lambda: va.timeline("a.wav", adapt="folder"), "take timeline_many"),
        (lambda: va.predict_many(["a.wav"], adapt="speaker/"), "found 'speaker/'"),
        (lambda: va.predict_many(["a.wav"], adapt=Path("a.wav")), "Put it in a list"),
    ],
)
def test_a_wrong_kind_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


@pytest.fixture(scope="module")
def encoder_model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Train on speech-like sounds of two emotions, by a tiny encoder of random weights."""
    folder = tmp_path_factory.mktemp("encoder")
    spec = make_encoder_spec(make_small_encoder())
    utterances, rows = [], []
    for index in range(12):
        path = folder / f"{index}.wav"
        width = 12 if index % 2 else 1
        sound = np.convolve(speech_like(1.2, seed=index), np.ones(width) / width, "same")
        soundfile.write(path, sound, RATE_HZ)
        utterances.append(
            Utterance(path, "small", ("angry", "sad")[index % 2], speaker="abc"[index % 3])
        )
        rows.append(compute_features(va.read(path), spec))
    data = va.Dataset(tuple(utterances), np.array(rows), spec)
    estimator = va.fit(BalancedLogistic(penalty_c=0.1), data.rows())
    return va.export(estimator, data, recipe="encoder")


def test_hidden_states_of_encoders_are_scaled_too(
    encoder_model: Model, recordings: list[Path]
) -> None:
    card = encoder_model.card
    mean, sd = np.array(card.mean), np.array(card.sd)
    adaptation = Adaptation(mean, 4 * sd, 10**9, encoder_model.spec)
    vector = va.extract(recordings[:1], encoder_model.spec).matrix[0]
    adapted = make_adapter(adaptation, encoder_model).adapt(vector)
    np.testing.assert_allclose(adapted - mean, (vector - mean) / 2, atol=1e-5)
    batch = va.predict_many(recordings, model=encoder_model, adapt="all", **ENERGY)
    assert {one.adaptation.is_applied for one in batch.results if one.adaptation} == {True}
    again = va.predict_many(recordings[::-1], model=encoder_model, adapt="all", workers=2, **ENERGY)
    assert again.results == batch.results[::-1]


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """Write 31 s of speech-like sound."""
    path = tmp_path / "long" / "long.wav"
    path.parent.mkdir()
    soundfile.write(path, speech_like(31.5), RATE_HZ)
    return path


def test_a_timeline_adapts_to_windows_of_its_own_that_do_not_overlap(
    long: Path, trained: Trained
) -> None:
    options = {"model": trained.model, **ENERGY}
    (adapted,) = va.timeline(long, adapt="all", **options)
    (plain,) = va.timeline(long, **options)
    assert adapted.adaptation is not None
    assert adapted.adaptation.is_applied
    apart = [one for one in plain.windows if one.end_seconds - one.start_seconds > 1]
    assert 8 <= adapted.adaptation.recordings <= len(apart) / 2
    times = [(one.start_seconds, one.end_seconds) for one in plain.windows]
    assert [(one.start_seconds, one.end_seconds) for one in adapted.windows] == times
    assert adapted.windows != plain.windows
    batch = va.timeline_many([long], adapt="all", workers=2, **options)
    assert batch.results == (adapted,)
    named = va.measure_adaptation([long], **options)
    (given,) = va.timeline(long, adapt=named, **options)
    assert given.windows == adapted.windows


def test_a_long_recording_is_predicted_by_its_adapted_windows(
    long: Path, recordings: list[Path], trained: Trained
) -> None:
    options = {"model": trained.model, **ENERGY}
    batch = va.predict_many([long, *recordings], adapt="all", **options)
    assert batch.results[0].windows
    paths = [*recordings, long]
    named = replace(va.measure_adaptation(paths, **options), is_named=False, group="all")
    assert va.predict(long, adapt=named, **options) == batch.results[0]


def test_a_stream_with_an_adaptation_has_the_windows_of_the_file(
    long: Path, recordings: list[Path], trained: Trained
) -> None:
    adaptation = va.measure_adaptation(recordings, model=trained.model)
    samples = soundfile.read(long, dtype="float32")[0]
    (whole,) = va.timeline(
        samples, rate_hz=RATE_HZ, model=trained.model, adapt=adaptation, **ENERGY
    )
    stream = va.Stream(trained.model, rate_hz=RATE_HZ, adapt=adaptation, **ENERGY)
    events = [*stream.push(samples[:100_000]), *stream.push(samples[100_000:]), *stream.finish()]
    assert tuple(one for one in events if isinstance(one, va.Window)) == whole.windows
    assert stream.adaptation == whole.adaptation
    assert va.Stream(trained.model, rate_hz=RATE_HZ).adaptation is None


@pytest.mark.parametrize("function", [va.predict_many, va.timeline_many])
def test_an_adapted_run_goes_on_with_its_features_and_measures_all_recordings(
    recordings: list[Path],
    long: Path,
    tmp_path: Path,
    trained: Trained,
    function: Callable[..., Any],
) -> None:
    sources = [*recordings[:9], long]
    options = {"model": trained.model, "adapt": "all", **ENERGY}
    expected = function(sources, **options)
    checkpoint = tmp_path / "run.checkpoint"
    function(sources[4:], resume=checkpoint, **options)
    lines = checkpoint.read_bytes().splitlines()
    assert len(lines) == 1 + 6
    lines[2] = lines[2].replace(b'"result"', b'"damaged"')
    checkpoint.write_bytes(b"\n".join(lines) + b"\n")
    assert function(sources, resume=checkpoint, **options) == expected
    assert function(sources, resume=checkpoint, **options) == expected
    assert len(checkpoint.read_bytes().splitlines()) == 1 + 6 + 5
    shutil.copy(recordings[10], recordings[0])
    changed = function(sources, resume=checkpoint, **options)
    assert changed == function(sources, **options)
    assert changed.results[1] != expected.results[1]
    for other in (None, "folder", recordings):
        with pytest.raises(CheckpointError, match=r"other settings .*adapt"):
            function(sources, resume=checkpoint, **{**options, "adapt": other})


def test_damaged_features_in_a_checkpoint_are_computed_again(trained: Trained) -> None:
    task = PredictionTask(Predictor(trained.model))
    packed = {"seconds": 1.0, "channels_differ": False, "vectors": [["mix", "AAAAAA=="]]}
    for value in (packed, {}, [], "text", 3, {**packed, "vectors": [["mix"]]}, {"channels": 1}):
        assert _unpack(task, value, "a.wav") is None


def test_results_hold_the_decision_as_plain_data(recordings: list[Path], trained: Trained) -> None:
    batch = va.predict_many(recordings, model=trained.model, adapt="all")
    assert batch.results[0].to_dict()["adaptation"] == {
        "group": "all",
        "recordings": 12,
        "weight": 0.75,
        "is_applied": True,
        "reason": None,
    }
    assert "adapted" in batch.to_frame().columns
    plain = va.predict_many(recordings[:1], model=trained.model)
    assert plain.results[0].to_dict()["adaptation"] is None
    assert "adapted" not in plain.to_frame().columns


@pytest.mark.parametrize("command", ["predict", "timeline"])
def test_the_command_adapts_as_python_does(
    run: Run, folders: list[Path], trained: Trained, tmp_path: Path, command: str
) -> None:
    trained.model.save(tmp_path / "model.onnx")
    arguments = [command, tmp_path / "a", tmp_path / "c", "--model", tmp_path / "model.onnx"]
    function = va.predict_many if command == "predict" else va.timeline_many
    paths = [*folders[:8], *folders[16:]]
    expected = function(paths, model=trained.model, adapt="folder")
    done = run(*arguments, "--adapt", "folder", "--format", "json")
    results = json.loads(done.out)["results"]
    assert results == [result.to_dict() for result in expected.results]
    groups = list(dict.fromkeys(result.adaptation for result in expected.results))
    assert f"adapted: {groups[0].group}: {groups[0].recordings} recordings, weight" in done.err
    assert len([line for line in done.err.splitlines() if "adapted: " in line]) == 2
    done = run(*arguments, "--adapt", "folder", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert {row["adapted"] for row in rows} == {"true", "false"}
    assert "adapted" not in run(*arguments, "--format", "csv").out


def test_the_command_adapts_to_named_recordings(
    run: Run, folders: list[Path], trained: Trained, tmp_path: Path
) -> None:
    trained.model.save(tmp_path / "model.onnx")
    arguments = ["predict", folders[0], "--model", tmp_path / "model.onnx", "--format", "json"]
    done = run(*arguments, "--adapt", folders[8].parent, "--adapt", folders[1])
    expected = va.predict(folders[0], model=trained.model, adapt=[*folders[8:16], folders[1]])
    assert json.loads(done.out)["results"] == [expected.to_dict()]
    assert "adapted: named recordings: 9 recordings, weight 0.69" in done.err
    assert run(*arguments, "--adapt", tmp_path / "gone").code == 1
    assert "stands alone" in run(*arguments, "--adapt", "all", "--adapt", "b").err


def test_listening_adapts_to_earlier_recordings_and_never_to_its_own_sound(
    run: Run, folders: list[Path], trained: Trained, tmp_path: Path
) -> None:
    trained.model.save(tmp_path / "model.onnx")
    arguments = ["listen", "--fast", "--input", folders[0], "--model", tmp_path / "model.onnx"]
    kept = ["--save", tmp_path / "session"]
    done = run(*arguments, *kept, "--adapt", folders[8].parent, "--adapt", folders[1])
    assert done.code == 0, done.err
    assert "adapted: named recordings: 9 recordings, weight 0.69" in done.err
    adaptation = va.measure_adaptation([*folders[8:16], folders[1]], model=trained.model)
    stream = va.Stream(trained.model, rate_hz=RATE_HZ, adapt=adaptation)
    events = [*stream.push(va.read(folders[0]).samples), *stream.finish()]
    lines = (tmp_path / "session" / "timeline.jsonl").read_text().splitlines()
    first, *rows = map(json.loads, lines)
    assert stream.adaptation is not None
    assert first["adaptation"] == stream.adaptation.to_dict()
    assert rows == [to_record(event) for event in events]
    assert "not adapted: named recordings: too few" in run(*arguments, "--adapt", folders[1]).err
    assert run(*arguments, "--adapt", tmp_path / "gone").code == 1
    done = run(*arguments, "--adapt", "all")
    assert done.code == 2
    assert "a stream does not adapt to its own sound" in done.err


def test_the_example_alone_is_too_little_to_adapt_to(run: Run) -> None:
    done = run("predict --example --adapt all")
    assert done.code == 0
    assert "not adapted: all: too few recordings with speech: 1, at least 8 are needed." in done.err


def test_spec_of_an_adaptation_holds_no_sound() -> None:
    spec = FeatureSpec("classic", 1, ("mfcc",))
    one, other = (Adaptation([1.0], [2.0], 3, spec, group=group) for group in ("a", "b"))
    assert one.digest != other.digest
    assert repr(one) == "<Adaptation to 'a': 3 recordings>"
