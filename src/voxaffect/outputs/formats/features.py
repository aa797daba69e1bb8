"""Feature matrices as files: CSV, NumPy and Parquet."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from voxaffect.errors import FeatureError
from voxaffect.files import check_writable, escape_surrogates, write_whole
from voxaffect.outputs.formats.parquet import check_parquet, write_parquet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Writer: TypeAlias = Callable[[Path, Sequence[str], Sequence[str], NDArray[np.float32]], None]


def _csv(
    path: Path, files: Sequence[str], names: Sequence[str], matrix: NDArray[np.float32]
) -> None:
    def write(stream: BinaryIO) -> None:
        text = codecs.getwriter("utf-8")(stream, "backslashreplace")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["file", *names])
        # repr of a float32 is the shortest text that reads back as the same float32.
        rows = zip(files, matrix, strict=True)
        writer.writerows([escape_surrogates(file), *map(str, row)] for file, row in rows)

    write_whole(path, write)


def _npz(
    path: Path, files: Sequence[str], names: Sequence[str], matrix: NDArray[np.float32]
) -> None:
    import numpy as np

    column = np.array([*map(escape_surrogates, files)])

    def write(stream: BinaryIO) -> None:
        np.savez(stream, files=column, names=np.array(names), features=matrix)

    write_whole(path, write)


def _parquet(
    path: Path, files: Sequence[str], names: Sequence[str], matrix: NDArray[np.float32]
) -> None:
    columns = {"file": [*map(escape_surrogates, files)], **dict(zip(names, matrix.T, strict=True))}
    content = write_parquet(columns, {})
    write_whole(path, lambda stream: stream.write(content))


WRITERS: Mapping[str, Writer] = {".csv": _csv, ".npz": _npz, ".parquet": _parquet}
"""By file extension."""


def table_writer(path: Path) -> Writer:
    """Return the writer for a file's extension, so that a wrong one is refused before the work.

    Raises
    ------
    FeatureError
        If there is none.
    VoxaffectError
        If such a file cannot be written there.
    MissingExtraError
        If Parquet is wanted and pyarrow is not installed.
    """
    if path.suffix.lower() not in WRITERS:
        raise FeatureError(f"{path}: expected a name ending in {', '.join(WRITERS)}.")
    if path.suffix.lower() == ".parquet":
        check_parquet()
    check_writable(path)
    return WRITERS[path.suffix.lower()]
