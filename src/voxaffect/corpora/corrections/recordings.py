"""Recordings that corrected files are about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from voxaffect import audio
from voxaffect.corpora.corrections.base import CorrectedFile, Correction
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control, list_names
from voxaffect.files.media import EXTENSIONS

_TOLERANCE_SECONDS = 0.05
_ENDINGS = (".labels.txt", ".labelstudio.json", ".audformat.csv")


@dataclass(frozen=True)
class RecordingFinder:
    """Finder of the recording of each label.

    Parameters
    ----------
    path : Path
        The corrected file.
    recordings : Path or None
        Folder with the recordings, or the one recording.
    """

    path: Path
    recordings: Path | None

    def find(self, file: CorrectedFile, correction: Correction) -> Path:
        """Return the recording of a label.

        Raises
        ------
        CorpusError
            If there is none, or if several could be it.
        """
        if self.recordings is not None and self.recordings.is_file():
            return self.recordings
        source = correction.source.replace("\\", "/")
        if not source:
            return self._find_linked(correction) or self._find_by_name(file)
        for path in self._list_paths(source):
            if path.is_file():
                return path
        raise file.refuse(
            correction.where,
            f"no recording {escape_control(source)}. Name the folder of the recordings with "
            "--recordings.",
        )

    def _find_linked(self, correction: Correction) -> Path | None:
        """Recording that the file links, if it is there."""
        paths = (path for one in correction.linked for path in self._list_paths(one))
        return next((path for path in paths if path.is_file()), None)

    def _list_paths(self, source: str) -> list[Path]:
        """Paths that a name can mean, the likeliest first."""
        names = PurePath(source).parts
        shorter = [str(PurePath(*names[index:])) for index in range(1, len(names))]
        folder = self.path.parent if self.recordings is None else self.recordings
        here = [] if self.recordings is not None else [Path(source).expanduser()]
        return [folder / source, *here, *(folder / name for name in shorter)]

    def _find_by_name(self, file: CorrectedFile) -> Path:
        """Recording that is called as the file, in its folder or that of the recordings."""
        folder = self.path.parent if self.recordings is None else self.recordings
        name = self.path.name
        ending = next((one for one in _ENDINGS if name.lower().endswith(one)), self.path.suffix)
        stem = name[: len(name) - len(ending)]
        paths = folder.iterdir() if self.recordings is None else folder.rglob("*")
        matches = sorted(
            path
            for path in paths
            if path.suffix.lower() in EXTENSIONS and stem in (path.stem, path.name)
        )
        if len(matches) == 1:
            return matches[0]
        problem = f"no recording {stem}.wav or the like in {folder}"
        if matches:
            problem = f"several recordings could be it: {list_names([*map(str, matches)])}"
        raise file.refuse("", f"{problem}. Name the recording with --recordings.")


def measure_recording(path: Path) -> tuple[float, int]:
    """Seconds and channels of a recording.

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    with audio.open_blocks(path) as blocks:
        frames = sum(len(block) for block in blocks)
        return frames / blocks.rate_hz, blocks.channels


def check_part(
    file: CorrectedFile, correction: Correction, path: Path, measured: tuple[float, int]
) -> None:
    """Refuse a label that is not within its recording, or of one channel of several.

    Parameters
    ----------
    file : CorrectedFile
    correction : Correction
    path : Path
        Of the recording.
    measured : tuple of float and int
        Its seconds and channels.

    Raises
    ------
    CorpusError
    """
    seconds, channels = measured
    start, end = correction.start_seconds or 0.0, correction.end_seconds
    if start < 0 or (end is not None and end <= start):
        raise file.refuse(
            correction.where, f"from {start:g} s to {end:g} s is no part. Correct the times."
        )
    last = start if end is None else end
    if start >= seconds or last - seconds > _TOLERANCE_SECONDS:
        raise file.refuse(
            correction.where,
            f"ends at {last:g} s, and {escape_control(str(path))} is {seconds:g} s long. Correct "
            "the times, or name the right recording with --recordings.",
        )
    if correction.channel == "mix" and correction.channel_index >= channels:
        raise file.refuse(
            correction.where,
            f"channel is {correction.channel_index}, and {escape_control(str(path))} has "
            f"{channels}, counted from 0. Correct the channel in the file, or name the right "
            "recording with --recordings.",
        )
    if correction.channel != "mix" and channels > 1:
        raise file.refuse(
            correction.where,
            f"the label is of channel {escape_control(correction.channel)}, and training mixes the "
            f"channels of {escape_control(str(path))}. Save each channel as its own file, and "
            "recognize that.",
        )


def check_folder_of_recordings(path: Path | None) -> None:
    """Refuse recordings that are not there."""
    if path is not None and not path.exists():
        raise CorpusError(f"{path}: no such recording or folder of recordings.")
