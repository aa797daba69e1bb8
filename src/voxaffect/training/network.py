"""A small convolutional network on log-mels, trained from scratch: a member of `networks`.

Five convolutions with batch normalization look at a log-mel spectrogram, three poolings over time
(attention, mean, standard deviation) make it one vector whatever its length, and one linear layer
gives the logits: about a quarter of a million weights. `fit_weights` returns them as plain arrays
with batch normalization folded in, and `to_graph` writes the graph node by node, so that neither
PyTorch nor its exporter is needed after training.

References
----------
Ioffe & Szegedy 2015, "Batch normalization", ICML.
Okabe et al. 2018, "Attentive statistics pooling for deep speaker embedding", Interspeech.
Park et al. 2019, "SpecAugment", Interspeech (masks over time and bands).
Szegedy et al. 2016, "Rethinking the Inception architecture", CVPR (label smoothing).
Zhang et al. 2018, "mixup: beyond empirical risk minimization", ICLR.
Loshchilov & Hutter 2019, "Decoupled weight decay regularization", ICLR (AdamW).
Smith & Topin 2019, "Super-convergence", SPIE (one cycle of the learning rate).
Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging", SIAM JCO.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voxaffect.errors import extra
from voxaffect.features.affect.logmel import BANDS, MAX_FRAMES

with extra("train-deep"):
    import onnx
    import onnx.helper
    import onnx.numpy_helper
    import torch
    from torch import Tensor, nn

__all__ = [
    "Plan",
    "Weights",
    "draw_batches",
    "fit_weights",
    "follow_weights",
    "mask_logmels",
    "to_graph",
    "to_targets",
]

Array = NDArray[np.float32]
Weights = Mapping[str, Array]

STAGES = 5
OPSET = 17
IR_VERSION = 8
# torch's and ONNX Runtime's square roots disagree near 0 unless kept away from it.
VARIANCE_FLOOR = 1e-4


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of how the network is built and trained; a change here changes the model.

    `passes` counts visits to each utterance: one of its copies, drawn anew, per pass.
    `mixup` is the share of batches mixed and `mixup_shape` the parameter of the beta
    distribution their proportions are drawn from. Every spectrogram drawn is colored
    anew: by a curve over its bands through `tilt_points` normal draws with a standard deviation of
    `tilt_bels`.
    Multiples of 16 channels are what ONNX Runtime's convolutions are fast with.
    """

    channels: tuple[int, int, int, int, int] = (32, 32, 64, 96, 128)
    attention_units: int = 32
    dropout: float = 0.5
    passes: int = 60
    batch: int = 32
    peak_rate: float = 3e-3
    weight_decay: float = 0.02
    smoothing: float = 0.1
    mixup: float = 0.5
    mixup_shape: float = 0.4
    tilt_bels: float = 0.3
    tilt_points: int = 5
    masked_bands: int = 10
    masked_frames: float = 0.15
    masks: int = 2
    longest_frames: int = 160
    averaging: float = 0.99
    original_share: float = 0.25
    is_balanced: bool = True
    is_bfloat16: bool = True


