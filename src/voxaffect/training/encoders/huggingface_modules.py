"""Networks of PyTorch around Hugging Face's encoders: front end, layers, pooling, and the trace."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError, extra

with extra("encoders-hf"):
    import onnx
    import torch
    from torch import Tensor, nn
    from torch.nn.utils import parametrize

__all__ = ["compute_vector", "make_module", "prepare", "trace"]

_VARIANCE_FLOOR = 1e-6
_NORM_EPSILON = 1e-7
"""Of Wav2Vec2FeatureExtractor."""
_MOST_SAMPLES = 30 * 16_000


def make_module(network: Any, front_end: Any, layers: Sequence[int]) -> PooledEncoder:
    """Network from waveform to vector, cut after the last layer that is used."""
    if network.config.model_type == "whisper":
        return _WhisperEncoder(network.get_encoder(), front_end, layers)
    return _WaveformEncoder(network, front_end, layers)


def prepare(module: PooledEncoder, name: str) -> int:
    """Fold what only training needs, and return the size in bytes.

    Raises
    ------
    ModelError
        If a weight is NaN or infinite.
    """
    module.eval()
    for part in module.modules():
        if parametrize.is_parametrized(part, "weight"):
            parametrize.remove_parametrizations(part, "weight")
    for key, value in module.named_parameters():
        value.requires_grad_(False)
        if not torch.isfinite(value).all():
            raise ModelError(f"{name}: {key!r} holds NaN or infinity. Get the model anew.")
    return sum(value.numel() * value.element_size() for value in module.parameters())


class PooledEncoder(nn.Module):  # type: ignore[misc, unused-ignore]
    """Encoder whose layers' outputs are pooled over time.

    Parameters
    ----------
    layers : sequence of int
        Of the vector, from 1, in order.
    blocks : nn.ModuleList
        Layers of the encoder, in order.
    """

    def __init__(self, layers: Sequence[int], blocks: nn.ModuleList) -> None:
        super().__init__()
        self.layers = tuple(layers)
        self._states: dict[int, Tensor] = {}
        for layer in self.layers:
            blocks[layer - 1].register_forward_hook(self._make_hook(layer))

    def _make_hook(self, layer: int) -> Any:
        def keep(_: nn.Module, __: Any, output: Any) -> None:
            self._states[layer] = output if isinstance(output, Tensor) else output[0]

        return keep

    def forward(self, waveform: Tensor) -> Tensor:
        self.encode(waveform)
        parts = []
        for layer in self.layers:
            states = self._states[layer]
            mean = states.mean(dim=1, keepdim=True)
            variance = (states - mean).square().mean(dim=1)
            parts += [mean.squeeze(1), variance.clamp(min=_VARIANCE_FLOOR).sqrt()]
        self._states.clear()
        return torch.cat(parts, dim=1)

    def encode(self, waveform: Tensor) -> None:
        """Run the layers on sound, shape (1, samples)."""
        raise NotImplementedError


class _WaveformEncoder(PooledEncoder):
    """Encoder of wav2vec 2.0, HuBERT or WavLM, which takes sound as it is, or normalized."""

    def __init__(self, network: Any, front_end: Any, layers: Sequence[int]) -> None:
        network.encoder.layers = network.encoder.layers[: max(layers)]
        super().__init__(layers, network.encoder.layers)
        self.network = network
        self.is_normalized = bool(front_end.do_normalize)
        if network.config.model_type == "wavlm":
            self._add_position_bias(network)

    def _add_position_bias(self, network: Any) -> None:
        """Give WavLM its position bias from a table, for at most 30 s.

        The model's own computation would need operators that make a tensor of any size, and no
        model file may hold these.
        """
        attention = network.encoder.layers[0].attention
        count = 1 + _MOST_SAMPLES // int(np.prod(network.config.conv_stride))
        distances = torch.arange(1 - count, count)
        with torch.no_grad():
            buckets = attention._relative_positions_bucket(distances)
            table = attention.rel_attn_embed(buckets)
        self.bias_table, self.indices = nn.Buffer(table), nn.Buffer(torch.arange(count))

        def add_bias(_: nn.Module, arguments: Any, options: Any) -> Any:
            states = arguments[0] if arguments else options["hidden_states"]
            indices = self.indices[: states.shape[1]]
            rows = indices[None, :] - indices[:, None] + (count - 1)
            return arguments, options | {"position_bias": self.bias_table[rows].permute(2, 0, 1)}

        attention.register_forward_pre_hook(add_bias, with_kwargs=True)

    def encode(self, waveform: Tensor) -> None:
        if self.is_normalized:
            centered = waveform - waveform.mean(dim=1, keepdim=True)
            variance = centered.square().mean(dim=1, keepdim=True)
            waveform = centered / (variance + _NORM_EPSILON).sqrt()
        self.network(waveform)


class _WhisperEncoder(PooledEncoder):
    """Encoder of Whisper with its log-mel spectrogram, on sound that is not padded to 30 s."""

    def __init__(self, encoder: Any, front_end: Any, layers: Sequence[int]) -> None:
        blocks = encoder.layers[: max(layers)]
        super().__init__(layers, blocks)
        self.blocks, self.conv1, self.conv2 = blocks, encoder.conv1, encoder.conv2
        self.positions = nn.Parameter(encoder.embed_positions.weight.detach().clone())
        self.hop, self.width = int(front_end.hop_length), int(front_end.n_fft)
        self.most_samples = 2 * self.hop * len(self.positions)
        # The discrete Fourier transform as a convolution, since ONNX's STFT is rarely optimized.
        angles = 2 * np.pi * np.outer(np.arange(self.width // 2 + 1), np.arange(self.width))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.width) / self.width)
        waves = np.concatenate([np.cos(angles / self.width), -np.sin(angles / self.width)])
        self.waves = nn.Buffer(_to_tensor(waves * window)[:, None])
        self.filters = nn.Buffer(_to_tensor(front_end.mel_filters).T.contiguous())

    def encode(self, waveform: Tensor) -> None:
        states = nn.functional.gelu(self.conv1(self._compute_logmel(waveform)))
        states = nn.functional.gelu(self.conv2(states)).permute(0, 2, 1)
        states = states + self.positions[: states.shape[1]]
        for block in self.blocks:
            output = block(states, None)
            states = output if isinstance(output, Tensor) else output[0]

    def _compute_logmel(self, waveform: Tensor) -> Tensor:
        waveform = waveform[:, : self.most_samples]
        half = self.width // 2
        start = waveform[:, 1 : half + 1].flip(1)
        end = waveform[:, -half - 1 : -1].flip(1)
        padded = torch.cat([start, waveform, end], dim=1)[:, None]
        spectrum = nn.functional.conv1d(padded, self.waves, stride=self.hop)[..., :-1]
        real, imaginary = spectrum.chunk(2, dim=1)
        power = self.filters @ (real.square() + imaginary.square())
        level = power.clamp(min=1e-10).log() / np.log(10.0)
        highest = level.amax(dim=(1, 2), keepdim=True)
        return (torch.maximum(level, highest - 8.0) + 4.0) / 4.0


def _to_tensor(values: Any) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def compute_vector(module: PooledEncoder, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vector of a waveform, by PyTorch."""
    with torch.inference_mode():
        vector: NDArray[np.float32] = module(torch.from_numpy(waveform)).numpy()
    return vector


