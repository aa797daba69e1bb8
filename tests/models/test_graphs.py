"""A graph holds the operators that training writes, and nothing that runs on or reads files."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, assume, given, settings, strategies as st
from onnx import TensorProto, helper, numpy_helper

from voxaffect.errors import ModelError, TrainingError
from voxaffect.features import get_feature_names
from voxaffect.models import METADATA_KEY, Model, add_checksum, load
from voxaffect.models.bundled import list_bundled
from voxaffect.models.operators import MAX_NODES, OPERATORS, OPSETS
from voxaffect.models.protobuf import read_outline
from voxaffect.training import export, make_estimator

FORMAT_3 = (Path(__file__).parents[1] / "data" / "format-3.onnx").read_bytes()
CARD = json.loads(next(p.value for p in onnx.load_model_from_string(FORMAT_3).metadata_props)) | {
    "format": 4,
    "golden": {"vector": [0.0] * 12, "probabilities": [0.5, 0.5]},
}
HALF = numpy_helper.from_array(np.full((1, 2), 0.5, np.float32), "half")


def graph_of(
    nodes: Sequence[onnx.NodeProto], *constants: onnx.TensorProto, opset: int = 17
) -> onnx.ModelProto:
    """Return a model whose graph is these nodes."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 12])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        [HALF, *constants],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, {METADATA_KEY: json.dumps(CARD)})
    return model


def ends(kind: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs, ["probabilities"], **attributes)


def constant(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(value), name)


def branch() -> onnx.GraphProto:
    end = helper.make_tensor_value_info("o", TensorProto.FLOAT, [1, 2])
    return helper.make_graph([helper.make_node("Identity", ["half"], ["o"])], "branch", [], [end])


def loop() -> onnx.ModelProto:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", [a], [b]) for a, b in (("go", "go_on"), ("x", "y"))],
        "body",
        [
            value("i", TensorProto.INT64, []),
            value("go", TensorProto.BOOL, []),
            value("x", TensorProto.FLOAT, [1, 2]),
        ],
        [value("go_on", TensorProto.BOOL, []), value("y", TensorProto.FLOAT, [1, 2])],
    )
    return graph_of(
        [ends("Loop", "n", "true", "half", body=body)], constant("n", 2**62), constant("true", True)
    )


def outside(location: str) -> onnx.ModelProto:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=[1, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return graph_of([ends("Identity", "c")], tensor)


def claims(*dims: int) -> onnx.ModelProto:
    tensor = TensorProto(name="c", data_type=TensorProto.FLOAT, dims=dims, raw_data=bytes(16))
    return graph_of([ends("Identity", "c")], tensor)


def claims_in_a_node() -> onnx.ModelProto:
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[2**40], raw_data=bytes(16))
    return graph_of([ends("ConstantOfShape", "half", value=tensor)])


def with_function() -> onnx.ModelProto:
    model = graph_of([ends("Identity", "half")])
    model.functions.append(
        helper.make_function(
            "",
            "Add",
            ["a"],
            ["b"],
            [helper.make_node("Relu", ["a"], ["b"])],
            [helper.make_opsetid("", 17)],
        )
    )
    return model


def sparse() -> onnx.ModelProto:
    model = graph_of([ends("Identity", "half")])
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(constant("c", [1.0]), constant("i", [0]), [2**40])
    )
    return model


def chain(length: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["half"], ["x0"])]
    nodes += [helper.make_node("Identity", [f"x{k}"], [f"x{k + 1}"]) for k in range(length)]
    return graph_of([*nodes, ends("Identity", f"x{length}")])


