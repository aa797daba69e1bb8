"""Corpora: file names, labels, speakers, licenses and downloads. Names are read, never sound."""

from voxaffect.corpora.download import download
from voxaffect.corpora.label_map import read_labels
from voxaffect.corpora.labels import known_emotion, map_labels
from voxaffect.corpora.own_table import parse_columns
from voxaffect.corpora.reading import Reading, parse, read_corpora, root_of, survey, utterances
from voxaffect.corpora.table import CORPORA, OWN_DATA, Corpus, Download, expand, look_up
from voxaffect.corpora.utterance import EMOTIONS, Utterance

__all__ = [
    "CORPORA",
    "EMOTIONS",
    "OWN_DATA",
    "Corpus",
    "Download",
    "Reading",
    "Utterance",
    "download",
    "expand",
    "known_emotion",
    "look_up",
    "map_labels",
    "parse",
    "parse_columns",
    "read_corpora",
    "read_labels",
    "root_of",
    "survey",
    "utterances",
]