def trace(
    module: PooledEncoder, *, samples: int, names: tuple[str, str], size: int, opset: int
) -> bytes:
    """ONNX file of a network.

    Parameters
    ----------
    module : PooledEncoder
    samples : int
        Length of the sound that is traced; the graph takes any.
    names : tuple of str
        Of input and output.
    size : int
        Of the vector.
    opset : int
    """
    buffer = BytesIO()
    example = 0.1 * torch.randn(1, samples, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the trace is compared with the network afterwards
        torch.onnx.export(
            module,
            (example,),
            buffer,  # type: ignore[arg-type, unused-ignore]
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_axes={names[0]: {1: "samples"}},
            opset_version=opset,
            dynamo=False,  # the newer exporter has no opset 17
        )
    model = onnx.load_from_string(buffer.getvalue())
    _keep_constants(model.graph)
    (output,) = model.graph.output
    shape = output.type.tensor_type.shape
    del shape.dim[:]
    for length in (1, size):
        shape.dim.add().dim_value = length
    content: bytes = model.SerializeToString()
    return content


def _keep_constants(graph: Any) -> None:
    """Turn nodes that only hold a constant into constants of the graph."""
    nodes = []
    for node in graph.node:
        if node.op_type == "Constant" and [one.name for one in node.attribute] == ["value"]:
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            node.doc_string = ""
            nodes.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)
