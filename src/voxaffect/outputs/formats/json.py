"""JSON: a document with the model, the results and the failures; a line for each result.

A timeline has both its segments and its windows, each on a line.
"""

from __future__ import annotations

from functools import partial

from voxaffect.outputs.formats.base import Format, encode_document
from voxaffect.records.results import PredictionDocument, TimelineDocument

PREDICTIONS = Format(partial(encode_document, PredictionDocument), ".json")
TIMELINES = Format(partial(encode_document, TimelineDocument), ".json")
