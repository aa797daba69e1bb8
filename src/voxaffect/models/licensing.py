"""Use of a model that the licenses of its training data allow, as its card states them."""

from __future__ import annotations

import re

from voxaffect.models.card import ModelCard

_NONCOMMERCIAL = re.compile(r"\bnc\b|non-?commercial|research only", re.IGNORECASE)


def list_noncommercial(card: ModelCard) -> tuple[str, ...]:
    """Titles of the corpora in a card whose licenses forbid commercial use.

    Examples
    --------
    >>> list_noncommercial(va.load("fast").card)
    ('RAVDESS',)
    """
    from voxaffect.corpora.registry import CORPORA  # 50 ms, which most commands can do without

    known = CORPORA.builtins  # the card of a model on a plug-in's corpus states its license
    return tuple(
        known[name].title if name in known else name
        for name, corpus in card.corpora.items()
        if (name in known and known[name].is_commercial is False)
        or _NONCOMMERCIAL.search(corpus["license"])
    )


def describe_use(card: ModelCard) -> str:
    """Use that the licenses allow, in a few words.

    Examples
    --------
    >>> describe_use(va.load("fast").card)
    'non-commercial: RAVDESS'
    """
    titles = list_noncommercial(card)
    if titles:
        return f"non-commercial: {', '.join(titles)}"
    return "commercial use depends on the licenses of its corpora"
