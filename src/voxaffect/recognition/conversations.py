"""Turns and transcripts of recordings: values, a file, or a folder with a file for each."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any, Final, Generic, TypeVar

from voxaffect.annotations import MOST_SPEAKERS, Sentence, Turn, Word, read_transcript, read_turns
from voxaffect.audio import Blocks, join_blocks
from voxaffect.errors import AnnotationError, ArgumentError
from voxaffect.files import escape_control, list_names, walk_unique
from voxaffect.files.media import EXTENSIONS
from voxaffect.recognition.diarization import DiarizationConfig, find_turns
from voxaffect.recognition.timelines.conversation import Conversation, take_turns
from voxaffect.recognition.transcription import TranscriptionConfig, find_sentences
from voxaffect.records.arguments import check_kind, check_list, check_number, check_path
from voxaffect.records.codec import to_line

Part = TypeVar("Part", bound=Turn | Sentence)
OpenAgain = Callable[[], AbstractContextManager[Blocks]]
Config = TypeVar("Config", DiarizationConfig, TranscriptionConfig)
Given = str | os.PathLike[str] | Sequence[Part] | None

SPEAKERS: Final = "speakers"
TRANSCRIPT: Final = "transcript"
ADAPT_REMEDY: Final = "To adapt to each speaker, name the turns (speakers), or diarize."
_LATE_SECONDS: Final = 1.0
"""So far beyond the end of a recording, times of other programs still are its own."""
_MILLISECONDS: Final = 1_000
_ENDINGS: Final = {
    SPEAKERS: (".rttm", ".eaf", ".textgrid", ".json", ".csv", ".vtt", ".srt"),
    TRANSCRIPT: (".srt", ".vtt", ".json", ".textgrid", ".eaf", ".csv"),
}
"""Of files in a folder, the likeliest first."""


@dataclass(frozen=True)
class _Parts(Generic[Part]):
    """Turns, or sentences, of recordings.

    Parameters
    ----------
    kind : str
        Of what, as the argument is named.
    values : tuple of Turn or Sentence, optional
        Of the one recording.
    path : Path, optional
        Of a file or folder.
    read_file : callable
    is_single : bool
    """

    kind: str
    values: tuple[Part, ...] | None
    path: Path | None
    read_file: Callable[..., tuple[Part, ...]]
    is_single: bool

    def get(self, name: str, seconds: float) -> tuple[Part, ...]:
        """Turns, or sentences, of a recording; none where there is no source."""
        if self.path is None:
            parts, origin = self.values or (), f"{escape_control(name)}: {self.kind}"
        else:
            path = self._find_file(name)
            parts, origin = self.read_file(path, recording=name), escape_control(str(path))
        _check_times(parts, origin, name=name, seconds=seconds)
        return parts

    @cached_property
    def digest(self) -> str | None:
        """Digest of the values; of files, by their sizes and times."""
        if self.path is None and self.values is None:
            return None
        listed = [asdict(part) for part in self.values or ()]
        plain = [*listed, *([str(path), *_sign(path)] for path in self.list_files())]
        return hashlib.sha256(to_line(plain).encode()).hexdigest()

    @cached_property
    def _files(self) -> Mapping[str, list[Path]]:
        """Files of a folder by their names without ending."""
        files: dict[str, list[Path]] = {}
        for path in self.list_files():
            files.setdefault(path.stem, []).append(path)
        return files

    def list_files(self) -> list[Path]:
        """The file, or all files of the folder that are no recordings."""
        if self.path is None or not self.path.is_dir():
            return [self.path] if self.path else []
        listed = [
            parent / name
            for parent, _, names in walk_unique(self.path, lambda _: None)
            for name in names
        ]
        return sorted(path for path in listed if path.suffix.lower() not in EXTENSIONS)

    def _find_file(self, name: str) -> Path:
        """File of a recording: the one, or that of its name in the folder."""
        assert self.path is not None
        if not self.path.is_dir():
            self._check_several()
            return self.path
        recording = PurePath(name)
        files = self._files.get(recording.stem) or self._files.get(recording.name) or []
        endings = _ENDINGS[self.kind]
        known = [path for path in files if path.suffix.lower() in endings] or files
        ranked = sorted(known, key=lambda path: _rank(path, endings))
        if not ranked:
            raise AnnotationError(
                f"{escape_control(name)}: no file for it in the folder of {self.kind} "
                f"{escape_control(str(self.path))}, expected {escape_control(recording.stem)}"
                f"{endings[0]} or another ending. Add it."
            )
        best = [path for path in ranked if _rank(path, endings) == _rank(ranked[0], endings)]
        near = [path for path in best if path.parent.name == recording.parent.name]
        if len(best) > 1 and len(near) != 1:
            raise AnnotationError(
                f"{escape_control(name)}: several files of {self.kind}: "
                f"{list_names([escape_control(str(path)) for path in best])}. Leave one of them."
            )
        return near[0] if len(best) > 1 else best[0]

    def _check_several(self) -> None:
        """Refuse, for several recordings, a file that holds but one."""
        if not self.is_single and self._holds_one:
            raise AnnotationError(
                f"{escape_control(str(self.path))}: holds the {self.kind} of one recording, and "
                "there are several. Name a folder with a file for each."
            )

    @cached_property
    def _holds_one(self) -> bool:
        try:
            self.read_file(self.path)
        except AnnotationError:  # of several recordings, one has to be named
            return False
        return True


@dataclass(frozen=True)
class ConversationSource:
    """Source of the turns and transcripts of recordings.

    Parameters
    ----------
    speakers : path, sequence of Turn, or None
        A file, or a folder with a file for each recording.
    transcript : path, sequence of Sentence, or None
        In the same way.
    is_single : bool
        Whether there is but one recording, which a file then belongs to.
    diarization : DiarizationConfig, optional
        Finds the turns by the sound, instead of `speakers`.
    transcription : TranscriptionConfig, optional
        Finds the sentences by the sound, instead of `transcript`.
    remedy : str
        If given, a recording whose transcript names no speaker is refused, with this remedy.

    Raises
    ------
    ArgumentError
        If one is of another kind, or empty.
    AnnotationError
        If there is no such file or folder.
    """

    speakers: Given[Turn] = None
    transcript: Given[Sentence] = None
    is_single: bool = True
    diarization: DiarizationConfig | None = None
    transcription: TranscriptionConfig | None = None
    remedy: str = ""

    def __post_init__(self) -> None:
        for given, option, engine in (
            (self.speakers, SPEAKERS, self.diarization and "diarize"),
            (self.transcript, TRANSCRIPT, self.transcription and "transcribe"),
        ):
            if given is not None and engine:
                raise ArgumentError(f"{engine} takes the place of {option}. Leave one of them out.")
        _ = self._turns, self._sentences

    @cached_property
    def _turns(self) -> _Parts[Turn]:
        return _open_parts(SPEAKERS, self.speakers, Turn, read_turns, is_single=self.is_single)

    @cached_property
    def _sentences(self) -> _Parts[Sentence]:
        return _open_parts(
            TRANSCRIPT, self.transcript, Sentence, read_transcript, is_single=self.is_single
        )

    def check_adaptation(self, kind: str | None) -> None:
        """Refuse adaptation to each speaker where nothing can name speakers.

        Raises
        ------
        ArgumentError
        """
        sources = (self.speakers, self.transcript, self.diarization)
        if kind == SPEAKERS and all(source is None for source in sources):
            raise ArgumentError(f"adapt: 'speakers', and there are no turns. {ADAPT_REMEDY}")

    @property
    def settings(self) -> Mapping[str, Any]:
        """All of it that can change a result, as JSON values; empty where there is nothing."""
        digests = {SPEAKERS: self._turns.digest, TRANSCRIPT: self._sentences.digest}
        engines = {"diarize": self.diarization, "transcribe": self.transcription}
        return {
            **{name: digest for name, digest in digests.items() if digest is not None},
            **{name: asdict(config) for name, config in engines.items() if config is not None},
        }

    @property
    def paths(self) -> list[Path]:
        """All files that may be read."""
        return [*self._turns.list_files(), *self._sentences.list_files()]

    def read(self, recording: Blocks, open_again: OpenAgain) -> Conversation:
        """Conversation of an open recording.

        A transcript that names speakers serves as turns where there are none.

        Parameters
        ----------
        recording : Blocks
        open_again : callable
            Opens the same recording once more, for diarization and transcription.

        Raises
        ------
        AnnotationError
            If a file cannot be read, there is none, its times lie beyond the recording, or there
            are no turns, and a remedy is given.
        MissingExtraError, ModelError
            If diarization or transcription lacks its library or its weights.
        """
        seconds = recording.frames / recording.rate_hz
        turns = self._turns.get(recording.name, seconds)
        sentences = self._sentences.get(recording.name, seconds)
        if self.diarization or self.transcription:
            with open_again() as blocks:
                signal = join_blocks(blocks)
            if self.diarization:
                turns = find_turns(signal, self.diarization)
            if self.transcription:
                sentences = find_sentences(signal, self.transcription)
        if self.speakers is None and self.diarization is None:
            turns = take_turns(sentences)
            if self.remedy and not turns:
                name = escape_control(recording.name)
                raise AnnotationError(
                    f"{name}: its transcript names no speaker, so there are no turns. {self.remedy}"
                )
        _check_channels(turns, recording)
        return Conversation(turns, sentences)


def _check_channels(turns: Sequence[Turn], recording: Blocks) -> None:
    """Refuse turns of a channel that a recording does not have."""
    numbers = {turn.channel for turn in turns if turn.channel}
    known = [str(number + 1) for number in range(recording.channels)]
    if unknown := sorted(numbers.difference(known)):
        raise AnnotationError(
            f"{escape_control(recording.name)}: turns of channel {list_names(unknown)}, and it has "
            f"{recording.channels}. Are they another recording's?"
        )


def _open_parts(
    kind: str,
    given: Given[Part],
    part: type[Part],
    read_file: Callable[..., tuple[Part, ...]],
    *,
    is_single: bool,
) -> _Parts[Part]:
    if given is None:
        return _Parts(kind, None, None, read_file, is_single)
    if isinstance(given, str | os.PathLike):
        path = check_path(given, kind)
        if given == "":  # as a path, it is the working folder
            raise ArgumentError(f"{kind}: expected a path, found an empty text.")
        if not os.path.exists(path):  # noqa: PTH110 (unlike Path.exists, it never raises)
            raise AnnotationError(
                f"{escape_control(str(path))}: no such file or folder of {kind}. Check the name."
            )
        return _Parts(kind, None, path, read_file, is_single)
    expected = f"a path, or a list of {part.__name__}"
    values = check_list(given, kind, expected)
    for value in values:
        if not isinstance(value, part):
            raise ArgumentError(f"{kind}: expected {expected}, found {type(value).__name__}.")
    if not values:
        raise ArgumentError(f"{kind}: expected {expected}, found an empty list. Leave it out.")
    _check_values(values, kind)
    if not is_single:
        raise ArgumentError(f"{kind}: a list belongs to one recording. Name a folder of files.")
    return _Parts(kind, tuple(sorted(values, key=_get_span)), None, read_file, is_single)


def _check_values(values: Sequence[Turn | Sentence], kind: str) -> None:
    for value in values:
        _check_value(value, kind)
    if (count := len({value.speaker for value in values})) > MOST_SPEAKERS:
        raise ArgumentError(
            f"{kind}: {count:,} speakers, expected at most {MOST_SPEAKERS:,} in a recording. Give "
            "each speaker one name."
        )


def _check_value(value: Turn | Sentence, kind: str) -> None:
    """Refuse a turn or sentence with a time or text of another kind."""
    _check_span(value, f"{kind}: {type(value).__name__}")
    if isinstance(value, Turn):
        _check_text(value.speaker, f"{kind}: speaker")
        _check_channel(value.channel, f"{kind}: channel")
        return
    _check_text(value.text, f"{kind}: text")
    if value.speaker is not None:
        _check_text(value.speaker, f"{kind}: speaker")
    for word in check_list(value.words, f"{kind}: words", "a list of Word"):
        check_kind(word, Word, f"{kind}: words", "a list of Word")
        _check_text(word.text, f"{kind}: text of a word")
        _check_span(word, f"{kind}: Word")
        if not 0 <= word.start_seconds <= word.end_seconds < math.inf:
            raise ArgumentError(
                f"{kind}: a word from {word.start_seconds:g} to {word.end_seconds:g} s, expected "
                "a start of 0 or more and no end before it."
            )


def _check_channel(channel: object, name: str) -> None:
    is_number = isinstance(channel, str) and channel.isascii() and channel.isdecimal()
    if channel != "" and not is_number:
        raise ArgumentError(f"{name}: expected its number as text, from '1', found {channel!r}.")


def _check_span(part: Turn | Sentence | Word, name: str) -> None:
    check_number(part.start_seconds, f"{name}.start_seconds")
    check_number(part.end_seconds, f"{name}.end_seconds")


def _check_text(value: object, name: str) -> None:
    check_kind(value, str, name, "a text")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ArgumentError(
                f"{name}: {value!a} holds half of a character (a surrogate). Leave it out."
            ) from error


def _get_span(part: Turn | Sentence) -> tuple[float, float]:
    return part.start_seconds, part.end_seconds


def _check_times(
    parts: Sequence[Turn | Sentence], origin: str, *, name: str, seconds: float
) -> None:
    """Refuse times that cannot be those of a recording."""
    for part in parts:
        start, end = _get_span(part)
        if not 0 <= start < end:
            raise AnnotationError(
                f"{origin}: from {start:g} to {end:g} s, expected a start of 0 or more and an end "
                "after it. Mend it."
            )
        last = start if isinstance(part, Sentence) else end  # recognizers round ends up
        if last > seconds + _LATE_SECONDS:
            latest = max(part.end_seconds for part in parts)
            are_milliseconds = _MILLISECONDS < latest <= (seconds + _LATE_SECONDS) * _MILLISECONDS
            question = "Are they milliseconds" if are_milliseconds else "Is it another recording's"
            raise AnnotationError(
                f"{origin}: from {start:g} to {end:g} s, and {escape_control(name)} is "
                f"{seconds:.1f} s long. {question}?"
            )


def _rank(path: Path, endings: Sequence[str]) -> int:
    suffix = path.suffix.lower()
    return endings.index(suffix) if suffix in endings else len(endings)


def _sign(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


NO_SOURCE: Final = ConversationSource()


def choose_engine(value: Any, config: type[Config], option: str) -> Config | None:
    """Settings of an engine: of True, of its name, or as they are; None without.

    Raises
    ------
    ArgumentError
        If it is something else, or there is no such engine.
    """
    if value is None or value is False:
        return None
    if value is True:
        return config()
    if isinstance(value, str):
        return config(value)
    if isinstance(value, config):
        return value
    raise ArgumentError(
        f"{option}: expected True, the name of an engine or {config.__name__}, found "
        f"{type(value).__name__}."
    )
