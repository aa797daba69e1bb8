"""A corpus and its utterances as data: file names, emotions, speakers, license and source."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from voxaffect.corpora.ratings import check_dimensions, check_soft_label
from voxaffect.errors import CorpusError
from voxaffect.records.arguments import check_kind, check_path

if TYPE_CHECKING:
    from voxaffect.corpora.raters import RatedPart

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised", "bored")
"""The emotions in the words of RAVDESS, with one that EMO-DB adds; every corpus is mapped here."""


@dataclass(frozen=True)
class Utterance:
    """Recording, or part of one, with its emotion, its speaker and what else its corpus states.

    Parameters
    ----------
    path : Path or str
    corpus : str
        Name of the corpus in ``CORPORA``; of people's own data, the name they give it.
    emotion : str
        One of ``EMOTIONS``; in people's own data (`folder`, `csv`) any other word, too. Empty
        where only dimensions are rated.
    speaker : str, optional
        Unique within the corpus; None where the corpus does not say.
    sex : str, optional
        ``female`` or ``male``.
    text : str, optional
        Which sentence is spoken, in the corpus's own code.
    intensity : str, optional
        In the corpus's own words, such as ``normal`` and ``strong``.
    take : str, optional
        Repetition or version of the same sentence.
    channel : str, optional
        ``speech`` or ``song``.
    subset : str, optional
        Set that the user's data put it into, such as ``train``; protocols split anew.
    start_seconds, end_seconds : float, optional
        Part of the recording that is the utterance; None for its beginning and its end.
    label : str, optional
        The word of the data, where ``emotion`` is another word for it.
    soft_label : mapping of str to float, optional
        Share of the raters who chose each emotion; ``emotion`` has the highest.
    dimensions : mapping of str to float, optional
        Ratings of ``arousal``, ``valence`` or ``dominance``, from 0 to 1, as far as known.

    Examples
    --------
    >>> Utterance("Actor_10/03-01-05-01-02-01-10.wav", "ravdess", "angry", speaker="10").emotion
    'angry'
    """

    path: Path
    corpus: str
    emotion: str
    speaker: str | None = None
    sex: str | None = None
    text: str | None = None
    intensity: str | None = None
    take: str | None = None
    channel: str | None = None
    subset: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    label: str | None = None
    soft_label: Mapping[str, float] | None = field(default=None, hash=False)
    dimensions: Mapping[str, float] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.path, Path):
            object.__setattr__(self, "path", check_path(self.path, "path"))
        for name in ("corpus", "emotion"):
            check_kind(getattr(self, name), str, name, "text")
        try:
            if self.soft_label is not None:
                check_soft_label(self.soft_label)
            if self.dimensions is not None:
                check_dimensions(self.dimensions)
        except ValueError as error:
            raise CorpusError(f"{self.path}: {error}.") from error

    @property
    def distribution(self) -> Mapping[str, float]:
        """Soft label; without one, its emotion with a share of 1; empty without an emotion."""
        if self.soft_label is not None:
            return self.soft_label
        return {self.emotion: 1.0} if self.emotion else {}


def list_emotions(utterances: Iterable[Utterance]) -> tuple[str, ...]:
    """Emotions of utterances, also those that only have a share in a soft label, sorted."""
    return tuple(sorted({emotion for one in utterances for emotion in one.distribution}))


@dataclass(frozen=True)
class Download:
    """One archive at its official address.

    Parameters
    ----------
    url : str
    file : str
        Name under which it is kept, and of the folder it is unpacked into.
    size : int, optional
        In bytes.
    checksum : str, optional
        Such as ``md5:bc69…``.
    listing : str, optional
        Address of the publisher's record (Zenodo's JSON), which states size and checksum
        where they are not given here.
    is_optional : bool
        Fetched only when asked for by name.
    """

    url: str
    file: str
    size: int | None = None
    checksum: str | None = None
    listing: str | None = None
    is_optional: bool = False


@dataclass(frozen=True)
class Corpus:
    """Description of a public corpus: all that reading, downloading and checking it needs.

    Parameters
    ----------
    name : str
        The key in ``CORPORA``, and the name of its folder.
    title : str
        Its name in messages and tables.
    description, language, citation, homepage : str
    grammar : str
        The file name in the corpus's own notation, for messages.
    layout : str
        Where the files are under the root, for messages.
    pattern : re.Pattern
        Matches the end of a path; named groups ``emotion`` and ``speaker``, and where the
        corpus has them ``text``, ``intensity``, ``take`` and ``channel``; see `compile_names`.
    emotions : mapping
        From the corpus's code to one of ``EMOTIONS``.
    sexes : mapping
        From every speaker to ``female`` or ``male``; see `map_sexes`.
    sizes : tuple of int
        How many files a whole copy holds; several where there are several releases.
    license : str
    is_commercial : bool or None
        Whether the license allows commercial use; None where sources disagree.
    instructions : str
        How to get the files by hand.
    extensions : frozenset of str
        Of its recordings, in lower case.
    intensities, channels : mapping
        From code to word, as ``emotions``.
    aliases : mapping
        From a misspelt speaker to the right one.
    name_templates : tuple of tuple of str
        For each part of the corpus (speech, song): templates of all its file names, which
        `expand_template` writes out. Empty where they are not known.
    known_duplicates : tuple of frozenset of str
        Names of files that hold one and the same recording.
    downloads : tuple of Download
        Empty where there is no direct address, or none that we could verify.
    traps : tuple of str
        What goes wrong with this corpus, for `voxaffect corpora info` and `check`.

    Examples
    --------
    >>> from voxaffect.corpora import CORPORA
    >>> CORPORA["emodb"].language, CORPORA["emodb"].emotions["W"]
    ('German', 'angry')
    """

    name: str
    title: str
    description: str
    language: str
    grammar: str
    layout: str
    pattern: re.Pattern[str]
    emotions: Mapping[str, str]
    sexes: Mapping[str, str]
    sizes: tuple[int, ...]
    license: str
    is_commercial: bool | None
    citation: str
    homepage: str
    instructions: str
    extensions: frozenset[str] = frozenset({".wav"})
    intensities: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    name_templates: tuple[tuple[str, ...], ...] = ()
    known_duplicates: tuple[frozenset[str], ...] = ()
    downloads: tuple[Download, ...] = ()
    traps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("emotions", "sexes", "intensities", "channels", "aliases"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for fault in _find_faults(self):
            raise CorpusError(f"corpus {self.name!r}: {fault}")


_NEEDED_GROUPS = {"emotion", "speaker"}
_READ_GROUPS = _NEEDED_GROUPS | {"text", "intensity", "take", "channel", "label"}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def _find_faults(corpus: Corpus) -> Iterator[str]:
    """Mistakes in the description of a corpus, in words for the person who wrote it."""
    if not _NAME.fullmatch(corpus.name):
        yield "name: expected lower-case letters, digits and single hyphens."
    if not (isinstance(corpus.sizes, tuple) and all(isinstance(n, int) for n in corpus.sizes)):
        yield f"sizes: expected a tuple of numbers, such as (1440,), found {corpus.sizes!r}."
    groups = set(corpus.pattern.groupindex)
    for group in sorted(_NEEDED_GROUPS - groups):
        yield f"pattern: the group '{group}' is missing."
    for group in sorted(groups - _READ_GROUPS):
        remedy = " List the sex of each speaker in sexes." if group == "sex" else ""
        yield f"pattern: the group '{group}' is not read.{remedy}"
    for group, words in (("intensity", "intensities"), ("channel", "channels")):
        if group in groups and not getattr(corpus, words):
            yield f"{words}: the pattern has the group '{group}', so its words are needed."
    for emotion in sorted(set(corpus.emotions.values()) - set(EMOTIONS)):
        yield f"emotions: expected words of {', '.join(EMOTIONS)}, found {emotion!r}."


@dataclass(frozen=True)
class FileIssue:
    """File or folder, and what is wrong with it.

    Parameters
    ----------
    path : Path
    reason : str
        A sentence that names the file.
    """

    path: Path
    reason: str


@dataclass(frozen=True)
class ScanResult:
    """Recordings of a corpus, judged by name alone.

    Parameters
    ----------
    utterances : tuple of Utterance
        Those whose names fit the grammar.
    unmatched : tuple of FileIssue
        Those whose names do not.
    repeated : tuple of tuple of Path
        Recordings whose names say that they are one and the same utterance.
    notes : tuple of str
        How people's own data were read, one line each.
    unlisted : tuple of FileIssue
        Folders that cannot be looked into.
    rated : tuple of RatedPart
        Answers of each rater, where several people rated the recordings of a table.
    """

    utterances: tuple[Utterance, ...]
    unmatched: tuple[FileIssue, ...] = ()
    repeated: tuple[tuple[Path, ...], ...] = ()
    notes: tuple[str, ...] = ()
    unlisted: tuple[FileIssue, ...] = ()
    rated: tuple[RatedPart, ...] = ()


_COPY = r"(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)? *"


def compile_names(names: str) -> re.Pattern[str]:
    r"""Pattern of a corpus's file names, from a regular expression without the extension.

    It matches the end of a path. Only the extension may change case. Spaces around the name, and
    the marks that systems add to the name of a copy, are passed over.

    Examples
    --------
    >>> pattern = compile_names(r"(?P<speaker>[fm]\d)-(?P<emotion>[a-z]+)")
    >>> pattern.search("calls/f1-sad (2).WAV")["emotion"]
    'sad'
    """
    return re.compile(rf"(?:^|/) *{names}{_COPY}(?i:\.(?:wav|aiff?))$")


def map_sexes(*, female: str, male: str) -> dict[str, str]:
    """Sex of every speaker, from templates that are separated by spaces.

    Examples
    --------
    >>> map_sexes(female="f{1..2}", male="m1")
    {'f1': 'female', 'f2': 'female', 'm1': 'male'}
    """
    women, men = (
        [name for template in templates.split() for name in expand_template(template)]
        for templates in (female, male)
    )
    if both := sorted({*women} & {*men}):
        raise CorpusError(f"sexes: the speakers {', '.join(both)} are in both lists.")
    return dict.fromkeys(women, "female") | dict.fromkeys(men, "male")


def expand_template(template: str) -> tuple[str, ...]:
    """Every name that a template stands for, in order.

    ``{a,b}`` stands for a or b, ``{01..24}`` for all numbers between, of the same width.

    Examples
    --------
    >>> expand_template("{a,b}-{09..10}.wav")
    ('a-09.wav', 'a-10.wav', 'b-09.wav', 'b-10.wav')
    """
    braces = re.search(r"\{([^}]*)\}", template)
    if braces is None:
        return (template,)
    start, rest = template[: braces.start()], expand_template(template[braces.end() :])
    choices = [name for item in braces[1].split(",") for name in _expand_numbers(item)]
    return tuple(start + choice + end for choice in choices for end in rest)


def _expand_numbers(item: str) -> list[str]:
    first, dots, last = item.partition("..")
    if not dots:
        return [item]
    if not (first.isdecimal() and last.isdecimal()):
        raise CorpusError(
            f"template {{{item}}}: expected two numbers, such as {{01..24}}. Write the rest of the "
            "name outside of the braces."
        )
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def link_zenodo(
    record: int,
    file: str,
    *,
    size: int | None = None,
    checksum: str | None = None,
    is_optional: bool = False,
) -> Download:
    """Archive of a record on Zenodo, which also states its size and checksum."""
    return Download(
        url=f"https://zenodo.org/records/{record}/files/{file}?download=1",
        file=file,
        size=size,
        checksum=checksum,
        listing=f"https://zenodo.org/api/records/{record}",
        is_optional=is_optional,
    )