class _Network(nn.Module):  # type: ignore[misc, unused-ignore]
    """Log-mels (n, frames, bands) to logits (n, emotions)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Array, scale: Array, emotions: int, plan: Plan) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))
        inputs = (1, *plan.channels[:-1])
        kernels = _kernels(len(mean))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, kernel, stride=stride, padding=padding, bias=False)
            for i, o, (kernel, stride, padding) in zip(inputs, plan.channels, kernels, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(o) for o in plan.channels)
        self.query = nn.Linear(plan.channels[-1], plan.attention_units)
        self.score = nn.Linear(plan.attention_units, 1, bias=False)
        self.dropout = nn.Dropout(plan.dropout)
        self.output = nn.Linear(3 * plan.channels[-1], emotions)

    def forward(self, logmel: Tensor) -> Tensor:
        hidden = ((logmel - self.mean) * self.scale)[:, None]
        hidden = hidden.contiguous(memory_format=torch.channels_last)
        for stage, (convolution, norm) in enumerate(
            zip(self.convolutions, self.norms, strict=True)
        ):
            hidden = torch.relu(norm(convolution(hidden)))
            if stage in POOLS:
                hidden = nn.functional.avg_pool2d(hidden, POOLS[stage])
        frames = hidden.float().squeeze(3).transpose(1, 2)
        weight = torch.softmax(self.score(torch.tanh(self.query(frames))), dim=1)
        mean = frames.mean(dim=1)
        spread = (frames - mean[:, None]).square().mean(dim=1)
        pooled = [(frames * weight).sum(dim=1), mean, (spread + VARIANCE_FLOOR).sqrt()]
        logits: Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return logits


# Average pooling (time, bands) after these stages.
POOLS = {1: (2, 2), 2: (2, 2), 3: (1, 2)}

Pair = tuple[int, int]


def _kernels(bands: int) -> list[tuple[Pair, Pair, Pair]]:
    """Kernel, stride and padding of each stage; the last one sees all bands left at once."""
    middle = ((3, 3), (1, 1), (1, 1))
    last = ((3, bands // 16), (1, 1), (1, 0))
    return [((5, 5), (2, 2), (2, 2)), middle, middle, middle, last]


# --- training ---------------------------------------------------------------------------------


def fit_weights(
    logmels: Sequence[Array],
    emotions: Sequence[int] | NDArray[Any],
    *,
    utterances: Sequence[int] | NDArray[np.int64],
    seed: int,
    plan: Plan | None = None,
) -> dict[str, Array]:
    """Train the network; the same seed gives the same weights on the same machine.

    Parameters
    ----------
    logmels : sequence of ndarray, shape (frames, bands)
        Originals and augmented copies, training speakers only. `bands` is a multiple of 16.
    emotions : sequence of int, one per log-mel, or ndarray of float, shape (log-mels, emotions)
        From 0; or the share of each emotion.
    utterances : sequence of int, one per log-mel
        Copies of one utterance share a number; the first of them is the original.
    seed : int
    plan : Plan, optional

    Returns
    -------
    dict of str to ndarray, float32
        What `to_onnx` takes. Batch normalization is folded into the convolutions.
    """
    plan = plan or Plan()
    rng = np.random.default_rng(seed)
    targets = np.asarray(emotions)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mean, scale = _statistics(logmels)
        count = targets.shape[1] if targets.ndim == 2 else int(targets.max()) + 1
        network = _Network(mean, scale, count, plan)
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, unused-ignore]
        average = copy.deepcopy(network)
        _train(network, average, _Source(logmels, targets, np.asarray(utterances)), rng, plan)
    return _fold_norms(average.eval())


@dataclass(frozen=True, slots=True)
class _Source:
    """Data that batches are drawn from; see `fit_weights`."""

    logmels: Sequence[Array]
    emotions: NDArray[Any]
    utterances: NDArray[np.int64]


def _train(
    network: _Network, average: _Network, source: _Source, rng: Generator, plan: Plan
) -> None:
    """Run the optimizer over `network`; `average` follows as its moving mean."""
    count = len(np.unique(source.utterances))
    steps = plan.passes * (count // plan.batch or 1)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=plan.peak_rate, weight_decay=plan.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=plan.peak_rate, total_steps=steps
    )
    weight = _emotion_weights(source.emotions) if plan.is_balanced else None
    loss_of = _Loss(weight, plan.smoothing)
    network.train()
    for step, (pictures, emotions) in zip(range(steps), _batches(source, rng, plan), strict=False):
        pictures = mask_logmels(
            pictures,
            network.mean,
            rng,
            masks=plan.masks,
            masked_bands=plan.masked_bands,
            masked_frames=plan.masked_frames,
        )
        other, share = torch.arange(len(emotions)), 1.0
        if rng.random() < plan.mixup:
            other = torch.from_numpy(rng.permutation(len(emotions)))
            share = float(rng.beta(plan.mixup_shape, plan.mixup_shape))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=plan.is_bfloat16):
            logits = network(share * pictures + (1 - share) * pictures[other])
        logits = logits.float()
        loss = share * loss_of(logits, emotions) + (1 - share) * loss_of(logits, emotions[other])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        optimizer.step()
        schedule.step()
        # A young average follows fast, or it would remember the random start.
        follow_weights(average, network, min(plan.averaging, step / (step + 10)))


def _batches(source: _Source, rng: Generator, plan: Plan) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of utterances of about one length, one copy of each per pass."""
    frames = np.array([len(logmel) for logmel in source.logmels])
    for chosen in draw_batches(
        source.utterances, frames, rng, size=plan.batch, original_share=plan.original_share
    ):
        longest = min(plan.longest_frames, int(frames[chosen].max()))
        pictures = [
            _tilt_spectrum(_fit_length(source.logmels[i], longest, rng), rng, plan) for i in chosen
        ]
        yield (
            torch.from_numpy(np.stack(pictures)),
            to_targets(source.emotions[chosen]),
        )


