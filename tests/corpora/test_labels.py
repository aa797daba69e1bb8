"""Words for emotions in one vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from voxaffect.corpora import EMOTIONS, find_emotion, map_labels, read_labels
from voxaffect.corpora.labels import check_labels
from voxaffect.corpora.vocabulary import extract_emotions, normalize_label
from voxaffect.errors import CorpusError

WORDS = [
    ("angry", "anger Angry ANG Ärger aerger Wut ira rabbia colère gniew 生气"),
    ("happy", "happiness joy Joyful hap Freude felicità alegría radość 高兴"),
    ("sad", "sadness Trauer tristesse tristeza smutek"),
    ("fearful", "fear fea Angst paura peur miedo strach"),
    ("disgust", "disgusted dis Ekel dégoût asco wstręt"),
    ("surprised", "surprise ps sur pleasant_surprise Überraschung sorpresa zaskoczenie"),
    ("neutral", "neutrality neu neutro neutre Neutral_(0) 01_neutral"),
    ("calm", "calmness ruhig calma"),
    ("bored", "boredom Langeweile noia"),
]


@pytest.mark.parametrize(("emotion", "words"), WORDS, ids=[emotion for emotion, _ in WORDS])
def test_synonyms_are_one_emotion(emotion: str, words: str) -> None:
    assert {find_emotion(word) for word in words.split()} == {emotion}
    assert set(map_labels(words.split()).values()) == {emotion}


def test_our_words_stand_for_themselves() -> None:
    assert [find_emotion(word) for word in EMOTIONS] == list(EMOTIONS)


def test_emotions_that_differ_are_not_merged() -> None:
    words = ["calm", "neutral", "excited", "happy", "frustrated", "angry", "contempt", "anxious"]
    assert len(set(map_labels(words).values())) == len(words)


def test_unknown_words_stay_as_the_user_wrote_them() -> None:
    assert map_labels(["Stolz", "Ärger"]) == {"Stolz": "Stolz", "Ärger": "angry"}


def test_spellings_of_an_unknown_word_become_the_most_frequent() -> None:
    assert set(map_labels(["Stolz", "stolz", "stolz "]).values()) == {"stolz"}
    assert set(map_labels(["Stolz", "Stolz", "stolz"]).values()) == {"Stolz"}


def test_the_users_map_comes_first() -> None:
    mapped = map_labels(["Anger", "calm", "exc", "hap"], {"calm": "neutral", "exc": "happy"})
    assert mapped == {"Anger": "angry", "calm": "neutral", "exc": "happy", "hap": "happy"}


def test_the_users_map_reaches_synonyms_of_its_words() -> None:
    assert map_labels(["Ruhe"], {"calm": "neutral"}) == {"Ruhe": "neutral"}


def test_a_map_that_exchanges_two_words_is_applied_once() -> None:
    assert map_labels(["sad", "happy"], {"sad": "happy", "happy": "sad"}) == {
        "sad": "happy",
        "happy": "sad",
    }


def test_an_identity_map_keeps_a_word() -> None:
    assert map_labels(["anger", "Wut"], {"anger": "anger"}) == {"anger": "anger", "Wut": "angry"}


def test_none_keeps_every_word() -> None:
    words = ["Anger", "angry", "nervous", "nervousness"]
    assert map_labels(words, "none") == {word: word for word in words}


@pytest.mark.parametrize(
    "pair",
    [
        ("nervous", "nervousness"),
        ("male_angry", "female_angry"),
        ("angry", "not angry"),
        ("tense", "tension"),
        ("content", "contentment"),
    ],
)
def test_words_that_look_like_one_emotion_are_refused_with_a_hint(pair: tuple[str, str]) -> None:
    with pytest.raises(CorpusError, match=r"both there .* --labels map.csv.* --labels none"):
        map_labels([*pair, "happy"])
    assert map_labels(pair, {word: word for word in pair}) == {word: word for word in pair}


@pytest.mark.parametrize("pair", [("proud", "pride"), ("awe", "awkward"), ("love", "lust")])
def test_words_that_differ_are_accepted(pair: tuple[str, str]) -> None:
    assert map_labels(pair) == dict(zip(pair, pair, strict=True))


@given(st.lists(st.sampled_from([*EMOTIONS, "Joy", "Wut", "proud", "Angst", "exc"])))
def test_mapping_twice_changes_nothing_more(words: list[str]) -> None:
    once = map_labels(words)
    assert map_labels(once.values()) == {emotion: emotion for emotion in once.values()}


@example("🄐")
@given(st.text(max_size=30))
def test_any_text_is_a_label(word: str) -> None:
    assert normalize_label(normalize_label(word)) == normalize_label(word)
    emotion = find_emotion(word)
    assert emotion is None or find_emotion(f"  {word.upper().lower()} ") in (emotion, None)


def test_emotions_are_words_of_a_name_not_parts_of_words() -> None:
    assert extract_emotions("OAF_back_angry") == {"angry"}
    assert extract_emotions("03-01_sad2") == {"sad"}
    assert not extract_emotions("sadie_hapless_angrier")


@pytest.mark.parametrize("labels", ["angry", 5, {"a": 1}, {"": "b"}])
def test_a_map_of_another_kind_is_refused(labels: object) -> None:
    with pytest.raises(CorpusError, match=r"^labels: expected"):
        map_labels(["a"], labels)  # type: ignore[arg-type]


# As files


def _map(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "map.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"from,to\nproud,happy\n",
        b"\xef\xbb\xbfFrom; To\r\nproud;happy\r\n",
        "from\tto\nproud\thappy\n".encode("utf-16"),
    ],
    ids=["plain", "Excel", "UTF-16"],
)
def test_a_map_is_read(tmp_path: Path, content: bytes) -> None:
    assert read_labels(_map(tmp_path, content)) == {"proud": "happy"}


def test_none_is_no_file() -> None:
    assert read_labels("none") == "none"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"proud,happy\n", "line 1: expected the columns from,to, found proud,happy"),
        (b"from,to\nproud\n", "line 2: expected a label and its emotion, found 'proud'"),
        (b"from,to\nproud,happy\nProud,sad\n", "line 3: 'Proud' is on line 2 already"),
        (b"from,to\n", "holds no label"),
        (b"", "empty"),
    ],
)
def test_a_file_that_is_no_map_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"map\.csv.*{message}"):
        read_labels(_map(tmp_path, content))


def test_a_missing_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no such file, expected a map of labels"):
        read_labels(tmp_path / "map.csv")


@pytest.mark.parametrize(
    ("label", "emotion"),
    [
        ("Happy_recordings", "happy"),
        ("emotion_sad", "sad"),
        ("class_0_happy", "happy"),
        ("calm_take2", "calm"),
        ("happy 😀", "happy"),
        ("angry_生气", "angry"),
        ("“happy”", "happy"),
        ("happy|happy", "happy"),
        ("['sad', 'sad']", "sad"),
        ("sad\u200b", "sad"),
        ("KIZGIN", "angry"),
        ("zlosc", "angry"),
        ("(12) angry", "angry"),
    ],
)
def test_what_stands_around_a_known_word_does_not_make_it_another(label: str, emotion: str) -> None:
    assert map_labels([label]) == {label: emotion}


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("very happy", "holds 'happy' and more"),
        ("angry_strong", "holds 'angry' and more"),
        ("not happy", "holds 'happy' and more"),
        ("anna_happy", "holds 'happy' and more"),
        ("!happy", "holds 'happy' and more"),
        ("happy?", "holds 'happy' and more"),
        ("happy/sad", "names 2 emotions"),
        ("['happy', 'sad']", "names 2 emotions"),
        ("hapy", "looks like 'happy', misspelt"),
        ("suprised", "looks like 'surprised', misspelt"),
        ("agnry", "looks like 'angry', misspelt"),
        ("neutrall", "looks like 'neutral', misspelt"),
        ("None", "stands for no emotion"),
        ("xxx", "stands for no emotion"),
        ("?", "stands for no emotion"),
        ("#N/A", "stands for no emotion"),
        ("#REF!", "stands for no emotion"),
    ],
)
def test_a_label_that_is_hardly_one_emotion_is_refused_until_it_is_clear(
    label: str, reason: str
) -> None:
    with pytest.raises(CorpusError) as caught:
        check_labels(["sad", label])
    assert f"{label!r} {reason}" in str(caught.value)
    check_labels(["sad", label], "none")
    check_labels(["sad", label], {label: label})


def test_words_of_ones_own_are_clear() -> None:
    words = [
        "proud",
        "contempt",
        "anxious",
        "unhappy",
        "amused",
        "0",
        "1",
        "positive",
        "other",
        "relaxed",
        "worried",
        "guilt",
        "tired",
        "喜び",
        "sleepy",
        "content",
    ]
    check_labels(words)
    check_labels(EMOTIONS)


@pytest.mark.parametrize("words", [["tri", "bi"], ["nord", "sur"], ["bang", "crash", "drop"]])
def test_a_short_code_alone_among_unknown_words_is_no_emotion(words: list[str]) -> None:
    assert map_labels(words) == {word: word for word in words}


def test_short_codes_together_are_emotions() -> None:
    assert set(map_labels(["ang", "hap", "oth"]).values()) == {"angry", "happy", "oth"}


def test_a_denied_emotion_is_not_within_a_name() -> None:
    assert extract_emotions("anna_not_happy_01") == frozenset()
    assert extract_emotions("anna_not_happy_sad") == {"sad"}


def test_one_number_is_one_label() -> None:
    assert map_labels(["1.0", "1", "1", "0"]) == {"1.0": "1", "1": "1", "0": "0"}


def test_the_remedy_for_two_alike_words_names_the_other_word_and_works() -> None:
    with pytest.raises(CorpusError, match=r"\{'nervousness': 'nervous'\}"):
        map_labels(["nervous", "nervousness"])
    assert set(map_labels(["nervous", "nervousness"], {"nervousness": "nervous"}).values()) == {
        "nervous"
    }


def test_speaker_and_emotion_in_one_name_get_a_remedy_that_keeps_the_speakers() -> None:
    with pytest.raises(CorpusError, match=r"speaker/emotion/file.*columns path, emotion and spea"):
        map_labels(["anna_angry", "ben_angry", "anna_happy", "ben_happy"])


def test_more_german_words_are_known() -> None:
    words = ["froh", "Glück", "verärgert", "angewidert"]
    assert list(map_labels(words).values()) == ["happy", "happy", "angry", "disgust"]
