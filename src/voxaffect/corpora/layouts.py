"""Layouts of a user's folders: which level names the emotion, the speaker, the set.

A layout is read from the names of the folders, level by level. Known words of emotions must stand
at exactly one level. What could be read in two ways is refused, with the option that settles it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxaffect.corpora.labels import (
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
_CHANNELS = frozenset(("speech", "song"))
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


def detect_layout(root: Path, paths: Sequence[Sequence[str]], own: Collection[str] = ()) -> Layout:
    """Layout of folders by their names.

    Parameters
    ----------
    root : Path
        For messages.
    paths : sequence of sequence of str
        Parts of every recording's path under the root.
    own : collection of str
        Further words for emotions: the user's own labels.

    Raises
    ------
    CorpusError
        If there is more than one way to read them, or none.
    """
    known = {normalize_label(word) for word in own}

    def is_emotion(name: str) -> bool:
        return normalize_label(name) in known or find_emotion(name) is not None

    levels = _list_levels(paths)
    if not levels:
        return _read_flat(root, paths)
    with_emotions = [level for level, names in enumerate(levels) if any(map(is_emotion, names))]
    if len(with_emotions) > 1:
        raise _refuse(root, levels, "emotions stand at more than one level")
    roles = [_find_role(names) for names in levels]
    if not with_emotions:
        return _accept_unknown_words(root, paths, levels, roles)
    (level,) = with_emotions
    if reserved := next(filter(_is_reserved, levels[level]), None):
        raise _refuse(root, levels, f"{reserved} stands among emotions")
    return _assign_roles(root, levels, roles, level)


def _list_levels(paths: Iterable[Sequence[str]]) -> list[list[str]]:
    """Names of the folders at each level, from the top, the most frequent first."""
    counters: list[Counter[str]] = []
    for parts in paths:
        for level, name in enumerate(parts[:-1]):
            if level == len(counters):
                counters.append(Counter())
            counters[level][name] += 1
    return [[name for name, _ in counter.most_common()] for counter in counters]


_KINDS: Mapping[str, Callable[[str], object]] = {
    "set": _SETS.fullmatch,
    "sex": SEXES.__contains__,
    "channel": _CHANNELS.__contains__,
    "intensity": _INTENSITIES.fullmatch,
    IGNORED: _IGNORED.fullmatch,
}


def _find_role(names: Sequence[str]) -> str:
    """Role of a level all of whose names are words of one kind; a speaker's otherwise."""
    plain = [normalize_label(name) for name in names]
    return next((role for role, fits in _KINDS.items() if all(map(fits, plain))), SPEAKER)


def _is_reserved(name: str) -> bool:
    """True for a name of a set, a sex or a kind of sound: hardly an emotion or a speaker."""
    plain = normalize_label(name)
    return bool(_SETS.fullmatch(plain) or re.fullmatch(_CONDITIONS, plain)) or plain in SEXES


def _assign_roles(
    root: Path, levels: Sequence[Sequence[str]], roles: Sequence[str], emotion: int
) -> Layout:
    """Roles around the level of the emotions, each once; an unknown level is the speaker."""
    roles = _keep_one_speaker(root, levels, roles, emotion)
    result: list[str] = []
    for level, (names, role) in enumerate(zip(levels, roles, strict=True)):
        if level == emotion:
            result.append(EMOTION)
            continue
        reserved = next(filter(_is_reserved, names), None)
        if role == SPEAKER and reserved:
            raise _refuse(root, levels, f"{reserved} stands among other names")
        result.append(IGNORED if role in result else role)
    while result[-1] == IGNORED:
        result.pop()
    return Layout(tuple(result))


