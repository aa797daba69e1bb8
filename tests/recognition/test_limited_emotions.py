"""Answers among some emotions of a model: scaled, marked, and the same wherever they come from."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Run, Trained
from hypothesis import given, settings, strategies as st

from voxaffect import Stream, predict, predict_channels, predict_many, timeline, timeline_many
from voxaffect.errors import ArgumentError
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS, Run as FormatRun
from voxaffect.recognition.timelines.segments import Segment
from voxaffect.recognition.timelines.smoothing import Smoother, Smoothing

LABELS = ["fearful", "calm"]
OPTIONS: dict[str, Any] = {"vad": "energy", "workers": 1}


@pytest.fixture(scope="module")
def recording(ravdess_to_read: Path) -> Path:
    return sorted(ravdess_to_read.rglob("*.wav"))[3]


@pytest.fixture(scope="module")
def model_file(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    trained.model.save(path)
    return path


def test_probabilities_are_those_of_the_model_scaled_to_a_sum_of_one(
    trained: Trained, recording: Path
) -> None:
    whole = predict(recording, model=trained.model, **OPTIONS)
    limited = predict(recording, model=trained.model, labels=LABELS, **OPTIONS)
    kept = {name: p for name, p in whole.probabilities.items() if name in LABELS}
    total = sum(kept.values())
    assert limited.probabilities == pytest.approx({n: p / total for n, p in kept.items()})
    assert limited.emotion == max(kept, key=kept.__getitem__)
    assert limited.emotions == tuple(kept)
    assert (whole.calibrated, limited.calibrated) == (True, False)
    assert "not calibrated" in repr(limited)
    assert limited.to_dict()["calibrated"] is False
    assert "calibrated" not in whole.to_dict()


@settings(max_examples=20, deadline=None)
@given(st.permutations(["calm", "disgust", "fearful", "happy"]))
def test_all_emotions_in_any_order_change_no_number(
    trained: Trained, recording: Path, labels: list[str]
) -> None:
    assert trained.model.restrict(labels) is trained.model
    whole = predict(recording, model=trained.model, **OPTIONS)
    assert predict(recording, model=trained.model, labels=labels, **OPTIONS) == whole


def test_all_emotions_change_no_timeline(trained: Trained, recording: Path) -> None:
    whole = timeline(recording, model=trained.model, **OPTIONS)
    labels = [*trained.model.emotions]
    assert timeline(recording, model=trained.model, labels=labels, **OPTIONS) == whole


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.sampled_from(["calm", "disgust", "fearful", "happy"]), min_size=2),
    st.integers(0, 2**32 - 1),
)
def test_restricted_probabilities_keep_their_ratios(
    trained: Trained, labels: set[str], seed: int
) -> None:
    model = trained.model
    rows = np.random.default_rng(seed).normal(size=(3, len(model.card.feature_names)))
    matrix = (10 * rows).astype(np.float32)
    limited = model.restrict(sorted(labels))
    kept = [model.emotions.index(name) for name in limited.emotions]
    part = model.probabilities(matrix)[:, kept]
    assert limited.probabilities(matrix).sum(axis=1) == pytest.approx(1)
    assert limited.probabilities(matrix) * part.sum(axis=1, keepdims=True) == pytest.approx(part)


def test_emotions_that_are_all_impossible_are_equally_probable(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = np.array([[1, 0, 0, 0]], np.float32)
    monkeypatch.setattr(trained.model, "_run", lambda *_: row)
    limited = trained.model.restrict(["fearful", "happy"])
    monkeypatch.setattr(limited, "_run", lambda *_: row)
    matrix = np.zeros((1, len(trained.model.card.feature_names)), np.float32)
    assert limited.probabilities(matrix).tolist() == [[0.5, 0.5]]


def test_smoothing_runs_on_the_restricted_probabilities(trained: Trained, recording: Path) -> None:
    (whole,) = timeline(recording, model=trained.model, hop_seconds=0.2, **OPTIONS)
    (limited,) = timeline(recording, model=trained.model, labels=LABELS, hop_seconds=0.2, **OPTIONS)
    assert limited.emotions == ("calm", "fearful")
    assert not limited.calibrated
    assert limited.to_dict()["calibrated"] is False
    assert "calibrated" not in whole.to_dict()
    assert [w.start_seconds for w in limited.windows] == [w.start_seconds for w in whole.windows]
    smoother = Smoother(2, Smoothing())
    for one, other in zip(limited.windows, whole.windows, strict=True):
        kept = np.array([other.probabilities[name] for name in limited.emotions])
        row = kept / kept.sum()
        assert [*one.probabilities.values()] == pytest.approx(row.tolist())
        smoother.add(one.start_seconds, one.end_seconds, row)
    first = smoother.decide(np.inf)
    names = {limited.emotions[int(row.argmax())] for row in first}
    assert {segment.emotion for segment in limited.segments} == names


def test_all_ways_give_the_same_restricted_answer(
    trained: Trained, recording: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"model": trained.model, "labels": LABELS, **OPTIONS}
    one = predict(recording, **options)
    assert predict_channels(recording, channels="mix", **options) == (one,)
    resume = tmp_path / "checkpoint"
    assert predict_many([recording], resume=resume, **options).results == (one,)
    assert predict_many([recording], resume=resume, **options).results == (one,)
    many = timeline_many([recording], **options).results
    (alone,) = timeline(recording, **options)
    assert many == (alone,)
    samples, rate_hz = soundfile.read(recording, dtype="float32")
    stream = Stream(trained.model, rate_hz=rate_hz, labels=LABELS, vad="energy")
    events = [*stream.push(samples), *stream.finish()]
    segments = tuple(event for event in events if isinstance(event, Segment))
    assert [s.emotion for s in segments] == [s.emotion for s in alone.segments]
    limited = trained.model.restrict(LABELS)
    assert predict(recording, model=limited, **OPTIONS) == one
    assert copy.copy(limited).labels == pickle.loads(pickle.dumps(limited)).labels == limited.labels


def test_results_are_uncertain_unless_a_threshold_is_given(
    trained: Trained, recording: Path
) -> None:
    options: dict[str, Any] = {"model": trained.model, "labels": LABELS, **OPTIONS}
    assert predict(recording, **options).uncertain
    assert not predict(recording, uncertain_below=0, **options).uncertain
    (alone,) = timeline(recording, **options)
    assert all(part.uncertain for part in (*alone.windows, *alone.segments))
    (alone,) = timeline(recording, uncertain_below=0, **options)
    assert not any(part.uncertain for part in (*alone.windows, *alone.segments))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["angry", "calm"], r"knows no 'angry'. Its emotions are: calm, disgust, fearful, happy"),
        (["calm"], r"expected two emotions or more, found calm: with one, every answer would be"),
        (["calm", "Calm "], r"expected two emotions or more, found calm"),
        ([], r"expected two emotions or more, found none"),
        (["calm", ""], r"knows no ''"),
    ],
)
def test_labels_that_are_none_are_refused(
    trained: Trained, recording: Path, labels: list[str], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        predict(recording, model=trained.model, labels=labels)


def test_labels_are_words_of_the_vocabulary(trained: Trained) -> None:
    assert (
        trained.model.restrict(["Fear", "calm", "joy"]).labels
        == trained.model.restrict(["fearful", "calm", "happy"]).labels
    )


@pytest.mark.parametrize("kind", ["predict", "timeline"])
def test_every_format_of_the_command_marks_them(
    run: Run, kind: str, model_file: Path, recording: Path
) -> None:
    command: list[Any] = [kind, recording, "--vad=energy", "--model", model_file]
    done = run(*command, "--labels=calm, Fearful", "--format=json")
    assert done.code == 0, done.err
    assert "note: Answers are limited to calm, fearful." in done.err
    document = json.loads(done.out)
    assert document["results"][0]["calibrated"] is False
    assert document["model"]["threshold"] is None
    done = run(*command, "--labels=calm,fearful", "--format=csv")
    header, row, *_ = done.out.splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["calibrated"] == "false"
    assert header.endswith("calibrated,p_calm,p_fearful")
    done = run(*command, "--labels=calm,fearful", "--format=table")
    assert "Answers are limited" not in done.err
    assert "scaled to a sum of 1 and are not calibrated.\n" in done.out
    done = run(*command, "--labels=calm,angry")
    assert done.code == 1
    assert "knows no 'angry'. Its emotions are: calm" in done.err
    done = run(*command, "--labels=calm,fearful", "--dataset", "-o", "x")
    assert "--labels does not go with --dataset" in done.err


def test_formats_without_labels_are_as_before(trained: Trained, recording: Path) -> None:
    results = [predict(recording, model=trained.model, **OPTIONS)]
    for name in ("json", "csv", "table", "jsonl"):
        content = str(PREDICTION_FORMATS[name].encode(results, FormatRun(model=trained.model)))
        assert "calibrated" not in content
    lines = timeline(recording, model=trained.model, labels=LABELS, **OPTIONS)
    page = str(TIMELINE_FORMATS["html"].encode(lines, FormatRun(model=trained.model)))
    assert "calm, fearful; confidence is not calibrated" in page
