"""A run: a manifest becomes a dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from voxaffect.errors import ArgumentError, CheckpointError, ManifestError
from voxaffect.extraction import MAX_SECONDS
from voxaffect.features import FeatureSpec, check_spec
from voxaffect.files import escape_control, make_folder, open_locked
from voxaffect.models import Model, get_model
from voxaffect.models.bundled import is_bundled
from voxaffect.outputs.formats.parquet import check_parquet
from voxaffect.recognition.channels import ChannelChoice, make_choice
from voxaffect.recognition.classification import choose_threshold
from voxaffect.recognition.timelines.vad import get_vad_method
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.arguments import check_number
from voxaffect.records.choices import DEFAULT_VAD, PART_ROWS
from voxaffect.scaling.dataset import (
    Parts,
    describe_settings,
    list_parts,
    name_part,
    open_run,
)
from voxaffect.scaling.executing import choose_executor, run_parts
from voxaffect.scaling.manifest import Manifest, check_manifest, list_paths, open_manifest
from voxaffect.scaling.parts import PartReport, PartWriter, divide
from voxaffect.scaling.storage import Folder, LocalFolder, make_absolute, open_folder
from voxaffect.scaling.work import Kind, Settings, Work, choose_columns, choose_spec

KINDS: tuple[Kind, ...] = ("predictions", "segments", "windows", "features")
_SHOWN = 20


@dataclass(frozen=True)
class DatasetReport:
    """Counts of a run.

    Parameters
    ----------
    output : str
        Folder of the dataset.
    rows : int
        Number of rows of the manifest.
    recordings : int
        Number of recordings that were used in this run.
    kept : int
        Number of those whose results were there before.
    failed : int
        Number of those that could not be used; their reasons lie in ``_failures``.
    silent : int
        Number of those of this run without speech.
    seconds : float
        Of sound, in this run.
    reasons : tuple of str
        Of the first failures of this run.
    """

    output: str
    rows: int
    recordings: int = 0
    kept: int = 0
    failed: int = 0
    silent: int = 0
    seconds: float = 0.0
    reasons: tuple[str, ...] = ()

    def add(self, part: PartReport) -> DatasetReport:
        """The report with those of another part."""
        return replace(
            self,
            recordings=self.recordings + part.recordings,
            kept=self.kept + part.kept,
            failed=self.failed + part.failed,
            silent=self.silent + part.silent,
            seconds=self.seconds + part.seconds,
            reasons=(*self.reasons, *part.reasons)[:_SHOWN],
        )


def write_dataset(
    source: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    kind: Kind = "predictions",
    model: Model | str | Path | None = None,
    spec: FeatureSpec | None = None,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    vad: str = DEFAULT_VAD,
    uncertain_below: float | None = None,
    windowing: WindowConfig | None = None,
    max_seconds: float | None = None,
    part_rows: int = PART_ROWS,
    overwrite: bool = False,
    retry_failed: bool = False,
    workers: int | Executor | None = None,
    scheduler: str | None = None,
    on_progress: Callable[[DatasetReport], object] | None = None,
) -> DatasetReport:
    """Write the results of any number of recordings to a Parquet dataset, part by part.

    The same call continues an interrupted run. Results are those of `predict`, `timeline` and
    `compute_features`.

    Parameters
    ----------
    source : str, Path or sequence of them
        A manifest, which is a CSV, TSV or Parquet table with a column ``path`` and, if needed,
        ``start``, ``end`` and ``channels``; other columns are carried through. Or recordings.
        Paths may be addresses such as ``s3://bucket/a.wav``, with the extra ``cluster``.
    output : str or Path
        Folder or address of the dataset.
    kind : {"predictions", "segments", "windows", "features"}
    model : Model, str or Path, optional
        As for `predict`. Features are those of the model, unless `spec` names others.
    spec : FeatureSpec, optional
        Of features.
    channels, channel_names, vad, uncertain_below, max_seconds
        As for `predict_many`. Features are of the mix. With names, there is a column
        ``channel_name``.
    windowing : WindowConfig, optional
        Of segments and windows.
    part_rows : int
        Recordings in each part.
    overwrite : bool
        Remove a dataset that is there.
    retry_failed : bool
        Try recordings that failed in an earlier run once more.
    workers : int or Executor, optional
        As for ``extract``.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, whose workers do the work. They must reach
        recordings and output by the same names.
    on_progress : callable, optional
        Called with the report so far, after each part.

    Returns
    -------
    DatasetReport

    Raises
    ------
    ManifestError
        If a row of the manifest cannot be used.
    CheckpointError
        If the output is something else, is of a run with other settings, or is in use.
    StorageError
        If the manifest or the output cannot be read or written.
    WorkerError
        If the cluster cannot be reached or is lost.
    MissingExtraError
        If pyarrow, fsspec or Dask is missing.

    Examples
    --------
    >>> from voxaffect.scaling import write_dataset
    >>> report = write_dataset(["call.wav"], "emotions", model="fast", workers=1)
    >>> report.recordings, report.failed
    (1, 0)
    """
    check_parquet()
    if not isinstance(part_rows, int) or part_rows < 1:
        raise ArgumentError(f"part_rows: expected at least 1, found {part_rows!r}.")
    find = str if scheduler is None else make_absolute  # workers have other working folders
    manifest = open_source(source, find)
    folder = open_folder(find(str(output)))
    used = None if kind == "features" and spec is not None else get_model(model)
    choice = make_choice(channels, channel_names)
    settings = _make_settings(
        kind, used, spec, choice, vad, uncertain_below, windowing, max_seconds
    )
    columns = choose_columns(settings, used, manifest.carried, has_times=manifest.has_times)
    computed = choose_spec(settings, used)
    described = describe_settings(settings, computed, part_rows=part_rows, columns=columns)
    if kind == "features" and "channels" in manifest.indices:
        raise ManifestError(
            f"{manifest.name}: has a column of channels, and features are of the mix. Rename it."
        )
    rows = check_manifest(manifest)
    with _lock(folder):
        parts = open_run(folder, described, overwrite=overwrite)
        _write_model(folder, settings, used)
        work = Work(settings, folder.name, manifest.has_times)
        writer = PartWriter(work, columns, _make_metadata(settings, computed), retry_failed)
        report = DatasetReport(folder.name, rows)
        for part in _run(manifest, parts, writer, workers, scheduler, part_rows, rows):
            report = report.add(part)
            if on_progress is not None:
                on_progress(report)
        _remove_surplus(folder, -(-rows // part_rows))
    return report


def open_source(
    source: str | Path | Sequence[str | Path], find: Callable[[str], str] = str
) -> Manifest:
    """Manifest of a table, or of recordings, whose names a function completes."""
    if isinstance(source, str | Path):
        return open_manifest(find(str(source)))
    return list_paths([find(str(path)) for path in source])


def _run(
    manifest: Manifest,
    parts: Parts,
    writer: PartWriter,
    workers: int | Executor | None,
    scheduler: str | None,
    part_rows: int,
    rows: int,
) -> Iterator[PartReport]:
    waiting = divide(manifest, part_rows, parts.results, parts.failures)
    with choose_executor(workers, scheduler) as executor:
        yield from run_parts(waiting, writer, executor, total=-(-rows // part_rows))


def _make_settings(
    kind: Kind,
    model: Model | None,
    spec: FeatureSpec | None,
    choice: ChannelChoice,
    vad: str,
    uncertain_below: float | None,
    windowing: WindowConfig | None,
    max_seconds: float | None,
) -> Settings:
    if kind not in KINDS:
        raise ArgumentError(f"kind: expected one of {', '.join(KINDS)}; found {kind!r}.")
    if kind == "features":
        if choice.channels != "mix":
            raise ArgumentError(f"channels: features are of the mix, found {choice.channels!r}.")
        max_seconds = MAX_SECONDS if max_seconds is None else max_seconds
    get_vad_method(vad)
    if max_seconds is not None:
        check_number(max_seconds, "max_seconds")
    if spec is not None:
        check_spec(spec)
    if model is not None and kind != "features":
        choose_threshold(model, uncertain_below)
    if model is not None and kind in ("segments", "windows"):
        model.check_gives_emotions("emotion over time")
    name = None if model is None else _name_model(model)
    windowing = windowing or WindowConfig(vad=vad)
    sha256 = None if model is None else model.sha256
    return Settings(kind, name, sha256, spec, choice, uncertain_below, max_seconds, windowing)


def _name_model(model: Model) -> str:
    """Name by which workers find a model: a bundled one, or its file in the dataset."""
    return model.name if is_bundled(model.name) else f"_model-{model.sha256[:16]}.onnx"


def _write_model(folder: Folder, settings: Settings, model: Model | None) -> None:
    if model is not None and settings.model is not None and not is_bundled(settings.model):
        folder.write(settings.model, model.content)


def _make_metadata(settings: Settings, spec: FeatureSpec | None) -> tuple[tuple[str, str], ...]:
    facts = {
        "kind": settings.kind,
        "model_sha256": settings.sha256,
        "features": None if spec is None else spec.to_json(),
    }
    return tuple((key, value) for key, value in facts.items() if value is not None)


def _remove_surplus(folder: Folder, count: int) -> None:
    """Remove parts of a longer manifest than this one."""
    parts = list_parts(folder.list_names())
    for has_failed, group in ((False, parts.results), (True, parts.failures)):
        for number in group:
            if number >= count:
                for key in group[number]:
                    folder.remove(name_part(number, key, has_failed=has_failed))


@contextmanager
def _lock(folder: Folder) -> Iterator[None]:
    """Refuse a local folder that another run writes to."""
    if not isinstance(folder, LocalFolder):
        yield
        return
    make_folder(folder.path)
    try:
        descriptor = open_locked(folder.path / ".lock")
    except BlockingIOError:
        raise CheckpointError(
            f"{escape_control(folder.name)}: another run is writing to it. Wait until that has "
            "ended, or name another folder."
        ) from None
    try:
        yield
    finally:
        (folder.path / ".lock").unlink(missing_ok=True)
        os.close(descriptor)
