"""``corpora``: list, info, download, check."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.help import Command
from voxaffect.cli.outputs import check_output, emit
from voxaffect.cli.own_data import convert_by, own_options
from voxaffect.console import print_line, print_message, print_note, print_text, stderr_is_terminal
from voxaffect.corpora import (
    CORPORA,
    OWN_DATA,
    Corpus,
    ReadOptions,
    download as download_corpus,
    find_root,
    get_corpus,
    read_labels,
)
from voxaffect.outputs.formats import align_columns

_COMMERCIAL = {True: "yes", False: "no", None: "unclear"}


@click.group()
def corpora() -> None:
    """List, describe, download and check corpora."""


@corpora.command("list")
def list_() -> None:
    """Show every corpus that voxaffect can read."""
    rows = [["name", "language", "files", "speakers", "commercial use", "license"]]
    for corpus in CORPORA.load_usable().values():
        sizes = " or ".join(map(str, corpus.sizes)) or "?"
        rows.append(
            [
                corpus.name,
                corpus.language,
                sizes,
                str(len(corpus.sexes) or "?"),
                _COMMERCIAL[corpus.is_commercial],
                corpus.license,
            ]
        )
    print_text(align_columns(rows) + "\n")
    print_line("Your own data:")
    for name, summary in OWN_DATA.items():
        print_line(f"{name:10}{summary}")


@corpora.command()
@click.argument("name")
def info(name: str) -> None:
    """Show one corpus: file names, emotions, license, citation, source and known problems."""
    corpus = get_corpus(name)
    print_line(f"{corpus.title} ({corpus.name}, {corpus.language})")
    print_line(corpus.description)
    print_line("")
    for heading, text in (
        ("file names", f"{corpus.grammar}, as {corpus.layout}"),
        ("emotions", _list_codes(corpus.emotions)),
        ("intensities", _list_codes(corpus.intensities) or "none"),
        ("speakers", _count_speakers(corpus)),
        ("files", " or ".join(f"{size:,}" for size in corpus.sizes) or "not known"),
        ("license", f"{corpus.license} (commercial use: {_COMMERCIAL[corpus.is_commercial]})"),
        ("citation", corpus.citation),
        ("home page", corpus.homepage),
        ("get it", corpus.instructions),
        *(
            ("download", f"{d.url} ({d.checksum or 'checksum looked up there'})")
            for d in corpus.downloads
        ),
        *(("beware", trap) for trap in corpus.traps),
    ):
        print_line(f"{heading:12}{text}")


def _list_codes(words: Mapping[str, str]) -> str:
    return ", ".join(f"{code} {word}" for code, word in words.items())


def _count_speakers(corpus: Corpus) -> str:
    counts = Counter(corpus.sexes.values())
    parts = ", ".join(f"{counts[sex]} {sex}" for sex in ("female", "male") if counts[sex])
    return f"{counts.total()} ({parts})" if parts else "not known"


@corpora.command()
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for the corpus. By default, the folder that the other commands search.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="NAME",
    help="Download only this archive. `corpora info NAME` lists them. Repeatable.",
)
def download(name: str, folder: Path | None, files: tuple[str, ...]) -> None:
    """Download a corpus from its official address, verify its checksum and unpack it.

    After an interruption, run the command again. The download continues where it stopped.
    """
    corpus = get_corpus(name)
    print_message(f"{corpus.title}: {corpus.license}. {corpus.citation}")
    path = download_corpus(name, folder, files=files or None, progress=stderr_is_terminal())
    print_note(f"{corpus.title} is in {path}")


@corpora.command()
@click.argument("name")
@click.argument("root", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@own_options
def check(name: str, root: Path | None, **options: Any) -> None:
    """Find missing, extra, unreadable, silent and duplicate recordings.

    Of a table with several raters, show how much they agree: Krippendorff's alpha.

    Exit code: 1 if there is any, except for the known problems of the corpus.
    """
    from voxaffect.diagnosis.corpus import check_corpus, describe_report

    report = check_corpus(
        name, find_root(name, root), options=ReadOptions(**options), progress=stderr_is_terminal()
    )
    for line in describe_report(report):
        print_line(line)
    if not report.is_sound:
        sys.exit(1)


_IMPORT_EXAMPLES = (
    "voxaffect corpora import export.json -o labels.csv",
    "voxaffect corpora import anna/*.TextGrid --rater folder --recordings calls/ -o labels.csv",
    "voxaffect train csv --data labels.csv -o mine.onnx",
)


@corpora.command("import", cls=Command, examples=_IMPORT_EXAMPLES)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Table of labels, for train csv, evaluate csv and corpora check csv.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    metavar="FOLDER | FILE",
    help="Folder of the recordings, or the one recording. By default, they are looked for under "
    "the name in the file, and next to the file.",
)
@click.option(
    "--rater",
    metavar="NAME",
    help="Person who corrected the files; 'folder' for the name of each file's folder. Label "
    "Studio names its annotators.",
)
@click.option(
    "--labels",
    callback=convert_by(read_labels),
    metavar="FILE",
    help="CSV with the columns from,to: the emotion that each label means. 'none' keeps every "
    "label.",
)
def import_(
    sources: tuple[Path, ...],
    output: Path,
    recordings: Path | None,
    rater: str | None,
    labels: Any,
) -> None:
    """Make a table of labels from answers of a model that people corrected.

    Read are JSON exports of Label Studio, ELAN (.eaf), Praat (.TextGrid), label tracks of Audacity,
    and CSV: the labels of the page, or what predict and timeline wrote. The content says which it
    is. Every label in a file counts as an answer of a person, changed or not: delete those that
    nobody listened to.
    """
    from voxaffect.corpora.corrections import import_labels

    check_output(output, sources=sources)
    result = import_labels(sources, recordings=recordings, rater=rater, labels=labels)
    emit(result.write_table(output.absolute().parent), output, is_data=True)
    for note in result.notes:
        print_note(note)
    print_note(f"{result.describe()}: {output}")
