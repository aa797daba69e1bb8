"""``encoders``: list, info, download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxaffect.console import print_line, print_message, print_note, print_text, stderr_is_terminal
from voxaffect.errors import ModelError
from voxaffect.outputs.formats import align_columns
from voxaffect.training.encoders import (
    ENCODERS,
    EncoderSource,
    download_encoder,
    find_encoder,
    get_encoder,
)

if TYPE_CHECKING:
    from voxaffect.training.encoders import EncoderWeights


@click.group()
def encoders() -> None:
    """List, describe and download pretrained speech encoders, which training can start from.

    Prediction needs none of them: a trained model file holds everything.
    """


@encoders.command("list")
def list_() -> None:
    """Show every encoder that can be downloaded."""
    rows = [["name", "languages", "layers", "width", "download", "license", "here"]]
    for source in ENCODERS.values():
        rows.append(
            [
                source.name,
                source.languages,
                str(source.layers),
                str(source.width),
                _format_size(source),
                source.license,
                "yes" if _is_here(source.name) else "no",
            ]
        )
    print_text(align_columns(rows) + "\n")
    print_line("Your own: the file or folder of a Whisper model in the format of OpenAI,")
    print_line("Hugging Face (safetensors) or CTranslate2.")


def _format_size(source: EncoderSource) -> str:
    return f"{source.bytes / 1e6:,.0f} MB"


def _is_here(name: str) -> bool:
    try:
        find_encoder(name)
    except ModelError:
        return False
    return True


@encoders.command()
@click.argument("name", metavar="NAME|PATH")
def info(name: str) -> None:
    """Show one encoder: size, license, citation, source and cautions.

    Name an encoder of the list, or the file or folder of weights.
    """
    from voxaffect.training.encoders import load_weights

    if name in ENCODERS:
        rows = _describe_source(get_encoder(name))
    else:
        rows = _describe_weights(load_weights(find_encoder(name)))
    for heading, text in rows:
        print_line(f"{heading:12}{text}")


def _describe_source(source: EncoderSource) -> list[tuple[str, str]]:
    return [
        ("name", f"{source.name} ({source.title})"),
        ("languages", source.languages),
        ("encoder", _describe_shape(source)),
        ("license", source.license),
        ("citation", source.citation),
        ("home page", source.homepage),
        ("download", f"{source.url} ({_format_size(source)}, with the decoder)"),
        ("SHA-256", source.sha256),
        ("here", str(find_encoder(source.name)) if _is_here(source.name) else "no"),
        ("beware", source.caution),
    ]


def _describe_weights(weights: EncoderWeights) -> list[tuple[str, str]]:
    rows = [
        ("name", weights.name),
        ("encoder", _describe_shape(weights)),
        ("license", weights.license),
        ("SHA-256", weights.sha256),
    ]
    return [*rows, ("beware", ENCODERS[weights.name].caution)] if weights.name in ENCODERS else rows


def _describe_shape(encoder: EncoderSource | EncoderWeights) -> str:
    return (
        f"{encoder.layers} layers of width {encoder.width}, {encoder.heads} heads, "
        f"{encoder.mel_bands} mel bands"
    )


@encoders.command()
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the file. By default, the folder where training looks for it.",
)
def download(name: str, folder: Path | None) -> None:
    """Download an encoder from its official address and verify its checksum.

    After an interruption, run the command again. The download continues where it stopped.
    """
    source = get_encoder(name)
    print_message(f"{source.title}: {source.license}. {source.citation}")
    path = download_encoder(name, folder, progress=stderr_is_terminal())
    print_note(f"{source.title} is in {path}")
