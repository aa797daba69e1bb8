"""One vocabulary of emotions: the words of other data sets and languages, and ours for them.

Only words for the same emotion share one of ours. Calm is not neutral, excited is not happy,
frustrated is not angry: whoever wants to merge such emotions says so in a map of labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from types import MappingProxyType

from voxaffect.errors import CorpusError
from voxaffect.files import list_names

KEEP = "none"
"""Instead of a map of labels: every word stays as the data have it."""

_KEEP_ALL = f"keep all words with --labels {KEEP} (labels={KEEP!r})"

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
_PLAIN_LETTERS = str.maketrans("ıłøđ", "ilod")
_SHORTEST_MISSPELT = 5
_LISTED = 12  # labels that one message lists


def split_words(text: str) -> tuple[str, ...]:
    """Words of a list with commas, in its order."""
    return tuple(word.strip() for word in text.split(","))


_FILLERS = split_words(
    "audio, audios, category, class, clip, clips, data, emotion, emotional, emotions, file, files, "
    "folder, label, mood, recorded, recording, recordings, sample, samples, sound, sounds, speech, "
    "state, take, utterance, utterances, voice, voices, wav, wavs"
)
_NEGATIONS = split_words(
    "not, non, no, never, without, isnt, nicht, kein, keine, ohne, pas, sans, senza, sin"
)
_NO_LABELS = split_words(
    "none, na, n/a, null, nan, nil, unknown, undefined, unlabeled, unlabelled, unspecified, "
    "no label, no agreement, no emotion, xxx, tbd, todo"
)
_CODES = split_words(
    "ang, bang, dis, exc, fea, fru, gio, hap, ira, neu, nuda, pau, ps, rab, sor, sur, tri, zly"
)
"""Short words that mean many other things: one alone among unknown labels is no emotion."""


def normalize_label(word: str) -> str:
    """Label without case, accents, invisible marks and space around it; words one space apart.

    Examples
    --------
    >>> normalize_label("  Pleasant_Surprise ")
    'pleasant surprise'
    """
    letters = unicodedata.normalize("NFKD", word.casefold()).translate(_PLAIN_LETTERS)
    plain = "".join(mark for mark in letters if not _is_mark(mark))
    return " ".join(re.split(r"[\s_\-–.]+", plain)).strip()


def _is_mark(letter: str) -> bool:
    """True for an accent, or what has no shape of its own; marks of other scripts are letters."""
    return "\u0300" <= letter <= "\u036f" or unicodedata.category(letter) == "Cf"


@cache
def _load_vocabulary() -> Mapping[str, str]:
    """Our word for every synonym; a synonym that two of them claim would be a fault of ours."""
    known: dict[str, str] = {}
    for emotion, words in _SYNONYMS.items():
        for word in split_words(words):
            if known.setdefault(normalize_label(word), emotion) != emotion:
                raise AssertionError(f"{word} stands for {emotion} and another emotion")
    return MappingProxyType(known)


def find_emotion(word: str) -> str | None:
    """Our word for the emotion that a label in any known language names; None if unknown.

    Numbers, signs and words such as "recordings" do not count; all other words must mean the same.

    Examples
    --------
    >>> find_emotion("Anger"), find_emotion("02_Freude"), find_emotion("proud")
    ('angry', 'happy', None)
    >>> find_emotion("Happy recordings"), find_emotion("very happy")
    ('happy', None)
    """
    plain = normalize_label(word)
    if plain in _load_vocabulary() or _DOUBT.search(plain):
        return _load_vocabulary().get(plain)
    words = [part for part in _WORD.findall(plain) if part not in _FILLERS]
    if (emotion := _load_vocabulary().get(" ".join(words))) is not None:
        return emotion
    meanings = set(map(_load_vocabulary().get, words))
    return meanings.pop() if len(meanings) == 1 else None


def extract_emotions(text: str) -> frozenset[str]:
    """Our words for every emotion that some word of a text names, and does not deny.

    Examples
    --------
    >>> sorted(extract_emotions("OAF_back_angry")), sorted(extract_emotions("anna_not_happy"))
    (['angry'], [])
    """
    words = _WORD.findall(normalize_label(text))
    stated = (
        word for before, word in zip(["", *words], words, strict=False) if before not in _NEGATIONS
    )
    return frozenset(filter(None, map(_load_vocabulary().get, stated)))


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
        return {word: None if normalize_label(word) in _CODES else known[word] for word in known}
    return known


def check_labels(emotions: Iterable[str], labels: Mapping[str, str] | str | None = None) -> None:
    """Refuse labels that are hardly the name of one emotion: mixed, strengthened, misspelt, none.

    Parameters
    ----------
    emotions : iterable of str
        As `map_labels` gives them.
    labels : mapping of str to str, or "none", optional
        The user's own map. The words in it are clear.

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
        part: _load_vocabulary()[part]
        for part in _WORD.findall(plain)
        if part in _load_vocabulary()
    }
    if len(set(within.values())) > 1:
        return f"names {len(set(within.values()))} emotions"
    if within.keys() - set(_CODES):
        return f"holds {next(iter(within))!r} and more"
    near = next((known for known in _load_vocabulary() if _is_misspelt(plain, known)), None)
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


def unify_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Most frequent spelling for names that differ in case, accents, spaces, or as numbers do.

    Examples
    --------
    >>> unify_spellings({"Anna": 2, "ANNA ": 1, "01": 2, "1.0": 1})
    {'Anna': 'Anna', 'ANNA ': 'Anna', '01': '01', '1.0': '01'}
    """
    spellings: dict[str, Counter[str]] = {}
    for word, count in counts.items():
        spellings.setdefault(_normalize_number(word), Counter())[word.strip()] += count
    best = {
        plain: min(counter, key=lambda word: (-counter[word], word))
        for plain, counter in spellings.items()
    }
    return {word: best[_normalize_number(word)] for word in counts}


def _normalize_number(word: str) -> str:
    """Text that is equal for all spellings of a name or of a number: 1, 01 and 1.0 (pandas)."""
    number = re.fullmatch(r"\s*0*(\d+?)(?:\.0+)?\s*", word)
    return number[1] if number else normalize_label(word)


def _refuse_mixtures(result: Mapping[str, str], unknown: Collection[str]) -> None:
    """Refuse two words for what looks like one emotion, where we cannot know."""
    words = {target: word for word, target in result.items()}
    stems: dict[str, str] = {}
    for word in unknown:
        plain = normalize_label(word)
        within = set(filter(None, map(_load_vocabulary().get, _WORD.findall(plain))))
        if len(within) == 1:
            (emotion,) = within
            other = words.setdefault(emotion, word)
            if other != word and other in unknown:
                raise _refuse_compounds(other, word, emotion)
            if other != word:
                raise _refuse_pair(other, word, emotion)
        other = stems.setdefault(_cut_endings(_normalize_number(word)), word)
        if _normalize_number(other) != _normalize_number(word):
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