def _keep_one_speaker(
    root: Path, levels: Sequence[Sequence[str]], roles: Sequence[str], emotion: int
) -> list[str]:
    """Roles without a second speaker: numbered sessions and groups next to people are none."""
    result = list(roles)
    unknown = [level for level, role in enumerate(roles) if role == SPEAKER and level != emotion]
    for level in unknown if len(unknown) > 1 else ():
        if all(_GROUPS.fullmatch(normalize_label(name)) for name in levels[level]):
            result[level] = IGNORED
    left = [level for level in unknown if result[level] == SPEAKER]
    if len(left) > 1:
        shown = (EMOTION if i == emotion else result[i] for i in range(len(levels)))
        example = "/".join(IGNORED if i in left[1:] else role for i, role in enumerate(shown))
        reason = f"levels {left[0] + 1} and {left[1] + 1} could"
        raise _refuse(root, levels, reason, example=example, field="the speaker")
    return result


def _accept_unknown_words(
    root: Path,
    paths: Sequence[Sequence[str]],
    levels: Sequence[Sequence[str]],
    roles: Sequence[str],
) -> Layout:
    """Take words that nobody knows for the user's own labels, unless something speaks against."""
    names, last = levels[-1], len(levels) - 1
    plain = [normalize_label(name) for name in names]
    depths = {len(parts) - 1 for parts in paths if len(parts) > 1}
    above_are_known = all(role in ("set", "sex", IGNORED) for role in roles[:-1])
    if any(extract_emotions(Path(parts[-1]).stem) for parts in paths):
        reason = "the file names hold words of emotions, the folders none"
        raise _refuse(root, levels, reason, example=_suggest_name_layout(paths, levels, roles))
    has_reserved = roles[-1] != SPEAKER or any(map(_is_reserved, names))
    if has_reserved or not above_are_known or depths != {last + 1}:
        raise _refuse(root, levels, "no folder names an emotion that is known")
    if len(names) < 2:
        raise _refuse(root, levels, "there is one folder, and it names no emotion")
    if all(_NUMBERED.fullmatch(word) for word in plain):
        raise _refuse(root, levels, "these look like speakers, and no emotion is named")
    return _assign_roles(root, levels, roles, last)


def _suggest_name_layout(
    paths: Sequence[Sequence[str]], levels: Sequence[Sequence[str]], roles: Sequence[str]
) -> str | None:
    """Layout by which every file name says its emotion; None if one does not."""
    if any(len(extract_emotions(Path(parts[-1]).stem)) != 1 for parts in paths):
        return None
    shown: list[str] = []
    for names, role in zip(levels, roles, strict=True):
        is_mixed = role == SPEAKER and any(map(extract_emotions, names))
        shown.append(IGNORED if is_mixed or role in shown else role)
    return "/".join((*shown, NAME))


def _read_flat(root: Path, paths: Sequence[Sequence[str]]) -> Layout:
    """Files without folders: the emotion must be a word of every name."""
    emotions = [extract_emotions(Path(parts[-1]).stem) for parts in paths]
    unclear = next((i for i, words in enumerate(emotions) if len(words) != 1), None)
    if unclear is None and len(set(emotions)) > 1:
        return Layout((), is_in_name=True)
    bare, count = paths[unclear or 0][-1], len(emotions[unclear or 0])
    names = f", and its name holds words for {count} emotions" if count > 1 else ""
    raise CorpusError(
        f"{root}: '{bare}' is in no sub-folder that names its emotion{names}. Make one folder for "
        "each emotion, or write a table with the columns path and emotion and use csv."
    )


def _refuse(
    root: Path,
    levels: Sequence[Sequence[str]],
    reason: str,
    *,
    example: str | None = None,
    field: str = "the emotion",
) -> CorpusError:
    shown = "; ".join(
        f"level {level}: {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}"
        for level, names in enumerate(levels, start=1)
    )
    usual = {1: "emotion", 2: "speaker/emotion"}.get(len(levels), "set/speaker/emotion")
    example = example or usual
    condition = "If these are labels of your own, name" if example == "emotion" else "Name"
    return CorpusError(
        f"{root}: cannot tell which folders name {field}: {reason} ({shown}). {condition} the "
        f"levels with --layout, such as --layout {example} (in Python layout='{example}'), or "
        "write a table with the columns path and emotion and use csv."
    )
