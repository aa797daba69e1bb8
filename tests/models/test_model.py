"""The model file says what the pipeline said, and a file that cannot be trusted is refused."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import Trained
from onnx import numpy_helper

from voxaffect.audio import Signal, read
from voxaffect.errors import ModelError, TrainingError
from voxaffect.features import compute_features, get_feature_names
from voxaffect.models import (
    FORMAT_VERSION,
    METADATA_KEY,
    Model,
    ModelCard,
    add_checksum,
    distances,
    load,
)
from voxaffect.models.bundled import list_bundled
from voxaffect.training import Augmentation, export, fit


def edited(content: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    graph = onnx.load_model_from_string(content)
    change(graph)
    return add_checksum(graph.SerializeToString())


def float_tensor(graph: onnx.ModelProto, size: int) -> onnx.TensorProto:
    """Return the last weights of a size: those of the output layer."""
    floats = (t for t in graph.graph.initializer if t.data_type == onnx.TensorProto.FLOAT)
    return [tensor for tensor in floats if np.prod(tensor.dims) == size][-1]


def with_card(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """Return the file with other metadata."""

    def apply(graph: onnx.ModelProto) -> None:
        (entry,) = (e for e in graph.metadata_props if e.key == METADATA_KEY)
        card = json.loads(entry.value)
        change(card)
        entry.value = json.dumps(card)

    return edited(content, apply)


def test_the_saved_model_gives_the_bits_of_the_one_in_memory(
    trained: Trained, tmp_path: Path
) -> None:
    trained.model.save(tmp_path / "mine.onnx")
    loaded = load(tmp_path / "mine.onnx")
    expected = trained.model.probabilities(trained.data.matrix)
    assert np.array_equal(loaded.probabilities(trained.data.matrix), expected)
    assert loaded.card == trained.model.card
    assert loaded.content == trained.model.content


def test_a_row_alone_gives_the_bits_it_gives_in_a_batch(trained: Trained) -> None:
    batch = trained.model.probabilities(trained.data.matrix)
    alone = [trained.model.probabilities(row[None])[0] for row in trained.data.matrix]
    assert np.array_equal(batch, np.array(alone))


def test_the_graph_says_what_the_pipeline_says(trained: Trained) -> None:
    rng = np.random.default_rng(0)
    noisy = trained.data.matrix * rng.uniform(0.8, 1.2, trained.data.matrix.shape)
    matrix = noisy.astype(np.float32)
    expected = trained.pipeline.predict_proba(matrix.astype(np.float64))
    assert np.abs(trained.model.probabilities(matrix) - expected).max() < 1e-4
    assert trained.model.emotions == tuple(trained.pipeline.classes_)


def test_probabilities_sum_to_one(trained: Trained) -> None:
    found = trained.model.probabilities(trained.data.matrix)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found >= 0).all()


def test_no_row_gives_no_probability(trained: Trained) -> None:
    assert trained.model.probabilities(np.empty((0, 180), np.float32)).shape == (0, 4)


def test_features_at_prediction_are_those_of_training(trained: Trained) -> None:
    path = trained.data.utterances[5].path
    assert np.array_equal(
        compute_features(read(path), trained.model.card.spec), trained.data.matrix[5]
    )


def test_the_card_says_what_was_trained(trained: Trained) -> None:
    card = trained.model.card
    assert card.spec == trained.data.spec
    assert card.spec.rate_hz == 16_000
    assert card.feature_names == get_feature_names(card.spec)
    assert card.corpora["ravdess"]["utterances"] == 64
    assert card.corpora["ravdess"]["speakers"] == 8
    assert (card.recipe, card.seed, card.format) == ("mlp", 9, FORMAT_VERSION)
    assert {"numpy", "scikit-learn", "skl2onnx", "voxaffect"} <= set(card.libraries)


def test_the_card_reads_back_from_its_json(trained: Trained) -> None:
    card = trained.model.card
    assert ModelCard.from_json(card.to_json(), "card") == card


def test_a_graph_unlike_its_pipeline_is_not_exported(trained: Trained) -> None:
    class Liar(type(trained.pipeline)):  # type: ignore[misc]
        """Say something else than what is converted, but for the recordings in the middle."""

        def predict_proba(self, matrix: Any) -> Any:
            found = super().predict_proba(matrix)
            central = np.abs(matrix - trained.data.matrix.mean(axis=0)).sum(axis=1)
            return np.where((central > np.median(central))[:, None], found[:, ::-1], found)

    liar = Liar(trained.pipeline.steps)
    with pytest.raises(
        TrainingError, match=r"the exported graph differs from the (estimator|pipeline) by"
    ):
        export(liar, trained.data, recipe="mlp", seed=9, scores={})


def test_an_estimator_without_conversion_is_named(trained: Trained) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.semi_supervised import LabelSpreading

    pipeline = make_pipeline(LabelSpreading()).fit(
        trained.data.matrix, np.arange(len(trained.data.matrix)) % 2
    )
    with pytest.raises(TrainingError, match="no ONNX conversion"):
        export(pipeline, trained.data, recipe="x", seed=9, scores={})


# Files that cannot be trusted.


@pytest.mark.parametrize("place", range(4))
def test_one_flipped_bit_in_a_weight_fails_the_self_test(trained: Trained, place: int) -> None:
    def flip(graph: onnx.ModelProto) -> None:
        tensor = float_tensor(graph, 4)
        weights = numpy_helper.to_array(tensor).copy()
        weights.view(np.uint32).ravel()[place] ^= 1 << 30
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))

    with pytest.raises(ModelError, match=r"self-test.*The file is damaged|do not sum to 1"):
        Model(edited(trained.model.content, flip))


def test_weights_slightly_off_fail_the_self_test(trained: Trained) -> None:
    def scale(graph: onnx.ModelProto) -> None:
        tensor = float_tensor(graph, 300 * 4)
        weights = numpy_helper.to_array(tensor) * np.float32(1.05)
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))

    with pytest.raises(ModelError, match=r"golden vector's probabilities differ by \d"):
        Model(edited(trained.model.content, scale), "mine.onnx")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.99])
def test_a_truncated_file_is_refused(trained: Trained, tmp_path: Path, share: float) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(trained.model.content[: int(share * len(trained.model.content))])
    with pytest.raises(ModelError, match=r"cut\.onnx: (not readable as ONNX, cut short|.*damaged)"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"These are words.", bytes(5_000), b"RIFF" * 99])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"notes\.onnx: (not readable as ONNX|an ONNX file, but)"):
        load(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: no such file, expected a file written by"):
        load(tmp_path / "gone.onnx")
    with pytest.raises(ModelError, match="is a folder, expected a file written by"):
        load(tmp_path)


def test_somebody_elses_onnx_file_is_refused(trained: Trained) -> None:
    def forget(graph: onnx.ModelProto) -> None:
        del graph.metadata_props[:]

    with pytest.raises(ModelError, match="an ONNX file, but not a voxaffect model"):
        Model(edited(trained.model.content, forget))


def test_a_newer_format_asks_for_an_upgrade(trained: Trained) -> None:
    content = with_card(trained.model.content, lambda card: card.update(format=99))
    with pytest.raises(ModelError, match=r"written in model format 99.*Upgrade voxaffect"):
        Model(content)


@pytest.mark.parametrize("change", [{"version": 99}, {"name": "future"}, {"groups": ["wavelets"]}])
def test_features_that_we_cannot_make_are_refused(trained: Trained, change: dict[str, Any]) -> None:
    content = with_card(trained.model.content, lambda card: card["spec"].update(change))
    with pytest.raises(
        ModelError, match=r"version 99 are asked for|no features named|expected some"
    ):
        Model(content, "mine.onnx")


@pytest.mark.parametrize("field", [field.name for field in fields(ModelCard)])
def test_a_missing_field_is_damage(trained: Trained, field: str) -> None:
    content = with_card(trained.model.content, lambda card: card.pop(field))
    with pytest.raises(ModelError, match=f"metadata are damaged.*{field}"):
        Model(content)


def test_a_field_that_we_do_not_know_is_damage(trained: Trained) -> None:
    content = with_card(trained.model.content, lambda card: card.update(color="red"))
    with pytest.raises(ModelError, match=r"metadata are damaged.*color"):
        Model(content)


@pytest.mark.parametrize("text", ["", "words", "[]", "7", "null", '{"format": "one"}'])
def test_metadata_that_are_no_card_are_damage(trained: Trained, text: str) -> None:
    def spoil(graph: onnx.ModelProto) -> None:
        graph.metadata_props[0].value = text

    with pytest.raises(ModelError, match="metadata are damaged"):
        Model(edited(trained.model.content, spoil))


NAN = float("nan")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", NAN),
        ("format", 0),
        ("format", -5),
        ("format", True),
        ("format", "1"),
        ("emotions", "calm"),
        ("emotions", []),
        ("emotions", ["a", "b", "c", "c"]),
        ("emotions", ["a", "b", "c", ""]),
        ("emotions", ["a", "b", "c", 4]),
        ("emotions", None),
        ("feature_names", "mfcc"),
        ("recipe", ["mlp"]),
        ("seed", "9"),
        ("seed", True),
        ("mean", ["1"] * 180),
        ("mean", None),
        ("mean", [NAN] * 180),
        ("mean", [1.0] * 179),
        ("mean", [True] * 180),
        ("mean", [10**400] * 180),
        ("mean", 1.0),
        ("sd", [1.0] * 179),
        ("sd", [NAN] * 180),
        ("sd", 1.0),
        ("distances", [1.0]),
        ("distances", {"50": NAN}),
        ("abstention", {"threshold": 0.5}),
        ("abstention", 0.5),
        ("abstention", {"threshold": 1.5, "risk": 0.1, "coverage": 0.5}),
        ("augmentation", []),
        ("augmentation", {"speeds": "0.9"}),
        ("augmentation", {"a": [NAN]}),
        ("scores", []),
        ("scores", {"loso": 0.5}),
        ("scores", {"loso": {"uar": 0.5}}),
        ("scores", {"loso": {"uar": {"mean": "0.5", "sd": 0.1}}}),
        ("corpora", "ravdess"),
        ("corpora", {"ravdess": 64}),
        ("corpora", {"ravdess": {}}),
        ("corpora", {"mine": {"utterances": [], "speakers": 1, "license": ""}}),
        ("libraries", ["numpy"]),
        ("libraries", {"numpy": 2}),
        ("created", 20260101),
        ("spec", []),
        ("spec", "classic"),
    ],
)
def test_a_field_of_another_kind_is_damage(trained: Trained, key: str, value: Any) -> None:
    content = with_card(trained.model.content, lambda card: card.update({key: value}))
    with pytest.raises(ModelError, match="mine: its voxaffect metadata are damaged"):
        Model(content, "mine")


@pytest.mark.parametrize(
    "change",
    [
        {"name": ["classic"]},
        {"rate_hz": -1},
        {"rate_hz": "16000"},
        {"rate_hz": True},
        {"rate_hz": 10**12},
        {"groups": "mfcc"},
        {"groups": [["mfcc"]]},
        {"version": True},
        {"version": None},
    ],
)
def test_a_spec_of_another_kind_is_damage(trained: Trained, change: dict[str, Any]) -> None:
    content = with_card(trained.model.content, lambda card: card["spec"].update(change))
    reason = rf"metadata are damaged .\$\.spec\.{next(iter(change))}.*: expected"
    with pytest.raises(ModelError, match=reason):
        Model(content)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("scores", {"loso": {"uar": {"mean": NAN, "sd": 0.0}}}, "scores.loso.uar.mean: .* nan"),
        ("scores", {"loso": {"uar": {"mean": 0.5, "sd": 1e999}}}, "scores.loso.uar.sd: .* inf"),
        ("scores", {"loso": {"uar": {"mean": 0.5, "sd": -1}}}, "scores.loso.uar.sd: .* -1"),
        ("emotions", ["a", "b", "c", "\udc80"], r"emotions\[3\]: expected text without control"),
        ("emotions", ["a", "b", "c", "\x1b]0;owned\x07"], r"emotions\[3\]: .*without control"),
        ("emotions", ["a", "b", "c", "gnp.\u202e"], r"emotions\[3\]: .*without control"),
        ("emotions", ["a", "b", "c", "\ufffe"], r"emotions\[3\]: expected text without control"),
        ("emotions", ["a", "b", "c", "two\nlines"], r"emotions\[3\]: .*without control"),
        (
            "emotions",
            ["a", "b", "c", "x" * 1_000_000],
            r"emotions\[3\]: expected text of length <= 64",
        ),
        ("emotions", [f"e{k}" for k in range(257)], "emotions: expected a list of length <= 256"),
        ("emotions", ["a", "b", "c", "b"], "emotions: expected different names, found 'b'"),
        ("recipe", "x" * 100_000, "recipe: expected text of length <= 5000"),
        ("mean", [1e308] * 180, r"mean\[0\]: expected a number <= 3.4"),
        ("sd", [1.0, -1.0] * 90, r"sd\[1\]: expected a number >= 0"),
        ("seed", 10**400, "seed: expected a whole number <= "),
        (
            "corpora",
            {"mine": {"utterances": -5, "speakers": 2, "license": ""}},
            "corpora.mine.utterances: expected a whole number >= 0",
        ),
        (
            "corpora",
            {"mine": {"utterances": 5, "speakers": "many", "license": ""}},
            "corpora.mine.speakers: expected a whole number",
        ),
        (
            "corpora",
            {"\x1b[31m": {"utterances": 5, "speakers": 2, "license": ""}},
            r"a name in \$\.corpora: expected text without control characters",
        ),
        ("distances", {"5": 9.0, "50": 3.0}, "distances: expected percentiles that grow"),
        ("distances", {"5": -1.0}, r"distances\.5: expected a number >= 0"),
        ("distances", {"6": 1.0}, r"a name in \$\.distances: (?!expected text)"),
        ("conditions", {"clean": 1.5}, "conditions.clean: expected a number <= 1"),
        ("libraries", {"numpy": "\x1b[31m"}, "libraries.numpy: expected text without control"),
        ("format", 10**30, "format: expected a whole number <= 1000000"),
    ],
)
def test_a_card_is_refused_by_the_path_of_its_fault(
    trained: Trained, path: str, value: Any, reason: str
) -> None:
    content = with_card(trained.model.content, lambda card: card.update({path: value}))
    with pytest.raises(ModelError, match=rf"damaged .(\$\.)?{reason}") as raised:
        Model(content, "mine")
    assert str(raised.value).isprintable()


def test_a_card_without_end_is_not_read(trained: Trained) -> None:
    content = with_card(trained.model.content, lambda card: card.update(recipe="x" * (33 << 20)))
    with pytest.raises(ModelError, match="more than 33,554,432 characters"):
        Model(content)


@pytest.mark.parametrize("emotion", ["glad ☺", "радость", "خوش‌حال", "=1+1", "a b", "source"])
def test_an_emotion_of_any_language_is_kept(trained: Trained, emotion: str) -> None:
    others = list(trained.model.emotions[1:])
    content = with_card(trained.model.content, lambda c: c.update(emotions=[emotion, *others]))
    assert Model(content).emotions[0] == emotion


def test_an_emotion_that_no_card_may_hold_is_refused_before_the_training(trained: Trained) -> None:
    rows = trained.data.rows()
    emotions = np.where(rows.emotions == "calm", "ca\x1blm", rows.emotions)
    with pytest.raises(TrainingError, match=r"emotions\[.\]: .*'ca.x1blm'\. Rename the emotion"):
        fit(trained.pipeline, replace(rows, emotions=emotions))


def test_a_corpus_of_any_name_can_be_exported(trained: Trained) -> None:
    utterances = tuple(replace(u, corpus="caf\udce9\n" * 9) for u in trained.data.utterances)
    data = replace(trained.data, utterances=utterances)
    card = export(trained.pipeline, data, recipe="mlp", seed=9, scores={}).card
    assert list(card.corpora) == [r"caf\udce9\n" * 9]


def test_scores_of_a_protocol_read_back(trained: Trained) -> None:
    scores = {"speakers": {"uar": {"mean": 0.5, "sd": 0.1}}, "random": {}}
    content = with_card(trained.model.content, lambda card: card.update(scores=scores))
    assert Model(content).card.scores == scores


def with_metadata(content: bytes, old: bytes, new: bytes) -> bytes:
    """Return the file with other bytes of the same length in it."""
    assert content.count(old) == 1
    assert len(old) == len(new)
    return add_checksum(content.replace(old, new))


def test_metadata_that_are_no_utf8_are_damage(trained: Trained) -> None:
    old = b'"recipe": "mlp"'
    content = with_metadata(trained.model.content, old, b'"recipe": "ml\xff"')
    with pytest.raises(ModelError, match=r"not readable as ONNX.*'utf-8' codec can't decode"):
        Model(content)


def test_metadata_that_say_a_thing_twice_are_damage(trained: Trained) -> None:
    old = b'"recipe": "mlp"'
    content = with_metadata(trained.model.content, old, b'"seed"  : 123  ')
    with pytest.raises(ModelError, match=r"damaged .a name is there twice"):
        Model(content)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": ' * 100_000])
def test_metadata_nested_without_end_are_damage(trained: Trained, text: str) -> None:
    def spoil(graph: onnx.ModelProto) -> None:
        graph.metadata_props[0].value = text

    with pytest.raises(ModelError, match="metadata are damaged"):
        Model(edited(trained.model.content, spoil))


# Graphs that do not do what their ends say.


def spliced(content: bytes, *nodes: onnx.NodeProto, **constants: Any) -> bytes:
    """Return the file with nodes between what gave the probabilities, now "before", and them."""

    def splice(graph: onnx.ModelProto) -> None:
        for node in graph.graph.node:
            for names_ in (node.input, node.output):
                names_[:] = ["before" if name == "probabilities" else name for name in names_]
        graph.graph.node.extend(nodes)
        graph.graph.initializer.extend(
            numpy_helper.from_array(np.array(value), name) for name, value in constants.items()
        )

    return edited(content, splice)


def test_a_graph_that_fails_when_run_is_refused(trained: Trained) -> None:
    node = onnx.helper.make_node("Reshape", ["before", "shape"], ["probabilities"])
    content = spliced(trained.model.content, node, shape=[7, 9])
    with pytest.raises(ModelError, match=r"mine: its graph cannot be run .*damaged"):
        Model(content, "mine")


def test_a_graph_that_gives_a_sequence_is_refused(trained: Trained) -> None:
    node = onnx.helper.make_node("SequenceConstruct", ["before"], ["probabilities"])

    def retype(graph: onnx.ModelProto) -> None:
        (end,) = graph.graph.output
        tensor = onnx.helper.make_tensor_type_proto(onnx.TensorProto.FLOAT, None)
        end.type.CopyFrom(onnx.helper.make_sequence_type_proto(tensor))

    with pytest.raises(ModelError, match="holds the operator 'SequenceConstruct'"):
        Model(edited(spliced(trained.model.content, node), retype), "mine")


def test_a_graph_for_five_rows_at_a_time_is_refused(trained: Trained) -> None:
    def fix(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 5

    with pytest.raises(ModelError, match=r"mine: its graph cannot be run"):
        Model(edited(trained.model.content, fix), "mine")


def test_a_graph_of_whole_numbers_is_refused(trained: Trained) -> None:
    def cast(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
        for node in graph.graph.node:
            node.input[:] = ["floats" if name == "features" else name for name in node.input]
        node = onnx.helper.make_node("Cast", ["features"], ["floats"], to=onnx.TensorProto.FLOAT)
        graph.graph.node.insert(0, node)

    with pytest.raises(ModelError, match=r"takes and gives tensor\(float\), tensor\(int64\)"):
        Model(edited(trained.model.content, cast), "mine")


def test_probabilities_below_zero_are_refused(trained: Trained) -> None:
    node = onnx.helper.make_node("Add", ["before", "shift"], ["probabilities"])
    shift = np.array([2, -2, 0, 0], np.float32)
    with pytest.raises(ModelError, match="probabilities below 0"):
        Model(spliced(trained.model.content, node, shift=shift))


def test_other_feature_names_are_refused(trained: Trained) -> None:
    content = with_card(trained.model.content, lambda card: card["feature_names"].reverse())
    with pytest.raises(ModelError, match=r"feature names are not the .* of its spec, "):
        Model(content)


@pytest.mark.parametrize(
    ("golden", "reason"),
    [
        ({}, "golden.vector is missing"),
        ([], "golden: expected a mapping"),
        ({"vector": ["a"], "probabilities": [1]}, r"golden\.vector\[0\]: expected a number"),
        ({"vector": [1.0] * 180, "probabilities": ["0.25"] * 4}, r"golden\.probabilities\[0\]"),
        ({"vector": [1e300] * 180, "probabilities": [0.25] * 4}, r"golden\.vector\[0\]: expected"),
        ({"vector": [10**400] * 180, "probabilities": [0.25] * 4}, r"golden\.vector\[0\]"),
        ({"vector": [1.0], "probabilities": [0.25] * 4}, "wrong length"),
        ({"vector": [1.0] * 180, "probabilities": [1.0]}, "wrong length"),
        ({"vector": [1.0] * 180, "probabilities": [0.25] * 4}, "self-test"),
        ({"vector": [float("nan")] * 180, "probabilities": [0.25] * 4}, "found nan"),
        ({"vector": [1.0] * 180, "probabilities": [float("nan")] * 4}, "found nan"),
        ({"vector": [[1.0] * 180], "probabilities": [0.25] * 4}, r"golden\.vector\[0\]"),
        ({"vector": 1.0, "probabilities": 1.0}, "golden.vector: expected a list"),
    ],
)
def test_a_golden_vector_that_does_not_fit_is_refused(
    trained: Trained, golden: Any, reason: str
) -> None:
    content = with_card(trained.model.content, lambda card: card.update(golden=golden))
    with pytest.raises(ModelError, match=reason):
        Model(content)


def test_a_card_for_fewer_features_than_the_graph_takes_is_refused(trained: Trained) -> None:
    def shrink(card: dict[str, Any]) -> None:
        card["spec"]["groups"] = ["mfcc"]
        card["feature_names"] = card["feature_names"][:40]
        card["mean"], card["sd"] = card["mean"][:40], card["sd"][:40]
        card["golden"]["vector"] = card["golden"]["vector"][:40]

    with pytest.raises(
        ModelError, match=r"maps \[\('features', 180\)\] .* say \[\('features', 40\)\]"
    ):
        Model(with_card(trained.model.content, shrink), "mine.onnx")


def test_a_card_for_fewer_emotions_than_the_graph_gives_is_refused(trained: Trained) -> None:
    def shrink(card: dict[str, Any]) -> None:
        card["emotions"] = card["emotions"][:3]
        card["golden"]["probabilities"] = card["golden"]["probabilities"][:3]

    with pytest.raises(ModelError, match=r"gives shape \(1, 4\) for 3 emotions"):
        Model(with_card(trained.model.content, shrink), "mine.onnx")


def test_a_graph_with_another_input_is_refused(trained: Trained) -> None:
    def rename(graph: onnx.ModelProto) -> None:
        graph.graph.input[0].name = "x"
        for node in graph.graph.node:
            node.input[:] = ["x" if name == "features" else name for name in node.input]

    with pytest.raises(ModelError, match=r"mine\.onnx: its graph maps \[\('x', 180\)\]"):
        Model(edited(trained.model.content, rename), "mine.onnx")


@pytest.mark.parametrize("shape", [(1, 179), (1, 181), (180,), (0, 3), (2, 2, 180)])
def test_features_of_another_shape_are_refused(trained: Trained, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="expects 180 features a row, found shape"):
        trained.model.probabilities(np.zeros(shape, np.float32))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_features_that_are_no_numbers_are_refused(trained: Trained, bad: float) -> None:
    matrix = trained.data.matrix.copy()
    matrix[3, 3] = bad
    with pytest.raises(ModelError, match="NaN or infinite features"):
        trained.model.probabilities(matrix)


# Saving.


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="limits files as Unix does")
def test_saving_that_fails_midway_leaves_the_old_file(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"the old one")
    with disk_full_after(1_000), pytest.raises(ModelError, match=r"mine\.onnx: cannot be written"):
        trained.model.save(path)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_saving_replaces_the_old_file_and_leaves_no_other(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"the old one")
    trained.model.save(path)
    assert path.read_bytes() == trained.model.content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["no/such/folder/mine.onnx", "."])
def test_saving_where_no_file_can_be_says_so(trained: Trained, tmp_path: Path, place: str) -> None:
    with pytest.raises(ModelError, match="cannot be written"):
        trained.model.save(tmp_path / place)


# The bundled models.


@pytest.mark.parametrize("name", list_bundled())
def test_a_bundled_model_holds_no_pickle_and_one_thread_of_metadata(name: str) -> None:
    graph = onnx.load_model_from_string(load(name).content)
    assert [entry.key for entry in graph.metadata_props].count(METADATA_KEY) == 1
    assert {node.domain for node in graph.graph.node} <= {"", "ai.onnx.ml"}
    assert json.dumps(asdict(load(name).card))
    assert load(name).card.corpora


@pytest.mark.parametrize("name", list_bundled())
def test_a_bundled_model_recognizes_any_usable_sound(name: str, signal: Signal) -> None:
    model = load(name)
    found = model.probabilities(compute_features(signal, model.spec)[None])
    assert found.sum() == pytest.approx(1)


def test_a_file_of_format_1_still_reads() -> None:
    card = load(Path(__file__).parents[1] / "data" / "format-1.onnx").card
    assert (card.format, card.emotions, card.sd, card.abstention) == (1, ("happy", "sad"), (), {})
    assert card.distance(np.zeros(12, np.float32)) is None


def test_a_file_of_format_2_still_reads() -> None:
    card = load(Path(__file__).parents[1] / "data" / "format-2.onnx").card
    assert (card.format, card.abstention["threshold"], card.augmentation) == (2, 0.5, {})
    assert card.distance(np.zeros(12, np.float32)) is not None


def test_former_names_in_a_card_are_read_as_the_present_ones() -> None:
    model = load("fast")

    def rename(card: dict[str, Any]) -> None:
        copies, conditions = card["augmentation"], card["conditions"]
        for new, old in (("probability", "talkers_probability"), ("voices", "most_talkers")):
            copies[old] = copies.pop(f"babble_{new}")
        for level in ("10 dB", "20 dB"):
            conditions[f"talkers {level}"] = conditions.pop(f"babble {level}")

    former = Model(with_card(model.content, rename))
    assert set(former.card.augmentation) == {field.name for field in fields(Augmentation)}
    assert former.card.conditions == model.card.conditions


def test_the_distance_of_one_sd_in_every_feature_is_one(trained: Trained) -> None:
    card = trained.model.card
    vector = np.array(card.mean) + np.array(card.sd) * np.resize([1.0, -1.0], len(card.sd))
    assert card.distance(vector.astype(np.float32)) == pytest.approx(1.0, rel=1e-3)


def test_distances_leave_out_the_picture_and_what_never_varied() -> None:
    found = distances(
        np.array([[1.0, 3.0, 99.0, 100.0]], dtype=np.float32),
        mean=np.zeros(4),
        sd=np.array([1.0, 1.0, 0.0, 1.0]),
        names=["a", "b", "c", "logmel_000_00"],
    )
    assert found == pytest.approx([np.sqrt(5.0)])


def test_a_feature_counts_for_five_sds_at_most() -> None:
    far = np.array([[1e9]], dtype=np.float32)
    assert distances(far, mean=np.zeros(1), sd=np.ones(1), names=["a"]) == pytest.approx([5.0])


def test_half_of_the_training_data_lie_within_the_median_distance(trained: Trained) -> None:
    card = trained.model.card
    found = [card.distance(row) for row in trained.data.matrix]
    assert np.median(found) == pytest.approx(card.distances["50"], abs=1e-3)