class _Loss:
    """Cross-entropy with weights of the emotions, or with the shares of each.

    A row of shares has the weight of its most probable emotion, so that its probabilities are
    those of the raters.
    """

    def __init__(self, weight: Tensor | None, smoothing: float) -> None:
        self._weight, self._smoothing = weight, smoothing

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        is_soft = targets.is_floating_point()
        loss: Tensor = nn.functional.cross_entropy(
            logits,
            targets,
            weight=None if is_soft else self._weight,
            reduction="none" if is_soft else "mean",
            label_smoothing=self._smoothing,
        )
        if not is_soft or self._weight is None:
            return loss.mean()
        weights = self._weight[targets.argmax(dim=1)]
        return (loss * weights).sum() / weights.sum()


def to_targets(emotions: NDArray[Any]) -> Tensor:
    """Indices of emotions, or their shares, as PyTorch's cross-entropy takes them."""
    return torch.from_numpy(emotions.astype(np.float32 if emotions.ndim == 2 else np.int64))


def draw_batches(
    utterances: NDArray[np.integer[Any]],
    frames: NDArray[np.integer[Any]],
    rng: Generator,
    *,
    size: int,
    original_share: float,
) -> Iterator[NDArray[np.intp]]:
    """Endless batches of rows of about one length, one copy of each utterance per pass.

    Parameters
    ----------
    utterances : ndarray of int, shape (n,)
        Copies of one utterance share a number; the first of them is the original.
    frames : ndarray of int, shape (n,)
        Length of each row.
    rng : numpy.random.Generator
    size : int
        Rows in a batch.
    original_share : float
        Probability of the original, where there are copies.
    """
    copies = [np.flatnonzero(utterances == number) for number in np.unique(utterances)]
    size = min(size, len(copies))
    while True:
        drawn = np.array(
            [
                c[0] if len(c) == 1 or rng.random() < original_share else rng.choice(c[1:])
                for c in copies
            ]
        )
        rng.shuffle(drawn)
        # Sorting eight batches at a time keeps the batches varied and their padding short.
        blocks = np.array_split(drawn, max(1, len(drawn) // (8 * size)))
        ordered = np.concatenate([block[np.argsort(frames[block])] for block in blocks])
        batches = [ordered[i : i + size] for i in range(0, len(ordered) - size + 1, size)]
        for number in rng.permutation(len(batches)):
            yield batches[number]


def _fit_length(logmel: Array, frames: int, rng: Generator) -> Array:
    """Cut at a random place, or repeat from the start: no frame is padding."""
    start = int(rng.integers(max(1, len(logmel) - frames + 1)))
    return np.asarray(logmel[(start + np.arange(frames)) % len(logmel)], dtype=np.float32)


def _tilt_spectrum(logmel: Array, rng: Generator, plan: Plan) -> Array:
    """As through another microphone: the same curve over the bands added to every frame."""
    positions = np.linspace(0, 1, plan.tilt_points)
    drawn = rng.normal(0, plan.tilt_bels, plan.tilt_points)
    curve = np.interp(np.linspace(0, 1, logmel.shape[1]), positions, drawn)
    return logmel + curve.astype(np.float32)


def mask_logmels(
    logmels: Tensor,
    filling: Tensor,
    rng: Generator,
    *,
    masks: int,
    masked_bands: int,
    masked_frames: float,
) -> Tensor:
    """Replace random stretches of bands and of frames (SpecAugment).

    Parameters
    ----------
    logmels : Tensor, shape (n, frames, bands)
    filling : Tensor, shape (bands,) or (n, 1, bands)
        Spectrum that replaces them.
    rng : numpy.random.Generator
    masks : int
        Stretches of each kind in a log-mel.
    masked_bands : int
        Longest stretch of bands.
    masked_frames : float
        Longest stretch of frames, as a share of all.
    """
    count, frames, bands = logmels.shape
    hidden = np.zeros((count, frames, bands), dtype=bool)
    for row in range(count):
        for _ in range(masks):
            width = int(rng.integers(masked_bands + 1))
            start = int(rng.integers(bands - width + 1))
            hidden[row, :, start : start + width] = True
            width = int(rng.integers(int(masked_frames * frames) + 1))
            start = int(rng.integers(frames - width + 1))
            hidden[row, start : start + width] = True
    return torch.where(torch.from_numpy(hidden), filling, logmels)


def follow_weights(average: nn.Module, network: nn.Module, keep: float) -> None:
    """Move the average network, weights and statistics, towards the network."""
    with torch.no_grad():
        state = network.state_dict()
        for name, value in average.state_dict().items():
            if value.is_floating_point():
                value.lerp_(state[name], 1 - keep)


def _statistics(logmels: Sequence[Array]) -> tuple[Array, Array]:
    """Mean of each band and, for all alike, one over the standard deviation.

    One scale for all bands leaves their relative ranges to the network.
    """
    total = np.zeros(logmels[0].shape[1])
    frames = 0
    for logmel in logmels:
        total += logmel.sum(axis=0, dtype=np.float64)
        frames += len(logmel)
    mean = total / frames
    spread = sum(float(np.square(logmel - mean).sum()) for logmel in logmels)
    scale = 1 / np.sqrt(spread / (frames * len(mean)) + 1e-12)
    return mean.astype(np.float32), np.full(len(mean), scale, dtype=np.float32)


def _emotion_weights(emotions: NDArray[Any]) -> Tensor:
    """Inverse frequency, so that rare emotions count as much as common ones."""
    size = emotions.shape[1] if emotions.ndim == 2 else 0
    counts = np.bincount(emotions.argmax(axis=1) if size else emotions, minlength=size)
    return torch.from_numpy((len(emotions) / (len(counts) * np.maximum(counts, 1))).astype("f4"))


def _fold_norms(network: _Network) -> dict[str, Array]:
    """Weights as arrays, each batch normalization absorbed by the convolution before it."""
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    weights = {"mean": state["mean"], "scale": state["scale"]}
    for stage in range(STAGES):
        convolution, norm = f"convolutions.{stage}", f"norms.{stage}"
        spread = np.sqrt(state[f"{norm}.running_var"] + network.norms[stage].eps)
        factor = state[f"{norm}.weight"] / spread
        weights[f"convolution{stage}.weight"] = (
            state[f"{convolution}.weight"] * factor[:, None, None, None]
        )
        weights[f"convolution{stage}.bias"] = (
            state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor
        )
    for name in ("query.weight", "score.weight", "output.weight"):
        weights[name] = state[name].T
    weights["query.bias"], weights["output.bias"] = state["query.bias"], state["output.bias"]
    return {name: np.array(value, dtype=np.float32, order="C") for name, value in weights.items()}


# --- the graph --------------------------------------------------------------------------------


def to_graph(members: Sequence[Weights], *, is_half: bool = True) -> onnx.ModelProto:
    """One graph of one or several trained networks.

    Parameters
    ----------
    members : sequence of weights as `fit_weights` returns them
        Several are combined by the mean of their log-probabilities.
    is_half : bool
        Keep the weights as float16 in the file. ONNX Runtime turns them back to float32 once,
        on load; computation is in float32 either way.

    Returns
    -------
    onnx.ModelProto
        Input ``features`` (1, 12801), a flat log-mel spectrogram; output ``probabilities``
        (1, emotions).
    """
    nodes: list[onnx.NodeProto] = _input_nodes()
    initializers: list[onnx.TensorProto] = _input_constants()
    for number, weights in enumerate(members):
        _add_weights(nodes, initializers, weights, prefix=f"m{number}.", is_half=is_half)
        nodes += _member_nodes(weights, prefix=f"m{number}.")
    make = onnx.helper.make_node
    names = [f"m{number}.log_probabilities" for number in range(len(members))]
    nodes.append(make("Mean", names, ["mean"]))
    nodes.append(make("Softmax", ["mean"], ["probabilities"], axis=1))
    emotions = len(members[0]["output.bias"])
    graph = onnx.helper.make_graph(
        nodes,
        "network",
        [_float_value("features", [1, MAX_FRAMES * BANDS + 1])],
        [_float_value("probabilities", [1, emotions])],
        initializers,
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _input_constants() -> list[onnx.TensorProto]:
    cells = MAX_FRAMES * BANDS
    values = {
        "cells": [cells],
        "zero": [0],
        "end": [cells + 1],
        "axis": [1],
        "shape": [1, MAX_FRAMES, BANDS],
    }
    return [
        onnx.numpy_helper.from_array(np.array(value, dtype=np.int64), f"picture.{name}")
        for name, value in values.items()
    ]


def _input_nodes() -> list[onnx.NodeProto]:
    """From the flat row to ``logmel`` (1, frames, bands), cut to the frames that there are."""

    def node(kind: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
        return onnx.helper.make_node(kind, inputs.split(), [output], **attributes)

    return [
        node("Slice", "features picture.zero picture.cells picture.axis", "picture.flat"),
        node("Reshape", "picture.flat picture.shape", "picture.full"),
        node("Slice", "features picture.cells picture.end picture.axis", "picture.count"),
        node("Cast", "picture.count", "picture.whole", to=onnx.TensorProto.INT64),
        node("Squeeze", "picture.whole picture.zero", "picture.frames"),
        node("Slice", "picture.full picture.zero picture.frames picture.axis", "logmel"),
    ]


def _float_value(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def _add_weights(
    nodes: list[onnx.NodeProto],
    initializers: list[onnx.TensorProto],
    weights: Weights,
    *,
    prefix: str,
    is_half: bool,
) -> None:
    """Weights as initializers named by `prefix`; matrices in half precision if asked for."""
    for key, value in weights.items():
        name = prefix + key
        if is_half and value.ndim > 1:
            half = onnx.numpy_helper.from_array(value.astype(np.float16), name + ".half")
            initializers.append(half)
            nodes.append(
                onnx.helper.make_node("Cast", [half.name], [name], to=onnx.TensorProto.FLOAT)
            )
        else:
            initializers.append(onnx.numpy_helper.from_array(value, name))
    for key, values in {"axis1": [1], "axis3": [3]}.items():
        constant = np.array(values, dtype=np.int64)
        initializers.append(onnx.numpy_helper.from_array(constant, prefix + key))
    floor = np.array(VARIANCE_FLOOR, dtype=np.float32)
    initializers.append(onnx.numpy_helper.from_array(floor, prefix + "floor"))


def _member_nodes(weights: Weights, *, prefix: str) -> list[onnx.NodeProto]:
    """Spell out the forward pass of `_Network`, node by node."""
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, inputs: str, output: str, **attributes: Any) -> str:
        names = [n if n == "logmel" else prefix + n for n in inputs.split()]
        nodes.append(onnx.helper.make_node(kind, names, [prefix + output], **attributes))
        return output

    add("Sub", "logmel mean", "centered")
    add("Mul", "centered scale", "scaled")
    hidden = add("Unsqueeze", "scaled axis1", "picture")
    for stage, (kernel, stride, padding) in enumerate(_kernels(len(weights["mean"]))):
        weight = f"convolution{stage}.weight convolution{stage}.bias"
        shape = {"kernel_shape": kernel, "strides": stride, "pads": padding * 2}
        add("Conv", f"{hidden} {weight}", f"conv{stage}", **shape)
        hidden = add("Relu", f"conv{stage}", f"relu{stage}")
        if stage in POOLS:
            pool = {"kernel_shape": POOLS[stage], "strides": POOLS[stage]}
            hidden = add("AveragePool", hidden, f"pool{stage}", **pool)
    add("Squeeze", f"{hidden} axis3", "squeezed")
    add("Transpose", "squeezed", "frames", perm=(0, 2, 1))
    add("MatMul", "frames query.weight", "queried")
    add("Add", "queried query.bias", "biased")
    add("Tanh", "biased", "units")
    add("MatMul", "units score.weight", "scores")
    add("Softmax", "scores", "weight", axis=1)
    add("Mul", "frames weight", "weighted")
    add("ReduceSum", "weighted axis1", "attended", keepdims=0)
    add("ReduceMean", "frames", "level", axes=[1], keepdims=1)
    add("Sub", "frames level", "deviation")
    add("Mul", "deviation deviation", "squared")
    add("ReduceMean", "squared", "variance", axes=[1], keepdims=0)
    add("Add", "variance floor", "floored")
    add("Sqrt", "floored", "spread")
    add("Squeeze", "level axis1", "average")
    add("Concat", "attended average spread", "pooled", axis=1)
    add("Gemm", "pooled output.weight output.bias", "logits")
    add("LogSoftmax", "logits", "log_probabilities", axis=1)
    return nodes
