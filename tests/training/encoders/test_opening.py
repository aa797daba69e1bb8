"""Encoders are opened from their weights, by layers that exist."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.encoders import WIDTH, make_small_arrays, write_ctranslate2
from support.synthesis import speech_like

import voxaffect as va
from voxaffect.errors import ModelError, TrainingError


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "model.bin"
    write_ctranslate2(path, make_small_arrays())
    return path


def test_the_last_layer_is_left_out_by_default(weights: Path) -> None:
    assert va.open_encoder(weights).groups == ("layer_1",)
    assert va.open_encoder(weights, layers=(2, 1)).groups == ("layer_1", "layer_2")


def test_equal_weights_are_the_same_features(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.bin"
    copy.write_bytes(weights.read_bytes())
    assert va.open_encoder(copy) == va.open_encoder(weights)


@pytest.mark.parametrize("layers", [(), (0,), (3,), (1, 9)])
def test_layers_that_do_not_exist_are_refused(weights: Path, layers: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="expected layers from 1 to 2, found"):
        va.open_encoder(weights, layers=layers)


def test_the_recipe_trains_a_file_from_recordings_and_weights(
    weights: Path, tmp_path: Path
) -> None:
    for number in range(16):
        emotion, speaker = ("angry", "sad")[number % 2], "abcd"[number // 4]
        path = tmp_path / "data" / emotion / f"{speaker}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, speech_like(0.8, seed=number), 16_000)
    result = va.train(
        {"folder": tmp_path / "data"},
        "encoder",
        encoder=weights,
        augment=False,
        output=tmp_path / "model.onnx",
        test_size=0,
    )
    model = va.load(tmp_path / "model.onnx")
    assert model.card.encoder["name"] == "model.bin"
    assert model.spec.weights == va.open_encoder(weights).weights
    np.testing.assert_array_equal(
        model.probabilities(result.data.matrix), result.model.probabilities(result.data.matrix)
    )
    assert len(model.card.feature_names) == 2 * WIDTH


def test_an_encoder_for_other_features_is_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="expected the features encoder, found affect"):
        va.train({"folder": tmp_path}, "logistic", encoder=weights)
