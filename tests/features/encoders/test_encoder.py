"""Encoder: its vector is that of the published network, and depends on the speech alone."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from support.encoders import HEADS, WIDTH, make_small_arrays, make_small_encoder, run_reference
from support.synthesis import speech_like

from voxaffect.audio import Signal
from voxaffect.errors import FeatureError
from voxaffect.features import FeatureSpec, check_spec, compute_features, get_feature_names
from voxaffect.features.encoders import make_encoder_spec
from voxaffect.features.encoders.encoder import Encoder
from voxaffect.training.encoders.whisper_graph import make_whisper_graph


def make_logmel(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).standard_normal((8, frames)).astype(np.float32) / 2


@pytest.mark.parametrize("layers", [(1,), (2,), (1, 2)])
@pytest.mark.parametrize("frames", [24, 250])
def test_the_vector_pools_the_hidden_states_of_the_published_network(
    layers: tuple[int, ...], frames: int
) -> None:
    pytest.importorskip("torch")
    arrays = make_small_arrays()
    graph = make_whisper_graph(arrays, heads=HEADS, layers=layers)
    encoder = Encoder(graph.SerializeToString(), tuple(map(str, layers)))
    states = run_reference(arrays, make_logmel(frames))
    expected = [
        pooled
        for layer in layers
        for pooled in (states[layer - 1].mean(axis=0), states[layer - 1].std(axis=0))
    ]
    # Convolutions and positions are kept as float16.
    np.testing.assert_allclose(
        encoder.encode_logmel(make_logmel(frames)), np.concatenate(expected), atol=5e-3
    )


def test_quantized_weights_change_the_vector_little() -> None:
    arrays = make_small_arrays()
    graph = make_whisper_graph(arrays, heads=HEADS, layers=(1, 2))
    exact = Encoder(graph.SerializeToString(), ("1", "2")).encode_logmel(make_logmel(100))
    vector = make_small_encoder().encode_logmel(make_logmel(100))
    assert np.corrcoef(exact, vector)[0, 1] > 0.999


def test_the_level_changes_nothing() -> None:
    encoder, voice = make_small_encoder(), speech_like(1.5)
    vector = encoder.encode_samples(voice)
    assert np.abs(encoder.encode_samples(voice / 64) - vector).max() < 0.02 * vector.std()


def test_silence_around_the_speech_changes_little() -> None:
    encoder, voice = make_small_encoder(), speech_like(1.5)
    padded = np.pad(voice, (8_000, 4_800)).astype(np.float32)
    pair = encoder.encode_samples(voice), encoder.encode_samples(padded)
    assert np.corrcoef(*pair)[0, 1] > 0.99


def test_of_a_long_recording_the_middle_thirty_seconds_are_encoded() -> None:
    encoder, logmel = make_small_encoder(), make_logmel(3_400)
    middle = encoder.encode_logmel(logmel[:, 200:3_200])
    np.testing.assert_array_equal(encoder.encode_logmel(logmel), middle)


def test_an_encoder_that_was_sent_to_another_process_gives_the_same_bits() -> None:
    encoder, logmel = make_small_encoder(), make_logmel(60)
    copy = pickle.loads(pickle.dumps(encoder))
    assert (copy.weights, copy.layers, copy.info) == (
        encoder.weights,
        encoder.layers,
        encoder.info,
    )
    np.testing.assert_array_equal(copy.encode_logmel(logmel), encoder.encode_logmel(logmel))


def test_the_features_have_a_name_each_and_equal_the_vector() -> None:
    encoder = make_small_encoder()
    spec, voice = make_encoder_spec(encoder), speech_like(1.0)
    names = get_feature_names(spec)
    assert len(names) == len(set(names)) == 4 * WIDTH
    assert names[WIDTH] == "layer_1_sd_0"
    vector = compute_features(Signal(voice, 16_000, "voice"), spec)
    np.testing.assert_array_equal(vector, encoder.encode_samples(voice))


def test_a_spec_is_equal_with_and_without_its_encoder() -> None:
    spec = make_encoder_spec(make_small_encoder())
    assert FeatureSpec.from_json(spec.to_json()) == spec
    assert "encoder" not in spec.to_json().replace('"name":"encoder"', "")


def test_a_spec_without_its_encoder_is_refused() -> None:
    spec = replace(make_encoder_spec(make_small_encoder()), encoder=None)
    with pytest.raises(FeatureError, match="need the encoder itself"):
        check_spec(spec)


def test_a_spec_with_another_encoder_is_refused() -> None:
    spec = replace(make_encoder_spec(make_small_encoder()), encoder=make_small_encoder(seed=1))
    with pytest.raises(FeatureError, match="are asked for, and the encoder gives"):
        check_spec(spec)


def test_a_spec_of_another_version_is_refused() -> None:
    spec = replace(make_encoder_spec(make_small_encoder()), version=99)
    with pytest.raises(FeatureError, match="of version 99"):
        check_spec(spec)
