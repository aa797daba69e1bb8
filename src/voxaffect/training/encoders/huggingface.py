"""Export of a Hugging Face encoder to one ONNX graph: waveform to pooled hidden states."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voxaffect.errors import ModelError, TrainingError, extra
from voxaffect.features.encoders import RATE_HZ
from voxaffect.features.encoders.encoder import VECTOR_OUTPUT, WAVEFORM_INPUT
from voxaffect.files import escape_control, list_names
from voxaffect.files.folders import expand_home
from voxaffect.models import MAX_MODEL_BYTES
from voxaffect.models.operators import check_operators
from voxaffect.models.protobuf import read_outline
from voxaffect.records.arguments import check_list, check_path
from voxaffect.runtime.onnx import open_session

KINDS = ("wav2vec2", "hubert", "wavlm", "whisper")
"""Kinds of models, as their ``config.json`` states them."""
_OPSET = 17
_SAMPLES = (8_000, 12_345)
"""Lengths of noise on which the graph is compared with the model; the first one is traced."""
_TOLERANCE = 1e-3
_MAX_BYTES = MAX_MODEL_BYTES - (1 << 24)
"""Most that the weights of an encoder may take, so that its model file can be loaded."""
_UNUSED = {"masked_spec_embed"}
"""Weights for pretraining alone."""


def export_huggingface(
    model: str | Path, layers: Sequence[int], *, download: bool = False
) -> bytes:
    """Graph of a wav2vec 2.0, HuBERT, WavLM or Whisper encoder, from waveform to one vector.

    The graph holds the model up to the last layer that is used, with the front end that its
    ``preprocessor_config.json`` describes. Its input ``waveform`` has the shape (1, samples), at
    16 kHz and of at most 30 s. Its output ``vector`` has the shape (1, d): for each layer, the mean
    over time of its hidden states, then their standard deviation. Hidden states are the output of
    a layer, before the normalization that some models have after the last one. No code of the
    model's is run.

    Parameters
    ----------
    model : str or Path
        Folder of a model; or its name on the hub, such as ``microsoft/wavlm-base``, if `download`
        allows to fetch it.
    layers : sequence of int
        From 1 for the first.
    download : bool
        Whether to fetch a model that is no folder. Nothing is fetched otherwise.

    Returns
    -------
    bytes
        ONNX file.

    Raises
    ------
    ModelError
        If there is no such model, it is incomplete, of another kind, or has no such layers.
    TrainingError
        If the graph is too large, or differs from the model.
    MissingExtraError
        If transformers or torch is not installed.

    Examples
    --------
    >>> content = export_huggingface("models/wavlm-base", [4, 5, 6])  # doctest: +SKIP
    """
    name = _choose_name(model, download=download)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with extra("encoders-hf"):
        import transformers

        from voxaffect.training.encoders import huggingface_modules
    with _silence(transformers):
        config, front_end, network = _load(transformers, name, is_local=not download)
    chosen = _check_layers(layers, _count_layers(config), name)
    module = huggingface_modules.make_module(network, front_end, chosen)
    size = huggingface_modules.prepare(module, name)
    if size > _MAX_BYTES:
        raise TrainingError(
            f"{name}: its first {max(chosen)} layers take {size:,} bytes, at most {_MAX_BYTES:,} "
            "fit into a model file. Choose earlier layers or a smaller model."
        )
    content = huggingface_modules.trace(
        module,
        samples=_SAMPLES[0],
        names=(WAVEFORM_INPUT, VECTOR_OUTPUT),
        size=2 * len(chosen) * network.config.hidden_size,
        opset=_OPSET,
    )
    _check_graph(content, module, name)
    return content


def _choose_name(model: str | Path, *, download: bool) -> str:
    """Folder of a model, or its name on the hub where that is allowed."""
    path = expand_home(check_path(model, "model"))
    if path.is_dir():
        return str(path)
    if download and not path.exists():
        return str(model)
    raise ModelError(
        f"{escape_control(str(path))}: no such folder. Name the folder of a Hugging Face model, or "
        "allow the download of one by its name with download=True."
    )


@contextmanager
def _silence(transformers: Any) -> Iterator[None]:
    """Keep transformers from printing bars and advice; its settings are put back."""
    logging = transformers.utils.logging
    verbosity, has_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bar:
            logging.enable_progress_bar()


def _load(transformers: Any, name: str, *, is_local: bool) -> tuple[Any, Any, Any]:
    """Configuration, feature extractor and network, the weights of which are complete."""
    options = {"local_files_only": is_local, "trust_remote_code": False}
    config = _call(transformers.AutoConfig.from_pretrained, name, **options)
    kind = getattr(config, "model_type", None)
    if kind not in KINDS:
        raise ModelError(
            f"{name}: is of the kind {str(kind)[:40]!r}, expected {list_names(KINDS)}."
        )
    front_end = _call(transformers.AutoFeatureExtractor.from_pretrained, name, **options)
    if front_end.sampling_rate != RATE_HZ:
        raise ModelError(
            f"{name}: takes sound at {front_end.sampling_rate} Hz, expected {RATE_HZ}. Choose a "
            "model for this rate."
        )
    network, report = _call(
        transformers.AutoModel.from_pretrained,
        name,
        **options,
        attn_implementation="eager",
        dtype="float32",
        output_loading_info=True,
    )
    gaps = {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])} - _UNUSED
    if gaps := {key for key in gaps if not key.startswith("decoder.")}:
        raise ModelError(
            f"{name}: its weights lack {list_names(sorted(gaps), 3)}, or have them in another "
            "shape. Get the model anew."
        )
    return config, front_end, network.eval()


def _call(load: Any, name: str, **options: Any) -> Any:
    try:
        return load(name, **options)
    except Exception as error:  # transformers' errors have no common base
        reason = escape_control((str(error).strip() or type(error).__name__).splitlines()[0])
        raise ModelError(
            f"{name}: transformers cannot load it ({reason[:200].rstrip('.')}). Expected a folder "
            "with config.json, preprocessor_config.json and model.safetensors."
        ) from error


def _count_layers(config: Any) -> int:
    return int(
        config.encoder_layers if config.model_type == "whisper" else config.num_hidden_layers
    )


def _check_layers(layers: Sequence[int], count: int, name: str) -> tuple[int, ...]:
    values = check_list(layers, "layers", "a list of whole numbers")
    if not values or not all(type(value) is int and 1 <= value <= count for value in values):
        raise ModelError(
            f"{name}: expected layers from 1 to {count}, found "
            f"{', '.join(map(str, values))[:80] or 'none'}."
        )
    return tuple(values)


def _check_graph(content: bytes, module: Any, name: str) -> None:
    """Refuse a graph that no model file may hold, or that differs from the model."""
    import numpy as np

    from voxaffect.training.encoders.huggingface_modules import compute_vector

    try:
        outline = read_outline(content, name)
        check_operators(outline.operators, outline.opsets, name)
    except ModelError as error:
        raise TrainingError(str(error)) from error
    session = open_session(content)
    random = np.random.default_rng(0)
    for samples in _SAMPLES:
        waveform = 0.1 * random.standard_normal((1, samples), dtype=np.float32)
        expected = compute_vector(module, waveform)
        (vector,) = session.run([VECTOR_OUTPUT], {WAVEFORM_INPUT: waveform})
        difference = float(np.abs(vector - expected).max() / max(1.0, np.abs(expected).max()))
        if not difference <= _TOLERANCE:
            raise TrainingError(
                f"{name}: the exported graph differs from the model by {difference:.2g} on "
                f"{samples:,} samples, {_TOLERANCE:g} is allowed. Please report it."
            )
