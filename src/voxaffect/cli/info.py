"""``info``: the card of a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.inputs import open_model
from voxaffect.console import print_data, print_line
from voxaffect.models import Model, ModelCard
from voxaffect.outputs.formats.base import describe_model
from voxaffect.records.codec import round_numbers, to_json, to_plain
from voxaffect.records.results import Document


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[MODEL]")
@click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Same as the argument MODEL.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text: a summary. json: the whole card.",
)
@click.option(
    "--full",
    is_flag=True,
    help="JSON only: add name, mean and spread of every feature, and the vector of the self-test.",
)
def info(path: Path | None, model_path: Path | None, format_: str, full: bool) -> None:
    """Show the card of a model file; the bundled model by default."""
    if path and model_path:
        raise click.UsageError("Name the model once: as the argument, or with --model.")
    if full and format_ != "json":
        raise click.UsageError("--full goes with --format json.")
    model = open_model(path or model_path)
    if format_ == "json":
        card = asdict(model.card) if full else _shorten_card(model.card)
        document = to_plain({"model": describe_model(model)}, Document)
        document |= {"is_checked": model.is_checked, "card": round_numbers(card, None)}
        print_data(to_json(document))
        return
    for line in _format_card(model):
        print_line(line)


def _shorten_card(card: ModelCard) -> dict[str, Any]:
    """Card with the features counted, not listed."""
    counted = {"features": len(card.feature_names)}
    lists = {"feature_names", "golden", "mean", "sd"}
    return {key: value for key, value in asdict(card).items() if key not in lists} | counted


def _format_score(score: Mapping[str, float]) -> str:
    """Mean and standard deviation; a single split, of which the card holds an sd of 0, has none."""
    spread = f" ± {score['sd']:.3f}" if score["sd"] else ""
    return f"{score['mean']:.3f}{spread}"


_COPIES = {
    "speeds": "at other speeds: {}",
    "mixed_copies": "mixed: {}",
    "room_probability": "share of the mixed copies in rooms: {}",
    "noise_probability": "share of the mixed copies with noise: {}",
    "babble_probability": "share of the noisy copies with background speech: {}",
}
"""Lines on the parts of a card's augmentation that are shown."""


def _format_amount(value: float | list[float]) -> str:
    amounts = value[:9] if isinstance(value, list) else [value]
    return ", ".join(f"{amount:g}" for amount in amounts)


_CHECKED = "yes: unchanged since it was written (its author is not checked)"
_UNCHECKED = "no: this format has no checksum, so damage may go unnoticed"


def _format_card(model: Model) -> list[str]:
    card = model.card
    rate = f"{card.spec.rate_hz} Hz" if card.spec.rate_hz else "the recording's own rate"
    lines = [
        f"model     {model.name}, {len(model.content):,} bytes, format {card.format}",
        f"sha256    {model.sha256}",
        f"checked   {_CHECKED if model.is_checked else _UNCHECKED}",
        f"emotions  {', '.join(card.emotions)}",
        f"features  {card.spec.name} version {card.spec.version}, "
        f"{len(card.feature_names)} numbers at {rate}",
        f"recipe    {card.recipe}, seed {card.seed}, {card.created}",
    ]
    for name, corpus in card.corpora.items():
        lines.append(
            f"corpus    {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers, "
            f"{corpus['license']}"
        )
    lines += [
        f"copies    {line.format(_format_amount(card.augmentation[key]))}"
        for key, line in _COPIES.items()
        if key in card.augmentation
    ]
    for protocol, metrics in card.scores.items():
        values = ", ".join(f"{metric} {_format_score(value)}" for metric, value in metrics.items())
        lines.append(f"scores    {protocol}: {values}")
    if not card.abstention:
        lines.append("uncertain only with --uncertain-below: no threshold was measured")
    else:
        measured = card.abstention
        lines.append(
            f"uncertain below {measured['threshold']:.4g}: on new speakers, "
            f"{measured['coverage']:.0%} of the answers were at or above it, and "
            f"{measured['risk']:.0%} of these were wrong"
        )
    return [*lines, f"libraries {', '.join(f'{k} {v}' for k, v in card.libraries.items())}"]
