"""Recordings of utterances: files, or parts of them."""

from __future__ import annotations

from voxaffect.audio import Excerpt, Recording
from voxaffect.corpora import Utterance


def get_source(utterance: Utterance) -> Recording:
    """File of an utterance, or the part of it that the utterance is."""
    start, end = utterance.start_seconds, utterance.end_seconds
    if start is None and end is None:
        return utterance.path
    return Excerpt(utterance.path, start or 0.0, end)
