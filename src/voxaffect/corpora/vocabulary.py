"""Words for emotions in a dozen languages, and ours for them; spellings of words.

Only words for the same emotion share one of ours. Calm is not neutral, excited is not happy,
frustrated is not angry: whoever wants to merge such emotions says so in a map of labels.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType


def split_words(text: str) -> tuple[str, ...]:
    """Words of a list with commas, in its order."""
    return tuple(word.strip() for word in text.split(","))


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
_FILLERS = split_words(
    "audio, audios, category, class, clip, clips, data, emotion, emotional, emotions, file, files, "
    "folder, label, mood, recorded, recording, recordings, sample, samples, sound, sounds, speech, "
    "state, take, utterance, utterances, voice, voices, wav, wavs"
)
_NEGATIONS = split_words(
    "not, non, no, never, without, isnt, nicht, kein, keine, ohne, pas, sans, senza, sin"
)
SHORT_CODES = split_words(
    "ang, bang, dis, exc, fea, fru, gio, hap, ira, neu, nuda, pau, ps, rab, sor, sur, tri, zly"
)
"""Short words that mean many other things: one alone among unknown labels is no emotion."""

WORD = re.compile(r"[^\W\d_]+")
_DOUBT = re.compile(r"[!?¬~]")
_PLAIN_LETTERS = str.maketrans("ıłøđ", "ilod")


def normalize_label(word: str) -> str:
    """Label without case, accents, invisible marks and space around it; words one space apart.

    Examples
    --------
    >>> normalize_label("  Pleasant_Surprise ")
    'pleasant surprise'
    """
    letters = unicodedata.normalize("NFKD", word.casefold()).casefold()  # "🄐" becomes "(A)"
    letters = unicodedata.normalize("NFKD", letters).translate(_PLAIN_LETTERS)
    plain = "".join(mark for mark in letters if not _is_mark(mark))
    return " ".join(re.split(r"[\s_\-–.]+", plain)).strip()


def _is_mark(letter: str) -> bool:
    """True for an accent, or what has no shape of its own; marks of other scripts are letters."""
    return "\u0300" <= letter <= "\u036f" or unicodedata.category(letter) == "Cf"


@cache
def load_vocabulary() -> Mapping[str, str]:
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
    if plain in load_vocabulary() or _DOUBT.search(plain):
        return load_vocabulary().get(plain)
    words = [part for part in WORD.findall(plain) if part not in _FILLERS]
    if (emotion := load_vocabulary().get(" ".join(words))) is not None:
        return emotion
    meanings = set(map(load_vocabulary().get, words))
    return meanings.pop() if len(meanings) == 1 else None


def extract_emotions(text: str) -> frozenset[str]:
    """Our words for every emotion that some word of a text names, and does not deny.

    Examples
    --------
    >>> sorted(extract_emotions("OAF_back_angry")), sorted(extract_emotions("anna_not_happy"))
    (['angry'], [])
    """
    words = WORD.findall(normalize_label(text))
    stated = (
        word for before, word in zip(["", *words], words, strict=False) if before not in _NEGATIONS
    )
    return frozenset(filter(None, map(load_vocabulary().get, stated)))


def unify_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Most frequent spelling for names that differ in case, accents, spaces, or as numbers do.

    Examples
    --------
    >>> unify_spellings({"Anna": 2, "ANNA ": 1, "01": 2, "1.0": 1})
    {'Anna': 'Anna', 'ANNA ': 'Anna', '01': '01', '1.0': '01'}
    """
    spellings: dict[str, Counter[str]] = {}
    for word, count in counts.items():
        spellings.setdefault(normalize_number(word), Counter())[word.strip()] += count
    best = {
        plain: min(counter, key=lambda word: (-counter[word], word))
        for plain, counter in spellings.items()
    }
    return {word: best[normalize_number(word)] for word in counts}


def normalize_number(word: str) -> str:
    """Text that is equal for all spellings of a name or of a number: 1, 01 and 1.0 (pandas)."""
    number = re.fullmatch(r"\s*0*(\d+?)(?:\.0+)?\s*", word)
    return number[1] if number else normalize_label(word)
