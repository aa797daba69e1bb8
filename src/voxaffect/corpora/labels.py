"""Labels of a user's data, as emotions in one vocabulary or in words of the user's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from voxaffect.corpora.vocabulary import (
    SHORT_CODES,
    WORD,
    find_emotion,
    load_vocabulary,
    normalize_label,
    normalize_number,
    split_words,
    unify_spellings,
)
from voxaffect.errors import CorpusError
from voxaffect.files import list_names

KEEP = "none"
"""Instead of a map of labels: every word stays as the data have it."""

_KEEP_ALL = f"keep all words with --labels {KEEP} (labels={KEEP!r})"

_ENDINGS = ("fulness", "iness", "ness", "ment", "ful", "ing", "ion", "ed", "ly", "y", "e", "s")
_SHORTEST_STEM = 4
_SHOWN = 8
_SHORTEST_MISSPELT = 5
_LISTED = 12  # labels that one message lists


_NO_LABELS = split_words(
    "none, na, n/a, null, nan, nil, unknown, undefined, unlabeled, unlabelled, unspecified, "
    "no label, no agreement, no emotion, xxx, tbd, todo"
)


def map_labels(
    words: Iterable[str], labels: Mapping[str, str] | str | None = None
) -> dict[str, str]:
    """Emotion for every label.

    Parameters
    ----------
    words : iterable of str
        The labels of the data, as they are.
    labels : mapping of str to str, or "none", optional
        The user's own map, which comes before the vocabulary; ``"none"`` keeps every word.

    Returns
    -------
    dict of str to str
        One entry for each label. An unknown one stays as it is.

    Raises
    ------
    CorpusError
        If two labels look like one emotion by two words that the vocabulary does not know.

    Examples
    --------
    >>> map_labels(["Anger", "angry", "proud"])
    {'Anger': 'angry', 'angry': 'angry', 'proud': 'proud'}
    >>> map_labels(["calm", "anger"], {"calm": "neutral"})
    {'calm': 'neutral', 'anger': 'angry'}
    """
    counts = Counter(words)
    if labels == KEEP:
        return {word: word for word in counts}
    targets: dict[str | None, str] = {
        normalize_label(key): target for key, target in _check_map(labels).items()
    }
    result, unknown = {}, []
    for word, emotion in _find_emotions(counts).items():
        target = targets.get(normalize_label(word)) or targets.get(emotion, emotion)
        if target is None:
            unknown.append(word)
        result[word] = target or word
    _refuse_mixtures(result, unknown)
    return result | unify_spellings({word: counts[word] for word in unknown})


def _find_emotions(words: Iterable[str]) -> dict[str, str | None]:
    """Emotion of every label; a short code counts where another label names an emotion, too."""
    known = {word: find_emotion(word) for word in words}
    if len(set(known.values()) - {None}) < 2 and None in known.values():
        return {
            word: None if normalize_label(word) in SHORT_CODES else known[word] for word in known
        }
    return known


def check_labels(emotions: Iterable[str], labels: Mapping[str, str] | str | None = None) -> None:
    """Refuse labels that are hardly the name of one emotion: mixed, strengthened, misspelt, none.

    The emotions are those of `map_labels`. All words in the user's own map are clear.

    Raises
    ------
    CorpusError
        With every such label and the reason.

    Examples
    --------
    >>> check_labels(["happy", "proud"])
    >>> check_labels(["very happy"])
    Traceback (most recent call last):
    ...
    voxaffect.errors.CorpusError: 'very happy' holds 'happy' and more. Say what it means...
    """
    if labels == KEEP:
        return
    clear = {normalize_label(word) for pair in _check_map(labels).items() for word in pair}
    reasons = [
        f"{emotion!r} {reason}"
        for emotion in sorted(set(emotions))
        if normalize_label(emotion) not in clear and (reason := _explain_doubt(emotion))
    ]
    if not reasons:
        return
    more = f"; and {len(reasons) - _SHOWN:,} more labels" if len(reasons) > _SHOWN else ""
    raise CorpusError(
        f"{'; '.join(reasons[:_SHOWN])}{more}. Say what it means by --labels map.csv, with the "
        "columns from,to (in Python labels={…}), leave it out of training with --emotions "
        f"(emotions=), or {_KEEP_ALL}."
    )


def _explain_doubt(word: str) -> str | None:
    """Reason why a label is hardly the name of one emotion; None if it may be one."""
    plain = normalize_label(word)
    if find_emotion(word) is not None:
        return None
    if plain in _NO_LABELS or re.fullmatch(r"[\s?\-–—_./]*|#.*[!?/a].*", plain):
        return "stands for no emotion"
    within = {
        part: load_vocabulary()[part] for part in WORD.findall(plain) if part in load_vocabulary()
    }
    if len(set(within.values())) > 1:
        return f"names {len(set(within.values()))} emotions"
    if within.keys() - set(SHORT_CODES):
        return f"holds {next(iter(within))!r} and more"
    near = next((known for known in load_vocabulary() if _is_misspelt(plain, known)), None)
    return f"looks like {near!r}, misspelt" if near else None


def _is_misspelt(plain: str, known: str) -> bool:
    """True if two words differ by one letter more, less, other, or by two that changed places."""
    if abs(len(plain) - len(known)) > 1 or max(len(plain), len(known)) < _SHORTEST_MISSPELT:
        return False
    pairs = enumerate(zip(plain, known, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(plain), len(known)))
    left, right = plain[start:], known[start:]
    swapped = left[1::-1] + left[2:] if len(left) > 1 else left
    return right in (swapped, left[1:]) or left == right[1:] or left[1:] == right[1:]


def find_unused_entries(
    words: Iterable[str], labels: Mapping[str, str] | str | None
) -> tuple[str, ...]:
    """Entries of a user's map that name no label of the data, by its word or by ours for it.

    Raises
    ------
    CorpusError
        If no entry at all names a label: the map would change nothing.

    Examples
    --------
    >>> find_unused_entries(["Wut", "Ruhe"], {"wut": "bad", "Freude": "good"})
    ('Freude',)
    """
    if labels == KEEP:
        return ()
    entries = _check_map(labels)
    known = _find_emotions(set(words))
    names = {normalize_label(word) for word in known} | set(filter(None, known.values()))
    unused = tuple(key for key in entries if normalize_label(key) not in names)
    if entries and len(unused) == len(entries):
        raise CorpusError(
            "labels: no entry names a label of the data, found "
            f"{list_names([*map(repr, unused)], _LISTED)}. The data have: "
            f"{list_names([*map(repr, sorted(known))], _LISTED)}. Write the labels as the data "
            "have them, or leave the map out."
        )
    return unused


def _check_map(labels: Mapping[str, str] | str | None) -> Mapping[str, str]:
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise CorpusError(
            f"labels: expected a mapping from each label to an emotion, or {KEEP!r}, "
            f"found {labels!r}."
        )
    for key, target in labels.items():
        is_text = isinstance(key, str) and isinstance(target, str)
        if not is_text or not key.strip() or not target.strip():
            raise CorpusError(f"labels: expected words, found {key!r} for {target!r}.")
    return labels


def _refuse_mixtures(result: Mapping[str, str], unknown: Collection[str]) -> None:
    """Refuse two words for what looks like one emotion, where we cannot know."""
    words = {target: word for word, target in result.items()}
    stems: dict[str, str] = {}
    for word in unknown:
        plain = normalize_label(word)
        within = set(filter(None, map(load_vocabulary().get, WORD.findall(plain))))
        if len(within) == 1:
            (emotion,) = within
            other = words.setdefault(emotion, word)
            if other != word and other in unknown:
                raise _refuse_compounds(other, word, emotion)
            if other != word:
                raise _refuse_pair(other, word, emotion)
        other = stems.setdefault(_cut_endings(normalize_number(word)), word)
        if normalize_number(other) != normalize_number(word):
            raise _refuse_pair(other, word, other)


def _refuse_compounds(word: str, other: str, emotion: str) -> CorpusError:
    return CorpusError(
        f"the labels {word!r} and {other!r} are both there and hold a word for {emotion} and "
        "another word each. If the other word names the speaker, give each speaker a folder with "
        "folders of emotions in it (speaker/emotion/file), or write a table with the columns path, "
        "emotion and speaker and use csv. Otherwise say what every such label means by --labels "
        f"map.csv, with the columns from,to (in Python labels={{…}}), or {_KEEP_ALL}."
    )


def _refuse_pair(word: str, other: str, target: str) -> CorpusError:
    return CorpusError(
        f"the labels {word!r} and {other!r} are both there and look like one emotion. Say what "
        "each of them means by --labels map.csv, with the columns from,to (in Python labels="
        f"{{{other!r}: {target!r}}}), or {_KEEP_ALL}."
    )


def _cut_endings(plain: str) -> str:
    """Word without its endings, so that nervous and nervousness are alike."""
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= _SHORTEST_STEM:
            return _cut_endings(plain.removesuffix(ending))
    return plain
