"""Answers of a model that people corrected in other programs, as labels to train on."""

from voxaffect.corpora.corrections.base import Correction
from voxaffect.corpora.corrections.importing import ImportedLabels, import_labels

__all__ = ["Correction", "ImportedLabels", "import_labels"]
