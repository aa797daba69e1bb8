"""Options that the commands on corpora share, and how their progress is printed."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.inputs import max_seconds_option
from voxaffect.cli.own_data import own_options
from voxaffect.console import print_message
from voxaffect.extraction import MAX_SECONDS
from voxaffect.features import ENCODER, SETS
from voxaffect.plugins import Registry
from voxaffect.records.arguments import MAX_SEED
from voxaffect.training import DEFAULT_SEED, Augmentation, Recipe


class Share(click.FloatRange):
    """A share from 0 to 1; NaN, which no comparison refuses, is none."""

    def __init__(self, *, max_open: bool = False) -> None:
        super().__init__(0, 1, max_open=max_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the share, or fail as click's types do."""
        share = super().convert(value, param, ctx)
        if math.isnan(share):
            self.fail(f"{share} is no number.", param, ctx)
        return share


class RegistryChoice(click.Choice[str]):
    """Choice of names that are built in, or that plug-ins have, which are searched when needed.

    Parameters
    ----------
    registry : Registry
    *others : str
        More names.
    """

    def __init__(self, registry: Registry[Any], *others: str) -> None:
        super().__init__([*registry.builtins, *others])
        self._registry, self._others = registry, others

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, or fail as click's types do."""
        if value not in self.choices:
            self._search()
        return super().convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return all names, for help."""
        self._search()
        return super().get_metavar(param, ctx)

    def _search(self) -> None:
        self.choices = (*self._registry, *self._others)


def split_names(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Split a comma-separated option."""
    return None if value is None else [name.strip() for name in value.split(",")]


workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of parallel workers; all processors by default.",
)
cache_option = click.option(
    "--cache/--no-cache",
    "cached",
    default=True,
    show_default=True,
    help="Keep computed features, so that the next run is fast.",
)


def corpus_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every command on corpora shares."""
    options = [
        click.option(
            "--data",
            "roots",
            type=click.Path(path_type=Path),
            multiple=True,
            metavar="DIR",
            help="Folder of the corpus; for csv, the table. With several corpora, repeat the "
            "option in their order. By default, the subfolder of VOXAFFECT_DATA with the name of "
            "the corpus, otherwise the download folder.",
        ),
        click.option(
            "--features",
            type=RegistryChoice(SETS, ENCODER),
            help="[default: the features of the recipe]",
        ),
        click.option(
            "--encoder",
            metavar="NAME | FILE",
            help="With the features encoder: a downloaded encoder, or the path of its weights. "
            "'voxaffect encoders list' names them.  [default: that of the recipe]",
        ),
        click.option(
            "--emotions",
            callback=split_names,
            metavar="A,B,…",
            help="Use only these emotions; 'all' uses all.",
        ),
        click.option(
            "--name",
            metavar="NAME",
            help="With folder or csv: name of the data in the results and in the model. Of "
            "several, name each as the corpus: csv:calls csv:radio.",
        ),
        click.option(
            "--augment/--no-augment",
            default=True,
            show_default=True,
            help="Also train on augmented copies, if the recipe uses them.",
        ),
        click.option(
            "--babble",
            type=Share(),
            metavar="SHARE",
            help="Share of the noisy copies with background speech. It comes from other "
            "recordings of the same speaker.  "
            f"[default: {Augmentation().babble_probability:g}]",
        ),
        click.option(
            "--seed", type=click.IntRange(0, MAX_SEED), default=DEFAULT_SEED, show_default=True
        ),
        workers_option,
        cache_option,
        max_seconds_option(MAX_SECONDS),
    ]
    for option in reversed(options):
        command = option(command)
    return own_options(command)


def pair_roots(corpora: Sequence[str], roots: Sequence[Path]) -> dict[str, Path | None]:
    """Folder of each corpus, or None where none is given.

    Raises
    ------
    click.UsageError
        If a corpus is named twice, or there are fewer or more folders than corpora.
    """
    if len(set(corpora)) < len(corpora):
        raise click.UsageError(
            "A corpus is named twice. Give each table or folder its own name, such as csv:calls "
            "and csv:radio; or merge them."
        )
    if roots and len(roots) != len(corpora):
        raise click.UsageError(
            f"{len(corpora)} corpora and {len(roots)} times --data. Give --data once for each, in "
            f"the order {', '.join(corpora)}; or, for public corpora, leave it out and set "
            "VOXAFFECT_DATA to the folder that has a folder for each."
        )
    return dict(zip(corpora, roots or (None,) * len(corpora), strict=True))


def check_babble(babble: float | None, recipe: Recipe, *, augment: bool) -> None:
    """Note that the option has no effect where no augmented copies are made."""
    if babble and not (augment and recipe.augmentation):
        reason = "--no-augment" if recipe.augmentation else f"{recipe.name} trains on none"
        print_message(f"--babble changes nothing without augmented copies: {reason}")


@contextmanager
def print_log() -> Iterator[None]:
    """Print what the library logs, each line once, on standard error."""
    logger = logging.getLogger("voxaffect")
    handler, level = _MessageHandler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _MessageHandler(logging.Handler):
    """Handler that prints each message once."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message unless it was printed before."""
        message = record.getMessage()
        if message not in self._shown:
            self._shown.add(message)
            print_message(message)
