"""Layouts of a user's folders: the levels that name the emotion, the speaker, the set.

A layout is read from the names of the folders, level by level. Known words of emotions must stand
at exactly one level. What could be read in two ways is refused, with the option that settles it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from voxaffect.corpora.vocabulary import (
    extract_emotions,
    find_emotion,
    normalize_label,
    split_words,
)
from voxaffect.errors import CorpusError

EMOTION, SPEAKER, IGNORED, NAME = "emotion", "speaker", "*", "file:emotion"
_FIELDS = {
    "set": "subset",
    EMOTION: EMOTION,
    SPEAKER: SPEAKER,
    "sex": "sex",
    "intensity": "intensity",
    "channel": "channel",
}
ROLES = (*_FIELDS, IGNORED)
"""What a level of folders can name."""

SEXES: Mapping[str, str] = {
    **dict.fromkeys(
        split_words(
            "female, f, woman, women, girl, w, weiblich, frau, femme, femenino, mujer, femmina, "
            "feminino, females"
        ),
        "female",
    ),
    **dict.fromkeys(
        split_words(
            "male, m, man, men, boy, mannlich, mann, homme, masculino, hombre, maschio, males"
        ),
        "male",
    ),
}
"""Words for the sex of a speaker, as `normalize_label` gives them."""

_SETS = re.compile(
    r"(?:.* )?(?:train|training|test|testing|tests|val|valid|validation|dev|devel|development|eval"
    r"|evaluation|holdout|unseen)\d*(?: .*)?|(?:fold|split|cv|part|partition) ?\d+"
)
_INTENSITIES = re.compile(
    "low|medium|high|normal|strong|weak|mild|faible|forte?|schwach|stark|hi|lo|md"
)
_CONDITIONS = (
    r"backup|misc|te?mp|old|new|copy|copies|trash|extra|unused|raw|processed|original|clean|noisy"
    r"|augmented|noise|silence|background|(?:background )?noise"
)
_IGNORED = re.compile(
    rf"{_CONDITIONS}|"
    r"data|audiowav|audiodata|(?:mic|microphone) ?\d*|\d+ ?k(?:hz)?|\d{4} \d\d \d\d|\d{8}|phone"
    r"|iphone|android|laptop|headset|english|german|french|italian|spanish|mandarin|chinese"
    r"|dataset|audios?|wavs?|wave|flac|mp3|recordings?|clips?|files|sounds?|samples?|corpus"
    r"|emotions?|raw|archive|(?:take|version|rep|repetition|sentence|day|disc|batch) ?\d+"
)
_NUMBERED = re.compile(
    r"(?:actor|actress|speaker|spk|spkr|subject|subj|sub|person|participant|proband|user|session|"
    r"talker|voice|client|patient|id|s|p|m|f|male|female)? ?\d+"
)
_GROUPS = re.compile(
    r"(?:session|ses|group|class|room|visit|trial|block|scene|dialog|dialogue|episode|season) ?\d+"
)
_SHOWN = 4
_USE_TABLE = "write a table with the columns path and emotion and use csv"


@dataclass(frozen=True)
class Layout:
    """Role of every level of folders, from the top.

    Parameters
    ----------
    roles : tuple of str
        Each one of ``ROLES``; deeper levels are ignored.
    is_in_name : bool
        Whether a word of the file name says the emotion.
    """

    roles: tuple[str, ...]
    is_in_name: bool = False

    def __str__(self) -> str:
        return "/".join((*self.roles, NAME if self.is_in_name else "file"))

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Layout from the text that a user gives as ``--layout``.

        Raises
        ------
        CorpusError
            If a level is unknown, or if not exactly one names the emotion.

        Examples
        --------
        >>> Layout.parse("set/speaker/emotion").roles
        ('set', 'speaker', 'emotion')
        """
        parts = text.strip().strip("/").lower().split("/")
        is_in_name = parts[-1] == NAME
        roles = parts[:-1] if parts[-1] in ("file", NAME) else parts
        named = [role for role in roles if role != IGNORED]
        unknown = [role for role in roles if role not in ROLES]
        if unknown or len(set(named)) < len(named) or is_in_name == (EMOTION in roles):
            raise CorpusError(
                f"layout {text!r}: expected levels of folders from the top, each once, of "
                f"{', '.join(_FIELDS)} and {IGNORED}, with emotion among them or {NAME} at the "
                "end, such as speaker/emotion or speaker/file:emotion."
            )
        return cls(tuple(roles), is_in_name)

    def read_fields(self, parts: Sequence[str]) -> dict[str, str]:
        """Fields of an utterance by the parts of its path under the root.

        There is no ``emotion`` where the file lies too high to have one.
        """
        levels = zip(self.roles, parts[:-1], strict=False)
        result = {_FIELDS[role]: name.strip() for role, name in levels if role != IGNORED}
        if self.is_in_name and len(within := extract_emotions(Path(parts[-1]).stem)) == 1:
            (result[EMOTION],) = within
        if "sex" in result:
            result["sex"] = SEXES.get(normalize_label(result["sex"]), result["sex"])
        return result


