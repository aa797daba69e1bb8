"""``info``: the card of a model file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from voxaffect.cli.inputs import ModelName, open_model
from voxaffect.console import print_data, print_line, print_text
from voxaffect.models.bundled import BUNDLED, list_bundled
from voxaffect.models.hub.address import is_hub_address, parse_address
from voxaffect.outputs.formats import align_columns
from voxaffect.outputs.formats.base import describe_model
from voxaffect.records.codec import round_numbers, to_json, to_plain
from voxaffect.records.results import Document

if TYPE_CHECKING:
    from voxaffect.models import Model, ModelCard


@click.command()
@click.argument("name", required=False, type=ModelName(), metavar="[NAME | FILE]")
@click.option(
    "--model", type=ModelName(), metavar="NAME | FILE", help="Same as the argument NAME or FILE."
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
def info(name: str | Path | None, model: str | Path | None, format_: str, full: bool) -> None:
    """Show the card of a bundled model, of a model file, or of a model on the hub.

    Without a name, list the bundled models, and show the card of the default.
    """
    if name and model:
        raise click.UsageError("Name the model once: as the argument, or with --model.")
    if full and format_ != "json":
        raise click.UsageError("--full goes with --format json.")
    loaded = open_model(name or model, is_shown=False)
    if format_ == "json":
        card = asdict(loaded.card) if full else _shorten_card(loaded.card)
        document = to_plain({"model": describe_model(loaded)}, Document)
        document |= {"is_checked": loaded.is_checked, "card": round_numbers(card, None)}
        print_data(to_json(document))
        return
    if not (name or model):
        print_text(_list_bundled())
    for line in _format_card(loaded):
        print_line(line)


def _list_bundled() -> str:
    """Table of the bundled models, the default first."""
    from voxaffect.models import load
    from voxaffect.models.licensing import describe_use

    rows = [["bundled model", "features", "size", "time for 3.7 s", "UAR", "use"]]
    for name in list_bundled():
        model = load(name)
        uars = [metrics["uar"] for metrics in model.card.scores.values() if "uar" in metrics]
        uar = f"{uars[0]['mean']:.3f}" if uars else ""
        size = f"{len(model.content) / 1e6:.1f} MB"
        one = BUNDLED[name]
        rows.append([name, one.summary, size, one.cost, uar, describe_use(model.card)])
    return f"{align_columns(rows)}\n{_MEANING_OF_UAR}\n"


_MEANING_OF_UAR = (
    "UAR: of the model's recipe, trained on RAVDESS alone and tested on its new speakers (EmoBox's "
    "folds).\n     voxaffect info MODEL prints scores on other corpora, if the file holds them.\n"
)


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


def _format_encoder(encoder: Mapping[str, str], layers: Sequence[str]) -> list[str]:
    """Layers, license and citation of a pretrained encoder, and the advice of its authors."""
    if not encoder:
        return []
    from voxaffect.training.encoders.catalog import identify_encoder

    license_, citation = (encoder.get(key, "") for key in ("license", "citation"))
    name = f"{encoder.get('name', 'unknown')}, {', '.join(layers)}"
    lines = [f"encoder   {name}: {license_ or 'license unknown'}"]
    lines += [f"{'':10}{text}" for text in (encoder.get("training", ""), citation) if text]
    source = identify_encoder(encoder.get("sha256", ""))
    if source is not None:
        caution = wrap(source.caution, 90, break_on_hyphens=False)
        lines += [f"beware    {caution[0]}", *(f"{'':10}{line}" for line in caution[1:])]
    return lines


def _format_dimensions(card: ModelCard) -> list[str]:
    """Scale, training data and scores of each dimension."""
    lines = []
    for name, one in card.dimensions.items():
        measured = ""
        if one.get("ccc") is not None:
            error = one.get("absolute_error")
            shown = "" if error is None else f", mean absolute error {error:.3f}"
            measured = f"; on new speakers CCC {one['ccc']:.3f}{shown}"
        lines.append(
            f"dimension {name}, {one['low']:g} to {one['high']:g}: {one['utterances']:,} rated "
            f"utterances, {one['speakers']:,} speakers of {', '.join(one['corpora'])}{measured}"
        )
    return lines


def _format_promise(unseen: str, coverage: float, risk: float) -> str:
    return (
        f"          on {unseen}, {coverage:.0%} of the answers were at or above it, "
        f"and {risk:.0%} of these were wrong"
    )


def _format_source(name: str) -> list[str]:
    """Repository and commit of a model of the hub."""
    if not is_hub_address(name):
        return []
    address = parse_address(name)
    return [
        f"source    {address.file} of {address.repository} on the hub, commit {address.revision}"
    ]


def _format_card(model: Model) -> list[str]:
    from voxaffect.models.card import describe_protocol
    from voxaffect.models.licensing import describe_use

    card = model.card
    rate = f"{card.spec.rate_hz} Hz" if card.spec.rate_hz else "the recording's own rate"
    lines = [
        f"model     {model.name}, {len(model.content):,} bytes, format {card.format}",
        *_format_source(model.name),
        f"use       {describe_use(card)}",
        f"sha256    {model.sha256}",
        f"checked   {_CHECKED if model.is_checked else _UNCHECKED}",
        f"emotions  {', '.join(card.emotions) or 'none: it gives dimensions alone'}",
        f"features  {card.spec.name} version {card.spec.version}, "
        f"{len(card.feature_names)} numbers at {rate}",
        f"recipe    {card.recipe}, seed {card.seed}, {card.created}",
    ]
    for name, corpus in card.corpora.items():
        lines.append(
            f"corpus    {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers, "
            f"{corpus['license']}"
        )
    lines += _format_dimensions(card)
    lines += _format_encoder(card.encoder, card.spec.groups)
    lines += [
        f"copies    {line.format(_format_amount(card.augmentation[key]))}"
        for key, line in _COPIES.items()
        if key in card.augmentation
    ]
    for protocol, metrics in card.scores.items():
        values = ", ".join(f"{metric} {_format_score(value)}" for metric, value in metrics.items())
        lines.append(f"scores    {describe_protocol(protocol)}: {values}")
    if not card.emotions:
        return [*lines, _format_libraries(card)]
    if not card.abstention:
        lines.append("uncertain only with --uncertain-below: no threshold was measured")
    else:
        measured = card.abstention
        is_of_corpora = "speakers_risk" in measured
        unseen = "corpora that were left out" if is_of_corpora else "new speakers"
        lines.append(f"uncertain below {measured['threshold']:.4g}")
        lines.append(_format_promise(unseen, measured["coverage"], measured["risk"]))
        if is_of_corpora:
            shares = measured["speakers_coverage"], measured["speakers_risk"]
            lines.append(_format_promise("new speakers", *shares))
    return [*lines, _format_libraries(card)]


def _format_libraries(card: ModelCard) -> str:
    return f"libraries {', '.join(f'{name} {number}' for name, number in card.libraries.items())}"
