"""README.md of a repository on the hub: YAML for its search, then the model's card for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voxaffect.models.card import ModelCard, describe_protocol
from voxaffect.models.hub.address import HubAddress
from voxaffect.models.licensing import describe_use
from voxaffect.models.model import Model

_TAGS = ("voxaffect", "onnx", "speech-emotion-recognition", "emotion", "audio")
_MARKS = re.compile(r"([\\`*_{}\[\]<>|#&~$])")
_WORDS = re.compile(r"[^a-z0-9]+")
_METRICS = {"uar": "UAR", "accuracy": "Accuracy", "macro_f1": "Macro F1", "ccc": "CCC"}
_CAUTION = (
    "A voice does not show what a person feels. The model recognizes how emotions sound in the "
    "corpora above, which are often acted. Other languages, rooms and microphones lower its "
    "accuracy: evaluate it on recordings like yours. EU law (Regulation (EU) 2024/1689) bans "
    "emotion recognition at work and in education, with exceptions for medical or safety reasons."
)


def write_repository_card(model: Model, address: HubAddress, license_: str) -> str:
    """Text of README.md."""
    head = _make_head(model.card, address, license_)
    yaml = "\n".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()
    )
    return f"---\n{yaml}\n---\n\n" + "\n".join(_write_body(model, address, license_)) + "\n"


def _make_head(card: ModelCard, address: HubAddress, license_: str) -> dict[str, Any]:
    """Metadata; each value is written as JSON, which YAML contains."""
    results = [_make_result(card, protocol, metrics) for protocol, metrics in _list_scores(card)]
    name = address.repository.partition("/")[2]
    return {
        "license": license_,
        "library_name": "voxaffect",
        "pipeline_tag": "audio-classification",
        "tags": list(_TAGS),
        **({"model-index": [{"name": name, "results": results}]} if results else {}),
    }


def _list_scores(card: ModelCard) -> Iterator[tuple[str, dict[str, float]]]:
    """Protocol and mean of each metric; dimensions as a protocol of their own."""
    for protocol, metrics in card.scores.items():
        if metrics:
            yield (
                describe_protocol(protocol),
                {name: value["mean"] for name, value in metrics.items()},
            )
    for name, entry in card.dimensions.items():
        if entry.get("ccc") is not None:
            yield f"{name}, new speakers", {"ccc": entry["ccc"]}


def _make_result(card: ModelCard, protocol: str, metrics: dict[str, float]) -> dict[str, Any]:
    corpora = ", ".join(card.corpora)
    slug = "-".join(_WORDS.sub("-", name.lower()).strip("-") for name in card.corpora)
    return {
        "task": {"type": "audio-classification", "name": "Speech emotion recognition"},
        "dataset": {"type": slug or "unknown", "name": f"{corpora} ({protocol})"},
        "metrics": [
            {"type": name, "name": _METRICS.get(name, name), "value": round(value, 4)}
            for name, value in metrics.items()
        ],
    }


def _write_body(model: Model, address: HubAddress, license_: str) -> Iterator[str]:
    card = model.card
    answers = ", ".join(map(_escape, (*card.emotions, *card.dimensions)))
    yield f"# {_escape(address.repository.partition('/')[2])}"
    yield ""
    yield f"Speech emotion recognition with the Python package voxaffect: {answers}."
    yield from _write_use(address, card)
    yield from ("", "## Figures", "")
    yield from _write_scores(card)
    yield from ("", "## Training data", "")
    rows = [
        (name, f"{one['utterances']:,}", f"{one['speakers']:,}", one["license"])
        for name, one in card.corpora.items()
    ]
    yield from _write_table(("corpus", "utterances", "speakers", "license"), rows)
    if card.encoder:
        texts = (card.encoder.get(key, "") for key in ("name", "license", "citation"))
        yield from ("", f"Encoder: {_escape(', '.join(filter(None, texts)))}")
    yield from ("", "## License and limits", "")
    yield f"License of the model: {license_}. Use: {_escape(describe_use(card))}."
    yield from ("", _CAUTION, "", "## File", "")
    yield f"`{address.file}`, {len(model.content):,} bytes, model format {card.format}."
    yield f"Recipe: {_escape(card.recipe)}, {_escape(card.created)}."
    yield from ("", f"SHA-256: `{model.sha256}`")


def _write_use(address: HubAddress, card: ModelCard) -> Sequence[str]:
    package = card.spec.package  # of a plug-in, without which the model is not loaded
    version = card.libraries.get(package or "", "")
    installs = [f"$ pip install {package}=={version}"] if version else []
    return (
        "",
        "## Use",
        "",
        "```console",
        '$ pip install "voxaffect[hub]"',
        *installs,
        f"$ voxaffect predict call.wav --model {address}",
        "```",
        "",
        "```python",
        "import voxaffect as va",
        "",
        f'print(va.predict("call.wav", model="{address}"))',
        "```",
    )


def _write_scores(card: ModelCard) -> Iterator[str]:
    rows = [
        (
            describe_protocol(protocol),
            _METRICS.get(name, name),
            f"{value['mean']:.3f}",
            _format_spread(value),
        )
        for protocol, metrics in card.scores.items()
        for name, value in metrics.items()
    ]
    rows += [
        (f"{name}, new speakers", "CCC", f"{entry['ccc']:.3f}", "")
        for name, entry in card.dimensions.items()
        if entry.get("ccc") is not None
    ]
    if not rows:
        yield "None were measured."
        return
    yield from _write_table(("protocol", "metric", "mean", "standard deviation"), rows)


def _format_spread(value: Mapping[str, float]) -> str:
    """Standard deviation; a single split, of which the card holds an sd of 0, has none."""
    return f"{value['sd']:.3f}" if value["sd"] else ""


def _write_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *([_escape(cell) for cell in row] for row in rows)):
        yield f"| {' | '.join(row)} |"


def _escape(text: str) -> str:
    """Text that Markdown and HTML show as it is."""
    return _MARKS.sub(r"\\\1", text)