def detect_layout(
    root: Path, paths: Sequence[Sequence[str]], words: Collection[str] = ()
) -> Layout:
    """Layout of folders, by the parts of every recording's path under the root.

    `words` are further words for emotions: the user's own labels.

    Raises
    ------
    CorpusError
        If there is more than one way to read them, or none.
    """
    return _LayoutDetector(root, paths, words).detect()


_KINDS: Mapping[str, Callable[[str], object]] = {
    "set": _SETS.fullmatch,
    "sex": SEXES.__contains__,
    "channel": ("speech", "song").__contains__,
    "intensity": _INTENSITIES.fullmatch,
    IGNORED: _IGNORED.fullmatch,
}


def _find_role(names: Sequence[str]) -> str:
    """Role of a level all of whose names are words of one kind; a speaker's otherwise."""
    plain = [normalize_label(name) for name in names]
    return next((role for role, fits in _KINDS.items() if all(map(fits, plain))), SPEAKER)


def _find_reserved(names: Sequence[str]) -> str | None:
    """First name of a set, a sex or a kind of sound: hardly an emotion or a speaker."""
    for name in names:
        plain = normalize_label(name)
        if _SETS.fullmatch(plain) or re.fullmatch(_CONDITIONS, plain) or plain in SEXES:
            return name
    return None