HOSTILE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "loop": (loop, "holds a subgraph"),
    "branches": (
        lambda: graph_of(
            [ends("If", "true", then_branch=branch(), else_branch=branch())], constant("true", True)
        ),
        "holds a subgraph",
    ),
    "loop without its body": (lambda: graph_of([ends("Loop", "half")]), "operator 'Loop'"),
    "random": (lambda: graph_of([ends("RandomUniform", shape=[1, 2])]), "operator 'RandomUniform'"),
    "domain": (
        lambda: graph_of([ends("Identity", "half", domain="com.evil")]),
        r"'com\.evil\.Identity'",
    ),
    "runtime's own domain": (
        lambda: graph_of([ends("Gelu", "half", domain="com.microsoft")]),
        "'com.microsoft.Gelu'",
    ),
    "expand": (lambda: graph_of([ends("Expand", "half", "n")], constant("n", [2])), "'Expand'"),
    "old opset": (lambda: graph_of([ends("Identity", "half")], opset=5), "of version 5"),
    "new opset": (lambda: graph_of([ends("Identity", "half")], opset=99), "of version 99"),
    "external": (lambda: outside("weights.bin"), "constants in another file"),
    "passwd": (lambda: outside("/etc/passwd"), "constants in another file"),
    "10 GB": (lambda: claims(2_500_000_000), "constant of 2,500,000,000 numbers in 16 bytes"),
    "negative": (lambda: claims(-1, 2), "a constant of negative size"),
    "overflow": (lambda: claims(2**32, 2**32), "holds a constant of"),
    "constant in a node": (claims_in_a_node, "holds a constant of"),
    "function": (with_function, "holds functions"),
    "sparse": (sparse, "holds sparse constants"),
    "chain": (lambda: chain(MAX_NODES), r"holds 5,002 nodes \(at most 5,000\)"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_graph_is_refused_by_name(case: str) -> None:
    make, message = HOSTILE[case]
    with pytest.raises(ModelError, match=f"^mine: its graph .*{message}") as raised:
        Model(add_checksum(make().SerializeToString()), "mine")
    assert "\n" not in str(raised.value)


def test_a_graph_of_our_operators_is_read() -> None:
    content = add_checksum(graph_of([ends("Identity", "half")]).SerializeToString())
    result = Model(content).probabilities(np.zeros((1, 12), np.float32))
    assert result.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    "nodes",
    [
        [
            helper.make_node("ConstantOfShape", ["n"], ["z"]),
            helper.make_node("ReduceMean", ["z"], ["m"], keepdims=0),
            ends("Add", "half", "m"),
        ],
        [
            helper.make_node("ReduceSum", ["features"], ["s"]),
            helper.make_node("Add", ["s", "line"], ["w"]),
            helper.make_node("Transpose", ["w"], ["h"]),
            helper.make_node("Mul", ["h", "w"], ["z"]),
            helper.make_node("ReduceMean", ["z"], ["m"], keepdims=0),
            ends("Add", "half", "m"),
        ],
    ],
)
def test_a_graph_that_asks_for_much_memory_is_refused_quickly(nodes: list[onnx.NodeProto]) -> None:
    line = constant("line", np.zeros((1, 100_000), np.float32))
    model = graph_of(nodes, constant("n", [10_000_000_000]), line)
    began = time.process_time()
    with pytest.raises(ModelError, match=r"cannot be run .it asks for more than 1024 MB of memory"):
        Model(add_checksum(model.SerializeToString()), "mine")
    assert time.process_time() - began < 5


def test_the_longest_graph_is_read_in_seconds() -> None:
    began = time.process_time()
    Model(add_checksum(chain(MAX_NODES - 2).SerializeToString()))
    assert time.process_time() - began < 8


def test_many_small_fields_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxaffect.models.protobuf._MAX_FIELDS", 10_000)
    model = graph_of([ends("Identity", "half")])
    model.graph.initializer[0].dims.extend([1] * 10_001)
    with pytest.raises(ModelError, match="holds more than 10,000 fields"):
        read_outline(model.SerializeToString(), "mine")


# Every model that we write is accepted.


@pytest.mark.parametrize("name", list_bundled())
def test_every_operator_of_a_bundled_model_is_listed(name: str) -> None:
    graph = onnx.load_model_from_string(load(name).content).graph
    assert all(node.op_type in OPERATORS[node.domain] for node in graph.node)


def estimators() -> dict[str, Any]:
    from sklearn import discriminant_analysis, ensemble, naive_bayes, svm
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, PowerTransformer, RobustScaler
    from sklearn.tree import DecisionTreeClassifier

    regression, tree = LogisticRegression(), DecisionTreeClassifier(random_state=0)
    return {
        "tree": tree,
        "forest": ensemble.RandomForestClassifier(9, random_state=0),
        "extra trees": ensemble.ExtraTreesClassifier(9, random_state=0),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=5, random_state=0),
        "ada": ensemble.AdaBoostClassifier(n_estimators=5, random_state=0),
        "bagging": ensemble.BaggingClassifier(n_estimators=3, random_state=0),
        "stacking": ensemble.StackingClassifier([("a", regression), ("b", tree)]),
        "calibrated": CalibratedClassifierCV(svm.LinearSVC(), ensemble=False),
        "bayes": naive_bayes.GaussianNB(),
        "lda": discriminant_analysis.LinearDiscriminantAnalysis(),
        "pca": make_pipeline(RobustScaler(), PCA(5), regression),
        "selected": make_pipeline(MinMaxScaler(), SelectKBest(k=5), regression),
        "power": make_pipeline(PowerTransformer(), regression),
        "tutorial": make_estimator("tutorial", 9),
        "mlp": make_estimator("mlp", 9),
        "logistic": make_estimator("logistic", 9),
    }


