"""Fitted estimators become ONNX graphs, by skl2onnx and, for our own, node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from voxaffect.errors import TrainingError, extra
from voxaffect.models import DIMENSIONS_OUTPUT, INPUT_NAME, OUTPUT_NAME
from voxaffect.training.dimensions import DimensionRegressor
from voxaffect.training.estimators import (
    FLOOR_PROBABILITY,
    BalancedLogistic,
    ClippedScaler,
    Ensemble,
    NetworkClassifier,
)

with extra("train"):
    import onnx
    from onnx.compose import add_prefix
    from onnx.helper import (
        make_graph,
        make_model,
        make_node,
        make_opsetid,
        make_tensor_value_info,
    )
    from onnx.numpy_helper import from_array
    from skl2onnx import to_onnx, update_registered_converter
    from skl2onnx.algebra.onnx_ops import OnnxClip, OnnxDiv, OnnxSub
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

OPSET, ML_OPSET, IR_VERSION = 17, 3, 8


def to_graph(estimator: Any, length: int) -> onnx.ModelProto:
    """Graph of a fitted estimator, with one input and the probabilities as one output.

    Parameters
    ----------
    estimator : scikit-learn classifier or pipeline
    length : int
        Features in a vector.

    Returns
    -------
    onnx.ModelProto

    Raises
    ------
    TrainingError
        If the estimator has no ONNX conversion.
    """
    if isinstance(estimator, Ensemble):
        members = [
            (to_graph(member, last - first), first, last)
            for member, first, last in estimator.members_
        ]
        weights = estimator.weights or [1.0] * len(members)
        return _merge_members(
            members,
            weights,
            length=length,
            temperature=estimator.temperature_,
            emotions=len(estimator.classes_),
        )
    if isinstance(estimator, BalancedLogistic):
        return _merge_members(
            [(_convert(estimator.pipeline_, length), 0, length)],
            [1.0],
            length=length,
            temperature=estimator.temperature_,
            emotions=len(estimator.classes_),
        )
    if isinstance(estimator, NetworkClassifier):
        network: onnx.ModelProto = onnx.load_from_string(estimator.graph_)
        return network
    return _convert(estimator, length)


def _convert(estimator: Any, length: int) -> onnx.ModelProto:
    try:
        graph = to_onnx(
            estimator,
            initial_types=[(INPUT_NAME, FloatTensorType([None, length]))],
            options={"zipmap": False},
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )
    except (MissingConverter, MissingShapeCalculator, NotImplementedError) as error:
        raise TrainingError(f"{type(estimator).__name__}: no ONNX conversion ({error}).") from error
    only_probabilities: onnx.ModelProto = select_model_inputs_outputs(graph, OUTPUT_NAME)
    return only_probabilities


def _scaler_shape(operator: Any) -> None:
    count = operator.inputs[0].type.shape[0]
    operator.outputs[0].type = FloatTensorType([count, operator.raw_operator.n_features_in_])


def _scaler_nodes(scope: Any, operator: Any, container: Any) -> None:
    scaler, opset = operator.raw_operator, container.target_opset
    centered = OnnxSub(operator.inputs[0], scaler.mean_, op_version=opset)
    scaled = OnnxDiv(centered, scaler.scale_, op_version=opset)
    limit = np.float32(scaler.limit)
    OnnxClip(
        scaled,
        np.array(-limit),
        np.array(limit),
        op_version=opset,
        output_names=operator.outputs[:1],
    ).add_to(scope, container)


update_registered_converter(ClippedScaler, "VoxaffectClippedScaler", _scaler_shape, _scaler_nodes)


def make_input_graph(length: int) -> onnx.ModelProto:
    """Graph that takes a vector and gives nothing yet, for `add_dimensions`."""
    vector = make_tensor_value_info(INPUT_NAME, onnx.TensorProto.FLOAT, [None, length])
    graph = make_graph([], "dimensions", [vector], [])
    return make_model(graph, opset_imports=[make_opsetid("", OPSET)], ir_version=IR_VERSION)


def add_dimensions(classifier: onnx.ModelProto, regressor: DimensionRegressor) -> onnx.ModelProto:
    """Graph that holds a classifier and, next to it, a regression of dimensions."""
    joined = onnx.ModelProto()
    joined.CopyFrom(classifier)
    scaler, limit = regressor.scaler, np.float32(regressor.scaler.limit)
    constants = {
        "columns": regressor.columns.astype(np.int64),
        "mean": scaler.mean_,
        "scale": scaler.scale_,
        "low": -limit,
        "high": limit,
        "slopes": regressor.slopes.astype(np.float32),
        "offsets": regressor.offsets.astype(np.float32),
        "zero": np.float32(0),
        "one": np.float32(1),
    }
    steps: list[tuple[str, str, list[str], dict[str, Any]]] = [
        ("Gather", INPUT_NAME, ["columns"], {"axis": 1}),
        ("Sub", "", ["mean"], {}),
        ("Div", "", ["scale"], {}),
        ("Clip", "", ["low", "high"], {}),
        ("MatMul", "", ["slopes"], {}),
        ("Add", "", ["offsets"], {}),
        ("Clip", "", ["zero", "one"], {}),
    ]
    prefix, previous = f"{DIMENSIONS_OUTPUT}.", ""
    for number, (operator, source, names, attributes) in enumerate(steps):
        is_last = number == len(steps) - 1
        result = DIMENSIONS_OUTPUT if is_last else f"{prefix}{number}"
        inputs = [source or previous, *(f"{prefix}{name}" for name in names)]
        joined.graph.node.append(make_node(operator, inputs, [result], **attributes))
        previous = result
    joined.graph.initializer.extend(
        from_array(np.asarray(value), f"{prefix}{name}") for name, value in constants.items()
    )
    shape = [None, len(regressor.names)]
    joined.graph.output.append(
        make_tensor_value_info(DIMENSIONS_OUTPUT, onnx.TensorProto.FLOAT, shape)
    )
    return joined


def add_encoder(classifier: onnx.ModelProto, encoder: bytes) -> onnx.ModelProto:
    """Graph that holds a classifier and, next to it, the encoder of its features."""
    joined, other = onnx.ModelProto(), onnx.load_from_string(encoder)
    joined.CopyFrom(classifier)
    graph = add_prefix(other, "encoder.", rename_inputs=False, rename_outputs=False).graph
    for name in ("node", "initializer", "input", "output"):
        getattr(joined.graph, name).extend(getattr(graph, name))
    return joined


def _merge_members(
    members: Sequence[tuple[onnx.ModelProto, int, int]],
    weights: Sequence[float],
    *,
    length: int,
    temperature: float,
    emotions: int,
) -> onnx.ModelProto:
    """Weighted mean of log-probabilities, over the temperature, as one graph."""
    nodes, constants, logs = [], {"floor": np.float32(FLOOR_PROBABILITY), "axis": [1]}, []
    initializers: list[onnx.TensorProto] = []
    shares = np.asarray(weights) / np.sum(weights) / temperature
    for number, ((member, first, last), share) in enumerate(zip(members, shares, strict=True)):
        prefix = f"e{number}."
        graph = add_prefix(member, prefix).graph
        constants |= {
            f"{prefix}first": [first],
            f"{prefix}last": [last],
            f"{prefix}share": np.float32(share),
        }
        columns = [INPUT_NAME, f"{prefix}first", f"{prefix}last", "axis"]
        nodes.append(make_node("Slice", columns, [graph.input[0].name]))
        nodes += graph.node
        initializers += graph.initializer
        nodes += [
            make_node("Max", [graph.output[0].name, "floor"], [f"{prefix}floored"]),
            make_node("Log", [f"{prefix}floored"], [f"{prefix}log"]),
            make_node("Mul", [f"{prefix}log", f"{prefix}share"], [f"{prefix}weighted"]),
        ]
        logs.append(f"{prefix}weighted")
    nodes += [
        make_node("Sum", logs, ["sum"]),
        make_node("Softmax", ["sum"], [OUTPUT_NAME], axis=1),
    ]
    initializers += [
        from_array(np.asarray(value, dtype=np.int64 if isinstance(value, list) else None), name)
        for name, value in constants.items()
    ]
    whole = make_graph(
        nodes,
        "ensemble",
        [make_tensor_value_info(INPUT_NAME, onnx.TensorProto.FLOAT, [None, length])],
        [make_tensor_value_info(OUTPUT_NAME, onnx.TensorProto.FLOAT, [None, emotions])],
        initializers,
    )
    opsets = [make_opsetid("", OPSET), make_opsetid("ai.onnx.ml", ML_OPSET)]
    return make_model(whole, opset_imports=opsets, ir_version=IR_VERSION)
