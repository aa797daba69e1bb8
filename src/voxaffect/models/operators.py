"""Operators that a graph may hold: those that training writes, and no others.

All are pure functions of bounded tensors. None loops, branches, draws random numbers, holds a
graph of its own or reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from voxaffect.errors import ModelError

MAX_NODES = 5_000
"""Most nodes of a graph; a classifier has about 100, an encoder some 500."""
_OF_TENSORS = """
    Abs Add And ArgMax AveragePool BatchNormalization Cast Clip Concat ConstantOfShape Conv Div
    DynamicQuantizeLinear Equal Erf Exp Flatten Floor Gather Gemm GlobalAveragePool GlobalMaxPool
    Greater GreaterOrEqual HardSigmoid Identity InstanceNormalization IsNaN LayerNormalization
    LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul MatMulInteger Max MaxPool Mean
    Min Mul Neg Not Or Pow Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Shape Sigmoid Sign Slice Softmax
    Softplus Split Sqrt Squeeze Sub Sum Tanh TopK Transpose Unsqueeze Where Xor
"""
_OF_MACHINE_LEARNING = """
    ArrayFeatureExtractor Binarizer Imputer LabelEncoder LinearClassifier LinearRegressor
    Normalizer SVMClassifier SVMRegressor Scaler TreeEnsembleClassifier TreeEnsembleRegressor
"""
OPERATORS: Mapping[str, frozenset[str]] = {
    "": frozenset(_OF_TENSORS.split()),
    "ai.onnx.ml": frozenset(_OF_MACHINE_LEARNING.split()),
}
"""By domain: what skl2onnx writes of scikit-learn's classifiers, our networks, and encoders."""
OPSETS: Mapping[str, range] = {"": range(9, 27), "ai.onnx.ml": range(1, 6)}
"""By domain: versions of the operators that a graph may ask for."""


def check_operators(
    operators: Iterable[tuple[str, str]], opsets: Iterable[tuple[str, int]], name: str
) -> None:
    """Refuse a graph that holds an operator that training does not write.

    Parameters
    ----------
    operators : iterable of (domain, operator)
        Of every node.
    opsets : iterable of (domain, version)
    name : str
        What messages call the file.

    Raises
    ------
    ModelError
        If there is one, or a domain or version of operators that we do not know.
    """
    for domain, version in opsets:
        if version not in OPSETS.get(domain, ()):
            raise ModelError(
                f"{name}: its graph asks for the operators {domain or 'ai.onnx'!r} of version "
                f"{version}, which voxaffect does not run. Expected a file written by voxaffect "
                "train; upgrade voxaffect if a newer one wrote it."
            )
    for domain, operator in operators:
        if operator not in OPERATORS.get(domain, ()):
            label = f"{domain}.{operator}" if domain else operator
            raise ModelError(
                f"{name}: its graph holds the operator {label!r}, which voxaffect does not run. "
                "Expected a file written by voxaffect train. If you trained it, choose another "
                f"estimator, whose graph needs no {operator!r}."
            )