class _LayoutDetector:
    """Reading of the levels of folders, from the top."""

    def __init__(self, root: Path, paths: Sequence[Sequence[str]], words: Collection[str]) -> None:
        self.root, self.paths = root, paths
        self.words = {normalize_label(word) for word in words}
        counters: list[Counter[str]] = []
        for parts in paths:
            for level, name in enumerate(parts[:-1]):
                if level == len(counters):
                    counters.append(Counter())
                counters[level][name] += 1
        self.levels = [[name for name, _ in counter.most_common()] for counter in counters]
        self.roles = [_find_role(names) for names in self.levels]

    @cached_property
    def emotions_in_names(self) -> list[frozenset[str]]:
        return [extract_emotions(Path(parts[-1]).stem) for parts in self.paths]

    def detect(self) -> Layout:
        if not self.levels:
            return self._read_flat()
        with_emotions = [
            level for level, names in enumerate(self.levels) if any(map(self._is_emotion, names))
        ]
        if len(with_emotions) > 1:
            raise self._refuse("emotions stand at more than one level")
        if not with_emotions:
            self._check_unknown_words()
            return self._assign_roles(len(self.levels) - 1)
        (level,) = with_emotions
        if reserved := _find_reserved(self.levels[level]):
            raise self._refuse(f"{reserved} stands among emotions")
        return self._assign_roles(level)

    def _is_emotion(self, name: str) -> bool:
        return normalize_label(name) in self.words or find_emotion(name) is not None

    def _assign_roles(self, emotion: int) -> Layout:
        """Roles around the level of the emotions, each once; an unknown level is the speaker."""
        result: list[str] = []
        for level, role in enumerate(self._keep_one_speaker(emotion)):
            if level == emotion:
                result.append(EMOTION)
                continue
            if role == SPEAKER and (reserved := _find_reserved(self.levels[level])):
                raise self._refuse(f"{reserved} stands among other names")
            result.append(IGNORED if role in result else role)
        while result[-1] == IGNORED:
            result.pop()
        return Layout(tuple(result))

    def _keep_one_speaker(self, emotion: int) -> list[str]:
        """Roles without a second speaker: numbered sessions and groups next to people are none."""
        result = list(self.roles)
        result[emotion] = EMOTION
        unknown = [level for level, role in enumerate(result) if role == SPEAKER]
        for level in unknown if len(unknown) > 1 else ():
            if all(_GROUPS.fullmatch(normalize_label(name)) for name in self.levels[level]):
                result[level] = IGNORED
        speakers = [level for level in unknown if result[level] == SPEAKER]
        if len(speakers) > 1:
            first, *others = speakers
            example = "/".join(IGNORED if i in others else role for i, role in enumerate(result))
            reason = f"levels {first + 1} and {others[0] + 1} could"
            raise self._refuse(reason, example=example, field="the speaker")
        return result

    def _check_unknown_words(self) -> None:
        """Refuse to take unknown words for the user's own labels if something speaks against."""
        names = self.levels[-1]
        depths = {len(parts) - 1 for parts in self.paths if len(parts) > 1}
        if any(self.emotions_in_names):
            reason = "the file names hold words of emotions, the folders none"
            raise self._refuse(reason, example=self._suggest_name_layout())
        if (
            self.roles[-1] != SPEAKER
            or _find_reserved(names)
            or not {"set", "sex", IGNORED}.issuperset(self.roles[:-1])
            or depths != {len(self.levels)}
        ):
            raise self._refuse("no folder names an emotion that is known")
        if len(names) < 2:
            raise self._refuse("there is one folder, and it names no emotion")
        if all(_NUMBERED.fullmatch(normalize_label(name)) for name in names):
            raise self._refuse("these look like speakers, and no emotion is named")

    def _suggest_name_layout(self) -> str | None:
        """Layout by which every file name says its emotion; None if one does not."""
        if any(len(words) != 1 for words in self.emotions_in_names):
            return None
        shown: list[str] = []
        for names, role in zip(self.levels, self.roles, strict=True):
            is_mixed = role == SPEAKER and any(map(extract_emotions, names))
            shown.append(IGNORED if is_mixed or role in shown else role)
        return "/".join((*shown, NAME))

    def _read_flat(self) -> Layout:
        """Layout of files without folders: the emotion must be a word of every name."""
        counts = [len(words) for words in self.emotions_in_names]
        unclear = next((index for index, count in enumerate(counts) if count != 1), None)
        if unclear is None and len(set(self.emotions_in_names)) > 1:
            return Layout((), is_in_name=True)
        name, count = self.paths[unclear or 0][-1], counts[unclear or 0]
        words = f", and its name holds words for {count} emotions" if count > 1 else ""
        raise CorpusError(
            f"{self.root}: '{name}' is in no sub-folder that names its emotion{words}. Make one "
            f"folder for each emotion, or {_USE_TABLE}."
        )

    def _refuse(
        self, reason: str, *, example: str | None = None, field: str = "the emotion"
    ) -> CorpusError:
        shown = "; ".join(
            f"level {level}: {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}"
            for level, names in enumerate(self.levels, start=1)
        )
        usual = {1: "emotion", 2: "speaker/emotion"}.get(len(self.levels), "set/speaker/emotion")
        example = example or usual
        condition = "If these are labels of your own, name" if example == "emotion" else "Name"
        return CorpusError(
            f"{self.root}: cannot tell which folders name {field}: {reason} ({shown}). {condition} "
            f"the levels with --layout, such as --layout {example} (in Python layout='{example}'), "
            f"or {_USE_TABLE}."
        )
