"""Fine-tuning: the upper layers of a Whisper encoder are trained together with a linear head.

The head starts from a fitted regression on the hidden states of the encoder as it was, so that
training begins where the frozen encoder ends. The convolutions and the lower layers stay as they
are; of the others, each lower one learns more slowly.

References
----------
Howard & Ruder 2018, "Universal language model fine-tuning for text classification", ACL (rates
that fall from layer to layer).
Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform
out-of-distribution", ICLR (the head is fitted first).
Park et al. 2019, "SpecAugment", Interspeech (masks over time and bands).
Szegedy et al. 2016, "Rethinking the Inception architecture", CVPR (label smoothing).
Loshchilov & Hutter 2019, "Decoupled weight decay regularization", ICLR (AdamW).
Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging", SIAM JCO.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voxaffect.errors import extra
from voxaffect.training.encoders.weights import EncoderWeights
from voxaffect.training.encoders.whisper_graph import VARIANCE_FLOOR
from voxaffect.training.estimators import BalancedLogistic

with extra("train-deep"):
    import torch
    from torch import Tensor, nn
from voxaffect.training.network import draw_batches, follow_weights, mask_logmels, to_targets

Array = NDArray[np.float32]
LogMel = NDArray[np.floating[Any]]
_log = logging.getLogger("voxaffect")


@dataclass(frozen=True, slots=True)
class FinetuningPlan:
    """Plan of how an encoder is fine-tuned; a change here changes the model.

    `passes` counts visits to each utterance: one of its copies, drawn anew, per pass. The rate
    rises over the first `warm_up` of all steps, then falls to zero as a cosine.

    Parameters
    ----------
    trained_layers : int
        Layers that are trained, from the last one that is used downwards.
    rate : float
        Highest learning rate of the last layer.
    layer_factor : float
        Rate of a layer over that of the layer above it.
    head_rate : float
        Highest learning rate of the linear head.
    averaging : float
        Share of the moving mean of the weights that a step keeps. The mean is the result.
    device : str, optional
        As PyTorch names it; by default ``cuda`` if there is a GPU, else ``cpu``.
    """

    trained_layers: int = 3
    rate: float = 3e-5
    layer_factor: float = 0.6
    head_rate: float = 1e-4
    weight_decay: float = 0.01
    warm_up: float = 0.1
    passes: int = 6
    batch: int = 16
    longest_frames: int = 600
    original_share: float = 0.25
    smoothing: float = 0.1
    masks: int = 2
    masked_bands: int = 10
    masked_frames: float = 0.1
    averaging: float = 0.99
    device: str | None = None


@dataclass(frozen=True, eq=False)
class FinetuningData:
    """Log-mel spectrograms to fine-tune on: utterances and augmented copies.

    Parameters
    ----------
    logmels : sequence of ndarray, shape (frames, bands)
    emotions : ndarray of int, shape (n,), or of float, shape (n, emotions)
        Index of the emotion among those of the regression, or the share of each.
    utterances : ndarray of int, shape (n,)
        Copies of one utterance share a number; the first of them is the original.
    weights : ndarray, shape (n,)
        Of the rows in the loss.
    """

    logmels: Sequence[LogMel]
    emotions: NDArray[Any]
    utterances: NDArray[np.intp]
    weights: NDArray[np.float64]


class EncoderNetwork(nn.Module):  # type: ignore[misc, unused-ignore]
    """Whisper's encoder, the statistics of its hidden states, and a linear head.

    Parameters
    ----------
    weights : EncoderWeights
    layers : sequence of int
        Layers whose hidden states are pooled, from 1.
    start : BalancedLogistic
        Fitted on the pooled hidden states: the head gives its probabilities.
    """

    def __init__(
        self, weights: EncoderWeights, layers: Sequence[int], start: BalancedLogistic
    ) -> None:
        super().__init__()
        arrays, width = weights.arrays, weights.width
        self.layers = frozenset(layers)
        self.conv1 = nn.Conv1d(weights.mel_bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        positions = torch.empty(arrays["positional_embedding"].shape)
        self.positional_embedding = nn.Parameter(positions)
        self.blocks = nn.ModuleList(_Block(width, weights.heads) for _ in range(max(layers)))
        self.head = _Head(start)
        state = {name for name, _ in self.named_parameters() if not name.startswith("head.")}
        own = {name: torch.from_numpy(np.array(arrays[name])) for name in state}
        self.load_state_dict(own, strict=False)

    def forward(self, logmels: Tensor, counts: Tensor) -> Tensor:
        """Logits (n, emotions) of log-mels (n, frames, bands), of which `counts` frames are real.

        Behind them are zeros, and the number is even: padding then changes nothing.
        """
        rows = nn.functional.gelu(self.conv1(logmels.transpose(1, 2)))
        rows = nn.functional.gelu(self.conv2(rows)).transpose(1, 2)
        rows = rows + self.positional_embedding[: rows.shape[1]]
        counts = counts // 2
        is_real = torch.arange(rows.shape[1], device=rows.device) < counts[:, None]
        pooled = []
        for layer, block in enumerate(self.blocks, start=1):
            rows = block(rows, is_real[:, None, None])
            if layer in self.layers:
                pooled += _pool(rows, is_real[:, :, None] / counts[:, None, None])
        logits: Tensor = self.head(torch.cat(pooled, dim=1))
        return logits

    def freeze(self, trained_layers: int) -> None:
        """Fix all weights but those of the head and of some of the last layers."""
        trained = {id(p) for p in self.head.parameters()}
        first = max(0, len(self.blocks) - trained_layers)
        trained |= {id(p) for block in self.blocks[first:] for p in block.parameters()}
        for parameter in self.parameters():
            parameter.requires_grad_(id(parameter) in trained)

    def export_arrays(self) -> dict[str, Array]:
        """Weights of the encoder, by OpenAI's names."""
        return {
            name: value.detach().cpu().numpy().copy()
            for name, value in self.state_dict().items()
            if not name.startswith("head.")
        }