def fitted(name: str) -> tuple[Any, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((64, 12)).astype(np.float32)
    emotions = np.array(["angry", "calm", "happy"])[rng.integers(0, 3, 64)]
    matrix += (np.unique(emotions, return_inverse=True)[1])[:, None].astype(np.float32)
    return estimators()[name].fit(matrix, emotions), matrix


@pytest.mark.parametrize("name", estimators())
@pytest.mark.filterwarnings("ignore")
def test_the_graph_of_a_usual_classifier_is_accepted(name: str) -> None:
    from voxaffect.models.operators import check_operators
    from voxaffect.training.graph import to_graph

    estimator, matrix = fitted(name)
    outline = read_outline(to_graph(estimator, matrix.shape[1]).SerializeToString(), name)
    check_operators(outline.operators, outline.opsets, name)


@pytest.mark.filterwarnings("ignore")
def test_an_estimator_whose_graph_is_not_accepted_is_named_at_export(trained: Any) -> None:
    from sklearn.neighbors import KNeighborsClassifier

    estimator = KNeighborsClassifier().fit(trained.data.matrix, trained.data.emotions)
    with pytest.raises(TrainingError, match=r"KNeighborsClassifier: .*(Scan|subgraph)"):
        export(estimator, trained.data, recipe="neighbors", seed=9, scores={})


# The reader agrees with the library onnx.

texts = st.text(max_size=8)
tensors = st.builds(
    lambda values, kind: numpy_helper.from_array(np.array(values, dtype=kind), "t"),
    st.lists(st.integers(0, 100), max_size=5),
    st.sampled_from(["float32", "float64", "int64", "int32", "uint8", "bool", "float16"]),
)
attributes = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.floats(width=32, allow_nan=False),
        texts,
        tensors,
        st.lists(st.integers(-9, 2**40), min_size=1, max_size=300),
        st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=300),
        st.lists(texts, min_size=1, max_size=5),
    ),
    max_size=4,
)
nodes = st.builds(
    lambda kind, inputs, outputs, domain, values: helper.make_node(
        kind, inputs, outputs, domain=domain, **values
    ),
    texts,
    st.lists(texts, max_size=3),
    st.lists(texts, max_size=3),
    texts,
    attributes,
)
models = st.builds(
    lambda nodes, tensors, opsets, metadata: (nodes, tensors, opsets, metadata),
    st.lists(nodes, max_size=5),
    st.lists(tensors, max_size=4),
    st.lists(st.tuples(texts, st.integers(0, 2**40)), max_size=3),
    st.dictionaries(texts, texts, max_size=4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(models)
def test_the_reader_reads_what_onnx_writes(parts: Any) -> None:
    made, constants, opsets, metadata = parts
    model = onnx.ModelProto(ir_version=8, producer_name="p", doc_string="d")
    model.graph.node.extend(made)
    model.graph.initializer.extend(constants)
    model.graph.name = "g"
    for domain, version in opsets:
        model.opset_import.add(domain=domain, version=version)
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    outline = read_outline(model.SerializeToString(), "mine")
    assert outline.operators == tuple((node.domain, node.op_type) for node in made)
    assert outline.opsets == tuple(opsets)
    assert outline.metadata == metadata


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_the_reader_reads_of_a_damaged_file_is_what_onnx_reads(data: st.DataObject) -> None:
    content = bytearray(FORMAT_3)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        outline = read_outline(bytes(content), "mine")
    except ModelError:
        assume(False)
    try:
        model = onnx.load_model_from_string(bytes(content))
    except DecodeError:  # in a part that we pass over; onnxruntime refuses it too
        assume(False)
    assert outline.operators == tuple((node.domain, node.op_type) for node in model.graph.node)
    assert outline.metadata == {entry.key: entry.value for entry in model.metadata_props}
    assert not model.functions
    assert not any(tensor.external_data for tensor in model.graph.initializer)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_line(content: bytes) -> None:
    message = ""
    try:
        read_outline(content, "mine")
    except ModelError as error:
        message = str(error)
    assert "\n" not in message


def test_the_card_of_the_tests_fits_its_features() -> None:
    assert len(CARD["feature_names"]) == 12 <= len(get_feature_names(Model(FORMAT_3).card.spec))
    assert set(OPSETS) == set(OPERATORS)
