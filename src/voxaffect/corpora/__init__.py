"""Corpora: file names, labels, speakers, licenses and downloads. Names are read, never sound."""

from voxaffect.corpora.base import EMOTIONS, Corpus, Download, Utterance, expand_template
from voxaffect.corpora.download import download
from voxaffect.corpora.folders import find_root
from voxaffect.corpora.labels import map_labels
from voxaffect.corpora.own_table import parse_columns
from voxaffect.corpora.registry import CORPORA, OWN_DATA, get_corpus, split_own_name
from voxaffect.corpora.scanning import (
    ReadOptions,
    parse_name,
    read_corpora,
    read_corpus,
    scan_corpus,
)
from voxaffect.corpora.tables import read_labels
from voxaffect.corpora.vocabulary import find_emotion

__all__ = [
    "CORPORA",
    "EMOTIONS",
    "OWN_DATA",
    "Corpus",
    "Download",
    "ReadOptions",
    "Utterance",
    "download",
    "expand_template",
    "find_emotion",
    "find_root",
    "get_corpus",
    "map_labels",
    "parse_columns",
    "parse_name",
    "read_corpora",
    "read_corpus",
    "read_labels",
    "scan_corpus",
    "split_own_name",
]