class _Block(nn.Module):  # type: ignore[misc, unused-ignore]
    """Attention and feed-forward network, each with a normalization before it."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attn_ln = nn.LayerNorm(width)
        self.attn = nn.ModuleDict(
            {
                part: nn.Linear(width, width, bias=part != "key")
                for part in ("query", "key", "value", "out")
            }
        )
        self.mlp_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, rows: Tensor, is_real: Tensor) -> Tensor:
        normal = self.attn_ln(rows)
        query, key, value = (
            self.attn[part](normal).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        attended = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=is_real)
        rows = rows + self.attn["out"](attended.transpose(1, 2).flatten(2))
        output: Tensor = rows + self.mlp(self.mlp_ln(rows))
        return output


def _pool(rows: Tensor, shares: Tensor) -> list[Tensor]:
    """Mean and standard deviation over time; `shares` of the frames add up to 1."""
    mean = (rows * shares).sum(dim=1)
    variance = ((rows - mean[:, None]).square() * shares).sum(dim=1)
    return [mean, variance.clamp(min=VARIANCE_FLOOR).sqrt()]


class _Head(nn.Module):  # type: ignore[misc, unused-ignore]
    """Clipped scaler and linear layer, equal to a fitted regression with its temperature."""

    mean: Tensor
    scale: Tensor

    def __init__(self, start: BalancedLogistic) -> None:
        super().__init__()
        scaler, classifier = start.pipeline_[0], start.pipeline_[-1]
        self.limit = scaler.limit
        self.register_buffer("mean", torch.from_numpy(scaler.mean_))
        self.register_buffer("scale", torch.from_numpy(scaler.scale_))
        weight, bias = classifier.coef_, classifier.intercept_
        if len(weight) == 1:  # two emotions: the logit of the second over the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        self.output = nn.Linear(weight.shape[1], len(weight))
        with torch.no_grad():
            self.output.weight.copy_(torch.from_numpy(weight / start.temperature_))
            self.output.bias.copy_(torch.from_numpy(bias / start.temperature_))

    def forward(self, pooled: Tensor) -> Tensor:
        scaled = ((pooled - self.mean) / self.scale).clamp(-self.limit, self.limit)
        logits: Tensor = self.output(scaled)
        return logits


def pad_logmels(logmels: Sequence[LogMel]) -> tuple[Tensor, Tensor]:
    """Batch (n, frames, bands) with zeros behind the shorter ones, and the frames of each.

    Parameters
    ----------
    logmels : sequence of ndarray, shape (frames, bands)
        Each of an even number of frames.
    """
    counts = [len(logmel) for logmel in logmels]
    batch = np.zeros((len(counts), max(counts), logmels[0].shape[1]), dtype=np.float32)
    for row, (logmel, count) in enumerate(zip(logmels, counts, strict=True)):
        batch[row, :count] = logmel
    return torch.from_numpy(batch), torch.tensor(counts)


def finetune(
    weights: EncoderWeights,
    start: BalancedLogistic,
    data: FinetuningData,
    *,
    layers: Sequence[int],
    seed: int,
    plan: FinetuningPlan | None = None,
) -> EncoderWeights:
    """Train the last layers of an encoder; the same seed gives the same weights on a machine.

    Parameters
    ----------
    weights : EncoderWeights
        Where training begins.
    start : BalancedLogistic
        Fitted on the features of the encoder as it is.
    data : FinetuningData
        Of training speakers only.
    layers : sequence of int
        Layers whose hidden states are pooled, from 1.
    seed : int
    plan : FinetuningPlan, optional

    Returns
    -------
    EncoderWeights
        Without the layers above the last one that is used.
    """
    plan = plan or FinetuningPlan()
    rng = np.random.default_rng(seed)
    device = plan.device or ("cuda" if torch.cuda.is_available() else "cpu")
    with torch.random.fork_rng(devices=[]):
        network = EncoderNetwork(weights, layers, start).to(device)
    network.freeze(plan.trained_layers)
    average = copy.deepcopy(network)
    _train(network, average, data, rng, plan)
    arrays = MappingProxyType(average.export_arrays())
    return replace(weights, arrays=arrays, layers=max(layers))


def _train(
    network: EncoderNetwork,
    average: EncoderNetwork,
    data: FinetuningData,
    rng: Generator,
    plan: FinetuningPlan,
) -> None:
    """Run the optimizer over `network`; `average` follows as its moving mean."""
    steps_per_pass = max(1, len(np.unique(data.utterances)) // plan.batch)
    steps = plan.passes * steps_per_pass
    optimizer = torch.optim.AdamW(_group_parameters(network, plan), weight_decay=plan.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _scale_rate(step / steps, plan.warm_up, 1 / steps)
    )
    device = network.conv1.weight.device
    losses = []
    for step, batch in zip(range(steps), _make_batches(data, rng, plan), strict=False):
        logmels, counts, emotions, shares = (tensor.to(device) for tensor in batch)
        each = nn.functional.cross_entropy(
            network(logmels, counts), emotions, reduction="none", label_smoothing=plan.smoothing
        )
        loss = (each * shares).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call, unused-ignore]
        optimizer.step()
        schedule.step()
        # A young average follows fast, or it would remember the start.
        follow_weights(average, network, min(plan.averaging, step / (step + 10)))
        losses.append(loss.detach())
        if (step + 1) % steps_per_pass == 0:
            number, mean = (step + 1) // steps_per_pass, float(torch.stack(losses).mean())
            _log.info("fine-tuning: pass %d of %d, loss %.3f", number, plan.passes, mean)
            losses.clear()


def _scale_rate(progress: float, warm_up: float, least: float) -> float:
    """Share of the highest rate: rising during the warm-up, then falling as a cosine."""
    if progress < warm_up:
        return max(progress, least) / warm_up
    return float(0.5 + 0.5 * np.cos(np.pi * (progress - warm_up) / (1 - warm_up)))


def _group_parameters(network: EncoderNetwork, plan: FinetuningPlan) -> list[dict[str, Any]]:
    """Trained weights of the head and of each layer, with their rates."""
    groups = [{"params": list(network.head.parameters()), "lr": plan.head_rate}]
    first = max(0, len(network.blocks) - plan.trained_layers)
    for depth, block in enumerate(reversed(network.blocks[first:])):
        rate = plan.rate * plan.layer_factor**depth
        groups.append({"params": list(block.parameters()), "lr": rate})
    return groups


def _make_batches(
    data: FinetuningData, rng: Generator, plan: FinetuningPlan
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Endless batches: masked log-mels, frames, emotions and weights."""
    frames = np.array([len(logmel) for logmel in data.logmels])
    for chosen in draw_batches(
        data.utterances, frames, rng, size=plan.batch, original_share=plan.original_share
    ):
        cut = [_cut_frames(data.logmels[i], plan.longest_frames, rng) for i in chosen]
        logmels, counts = pad_logmels(cut)
        means = logmels.sum(dim=1, keepdim=True) / counts[:, None, None]
        masked = mask_logmels(
            logmels,
            means,
            rng,
            masks=plan.masks,
            masked_bands=min(plan.masked_bands, logmels.shape[2] // 4),
            masked_frames=plan.masked_frames,
        )
        is_real = torch.arange(logmels.shape[1]) < counts[:, None]
        yield (
            masked * is_real[:, :, None],
            counts,
            to_targets(data.emotions[chosen]),
            torch.from_numpy(data.weights[chosen].astype(np.float32)),
        )


def _cut_frames(logmel: LogMel, longest: int, rng: Generator) -> LogMel:
    """Cut a long log-mel at a random frame."""
    start = int(rng.integers(max(1, len(logmel) - longest + 1)))
    return logmel[start : start + longest // 2 * 2]
