"""Formats of turns and transcripts, one file each, in the order in which a file is tried."""

from voxaffect.annotations.formats.base import Document, Entry, Format, clean_text
from voxaffect.annotations.formats.eaf import EAF
from voxaffect.annotations.formats.json_files import JSON
from voxaffect.annotations.formats.labels import LABELS
from voxaffect.annotations.formats.rttm import RTTM
from voxaffect.annotations.formats.srt import SRT
from voxaffect.annotations.formats.table import TABLE
from voxaffect.annotations.formats.textgrid import TEXTGRID
from voxaffect.annotations.formats.vtt import VTT

FORMATS = (JSON, EAF, TEXTGRID, VTT, RTTM, TABLE, LABELS, SRT)

__all__ = ["FORMATS", "Document", "Entry", "Format", "clean_text"]
