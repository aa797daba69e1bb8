"""A recording gets the same prediction whatever it comes as, alone or among others."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from conftest import Trained

from voxaffect.audio import Signal, read
from voxaffect.errors import AudioError, ModelError
from voxaffect.models import METADATA_KEY, Model
from voxaffect.models.integrity import add_checksum
from voxaffect.recognition import predict, predict_many


def test_path_text_bytes_stream_array_and_signal_are_one_prediction(
    trained: Trained, recordings: list[Path]
) -> None:
    path = recordings[0]
    content = path.read_bytes()
    samples, rate_hz = soundfile.read(path, dtype="float32")
    whole, _ = soundfile.read(path, dtype="int16")
    found = [
        predict(path, model=trained.model),
        predict(str(path), model=trained.model),
        predict(content, model=trained.model),
        predict(io.BytesIO(content), model=trained.model),
        predict(samples, rate_hz=rate_hz, model=trained.model),
        predict(whole, rate_hz=rate_hz, model=trained.model),
        predict(read(path), model=trained.model),
    ]
    assert all(one.probabilities == found[0].probabilities for one in found)
    sources = [str(path), str(path), "<bytes>", "<bytes>", "<array>", "<array>", str(path)]
    assert [one.source for one in found] == sources


def test_a_recording_alone_gets_the_bits_it_gets_among_others(
    trained: Trained, recordings: list[Path]
) -> None:
    batch = predict_many(recordings, model=trained.model, workers=3)
    alone = [predict(path, model=trained.model) for path in recordings]
    assert list(batch.results) == alone
    assert batch.failures == ()


def test_the_model_may_be_named_by_its_file(
    trained: Trained, recordings: list[Path], tmp_path: Path
) -> None:
    trained.model.save(tmp_path / "mine.onnx")
    expected = predict(recordings[0], model=trained.model)
    assert predict(recordings[0], model=tmp_path / "mine.onnx") == expected
    assert predict(recordings[0], model=str(tmp_path / "mine.onnx")) == expected


def test_the_emotion_is_the_most_probable_one(trained: Trained, recordings: list[Path]) -> None:
    found = predict(recordings[0], model=trained.model)
    assert found.confidence == max(found.probabilities.values())
    assert found.probabilities[found.emotion] == found.confidence
    assert tuple(found.probabilities) == trained.model.emotions
    assert sum(found.probabilities.values()) == pytest.approx(1, abs=1e-12)


def test_recordings_of_training_are_recognized(trained: Trained) -> None:
    paths = [utterance.path for utterance in trained.data.utterances]
    batch = predict_many(paths, model=trained.model)
    found = [prediction.emotion for prediction in batch.results]
    assert np.mean([a == b for a, b in zip(found, trained.data.emotions, strict=True)]) > 0.9


def test_failures_are_listed_in_order_and_the_others_predicted(
    trained: Trained, recordings: list[Path]
) -> None:
    recordings[2].write_bytes(b"words")
    recordings[5].unlink()
    batch = predict_many(recordings, model=trained.model)
    assert [failure.path for failure in batch.failures] == [recordings[2], recordings[5]]
    good = [path for place, path in enumerate(recordings) if place not in (2, 5)]
    assert [one.source for one in batch.results] == [str(path) for path in good]
    assert list(batch.results) == [predict(path, model=trained.model) for path in good]


def test_nothing_to_recognize_gives_nothing(trained: Trained) -> None:
    batch = predict_many([], model=trained.model)
    assert (batch.results, batch.failures) == ((), ())


def test_a_recording_of_another_rate_is_resampled_to_the_models(
    trained: Trained, tmp_path: Path
) -> None:
    original = trained.data.utterances[0].path
    samples, rate_hz = soundfile.read(original)
    import soxr

    path = tmp_path / "fast.wav"
    soundfile.write(path, soxr.resample(samples, rate_hz, 48_000), 48_000, subtype="FLOAT")
    expected, found = (predict(p, model=trained.model) for p in (original, path))
    assert found.emotion == expected.emotion
    assert found.confidence == pytest.approx(expected.confidence, abs=0.05)


def test_the_bundled_model_is_the_default(recordings: list[Path]) -> None:
    assert len(predict(recordings[0]).probabilities) >= 4


def test_an_array_without_its_rate_is_refused(trained: Trained) -> None:
    with pytest.raises(AudioError, match="an array needs its rate"):
        predict(np.zeros(16_000, np.float32), model=trained.model)


def test_a_missing_model_is_named(recordings: list[Path]) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: no such file"):
        predict(recordings[0], model="gone.onnx")


def abstaining(trained: Trained, threshold: float) -> Model:
    """Return the model with a card that states a threshold."""
    graph = onnx.load_model_from_string(trained.model.content)
    (entry,) = (one for one in graph.metadata_props if one.key == METADATA_KEY)
    told = {"threshold": threshold, "risk": 0.2, "coverage": 0.5}
    entry.value = replace(trained.model.card, abstention=told).to_json()
    return Model(add_checksum(graph.SerializeToString()))


def test_a_prediction_is_uncertain_under_the_threshold_that_the_card_states(
    trained: Trained, signal: Signal
) -> None:
    sure = predict(signal, model=trained.model).confidence
    assert not predict(signal, model=trained.model).uncertain  # a card without a threshold
    assert not predict(signal, model=abstaining(trained, sure)).uncertain
    assert predict(signal, model=abstaining(trained, min(sure + 1e-6, 1.0))).uncertain


def test_the_user_sets_the_threshold_or_turns_it_off(trained: Trained, signal: Signal) -> None:
    model = abstaining(trained, 1.0)
    assert not predict(signal, model=model, uncertain_below=0.0).uncertain
    assert predict(signal, model=trained.model, uncertain_below=1.0).uncertain
    with pytest.raises(ModelError, match=r"uncertain_below: .* found 1\.5"):
        predict(signal, model=model, uncertain_below=1.5)


def test_many_are_as_uncertain_as_each(trained: Trained, recordings: list[Path]) -> None:
    model = abstaining(trained, 0.9)
    many = predict_many(recordings, model=model).results
    assert [one.uncertain for one in many] == [one.confidence < 0.9 for one in many]
