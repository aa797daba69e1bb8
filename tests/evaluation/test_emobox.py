"""EmoBox's folds are as its repository states them (data/*/fold_*, read in November 2026)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from voxaffect.corpora import CORPORA, Utterance, expand_template, read_corpus
from voxaffect.errors import EvaluationError
from voxaffect.evaluation import evaluate_estimator, get_protocol
from voxaffect.evaluation.emobox import EMOBOX, get_emobox_folds

SPEAKERS = {"ravdess": (24, 6), "emovo": (6, 6), "cafe": (12, 3), "savee": (4, 4), "esd": (20, 5)}
"""Speakers and folds, as in the table of its README and in its folders."""


@pytest.mark.parametrize("corpus", SPEAKERS)
def test_each_speaker_is_tested_in_one_fold_of_equal_size(corpus: str) -> None:
    speakers, folds = SPEAKERS[corpus]
    emobox = EMOBOX[corpus]
    assert emobox.keeps_speakers_apart
    assert [len(test) for test in emobox.tests] == [speakers // folds] * folds
    assert frozenset.union(*emobox.tests) == CORPORA[corpus].sexes.keys()


def test_the_first_and_the_last_speaker_of_a_fold_are_those_of_its_files() -> None:
    assert EMOBOX["esd"].tests[0] == {"0005", "0011", "0016", "0018"}
    assert EMOBOX["esd"].tests[4] >= {"0017"}
    assert EMOBOX["cafe"].tests[0] == {"08", "10", "07", "01"}
    assert [*EMOBOX["savee"].tests[0], *EMOBOX["savee"].tests[3]] == ["JE", "JK"]
    assert [*EMOBOX["emovo"].tests[0], *EMOBOX["emovo"].tests[5]] == ["f2", "m1"]


def test_emodb_has_five_folds_of_107_recordings_in_all_emotions() -> None:
    tests = EMOBOX["emodb"].tests
    assert [len(test) for test in tests] == [107] * 5
    everything = frozenset.union(*tests)
    assert len(everything) == 535
    letters = Counter(name[5] for name in everything)
    assert letters == {"W": 127, "L": 81, "N": 79, "F": 71, "A": 69, "T": 62, "E": 46}
    assert {"03a02Wb", "16b10Td"} <= tests[0]
    assert {"03a07Wc", "16b10Tb"} <= tests[1]
    assert {"03b10Wc", "16a05Tb"} <= tests[2]
    assert {"03b01Wc", "16b03Ta"} <= tests[3]


def test_urdu_has_one_fold_of_a_quarter_of_each_emotion() -> None:
    (test,) = EMOBOX["urdu"].tests
    assert Counter(key[0] for key in test) == dict.fromkeys("AHNS", 25)
    names = ["SM5_F63_N091", "SM20_F1_N05", "SF1_F5_H05", "SM23_F4_S010", "SM1_F21_A021"]
    paths = [Utterance(Path(f"{name}.wav"), "urdu", "sad", name.split("_")[0]) for name in names]
    assert get_emobox_folds(paths).assign(paths) == [0] * 5


def test_the_real_emodb_is_tested_once_in_folds_that_share_speakers(
    data_root: Callable[[str], Path],
) -> None:
    utterances = read_corpus("emodb", data_root("emodb"))
    protocol = get_protocol("emobox").adapt_to(utterances)
    folds = protocol.split(utterances, 0)
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(535))
    assert all(len(fold.train) == 428 for fold in folds)
    assert not protocol.new_voices
    assert protocol.reference_protocol == "speakers"
    assert protocol.summary.startswith("EmoBox's 5 folds of recordings of EMO-DB, drawn at random")
    for fold in folds:
        sides = [{utterances[index].speaker for index in side} for side in (fold.train, fold.test)]
        assert sides[0] & sides[1]


def test_recordings_that_emobox_does_not_list_are_left_out() -> None:
    names = [sorted(test)[0] for test in EMOBOX["emodb"].tests] + ["99a01Wa"]
    emodb = [Utterance(Path(f"{name}.wav"), "emodb", "angry", name[:2]) for name in names]
    for fold in get_protocol("emobox").split(emodb, 0):
        assert sorted([*fold.train, *fold.test]) == [0, 1, 2, 3, 4]


def test_a_corpus_of_speaker_folds_has_new_voices() -> None:
    utterances = [
        Utterance(Path(name), "emovo", "sad", name.split("-")[1])
        for name in expand_template("{tri,neu}-{f1,f2,f3,m1,m2,m3}-b1.wav")
    ]
    protocol = get_protocol("emobox").adapt_to(utterances)
    assert protocol.new_voices
    assert protocol.summary == "EmoBox's 6 folds of speakers of EMOVO"


@pytest.mark.parametrize(("corpus", "count"), [("tess", "700"), ("crema-d", "1,856")])
def test_lists_that_are_not_held_are_named(corpus: str, count: str) -> None:
    utterances = [Utterance(Path(f"{n}.wav"), corpus, "sad", str(n)) for n in range(4)]
    with pytest.raises(EvaluationError, match=rf"splits {corpus} by a list of {count} recordings"):
        evaluate_estimator(
            DummyClassifier(), np.zeros((4, 2), np.float32), utterances, protocol="emobox"
        )
