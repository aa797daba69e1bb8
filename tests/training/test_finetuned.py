"""Recipe finetuned: from recordings to a model file, and an encoder of its own for each fold."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
from support.encoders import make_small_arrays, write_safetensors
from support.synthesis import speech_like
from threadpoolctl import threadpool_limits

import voxaffect as va
from voxaffect.errors import MissingExtraError, TrainingError
from voxaffect.features import compute_features
from voxaffect.training import Augmentation, Recipe, load_training_data
from voxaffect.training.encoders.inputs import EncoderInputs, digest_row, load_inputs

SPEAKERS, EMOTIONS, TAKES = ("anna", "bert", "cleo"), ("angry", "sad"), 3
SPEEDS = Augmentation(speeds=(0.9,), mixed_copies=1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Speech-like sounds; those of one emotion are duller."""
    folder = tmp_path_factory.mktemp("corpus")
    for index, speaker in enumerate(SPEAKERS):
        for emotion in EMOTIONS:
            for take in range(TAKES):
                sound = speech_like(0.8, seed=TAKES * index + take)
                if emotion == "sad":
                    sound = np.convolve(sound, np.ones(12) / 12, "same").astype(np.float32)
                path = folder / speaker / emotion / f"{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, sound, 16_000)
    return {"folder": folder}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """The recipe with a tiny encoder and a short training."""
    pytest.importorskip("torch")
    from voxaffect.training.encoders.finetuning import FinetuningPlan
    from voxaffect.training.finetuned import FinetunedClassifier

    folder = write_safetensors(tmp_path_factory.mktemp("weights") / "tiny", make_small_arrays())
    plan = FinetuningPlan(trained_layers=1, rate=1e-3, passes=2, batch=4)
    return replace(
        va.get_recipe("finetuned"),
        build=lambda seed: FinetunedClassifier(plan=plan, penalty_c=0.1, random_state=seed),
        encoder=str(folder),
        augmentation=SPEEDS,
    )


@pytest.fixture(scope="module")
def data(corpus: dict[str, Path], recipe: Recipe) -> va.Dataset:
    return load_training_data(corpus, recipe, cached=False, workers=1)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def test_a_dataset_holds_the_log_mels_of_utterances_and_copies(data: va.Dataset) -> None:
    assert data.copies is not None
    assert data.inputs is not None
    assert data.spec is not None
    assert len(data.copies.matrix) == 2 * len(data.matrix)
    rows = np.concatenate([data.matrix, data.copies.matrix])
    logmels = data.inputs.find(rows)
    assert len({len(logmel) for logmel in logmels[:: len(data.matrix)]}) > 1  # of other speed
    vectors = [data.spec.encoder.encode_logmel(each.T.astype(np.float32)) for each in logmels]
    # Log-mels are kept as float16.
    np.testing.assert_allclose(vectors, rows, atol=0.03 * rows.std())


def test_a_model_is_trained_and_its_file_needs_nothing_else(
    data: va.Dataset, recipe: Recipe, tmp_path: Path
) -> None:
    result = va.train(data, recipe, test_size=0, output=tmp_path / "model.onnx")
    model = va.load(tmp_path / "model.onnx")
    assert model.card.recipe == "finetuned"
    assert model.card.encoder["training"] == "fine-tuned on the corpora of this model"
    assert model.spec.weights != data.spec.weights
    assert result.data is data
    path = data.utterances[0].path
    vector = compute_features(va.read(path), model.spec)
    assert np.abs(vector - data.matrix[0]).max() > 1e-3
    expected = dict(zip(model.emotions, model.probabilities(vector[None])[0], strict=True))
    assert va.predict(path, model=model, vad="energy").probabilities == pytest.approx(expected)


def test_the_file_has_the_probabilities_of_the_classifier(data: va.Dataset, recipe: Recipe) -> None:
    estimator = recipe.build(0)
    estimator.attach_inputs([data])
    estimator = va.fit(estimator, data.rows())
    model = va.export(estimator, data)
    vectors = [compute_features(va.read(u.path), model.spec) for u in data.utterances]
    expected = estimator.predict_proba(data.matrix)
    np.testing.assert_allclose(model.probabilities(np.array(vectors)), expected, atol=5e-3)
    assert estimator.predict(data.matrix).tolist() == [
        model.emotions[best] for best in model.probabilities(np.array(vectors)).argmax(axis=1)
    ]


