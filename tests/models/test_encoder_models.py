"""A model file with an encoder: the same answers everywhere, and refused where it is altered."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from support.encoders import make_small_encoder
from support.synthesis import speech_like

import voxaffect as va
from voxaffect.corpora import Utterance
from voxaffect.errors import ModelError
from voxaffect.features import compute_features
from voxaffect.features.encoders import make_encoder_spec
from voxaffect.models import METADATA_KEY, Model, add_checksum
from voxaffect.training.estimators import BalancedLogistic

SPEAKERS, EMOTIONS = ("a", "b", "c", "d"), ("angry", "sad")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> va.Dataset:
    """Speech-like sounds: loudness varies fast for one emotion, and slowly for the other."""
    folder = tmp_path_factory.mktemp("data")
    utterances, rows = [], []
    spec = make_encoder_spec(make_small_encoder())
    for index in range(24):
        emotion, speaker = EMOTIONS[index % 2], SPEAKERS[index % 4]
        voice = speech_like(1.2, seed=index)
        if emotion == "sad":
            voice = np.convolve(voice, np.ones(12) / 12, "same").astype(np.float32)
        path = folder / f"{index}.wav"
        soundfile.write(path, voice, 16_000)
        utterances.append(Utterance(path, "small", emotion, speaker=speaker))
        rows.append(compute_features(va.read(path), spec))
    return va.Dataset(tuple(utterances), np.array(rows), spec)


@pytest.fixture(scope="module")
def model(data: va.Dataset) -> Model:
    estimator = va.fit(BalancedLogistic(penalty_c=0.1), data.rows())
    return va.export(estimator, data, recipe="encoder")


def with_graph(model: Model, change: Callable[[onnx.ModelProto], None]) -> bytes:
    graph = onnx.load_from_string(model.content)
    change(graph)
    return add_checksum(graph.SerializeToString())


def with_card(model: Model, change: Callable[[dict], None]) -> bytes:
    def apply(graph: onnx.ModelProto) -> None:
        (entry,) = (e for e in graph.metadata_props if e.key == METADATA_KEY)
        card = json.loads(entry.value)
        change(card)
        entry.value = json.dumps(card)

    return with_graph(model, apply)


def test_the_file_holds_encoder_and_classifier(model: Model, data: va.Dataset) -> None:
    path = str(data.utterances[0].path)
    assert model.card.encoder["name"] == "small"
    assert model.spec.encoder is not None
    np.testing.assert_array_equal(compute_features(va.read(path), model.spec), data.matrix[0])


def test_path_bytes_and_array_have_the_same_prediction(
    model: Model, data: va.Dataset, tmp_path: Path
) -> None:
    path = data.utterances[1].path
    samples, rate_hz = soundfile.read(path, dtype="float32")
    expected = va.predict(path, model=model, vad="energy").probabilities
    assert va.predict(path.read_bytes(), model=model, vad="energy").probabilities == expected
    assert va.predict(samples, rate_hz=rate_hz, model=model, vad="energy").probabilities == expected
    model.save(tmp_path / "model.onnx")
    saved = va.load(tmp_path / "model.onnx")
    assert va.predict(path, model=saved, vad="energy").probabilities == expected
    assert pickle.loads(pickle.dumps(saved)).spec == saved.spec


@pytest.mark.parametrize("workers", [1, 2])
def test_many_recordings_have_the_predictions_of_each_alone(
    model: Model, data: va.Dataset, workers: int
) -> None:
    paths = [utterance.path for utterance in data.utterances[:6]]
    batch = va.predict_many(paths, model=model, vad="energy", workers=workers)
    assert not batch.failures
    alone = [va.predict(path, model=model, vad="energy") for path in paths]
    assert [r.probabilities for r in batch.results] == [p.probabilities for p in alone]


def test_processes_compute_the_features_of_this_process(data: va.Dataset) -> None:
    paths = [utterance.path for utterance in data.utterances[:4]]
    with va.extraction.LocalExecutor(2, kind="processes") as executor:
        extraction = va.extract(paths, data.spec, workers=executor)
    np.testing.assert_array_equal(extraction.matrix, data.matrix[:4])


def test_a_stream_in_odd_blocks_has_the_windows_of_the_file(model: Model) -> None:
    sound = speech_like(7.0)
    (whole,) = va.timeline(sound, rate_hz=16_000, model=model, vad="energy")
    stream = va.Stream(model, rate_hz=16_000, vad="energy")
    events = [
        event
        for start in range(0, len(sound), 777)
        for event in stream.push(sound[start : start + 777])
    ]
    events += stream.finish()
    assert tuple(event for event in events if isinstance(event, va.Window)) == whole.windows
    assert whole.windows


def test_explanations_add_up_over_the_families_of_hidden_states(
    model: Model, data: va.Dataset
) -> None:
    explanation = va.explain(data.utterances[0].path, model=model)
    assert {*explanation.contributions} <= {"hidden states", "variation of hidden states"}


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_cut_file_is_refused(model: Model, share: float) -> None:
    with pytest.raises(ModelError):
        Model(model.content[: int(share * len(model.content))])


def test_a_file_with_another_encoder_fails_its_self_test(model: Model, data: va.Dataset) -> None:
    other = replace(data, spec=make_encoder_spec(make_small_encoder(seed=3)))
    estimator = va.fit(BalancedLogistic(penalty_c=0.1), data.rows())
    exchanged = va.export(estimator, other)

    def exchange(graph: onnx.ModelProto) -> None:
        source = onnx.load_from_string(exchanged.content).graph
        for name in ("node", "initializer"):
            own, theirs = getattr(graph.graph, name), getattr(source, name)
            kept = [n for n in own if not n.name.startswith("encoder.")]
            kept += [n for n in theirs if n.name.startswith("encoder.")]
            del own[:]
            own.extend(kept)

    with pytest.raises(ModelError, match=r"self-test|damaged"):
        Model(with_graph(model, exchange))


def test_a_file_without_its_encoder_is_refused(model: Model) -> None:
    def remove(graph: onnx.ModelProto) -> None:
        del graph.graph.input[1:]
        del graph.graph.output[1:]
        kept = [node for node in graph.graph.node if not node.name.startswith("encoder.")]
        del graph.graph.node[:]
        graph.graph.node.extend(kept)

    with pytest.raises(ModelError, match=r"its metadata name an encoder|damaged"):
        Model(with_graph(model, remove))


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card["spec"].update(groups=["layer_1"]),
        lambda card: card["spec"].update(groups=["layer_1", "layer_2", "layer_3"]),
        lambda card: card["spec"].update(weights=None),
        lambda card: card["spec"].update(version=7),
        lambda card: card["spec"].update(rate_hz=8_000),
        lambda card: card["golden"].update(encoded=[]),
        lambda card: card["golden"].update(encoded=[0.0] * len(card["golden"]["encoded"])),
        lambda card: card["golden"].update(encoded=[1.0, 2.0]),
        lambda card: card.update(encoder={"name": "\n"}),
        lambda card: card.update(encoder=["small"]),
    ],
)
def test_a_card_that_does_not_fit_the_encoder_is_refused(
    model: Model, change: Callable[[dict], None]
) -> None:
    with pytest.raises(ModelError):
        Model(with_card(model, change))


def test_a_changed_weight_of_the_encoder_fails_the_self_test(model: Model) -> None:
    def change(graph: onnx.ModelProto) -> None:
        tensors = [t for t in graph.graph.initializer if t.name.startswith("encoder.")]
        largest = max(tensors, key=lambda tensor: len(tensor.raw_data))
        largest.raw_data = bytes(len(largest.raw_data))

    with pytest.raises(ModelError, match="self-test"):
        Model(with_graph(model, change))
