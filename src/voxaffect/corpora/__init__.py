"""Corpora: file names, labels, speakers, licences and downloads. Names are read, never sound."""

from voxaffect.corpora.download import download
from voxaffect.corpora.reading import parse, root_of, survey, utterances
from voxaffect.corpora.table import CORPORA, OWN_DATA, Corpus, Download, expand, look_up
from voxaffect.corpora.utterance import EMOTIONS, Utterance

__all__ = [
    "CORPORA",
    "EMOTIONS",
    "OWN_DATA",
    "Corpus",
    "Download",
    "Utterance",
    "download",
    "expand",
    "look_up",
    "parse",
    "root_of",
    "survey",
    "utterances",
]
