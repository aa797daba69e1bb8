"""Errors of voxaffect, as one tree.

::

    VoxaffectError
    ├── AudioError         a recording cannot be read, or cannot be used
    ├── AnnotationError    turns or a transcript of another program cannot be used
    ├── CorpusError        a folder, a file name or a table does not fit a corpus
    │   └── DownloadError  a corpus or encoder cannot be fetched, or a corpus unpacked
    ├── FeatureError       features that we do not know or cannot make
    ├── CacheError         the feature cache cannot be opened or read
    ├── WorkerError        a process that computes has ended, or workers cannot be used
    ├── CheckpointError    the checkpoint of a run cannot be used, or is another run's
    ├── ManifestError      a table of recordings to process cannot be used
    ├── StorageError       a file or folder of results or recordings cannot be read or written
    ├── TrainingError      data or a recipe that cannot give a model
    ├── ModelError         a model file or weights that are not ours, damaged, or of another version
    │   └── HubError       a model cannot be fetched from the hub, or pushed to it
    ├── EvaluationError    a protocol that these data do not support
    │   └── LeakError      a speaker, recording or duplicate is in training and test
    ├── PluginError        a plug-in of an installed package cannot be used
    ├── ConfigError        a configuration file cannot be read, or does not fit the commands
    ├── ArgumentError      an argument of a kind or size that a function does not take
    └── MissingExtraError  a library of an optional extra is not installed

Every message names the problem, its place, the expected and actual value, and a remedy, on one
line, so that the command line can print it unchanged.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal


class VoxaffectError(Exception):
    """The root of every error that voxaffect raises on purpose."""


AudioProblem = Literal[
    "unsupported_format",
    "damaged",
    "cut_short",
    "empty",
    "too_long",
    "too_short",
    "silent",
    "unusable",
]
"""Kind of the problem of a recording, for programs; ``unusable`` is any other."""


class AudioError(VoxaffectError):
    """A recording cannot be read, or cannot be used.

    Parameters
    ----------
    message : str
    code : AudioProblem
    """

    def __init__(self, message: str = "", *, code: AudioProblem = "unusable") -> None:
        super().__init__(message)
        self.code = code


class AnnotationError(VoxaffectError):
    """Turns or a transcript of another program cannot be read, or are another recording's."""


class CorpusError(VoxaffectError):
    """A folder, a file name or a table does not fit a corpus."""


class DownloadError(CorpusError):
    """A corpus or an encoder cannot be fetched, or a corpus not unpacked."""


class FeatureError(VoxaffectError):
    """Features that we do not know or cannot make."""


class CacheError(VoxaffectError):
    """The feature cache cannot be opened or read."""


class WorkerError(VoxaffectError):
    """A process that computes has ended, or workers cannot be used."""


class CheckpointError(VoxaffectError):
    """The checkpoint of a run cannot be used, or belongs to another run."""


class ManifestError(VoxaffectError):
    """A table of recordings to process cannot be used."""


class StorageError(VoxaffectError):
    """A file or folder of results or recordings cannot be read or written."""


class CredentialsError(StorageError):
    """A store does not accept the credentials, so that no file of it can be used."""


class TrainingError(VoxaffectError):
    """Data or a recipe that cannot give a model."""


class ModelError(VoxaffectError):
    """A model file that is not ours, is damaged, or belongs to another version."""


class HubError(ModelError):
    """A model cannot be fetched from the Hugging Face Hub, or pushed to it."""


class EvaluationError(VoxaffectError):
    """A protocol that these data do not support."""


class LeakError(EvaluationError):
    """A speaker, recording or duplicate is in both training and test."""


class PluginError(VoxaffectError):
    """A plug-in of an installed package cannot be loaded, or two have one name."""


class ConfigError(VoxaffectError):
    """A configuration file cannot be read, or does not fit the commands."""


class ArgumentError(VoxaffectError, TypeError, ValueError):
    """An argument of a kind or size that a function does not take."""


class MissingExtraError(VoxaffectError, ImportError):
    """A library that belongs to an optional extra is not installed."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn a missing import inside the block into a message that names the extra.

    Parameters
    ----------
    name : str
        The extra that installs the library, as in ``voxaffect[train]``.

    Raises
    ------
    MissingExtraError
        If an import inside the block fails.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f'{error.name} is not installed. Install it with: pip install "voxaffect[{name}]"'
        ) from error
