"""Encoders of Hugging Face as ONNX graphs: equal to transformers' own hidden states."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from support.lazy import Lazy, skip_without
from support.synthesis import speech_like

import voxaffect as va
from voxaffect.errors import ModelError, TrainingError
from voxaffect.models.operators import check_operators
from voxaffect.models.protobuf import read_outline
from voxaffect.runtime.onnx import open_session
from voxaffect.training.encoders.huggingface import export_huggingface
from voxaffect.training.encoders.opening import open_encoder

pytestmark = skip_without("torch", "transformers", "onnx")
torch, transformers, onnx = Lazy("torch"), Lazy("transformers"), Lazy("onnx")
WIDTH, LAYERS = 16, 3
OPTIONS = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 3, 3),
    "conv_stride": (5, 4, 2),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.set_verbosity(verbosity)


def _save(folder: Path, network: Any, *, is_normalized: bool = True) -> Path:
    front_end = transformers.Wav2Vec2FeatureExtractor(do_normalize=is_normalized)
    network.eval().save_pretrained(folder)
    front_end.save_pretrained(folder)
    return folder


def _make(kind: str, **options: Any) -> Any:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**(OPTIONS | options))
    return getattr(transformers, f"{kind}Model")(config).eval()


def _make_whisper(positions: int = 50) -> Any:
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        num_mel_bins=8,
        d_model=WIDTH,
        encoder_layers=LAYERS,
        encoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        max_source_positions=positions,
        vocab_size=32,
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 0),
        decoder_start_token_id=1,
    )
    return transformers.WhisperModel(config).eval()


def _run(content: bytes, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    vector: NDArray[np.float32] = open_session(content).run(None, {"waveform": waveform[None]})[0]
    return vector[0]


def _pool(states: list[Any]) -> NDArray[np.float64]:
    arrays = [state[0].detach().numpy().astype(np.float64) for state in states]
    return np.concatenate([np.concatenate([a.mean(axis=0), a.std(axis=0)]) for a in arrays])


def _make_noise(samples: int) -> NDArray[np.float32]:
    return (0.1 * np.random.default_rng(samples).standard_normal(samples)).astype(np.float32)


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
@pytest.mark.parametrize("options", [{}, LARGE], ids=["base", "large"])
def test_vectors_are_those_of_the_hidden_states(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    network = _make(kind, **options)
    content = export_huggingface(_save(tmp_path, network), [3, 1])
    for samples in (4_000, 16_001):
        waveform = _make_noise(samples)
        normal = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        with torch.no_grad():
            states = network(torch.from_numpy(normal[None]), output_hidden_states=True)
        expected = _pool([states.hidden_states[layer] for layer in (3, 1)])
        np.testing.assert_allclose(_run(content, waveform), expected, atol=2e-5)


def test_sound_is_not_normalized_where_the_model_takes_it_as_it_is(tmp_path: Path) -> None:
    network = _make("WavLM")
    content = export_huggingface(_save(tmp_path, network, is_normalized=False), [2])
    waveform = _make_noise(9_000)
    with torch.no_grad():
        states = network(torch.from_numpy(waveform[None]), output_hidden_states=True).hidden_states
    np.testing.assert_allclose(_run(content, waveform), _pool([states[2]]), atol=2e-5)


def _save_whisper(folder: Path, network: Any) -> Any:
    front_end = transformers.WhisperFeatureExtractor(feature_size=8, chunk_length=1)
    network.save_pretrained(folder)
    front_end.save_pretrained(folder)
    return front_end


def test_whisper_hears_as_transformers_does(tmp_path: Path) -> None:
    network = _make_whisper()
    front_end = _save_whisper(tmp_path, network)
    content = export_huggingface(tmp_path, [1, 2])
    waveform = _make_noise(16_000)
    features = front_end(waveform, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        states = network.encoder(features, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(_run(content, waveform), _pool(states[1:3]), atol=1e-3)
    longer = np.concatenate([waveform, _make_noise(5_000)])
    np.testing.assert_array_equal(_run(content, longer), _run(content, waveform))


def test_whisper_takes_the_first_positions_for_shorter_sound(tmp_path: Path) -> None:
    network, shorter = _make_whisper(), _make_whisper(30)
    front_end = _save_whisper(tmp_path, network)
    content = export_huggingface(tmp_path, [2])
    state = network.encoder.state_dict()
    state["embed_positions.weight"] = state["embed_positions.weight"][:30]
    shorter.encoder.load_state_dict(state)
    waveform = _make_noise(9_600)
    features = front_end(
        waveform, sampling_rate=16_000, return_tensors="pt", padding=False
    ).input_features
    with torch.no_grad():
        states = shorter.encoder(features, output_hidden_states=True).hidden_states
    np.testing.assert_allclose(_run(content, waveform), _pool([states[2]]), atol=1e-3)


def test_a_graph_ends_after_the_last_layer_that_is_used(tmp_path: Path) -> None:
    folder = _save(tmp_path, _make("Wav2Vec2", **LARGE))
    one, three = (export_huggingface(folder, [layer]) for layer in (1, 3))
    names = [tensor.name for tensor in onnx.load_from_string(one).graph.initializer]
    assert not [name for name in names if "encoder.layers.1." in name]
    assert len(three) - len(one) > 2 * 4 * (4 * WIDTH**2 + 2 * 32 * WIDTH)


@pytest.mark.parametrize("kind", ["Wav2Vec2", "WavLM", "Whisper"])
def test_a_graph_is_one_that_model_files_may_hold(tmp_path: Path, kind: str) -> None:
    if kind == "Whisper":
        _save_whisper(tmp_path, _make_whisper())
    else:
        _save(tmp_path, _make(kind))
    content = export_huggingface(tmp_path, [1])
    outline = read_outline(content, "graph")
    check_operators(outline.operators, outline.opsets, "graph")
    assert ("", 17) in outline.opsets
    session = open_session(content)
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("waveform", [1, "samples"])]
    assert [(one.name, one.shape) for one in session.get_outputs()] == [("vector", [1, 2 * WIDTH])]
    assert str(tmp_path).encode() not in content


def test_the_settings_of_transformers_stay(tmp_path: Path) -> None:
    logging = transformers.utils.logging
    logging.set_verbosity(logging.INFO)
    export_huggingface(_save(tmp_path, _make("Hubert")), [1])
    assert logging.get_verbosity() == logging.INFO


@pytest.mark.parametrize("layers", [[], [0], [4], [1.0], [True], "1"])
def test_layers_that_the_model_has_not_are_refused(tmp_path: Path, layers: Any) -> None:
    folder = _save(tmp_path, _make("Wav2Vec2"))
    with pytest.raises((ModelError, TypeError), match=r"layers"):
        export_huggingface(folder, layers)


def test_nothing_is_fetched_unless_it_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="download=True"):
        export_huggingface("microsoft/wavlm-base", [1])
    with pytest.raises(ModelError, match="download=True"):
        export_huggingface(tmp_path / "missing", [1])


def test_other_and_incomplete_models_are_refused(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _make("Wav2Vec2"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ModelError, match="kind 'bert', expected wav2vec2, hubert"):
        export_huggingface(folder, [1])
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))
    with pytest.raises(ModelError, match="its weights lack"):
        export_huggingface(folder, [1])
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="transformers cannot load it"):
        export_huggingface(folder, [1])
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="transformers cannot load it"):
        export_huggingface(folder, [1])


def test_the_front_end_is_needed_and_has_the_rate(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _make("Wav2Vec2"))
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8_000).save_pretrained(folder)
    with pytest.raises(ModelError, match="8000 Hz, expected 16000"):
        export_huggingface(folder, [1])
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        export_huggingface(folder, [1])


def test_code_of_a_model_is_not_run(tmp_path: Path) -> None:
    folder = _save(tmp_path / "model", _make("Wav2Vec2"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "attack.Attack"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "attack.py").write_text(f"open({str(tmp_path / 'called')!r}, 'w')\n")
    with pytest.raises(ModelError, match="cannot load it"):
        export_huggingface(folder, [1])
    assert not (tmp_path / "called").exists()


def test_nan_is_refused(tmp_path: Path) -> None:
    network = _make("Wav2Vec2")
    with torch.no_grad():
        network.encoder.layers[0].final_layer_norm.bias[3] = float("nan")
    with pytest.raises(ModelError, match="NaN"):
        export_huggingface(_save(tmp_path, network), [1])


def test_a_graph_that_differs_or_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _save(tmp_path, _make("Wav2Vec2"))
    monkeypatch.setattr("voxaffect.training.encoders.huggingface._TOLERANCE", -1.0)
    with pytest.raises(TrainingError, match="differs from the model"):
        export_huggingface(folder, [1])
    monkeypatch.setattr("voxaffect.training.encoders.huggingface._MAX_BYTES", 10)
    with pytest.raises(TrainingError, match="at most 10 fit"):
        export_huggingface(folder, [1])


# As features


def test_the_layers_in_the_middle_are_chosen_by_default(tmp_path: Path) -> None:
    folder = _save(tmp_path / "wavlm", _make("WavLM"))
    spec = open_encoder(folder)
    assert spec.groups == ("layer_1", "layer_2")
    assert spec == open_encoder(_save(tmp_path / "copy", _make("WavLM")))
    with pytest.raises(ModelError, match="expected layers from 1 to 3, found 4"):
        open_encoder(folder, layers=(4,))


def test_a_model_file_holds_the_encoder_and_does_not_need_the_folder(
    tmp_path: Path,
) -> None:
    folder = _save(tmp_path / "wavlm", _make("WavLM"))
    for number in range(16):
        emotion, speaker = ("angry", "sad")[number % 2], "abcd"[number // 4]
        path = tmp_path / "data" / emotion / f"{speaker}_{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, speech_like(0.8, seed=number), 16_000)
    result = va.train(
        {"folder": tmp_path / "data"},
        "encoder",
        encoder=folder,
        augment=False,
        output=tmp_path / "model.onnx",
        test_size=0,
    )
    model = va.load(tmp_path / "model.onnx")
    assert (model.card.encoder["name"], model.card.encoder["license"]) == ("wavlm", "unknown")
    np.testing.assert_array_equal(
        model.probabilities(result.data.matrix), result.model.probabilities(result.data.matrix)
    )
    shutil.rmtree(folder)
    example = Path(va.__file__).parent / "data" / "example.wav"
    assert va.predict(example, model=model).emotion in ("angry", "sad")
