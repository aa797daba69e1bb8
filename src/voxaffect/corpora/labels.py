"""One vocabulary of emotions: the words of other data sets and languages, and ours for them.

Only words for the same emotion share one of ours. Calm is not neutral, excited is not happy,
frustrated is not angry: whoever wants to merge such emotions says so in a map of labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from voxaffect.errors import CorpusError

KEEP = "none"
"""Instead of a map of labels: every word stays as the data have it."""

_SYNONYMS = {
    "neutral": (
        "neutral, neutrality, neutralness, neu, neutralität, neutre, neutro, neutra, neutrale, "
        "neutraal, neutralny, neutralna, neutralność, nötr, нейтральный, нейтральная, "
        "нейтрально, ουδέτερο, 中性, 中立"
    ),
    "calm": (
        "calm, calmness, ruhig, ruhe, gelassen, calme, calma, calmo, tranquilo, tranquila, "
        "tranquillo, rustig, spokojny, spokój, sakin, спокойный, спокойствие, 平静"
    ),
    "happy": (
        "happy, happiness, hap, joy, joyful, joyfulness, freude, freudig, fröhlich, froehlich, "
        "fröhlichkeit, glücklich, gluecklich, joie, joyeux, joyeuse, heureux, heureuse, "
        "bonheur, felicità, felice, gioia, gio, alegría, alegre, feliz, felicidad, felicidade, "
        "blij, blijdschap, radość, radosny, szczęście, szczęśliwy, mutlu, mutluluk, радость, "
        "счастье, χαρά, 高兴, 开心, 快乐"
    ),
    "sad": (
        "sad, sadness, trauer, traurig, traurigkeit, tristesse, triste, tristezza, tri, "
        "tristeza, verdrietig, verdriet, smutek, smutny, üzgün, üzüntü, грусть, печаль, λύπη, "
        "悲伤, 伤心"
    ),
    "angry": (
        "angry, anger, ang, wut, wütend, wuetend, ärger, aerger, ärgerlich, aergerlich, zorn, "
        "zornig, colère, en colère, ira, rabbia, rab, arrabbiato, arrabbiata, enojo, enojado, "
        "enojada, enfado, enfadado, enfadada, rabia, raiva, boos, boosheid, gniew, złość, zły, "
        "kızgın, öfke, гнев, злость, θυμός, 生气, 愤怒"
    ),
    "fearful": (
        "fearful, fear, fearfulness, fea, afraid, scared, angst, ängstlich, aengstlich, furcht, "
        "peur, effrayé, paura, pau, spaventato, miedo, medo, bang, strach, korku, страх, φόβος, "
        "害怕, 恐惧"
    ),
    "disgust": (
        "disgust, disgusted, dis, ekel, angeekelt, dégoût, dégoûté, disgusto, disgustato, asco, "
        "nojo, walging, wstręt, obrzydzenie, iğrenme, tiksinti, отвращение, αηδία, 厌恶"
    ),
    "surprised": (
        "surprised, surprise, sur, pleasant surprise, pleasant surprised, pleasantly surprised, "
        "ps, überraschung, ueberraschung, überrascht, ueberrascht, surpris, sorpresa, sor, "
        "sorpreso, sorprendido, sorprendida, surpresa, surpreso, verrast, verrassing, "
        "zaskoczenie, zaskoczony, şaşkın, şaşırma, şaşkınlık, удивление, έκπληξη, 惊讶, 惊奇"
    ),
    "bored": (
        "bored, boredom, langeweile, gelangweilt, ennui, ennuyé, noia, annoiato, aburrimiento, "
        "aburrido, aburrida, tédio, verveling, verveeld, nuda, znudzenie, sıkılmış, скука, 无聊"
    ),
    "excited": "excited, excitement, exc",
    "frustrated": "frustrated, frustration, fru",
}
_ENDINGS = ("fulness", "iness", "ness", "ment", "ful", "ing", "ion", "ed", "ly", "y", "e", "s")
_SHORTEST_STEM = 4
_WORD = re.compile(r"[^\W\d_]+")
_NUMBERS = re.compile(r"^\W*\d+\W*|\W*\d+\W*$")


def normalize(word: str) -> str:
    """Label without case, accents and the space around it; words are one space apart.

    Examples
    --------
    >>> normalize("  Pleasant_Surprise ")
    'pleasant surprise'
    """
    letters = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(mark for mark in letters if not unicodedata.combining(mark))
    return " ".join(re.split(r"[\s_\-–.]+", plain)).strip()


@cache
def _vocabulary() -> Mapping[str, str]:
    """Our word for every synonym; a synonym that two of them claim would be a fault of ours."""
    known: dict[str, str] = {}
    for emotion, words in _SYNONYMS.items():
        for word in words.split(","):
            if known.setdefault(normalize(word), emotion) != emotion:
                raise AssertionError(f"{word.strip()} stands for {emotion} and another emotion")
    return MappingProxyType(known)


def known_emotion(word: str) -> str | None:
    """Our word for the emotion that a label names, numbers around it aside; None if unknown.

    Parameters
    ----------
    word : str
        In any of the known languages and spellings.

    Returns
    -------
    str or None

    Examples
    --------
    >>> known_emotion("Anger"), known_emotion("02_Freude"), known_emotion("proud")
    ('angry', 'happy', None)
    """
    plain = normalize(word)
    return _vocabulary().get(plain) or _vocabulary().get(_NUMBERS.sub("", plain))


def emotions_within(text: str) -> frozenset[str]:
    """Our words for every emotion that some word of a text names.

    Examples
    --------
    >>> sorted(emotions_within("OAF_back_angry"))
    ['angry']
    """
    words = _WORD.findall(normalize(text))
    return frozenset(filter(None, map(_vocabulary().get, words)))


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
        One entry for each label. One that nobody knows stays as it is.

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
    own = {normalize(key): target for key, target in _check_map(labels).items()}
    result, unknown = {}, []
    for word in counts:
        if (target := own.get(normalize(word))) is None:
            emotion = known_emotion(word)
            target = own.get(emotion, emotion) if emotion else None
        if target is None:
            unknown.append(word)
        result[word] = target or word
    _refuse_mixtures(result, unknown)
    return result | _one_spelling(unknown, counts)


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


def _one_spelling(unknown: list[str], counts: Counter[str]) -> dict[str, str]:
    """Most frequent spelling of words that differ in case, accents and spaces only."""
    spellings: dict[str, Counter[str]] = {}
    for word in unknown:
        spellings.setdefault(normalize(word), Counter())[word.strip()] += counts[word]
    best = {
        plain: min((-count, word) for word, count in counter.items())[1]
        for plain, counter in spellings.items()
    }
    return {word: best[normalize(word)] for word in unknown}


def _refuse_mixtures(result: Mapping[str, str], unknown: Iterable[str]) -> None:
    """Refuse two words for what looks like one emotion, where we cannot tell."""
    taken: dict[str, str] = {target: word for word, target in result.items()}
    stems: dict[str, str] = {}
    for word in unknown:
        within = emotions_within(word)
        if len(within) == 1:
            (emotion,) = within
            if taken.setdefault(emotion, word) != word:
                _refuse(taken[emotion], word, emotion)
        stem = _stem(normalize(word))
        other = stems.setdefault(stem, word)
        if normalize(other) != normalize(word):
            _refuse(other, word, word)


def _refuse(one: str, other: str, target: str) -> None:
    raise CorpusError(
        f"the labels {one!r} and {other!r} are both there and look like one emotion. Say what each "
        f"of them means by --labels map.csv, with the columns from,to (in Python labels="
        f"{{{other!r}: {target!r}}}), or keep all words with --labels {KEEP} (labels={KEEP!r})."
    )


def _stem(plain: str) -> str:
    """Word without its endings, so that nervous and nervousness are alike."""
    for ending in _ENDINGS:
        if plain.endswith(ending) and len(plain) - len(ending) >= _SHORTEST_STEM:
            return _stem(plain.removesuffix(ending))
    return plain
