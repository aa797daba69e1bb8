"""Work of one worker: the recordings of a part become rows and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from voxaffect.audio import Blocks, Excerpt, join_blocks, open_blocks, take_part
from voxaffect.errors import AudioError, CredentialsError, ModelError
from voxaffect.extraction import catch_failure
from voxaffect.features import FeatureSpec, compute_features, get_feature_names
from voxaffect.files import escape_surrogates
from voxaffect.models import Model, load
from voxaffect.models.bundled import is_bundled
from voxaffect.recognition.channels import MIX, ChannelChoice, ChannelReader
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.results import get_version
from voxaffect.records.tables import (
    PREFIX,
    list_prediction_columns,
    list_segment_columns,
    tabulate_predictions,
    tabulate_segments,
)
from voxaffect.runtime.memory import keep_freed_memory
from voxaffect.scaling.manifest import Entry
from voxaffect.scaling.storage import (
    fetch_recording,
    is_address,
    is_atomic,
    open_folder,
    open_recording,
    sign,
)

Kind = Literal["predictions", "segments", "windows", "features"]
Row = list[Any]

MANIFEST_PREFIX = "manifest_"
"""Of a column of the manifest that has the name of one of the results."""
_TIMES = {"manifest_start_seconds": "float64", "manifest_end_seconds": "float64"}


@dataclass(frozen=True)
class Failed:
    """A recording that could not be used."""

    row: int
    path: str
    start_seconds: float | None
    end_seconds: float | None
    error: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """Rows of recordings, and those that could not be used.

    Parameters
    ----------
    rows : list of list
        Each begins with the number of its row in the manifest.
    failures : list of Failed
    recordings : int
        Number of those that could be used.
    silent : int
        Number of those without speech.
    seconds : float
        Of sound.
    """

    rows: list[Row] = field(default_factory=list)
    failures: list[Failed] = field(default_factory=list)
    recordings: int = 0
    silent: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Settings:
    """Everything that can change a number of a dataset; small enough to go with every part.

    Parameters
    ----------
    kind : {"predictions", "segments", "windows", "features"}
    model : str, optional
        Name of a bundled model, or of the model file in the folder of the dataset.
    sha256 : str, optional
        Of the model.
    spec : FeatureSpec, optional
        Of features without a model.
    channels : ChannelChoice
        Of recordings whose row names no channels.
    uncertain_below, max_seconds
        As for `predict` and `timeline`.
    windowing : WindowConfig
        Of timelines; its voice-activity detection is that of predictions, too.
    version : str
        Of voxaffect.
    """

    kind: Kind
    model: str | None = None
    sha256: str | None = None
    spec: FeatureSpec | None = None
    channels: ChannelChoice = MIX
    uncertain_below: float | None = None
    max_seconds: float | None = None
    windowing: WindowConfig = field(default_factory=WindowConfig)
    version: str = field(default_factory=get_version)


@dataclass(frozen=True)
class Columns:
    """Columns of a dataset: first those of the manifest, then those of the results.

    Parameters
    ----------
    carried : tuple of (str, Arrow type)
        Of the manifest, by the names that the dataset gives them.
    results : tuple of (str, str)
    has_times : bool
        Whether the manifest names parts of recordings.
    """

    carried: tuple[tuple[str, Any], ...]
    results: tuple[tuple[str, str], ...]
    has_times: bool

    @property
    def kinds(self) -> dict[str, Any]:
        """Kind of each column."""
        times = _TIMES if self.has_times else {}
        return {"row": "int64", **dict(self.carried), **times, **dict(self.results)}


def choose_spec(settings: Settings, model: Model | None) -> FeatureSpec | None:
    """Features of a dataset of features: those of its model, or its own; none of another."""
    if settings.kind != "features":
        return None
    return settings.spec if model is None else model.spec


def choose_columns(
    settings: Settings, model: Model | None, carried: Mapping[str, Any], *, has_times: bool
) -> Columns:
    """Columns of a dataset."""
    spec = choose_spec(settings, model)
    if spec is not None:
        results = {"source": "string", **dict.fromkeys(get_feature_names(spec), "float32")}
    else:
        assert model is not None
        is_prediction = settings.kind == "predictions"
        list_columns = list_prediction_columns if is_prediction else list_segment_columns
        results = {
            name: "float32" if name == "confidence" or name.startswith(PREFIX) else kind
            for name, kind in list_columns(
                model.emotions, model.dimension_names, is_named=bool(settings.channels.names)
            ).items()
        }
    taken = {"row", *_TIMES, *results}
    return Columns(
        tuple(zip(_rename(list(carried), taken), carried.values(), strict=True)),
        tuple(results.items()),
        has_times,
    )


def _rename(names: Sequence[str], taken: Set[str]) -> list[str]:
    """Names of columns of the manifest, with as many prefixes as none is taken twice."""
    used = {*taken, *names}
    renamed = []
    for name in names:
        new = name
        while new in taken or (new != name and new in used):
            new = MANIFEST_PREFIX + new
        used.add(new)
        renamed.append(new)
    return renamed


@dataclass(frozen=True)
class Work:
    """Function from entries to rows, which any process can load.

    Parameters
    ----------
    settings : Settings
    folder : str
        Of the dataset, where a model file lies.
    has_times : bool
        Whether rows have the times of the manifest.
    """

    settings: Settings
    folder: str
    has_times: bool

    def __call__(self, entries: Sequence[Entry], signatures: Sequence[str]) -> Outcome:
        """Rows and failures of recordings, in their order.

        Parameters
        ----------
        entries : sequence of Entry
        signatures : sequence of str
            Of each recording, as `sign` gives them. One that has another by now has failed.

        Raises
        ------
        ModelError
            If this process has another version of voxaffect, or another model.
        CredentialsError
            If a store does not accept the credentials.
        """
        recognize = _prepare(self.settings, self.folder)
        with keep_freed_memory():
            return join_outcomes(
                self._try(recognize, entry, signature)
                for entry, signature in zip(entries, signatures, strict=True)
            )

    def _try(self, recognize: _Recognize, entry: Entry, signature: str) -> Outcome:
        result = catch_failure(_recognize_unchanged, entry.path)(recognize, entry, signature)
        if isinstance(result, str):
            error = getattr(result, "error", "AudioError")
            if error == CredentialsError.__name__:  # not the fault of one recording
                raise CredentialsError(result)
            return Outcome(failures=[make_failure(entry, error, str(result))])
        times = [entry.start_seconds, entry.end_seconds] if self.has_times else []
        rows = [[entry.row, *entry.carried, *times, *row] for row in result.rows]
        return Outcome(rows, [], 1, int(not result.has_speech), result.seconds)


def join_outcomes(outcomes: Iterable[Outcome]) -> Outcome:
    """Outcome of several."""
    rows: list[Row] = []
    failures: list[Failed] = []
    recordings = silent = 0
    seconds = 0.0
    for outcome in outcomes:
        rows.extend(outcome.rows)
        failures.extend(outcome.failures)
        recordings += outcome.recordings
        silent += outcome.silent
        seconds += outcome.seconds
    return Outcome(rows, failures, recordings, silent, seconds)


def make_failure(entry: Entry, error: str, reason: str) -> Failed:
    """Failure of an entry."""
    part = (entry.start_seconds, entry.end_seconds)
    return Failed(entry.row, escape_surrogates(entry.path), *part, error, escape_surrogates(reason))


@dataclass(frozen=True)
class _Recognized:
    rows: Sequence[Row]
    has_speech: bool
    seconds: float


_Recognize = Callable[[Entry], _Recognized]


def _recognize_unchanged(recognize: _Recognize, entry: Entry, signature: str) -> _Recognized:
    """Recognize a recording that nobody writes to.

    A store sends one version of a whole file. If that is a newer one than the signature's, its
    part has the key of the older one, and the next run does it again: no request is needed here.
    """
    result = recognize(entry)
    if (_is_excerpt(entry) or not is_atomic(entry.path)) and sign(entry.path) != signature:
        raise AudioError(
            f"{entry.path}: changed since its part was begun. Try again when nothing writes to it."
        )
    return result


def _is_excerpt(entry: Entry) -> bool:
    return entry.start_seconds is not None or entry.end_seconds is not None


@lru_cache(maxsize=4)
def _prepare(settings: Settings, folder: str) -> _Recognize:
    """Function that recognizes an entry; the model is loaded once in each process."""
    if settings.version != get_version():
        raise ModelError(
            f"a worker has voxaffect {get_version()}, and the run {settings.version}. "
            "Install the same version on all machines."
        )
    model = None if settings.model is None else _load_model(settings, folder)
    spec = choose_spec(settings, model)
    if spec is not None:
        return _FeatureWork(spec, settings.max_seconds)
    assert model is not None
    return _RecognitionWork(settings, model)


def _load_model(settings: Settings, folder: str) -> Model:
    assert settings.model is not None
    if is_bundled(settings.model):
        model = load(settings.model)
    else:
        model = Model(open_folder(folder).read(settings.model), settings.model)
    if model.sha256 != settings.sha256:
        raise ModelError(
            f"{settings.model}: a worker has another file of this name (SHA-256 {model.sha256}, "
            f"expected {settings.sha256}). Install the same voxaffect on all machines."
        )
    return model


@contextmanager
def _open_entry(entry: Entry, max_seconds: float | None) -> Iterator[Blocks]:
    """Open a recording, or the part that an entry names."""
    path = entry.path
    if not _is_excerpt(entry):
        source = fetch_recording(path) if is_address(path) else Path(path)
        with open_blocks(source, name=path, max_seconds=max_seconds) as blocks:
            yield blocks
        return
    part = Excerpt(Path(path), entry.start_seconds or 0.0, entry.end_seconds)
    with (
        open_recording(path) if is_address(path) else nullcontext(Path(path)) as recording,
        open_blocks(recording, name=path) as blocks,
    ):
        yield take_part(blocks, part, name=path, max_seconds=max_seconds)


@dataclass(frozen=True)
class _FeatureWork:
    spec: FeatureSpec
    max_seconds: float | None

    def __call__(self, entry: Entry) -> _Recognized:
        with _open_entry(entry, self.max_seconds) as blocks:
            signal = join_blocks(blocks)
        vector = compute_features(signal, self.spec)
        row = [entry.path, *vector.tolist()]
        return _Recognized([row], True, len(signal.samples) / signal.rate_hz)


@dataclass(frozen=True)
class _RecognitionWork:
    settings: Settings
    model: Model

    def __call__(self, entry: Entry) -> _Recognized:
        settings = self.settings
        choice, is_named = settings.channels, bool(settings.channels.names)
        if entry.channels:
            choice = replace(choice, channels=entry.channels)
        with _open_entry(entry, settings.max_seconds) as blocks:
            if settings.kind == "predictions":
                vad = settings.windowing.vad
                predictor = Predictor(self.model, None, settings.uncertain_below, choice, vad)
                predictions = predictor.predict(blocks, 1)
                names = self.model.dimension_names
                rows = tabulate_predictions(predictions, dimensions=names, is_named=is_named).rows
                has_speech = any(one.has_speech for one in predictions)
                return _Recognized(rows, has_speech, predictions[0].seconds or 0.0)
            config = configure_timeline(
                self.model, settings.windowing, None, settings.uncertain_below
            )
            reader = ChannelReader(blocks, choice)
            timelines = run_timelines(reader, reader, config, workers=1)
        rows = tabulate_segments(timelines, settings.kind, is_named=is_named).rows
        return _Recognized(rows, bool(rows), timelines[0].seconds)
