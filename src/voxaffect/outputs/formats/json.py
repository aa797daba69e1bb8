"""JSON: a document with the model, the results and the failures; a line for each result.

A timeline has all that it holds, whatever the level: its segments and windows, and where turns or
a transcript were given its turns, sentences and overlaps, each on a line.
"""

from __future__ import annotations

from functools import partial

from voxaffect.outputs.formats.base import Format, encode_document
from voxaffect.records.choices import LEVELS
from voxaffect.records.results import PredictionDocument, TimelineDocument

PREDICTIONS = Format(partial(encode_document, PredictionDocument), ".json")
TIMELINES = Format(partial(encode_document, TimelineDocument), ".json", levels=LEVELS)