def test_each_fold_trains_an_encoder_and_tests_degraded_audio_too(
    corpus: dict[str, Path], recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.training.encoders import finetuning

    counts = []
    finetune = finetuning.finetune

    def count(*arguments: object, **options: object) -> object:
        counts.append(len(np.unique(arguments[2].utterances)))  # type: ignore[attr-defined]
        return finetune(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(finetuning, "finetune", count)
    study = va.evaluate(
        corpus,
        recipe,
        protocol="loso",
        conditions=["noise 20 dB"],
        reference_split=False,
        augment=False,
        workers=1,
    )
    result = study.systems["finetuned"]
    assert len(result.evaluations["loso"].folds) == len(SPEAKERS)
    assert set(result.conditions) == {"noise 20 dB"}
    # For each fold, one without a part for the temperature, then the one that is tested.
    assert counts[1::2] == [2 * len(EMOTIONS) * TAKES] * len(SPEAKERS)
    assert max(counts[::2]) < min(counts[1::2])


def test_the_encoder_is_trained_on_soft_labels(
    data: va.Dataset, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.training.encoders import finetuning

    seen = []

    def keep(*arguments: Any, **options: Any) -> Any:
        seen.append(arguments[2].emotions)
        return finetune(*arguments, **options)

    finetune = finetuning.finetune
    monkeypatch.setattr(finetuning, "finetune", keep)
    shares = {"angry": {"angry": 0.8, "sad": 0.2}, "sad": {"sad": 0.7, "angry": 0.3}}
    utterances = [replace(u, soft_label=shares[u.emotion]) for u in data.utterances]
    soft = replace(data, utterances=tuple(utterances))
    estimator = recipe.build(0)
    estimator.attach_inputs([soft])
    va.fit(estimator.set_params(held_out=0), soft.rows())
    assert [rows.shape for rows in seen] == [(3 * len(data.matrix), 2)]
    assert set(np.round(seen[0], 1).ravel()) == {0.2, 0.3, 0.7, 0.8}


def test_permuted_features_are_refused(data: va.Dataset) -> None:
    with pytest.raises(TrainingError, match="without their log-mel spectrograms"):
        data.inputs.find(data.matrix[:, ::-1])


def test_data_without_log_mels_are_refused(data: va.Dataset, recipe: Recipe) -> None:
    with pytest.raises(TrainingError, match=r"load_training_data\(corpora, \"finetuned\"\)"):
        va.train(replace(data, inputs=None), recipe, test_size=0)


def test_other_features_are_refused(corpus: dict[str, Path], recipe: Recipe) -> None:
    with pytest.raises(TrainingError, match="the recipe trains an encoder: expected the features"):
        load_training_data(corpus, recipe, features="classic", workers=1)


def test_an_encoder_of_sound_is_refused(data: va.Dataset) -> None:
    spec = replace(data.spec, encoder=SimpleNamespace(takes_waveform=True))
    with pytest.raises(TrainingError, match="expected Whisper's for the recipe finetuned"):
        load_inputs("wavlm", spec)


def test_joined_datasets_hold_the_log_mels_of_all(data: va.Dataset) -> None:
    halves = [data.select(data.utterances[part]) for part in (slice(0, 9), slice(9, None))]
    halves[1] = replace(halves[1], inputs=data.inputs.join())
    halves[0] = replace(halves[0], inputs=replace(data.inputs, logmels={}))
    assert len(va.join_datasets(halves).inputs.find(data.matrix)) == len(data.matrix)


def test_inputs_survive_pickling_and_are_never_copied(data: va.Dataset) -> None:
    inputs = data.inputs
    assert copy.deepcopy(inputs) is inputs
    other = pickle.loads(pickle.dumps(inputs))
    assert (other.weights, other.layers, other.bands) == (
        inputs.weights,
        inputs.layers,
        inputs.bands,
    )
    for key, logmel in inputs.logmels.items():
        np.testing.assert_array_equal(other.logmels[key], logmel)


def test_no_inputs_survive_pickling() -> None:
    inputs = EncoderInputs(Path("base.pt"), (1, 2), 80, {})
    assert pickle.loads(pickle.dumps(inputs)).logmels == {}


def test_the_digest_is_of_the_numbers() -> None:
    row = np.arange(6, dtype=np.float32)
    assert digest_row(row) == digest_row(np.repeat(row, 2)[::2])
    assert digest_row(row) != digest_row(row + 1)


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("network", "encoders.finetuning"):
        monkeypatch.delitem(sys.modules, f"voxaffect.training.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[train-deep\]"):
        va.make_estimator("finetuned")
