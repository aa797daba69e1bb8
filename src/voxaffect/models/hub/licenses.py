"""License under which a model is pushed: what its card allows, and what the hub calls it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxaffect.errors import HubError
from voxaffect.files import escape_control
from voxaffect.models.card import ModelCard
from voxaffect.models.licensing import list_noncommercial

_CREATIVE_COMMONS = re.compile(r"CC (BY(?:-NC)?(?:-SA|-ND)?) (\d\.\d)(?: International)?")
_PERMISSIVE = {"mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0"}
"""Licenses that a model need not have, too."""
_NAMES = {"MIT": "mit", "Apache-2.0": "apache-2.0", "Apache 2.0": "apache-2.0", "CC0": "cc0-1.0"}
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]{1,59}")
_NONCOMMERCIAL = re.compile(r"(?:^|-)nc(?:-|$)|^other$")


def list_licenses(card: ModelCard) -> list[tuple[str, str]]:
    """Name and license of each corpus of a card, and of its encoder."""
    rows = [(name, str(corpus["license"])) for name, corpus in card.corpora.items()]
    if card.encoder:
        rows.append((card.encoder.get("name", "encoder"), card.encoder.get("license", "")))
    return rows


def choose_license(card: ModelCard, license_: str | None, name: str) -> str:
    """License of a model as the hub spells it, such as ``cc-by-nc-sa-4.0``.

    Parameters
    ----------
    card : ModelCard
    license_ : str, optional
        By default, that of the training data, if its card states one that is known.
    name : str
        Model that messages name.

    Raises
    ------
    HubError
        If no license is named and the card leaves it open, or it allows what the data forbid.
    """
    chosen = _derive_license(card, name) if license_ is None else license_
    if not _IDENTIFIER.fullmatch(chosen):
        raise HubError(
            f"{name}: {escape_control(chosen)!r} is no license as the hub spells it. Expected one "
            "such as cc-by-4.0, mit or other."
        )
    titles = list_noncommercial(card)
    if titles and not _NONCOMMERCIAL.search(chosen):
        raise HubError(
            f"{name}: {chosen} allows commercial use, which the data of {', '.join(titles)} forbid."
            " Choose a license without it, such as cc-by-nc-sa-4.0, or other."
        )
    return chosen


def _derive_license(card: ModelCard, name: str) -> str:
    stated = {_identify(text) for _, text in list_licenses(card)}
    limiting = (stated - _PERMISSIVE) or stated
    if len(limiting) != 1 or "" in limiting:
        example = "cc-by-nc-sa-4.0" if list_noncommercial(card) else "cc-by-4.0"
        texts = "; ".join(f"{one}: {text or 'none'}" for one, text in list_licenses(card))
        raise HubError(
            f"{name}: no license, and its card leaves it open ({escape_control(texts) or 'none'}). "
            f"Name one as --license, in Python as license=, such as {example}."
        )
    return limiting.pop()


def _identify(text: str) -> str:
    """License as the hub spells it; empty if it is not known."""
    match = _CREATIVE_COMMONS.fullmatch(text.strip())
    if match:
        return f"cc-{match[1].lower()}-{match[2]}"
    return _NAMES.get(text.strip(), "")


def describe_licenses(card: ModelCard) -> Iterator[str]:
    """Lines on the license of each corpus, and of the encoder."""
    for name, text in list_licenses(card):
        yield f"{name}: {text or 'no license stated'}"
