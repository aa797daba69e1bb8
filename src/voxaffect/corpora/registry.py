"""The public corpora by name: each module of `corpora.public` adds one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType

from voxaffect.corpora import public
from voxaffect.corpora.base import Corpus
from voxaffect.errors import CorpusError
from voxaffect.plugins import Plugin, Registry

OWN_DATA: Mapping[str, str] = MappingProxyType(
    {
        "folder": "sub-folders that name the emotion; others may name speakers, sets and more",
        "csv": "a table with the columns path and emotion, and if you like speaker, sex, text, "
        "intensity, take, channel, subset, start, end and rater; also arousal, valence and "
        "dominance from 0 to 1, and instead of emotion the shares of raters in p_angry, p_sad …",
        "features": "a dataset that 'voxaffect features TABLE --dataset' wrote, of a table with a "
        "column emotion; train and evaluate need no recordings then",
    }
)
"""The ways to bring data of one's own, by name."""


def _load_corpora() -> Mapping[str, Corpus]:
    corpora: dict[str, Corpus] = {}
    for info in iter_modules(public.__path__):
        module = import_module(f"{public.__name__}.{info.name}")
        corpus = getattr(module, "CORPUS", None)
        if not isinstance(corpus, Corpus):
            raise CorpusError(f"{module.__name__}: expected CORPUS = Corpus(…), found none.")
        if corpus.name in corpora:
            raise CorpusError(f"{module.__name__}: there is a corpus {corpus.name!r} already.")
        corpora[corpus.name] = corpus
    return MappingProxyType(corpora)


def _read_plugin(plugin: Plugin, value: object) -> Corpus:
    if not isinstance(value, Corpus):
        raise ValueError(f"expected a voxaffect.corpora.Corpus, found {type(value).__name__}")
    if value.name != plugin.name:
        raise ValueError(f"expected the name of the entry point, found {value.name!r}")
    return value


CORPORA = Registry("corpora", _load_corpora(), _read_plugin, reserved=OWN_DATA)
"""Every corpus whose file names we can read, by name: one for each module of `corpora.public`, and
those of plug-ins."""


def get_corpus(name: str) -> Corpus:
    """Corpus of a name, in any case.

    Raises
    ------
    CorpusError
        If there is none of that name; the message lists them all.

    Examples
    --------
    >>> get_corpus("RAVDESS").license
    'CC BY-NC-SA 4.0'
    """
    try:
        return CORPORA[name.lower()]
    except KeyError:
        raise CorpusError(
            f"{name!r} is no public corpus that voxaffect knows{_suggest(name)} Choose from "
            f"{', '.join(CORPORA)}; {' and '.join(OWN_DATA)} are for your own data, in train, "
            f"evaluate and check{_show_own_form(name)}."
        ) from None


def split_own_name(name: str) -> tuple[str, str | None]:
    """Split a name such as ``csv:calls`` into the kind of the user's own data and its name.

    Examples
    --------
    >>> split_own_name("csv:calls"), split_own_name("ravdess")
    (('csv', 'calls'), ('ravdess', None))
    """
    kind, separator, own = name.partition(":")
    return (kind, own) if separator and kind in OWN_DATA else (name, None)


def check_own_name(name: str) -> None:
    """Refuse a name of the user's own data that is empty or that of a public corpus.

    Raises
    ------
    CorpusError
    """
    if not name.strip() or name.lower() in CORPORA:
        raise CorpusError(
            f"name {name!r}: expected a name of your own, other than those of the public "
            f"corpora: {', '.join(CORPORA)}. Take {name.strip() or 'calls'}-table."
        )


def _show_own_form(name: str) -> str:
    """Example that gives the name to a table and to a folder; empty where it could be no name."""
    if not re.fullmatch(r"[\w-]{1,40}", name):
        return ""
    return f", such as csv:{name} --data TABLE.csv or folder:{name} --data FOLDER"


def _suggest(name: str) -> str:
    """Question for a user who gave a path in place of a corpus."""
    try:
        kind = "csv" if Path(name).is_file() else "folder" if Path(name).is_dir() else ""
    except (OSError, ValueError):
        return "."  # a name that no disk can hold
    return f": did you mean {kind} --data {name}?" if kind else "."
