"""Option ``--dataset``: any number of recordings become a Parquet dataset, part by part."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from voxaffect.cli.help import Option, group_options
from voxaffect.cli.inputs import find_recordings
from voxaffect.cli.lists import read_list
from voxaffect.cli.usage import refuse_options
from voxaffect.console import print_message, show_progress
from voxaffect.records.choices import PART_ROWS

if TYPE_CHECKING:
    from voxaffect.scaling import DatasetReport

_DEPENDENT = ("part_rows", "scheduler", "overwrite", "retry_failed", "json_log")
_OTHERS = (
    *("adapt", "labels", "example", "format_names", "plot", "resume", "encoder", "cached"),
    *("audio_url", "audio_root", "speakers", "transcript"),
    *("diarize", "min_speakers", "max_speakers", "diarize_model"),
    *("transcribe", "transcribe_model", "language"),
)
_option = partial(click.option, cls=Option, section="Dataset")

dataset_options = group_options(
    _option(
        "--dataset",
        is_flag=True,
        help="Write a Parquet dataset to the folder -o, part by part, for any number of "
        "recordings. The same command continues an interrupted run. The source may be a table "
        "(.csv, .tsv, .parquet) with a column path. Sources and output may be addresses such as "
        "s3://bucket/calls.",
    ),
    _option(
        "--part-rows",
        type=click.IntRange(min=1),
        metavar="N",
        default=PART_ROWS,
        show_default=True,
        help="Recordings in each part.",
    ),
    _option(
        "--scheduler",
        metavar="ADDRESS",
        envvar="VOXAFFECT_SCHEDULER",
        help="Scheduler of a Dask cluster whose workers do the work, such as tcp://head:8786.",
    ),
    _option("--overwrite", is_flag=True, help="Remove a dataset that is in the folder."),
    _option("--retry-failed", is_flag=True, help="Try recordings again that failed before."),
    _option("--json-log", is_flag=True, help="Print progress as a line of JSON for each part."),
)


def refuse_dataset_options() -> None:
    """Refuse options of a dataset without ``--dataset``."""
    refuse_options(_DEPENDENT, "{} goes with --dataset.")


def run_dataset(
    kind: str, sources: Sequence[str], options: Mapping[str, Any], **settings: Any
) -> None:
    """Write a dataset, list what failed, and end with exit code 1 if anything did.

    Parameters
    ----------
    kind : str
        As for `write_dataset`.
    sources : sequence of str
        As they were typed.
    options : mapping of str to value
        Of `dataset_options`, with ``output``, ``list_path`` and ``workers``.
    **settings
        Of `write_dataset`.
    """
    from voxaffect.scaling import write_dataset

    refuse_options(_OTHERS, "{} does not go with --dataset.")
    if not options["output"]:
        raise click.UsageError("--dataset writes to a folder: name it with -o.")
    began = monotonic()
    progress = _LineProgress() if options["json_log"] else _BarProgress()
    try:
        report = write_dataset(
            _choose_source(sources, options.get("list_path")),
            str(options["output"]),
            kind=kind,  # type: ignore[arg-type]
            part_rows=options["part_rows"],
            overwrite=options["overwrite"],
            retry_failed=options["retry_failed"],
            workers=options["workers"],
            scheduler=options["scheduler"],
            on_progress=progress,
            **settings,
        )
    finally:
        progress.close()
    _finish(report, monotonic() - began)


def _choose_source(sources: Sequence[str], list_path: Path | None) -> str | list[str]:
    """Table, or names of recordings."""
    from voxaffect.scaling import find_remote, is_address, is_table

    if len(sources) == 1 and is_table(sources[0]) and list_path is None:
        return sources[0]
    if "-" in sources:
        raise click.UsageError("--dataset reads files, not standard input.")
    tables = [source for source in sources if is_table(source)]
    if tables:
        raise click.UsageError(f"The table {tables[0]} has to be the only source.")
    names = [*sources, *(read_list(list_path) if list_path else ())]
    if not names:
        raise click.UsageError("Name recordings, or a table of recordings.")
    remote = [name for name in names if is_address(name)]
    local = [name for name in names if not is_address(name)]
    paths, failures = find_recordings(local) if local else ([], ())
    for failure in failures:
        raise click.UsageError(failure.reason)
    addresses = [address for name in remote for address in find_remote(name)]
    return [*map(str, paths), *addresses]


def _finish(report: DatasetReport, seconds: float) -> None:
    for reason in report.reasons:
        print_message(f"failed: {reason}")
    counts = [f"{report.recordings} recordings"]
    counts += [f"{report.kept} kept"] if report.kept else []
    counts += [f"{report.silent} without speech"] if report.silent else []
    counts += [f"{report.failed} failed"]
    print_message(f"{', '.join(counts)}, {seconds:.1f} s: {report.output}")
    if report.failed:
        print_message(
            f"The reasons are in {report.output}/_failures. To try again: --retry-failed."
        )
        sys.exit(1)


class _BarProgress:
    """Progress bar on a terminal, and a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._done = 0

    def __call__(self, report: DatasetReport) -> None:
        """Show the report so far."""
        if self._bar is None:
            self._bar = show_progress(total=report.rows, unit="file")
        done = report.recordings + report.kept + report.failed
        self._bar.set_postfix(failed=report.failed, refresh=False)
        self._bar.update(done - self._done)
        self._done = done

    def close(self) -> None:
        """End the line of the bar."""
        if self._bar is not None:
            self._bar.close()


def _add_seconds(seconds: float) -> str:
    """Time after so many seconds from now, in UTC."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


class _LineProgress:
    """Line of JSON on standard error for each part."""

    def __init__(self) -> None:
        self._began = monotonic()

    def __call__(self, report: DatasetReport) -> None:
        """Print the report so far."""
        seconds = monotonic() - self._began
        done = report.recordings + report.kept + report.failed
        worked = report.recordings + report.failed
        rate = worked / seconds if seconds else 0.0
        left = (report.rows - done) / rate if rate else None
        line = {
            "rows": report.rows,
            "done": done,
            "kept": report.kept,
            "failed": report.failed,
            "seconds": round(seconds, 1),
            "per_second": round(rate, 2),
            "remaining_seconds": None if left is None else round(left, 1),
            "expected_end": None if left is None else _add_seconds(left),
        }
        print_message(json.dumps(line))

    def close(self) -> None:
        """Do nothing: every line is whole."""
