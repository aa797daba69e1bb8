"""One vocabulary of emotions: the words of other data sets and languages, and ours for them.

Only words for the same emotion share one of ours. Calm is not neutral, excited is not happy,
frustrated is not angry: whoever wants to merge such emotions says so in a map of labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
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
        "froh, fröhlichkeit, glück, glücklich, gluecklich, joie, "
        "joyeux, joyeuse, heureux, heureuse, bonheur, felicità, felice, gioia, gio, alegría, "
        "alegre, feliz, felicidad, felicidade, blij, blijdschap, radość, radosny, szczęście, "
        "szczęśliwy, mutlu, mutluluk, радость, счастье, χαρά, 高兴, 开心, 快乐"
    ),
    "sad": (
        "sad, sadness, trauer, traurig, traurigkeit, tristesse, triste, tristezza, tri, "
        "tristeza, verdrietig, verdriet, smutek, smutny, üzgün, üzüntü, грусть, печаль, λύπη, "
        "悲伤, 伤心"
    ),
    "angry": (
        "angry, anger, ang, wut, wütend, wuetend, ärger, aerger, ärgerlich, aergerlich, zorn, "
        "zornig, verärgert, veraergert, "
        "colère, en colère, ira, rabbia, rab, arrabbiato, arrabbiata, enojo, enojado, "
        "enojada, enfado, enfadado, enfadada, rabia, raiva, boos, boosheid, gniew, złość, zły, "
        "kızgın, öfke, гнев, злость, θυμός, 生气, 愤怒"
    ),
    "fearful": (
        "fearful, fear, fearfulness, fea, afraid, scared, angst, ängstlich, aengstlich, furcht, "
        "peur, effrayé, paura, pau, spaventato, miedo, medo, bang, strach, korku, страх, φόβος, "
        "害怕, 恐惧"
    ),
    "disgust": (
        "disgust, disgusted, dis, ekel, angeekelt, angewidert, dégoût, "
        "dégoûté, disgusto, disgustato, asco, "
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
_SHOWN = 8
_WORD = re.compile(r"[^\W\d_]+")
_DOUBT = re.compile(r"[!?¬~]")
_FILLERS = frozenset(
    (
        "audio",
        "audios",
        "category",
        "class",
        "clip",
        "clips",
        "data",
        "emotion",
        "emotional",
        "emotions",
        "file",
        "files",
        "folder",
        "label",
        "mood",
        "recorded",
        "recording",
        "recordings",
        "sample",
        "samples",
        "sound",
        "sounds",
        "speech",
        "state",
        "take",
        "utterance",
        "utterances",
        "voice",
        "voices",
        "wav",
        "wavs",
    )
)
_NEGATIONS = frozenset(
    (
        "not",
        "non",
        "no",
        "never",
        "without",
        "isnt",
        "nicht",
        "kein",
        "keine",
        "ohne",
        "pas",
        "sans",
        "senza",
        "sin",
    )
)
_NO_LABELS = frozenset(
    (
        "none",
        "na",
        "n/a",
        "null",
        "nan",
        "nil",
        "unknown",
        "undefined",
        "unlabeled",
        "unlabelled",
        "unspecified",
        "no label",
        "no agreement",
        "no emotion",
        "xxx",
        "tbd",
        "todo",
    )
)
_CODES = frozenset(
    (
        "ang",
        "bang",
        "dis",
        "exc",
        "fea",
        "fru",
        "gio",
        "hap",
        "ira",
        "neu",
        "nuda",
        "pau",
        "ps",
        "rab",
        "sor",
        "sur",
        "tri",
        "zly",
    )
)
"""Short words that mean many other things: one alone among unknown labels is no emotion."""
_PLAIN_LETTERS = str.maketrans("ıłøđ", "ilod")
_SHORTEST_MISSPELT = 5
_LISTED = 12  # words that one message lists


def normalize(word: str) -> str:
    """Label without case, accents, invisible marks and space around it; words one space apart.

    Examples
    --------
    >>> normalize("  Pleasant_Surprise ")
    'pleasant surprise'
    """
    letters = unicodedata.normalize("NFKD", word.casefold()).translate(_PLAIN_LETTERS)
    plain = "".join(mark for mark in letters if not _is_mark(mark))
    return " ".join(re.split(r"[\s_\-–.]+", plain)).strip()


def _is_mark(letter: str) -> bool:
    """Whether it is an accent, or has no shape of its own; marks of other scripts are letters."""
    return "\u0300" <= letter <= "\u036f" or unicodedata.category(letter) == "Cf"


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
    """Our word for the emotion that a label names; None if unknown.

    Numbers, signs and words such as "recordings" do not count; all other words must mean the same.

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
    >>> known_emotion("Happy recordings"), known_emotion("very happy")
    ('happy', None)
    """
    plain = normalize(word)
    if plain in _vocabulary() or _DOUBT.search(plain):
        return _vocabulary().get(plain)
    words = [part for part in _WORD.findall(plain) if part not in _FILLERS]
    if (emotion := _vocabulary().get(" ".join(words))) is not None:
        return emotion
    meanings = set(map(_vocabulary().get, words))
    return meanings.pop() if len(meanings) == 1 else None


def emotions_within(text: str) -> frozenset[str]:
    """Our words for every emotion that some word of a text names, and does not deny.

    Examples
    --------
    >>> sorted(emotions_within("OAF_back_angry")), sorted(emotions_within("anna_not_happy"))
    (['angry'], [])
    """
    words = _WORD.findall(normalize(text))
    stated = (
        word for before, word in zip(["", *words], words, strict=False) if before not in _NEGATIONS
    )
    return frozenset(filter(None, map(_vocabulary().get, stated)))


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
    known = _known_emotions(counts)
    result, unknown = {}, []
    for word in counts:
        if (target := own.get(normalize(word))) is None:
            emotion = known[word]
            target = own.get(emotion, emotion) if emotion else None
        if target is None:
            unknown.append(word)
        result[word] = target or word
    _refuse_mixtures(result, unknown)
    return result | _one_spelling(unknown, counts)


def _known_emotions(words: Iterable[str]) -> dict[str, str | None]:
    """Emotion of every label; a short code counts where another label names an emotion, too."""
    known = {word: known_emotion(word) for word in words}
    if len(set(known.values()) - {None}) < 2 and None in known.values():
        return {word: None if normalize(word) in _CODES else known[word] for word in known}
    return known


def check_clear(emotions: Iterable[str], labels: Mapping[str, str] | str | None = None) -> None:
    """Refuse labels that are hardly the name of one emotion: mixed, strengthened, misspelt, none.

    Parameters
    ----------
    emotions : iterable of str
        As `map_labels` gives them.
    labels : mapping of str to str, or "none", optional
        The user's own map. What it names is clear.

    Raises
    ------
    CorpusError
        With every such label and the reason.

    Examples
    --------
    >>> check_clear(["happy", "proud"])
    >>> check_clear(["very happy"])
    Traceback (most recent call last):
    ...
    voxaffect.errors.CorpusError: 'very happy' holds 'happy' and more. Say what it means...
    """
    if labels == KEEP:
        return
    own = {normalize(word) for pair in _check_map(labels).items() for word in pair}
    reasons = {
        emotion: reason
        for emotion in sorted(set(emotions))
        if normalize(emotion) not in own and (reason := _unclear(emotion))
    }
    if not reasons:
        return
    shown = "; ".join(f"{word!r} {reason}" for word, reason in list(reasons.items())[:_SHOWN])
    more = f"; and {len(reasons) - _SHOWN:,} more labels" if len(reasons) > _SHOWN else ""
    raise CorpusError(
        f"{shown}{more}. Say what it means by --labels map.csv, with the columns from,to (in "
        f"Python labels={{…}}), leave it out of training with --emotions (emotions=), or keep all "
        f"words with --labels {KEEP} (labels={KEEP!r})."
    )


def _unclear(word: str) -> str | None:
    """Why a label is hardly the name of one emotion; None if it may be one."""
    plain = normalize(word)
    if known_emotion(word) is not None:
        return None
    if plain in _NO_LABELS or re.fullmatch(r"[\s?\-–—_./]*|#.*[!?/a].*", plain):
        return "stands for no emotion"
    within = {part: _vocabulary()[part] for part in _WORD.findall(plain) if part in _vocabulary()}
    if len(set(within.values())) > 1:
        return f"names {len(set(within.values()))} emotions"
    if within and set(within) - _CODES:
        return f"holds {next(iter(within))!r} and more"
    near = next((known for known in _vocabulary() if _is_misspelt(plain, known)), None)
    return f"looks like {near!r}, misspelt" if near else None


def unmatched_entries(
    words: Iterable[str], labels: Mapping[str, str] | str | None
) -> tuple[str, ...]:
    """Entries of a user's map that name no label of the data, by its word or by ours for it.

    Parameters
    ----------
    words : iterable of str
        The labels of the data, as they are.
    labels : mapping of str to str, or "none", optional

    Returns
    -------
    tuple of str
        In the order of the map.

    Raises
    ------
    CorpusError
        If no entry at all names a label: the map would change nothing.

    Examples
    --------
    >>> unmatched_entries(["Wut", "Ruhe"], {"wut": "bad", "Freude": "good"})
    ('Freude',)
    """
    if labels == KEEP:
        return ()
    own = _check_map(labels)
    known = _known_emotions(set(words))
    names = {normalize(word) for word in known} | {emotion for emotion in known.values() if emotion}
    unmatched = tuple(key for key in own if normalize(key) not in names)
    if own and len(unmatched) == len(own):
        raise CorpusError(
            f"labels: no entry names a label of the data, found {_listed(unmatched)}. The data "
            f"have: {_listed(sorted(known))}. Write the labels as the data have them, or leave "
            "the map out."
        )
    return unmatched


def _listed(words: Sequence[str]) -> str:
    more = f" … ({len(words):,})" if len(words) > _LISTED else ""
    return f"{', '.join(map(repr, words[:_LISTED]))}{more}"


def _is_misspelt(plain: str, known: str) -> bool:
    """Whether two words differ by one letter more, less, other, or by two that changed places."""
    if abs(len(plain) - len(known)) > 1 or max(len(plain), len(known)) < _SHORTEST_MISSPELT:
        return False
    letters = enumerate(zip(plain, known, strict=False))
    start = next((i for i, (one, other) in letters if one != other), min(len(plain), len(known)))
    one, other = plain[start:], known[start:]
    swapped = one[1::-1] + one[2:] if len(one) > 1 else one
    return other in (swapped, one[1:]) or one == other[1:] or one[1:] == other[1:]


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
    return one_spelling({word: counts[word] for word in unknown})


def one_spelling(counts: Mapping[str, int]) -> dict[str, str]:
    """Most frequent spelling for names that differ in case, accents, spaces, or as numbers do.

    Examples
    --------
    >>> one_spelling({"Anna": 2, "ANNA ": 1, "01": 2, "1.0": 1})
    {'Anna': 'Anna', 'ANNA ': 'Anna', '01': '01', '1.0': '01'}
    """
    spellings: dict[str, Counter[str]] = {}
    for word, count in counts.items():
        spellings.setdefault(_spelling(word), Counter())[word.strip()] += count
    best = {
        plain: min((-count, word) for word, count in counter.items())[1]
        for plain, counter in spellings.items()
    }
    return {word: best[_spelling(word)] for word in counts}


def _spelling(word: str) -> str:
    """Equal for all spellings of a name or of a number: 1, 01 and 1.0 (tables of pandas)."""
    number = re.fullmatch(r"\s*0*(\d+?)(?:\.0+)?\s*", word)
    return number[1] if number else normalize(word)


def _refuse_mixtures(result: Mapping[str, str], unknown: Collection[str]) -> None:
    """Refuse two words for what looks like one emotion, where we cannot tell."""
    taken: dict[str, str] = {target: word for word, target in result.items()}
    stems: dict[str, str] = {}
    for word in unknown:
        within = set(filter(None, map(_vocabulary().get, _WORD.findall(normalize(word)))))
        if len(within) == 1:
            (emotion,) = within
            if taken.setdefault(emotion, word) != word:
                _refuse(taken[emotion], word, emotion, are_compound=taken[emotion] in unknown)
        stem = _stem(_spelling(word))
        other = stems.setdefault(stem, word)
        if _spelling(other) != _spelling(word):
            _refuse(other, word, other)


def _refuse(one: str, other: str, target: str, *, are_compound: bool = False) -> None:
    if are_compound:
        raise CorpusError(
            f"the labels {one!r} and {other!r} are both there and hold a word for {target} and "
            "another word each. If the other word names the speaker, give each speaker "
            "a folder with folders of emotions in it (speaker/emotion/file), or write a "
            "table with the columns path, emotion and speaker and use csv. Otherwise say what "
            f"every such label means by --labels map.csv, with the columns from,to (in "
            f"Python labels={{…}}), or keep all words with --labels {KEEP} (labels={KEEP!r})."
        )
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
