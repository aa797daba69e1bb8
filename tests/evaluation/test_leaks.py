"""What stands on both sides of a fold is found, by name, and stops what does not mean it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, voice
from sklearn.neighbors import KNeighborsClassifier

from voxaffect.corpora import Utterance, read_corpus
from voxaffect.errors import EvaluationError, LeakError
from voxaffect.evaluation import (
    Fold,
    check_leaks,
    evaluate_estimator,
    get_protocol,
    read_split,
    write_split,
)

SPEAKERS = get_protocol("speakers")
Members = list[Utterance]


@pytest.fixture
def members(tmp_path: Path) -> Members:
    """Write four speakers of two recordings in each of two emotions, and say who they are."""
    found = []
    for number in range(16):
        speaker, emotion = f"{number // 4:02}", ("calm", "happy")[number % 2]
        path = tmp_path / f"Actor_{speaker}" / f"{number:02}.wav"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, voice(number), RATE_HZ)
        found.append(Utterance(path, "ravdess", emotion, speaker, text=f"{number % 4 // 2:02}"))
    return found


def run(members: Members, protocol: str = "speakers", **options: bool) -> None:
    matrix = np.random.default_rng(0).standard_normal((len(members), 3)).astype(np.float32)
    evaluate_estimator(KNeighborsClassifier(1), matrix, members, protocol=protocol, **options)


def halves(members: Members) -> Fold:
    places = np.arange(len(members))
    return Fold("half", places[::2], places[1::2], 0)


def test_honest_folds_share_nothing_but_sentences(members: Members) -> None:
    folds = SPEAKERS.split(members, 0)
    (leak,) = check_leaks(members, folds, SPEAKERS).leaks
    assert (leak.kind, leak.is_expected, leak.items) == (
        "sentence",
        True,
        ("ravdess/00", "ravdess/01"),
    )
    run(members)


def test_a_speaker_planted_on_both_sides_is_named(members: Members, tmp_path: Path) -> None:
    folds = SPEAKERS.split(members, 0)
    planted = replace(
        folds[0], train=np.append(folds[0].train, folds[0].test[:1]), test=folds[0].test[1:]
    )
    write_split(tmp_path / "split.csv", [planted], members)
    speaker = members[folds[0].test[0]].speaker
    with pytest.raises(LeakError, match=rf"protocol file: .* 1 speaker: ravdess/{speaker}"):
        evaluate_estimator(
            KNeighborsClassifier(1),
            np.zeros((16, 3), np.float32),
            members,
            protocol=read_split(tmp_path / "split.csv"),
        )


def test_a_renamed_copy_of_a_recording_is_named_with_its_original(members: Members) -> None:
    original, copy = members[0].path, members[-1].path
    shutil.copy(original, copy)
    named = " = ".join(f"ravdess/{path.parent.name}/{path.name}" for path in (original, copy))
    with pytest.raises(LeakError, match=f"1 recording: {named}"):
        run(members)


def test_a_copy_in_another_container_is_the_same_recording(members: Members) -> None:
    samples, rate_hz = soundfile.read(members[0].path, dtype="int16")
    other = members[-1].path.with_suffix(".flac")
    soundfile.write(other, samples, rate_hz)
    moved = [*members[:-1], replace(members[-1], path=other)]
    with pytest.raises(LeakError, match="1 recording: "):
        run(moved)


def test_the_recording_that_ravdess_holds_twice_is_found(
    data_root: Callable[[str], Path],
) -> None:
    everyone = [u for u in read_corpus("ravdess", data_root("ravdess")) if u.speaker == "07"]
    sides = (np.flatnonzero([u.take == take for u in everyone]) for take in ("01", "02"))
    found = check_leaks(everyone, [Fold("takes", *sides, seed=0)], SPEAKERS).leaks
    ((item,),) = [leak.items for leak in found if leak.kind == "recording"]
    assert [Path(part).name for part in item.split(" = ")] == [
        "03-01-03-01-02-01-07.wav",
        "03-01-03-01-02-02-07.wav",
    ]


def test_an_audio_video_twin_is_found_by_its_name(members: Members) -> None:
    twins = [replace(one, take="01") for one in members]
    twins[1] = replace(twins[0], path=members[1].path)
    kinds = [leak.kind for leak in check_leaks(twins, [halves(twins)], SPEAKERS).leaks]
    assert "twin" in kinds


def test_a_protocol_that_keeps_sentences_apart_stops_where_they_meet(members: Members) -> None:
    sentences = get_protocol("sentences")
    found = check_leaks(members, [halves(members)], sentences)
    with pytest.raises(LeakError, match=r"protocol sentences: .*2 sentences: ravdess/00"):
        found.raise_if_unexpected()


@pytest.mark.parametrize("protocol", ["random", "tutorial"])
def test_a_random_split_means_its_leaks_and_reports_them(members: Members, protocol: str) -> None:
    by = get_protocol(protocol)
    found = check_leaks(members, by.split(members, 0), by)
    assert "speaker" in [leak.kind for leak in found.leaks]
    assert all(leak.is_expected for leak in found.leaks)
    run(members, protocol)


def test_leaks_can_be_allowed_and_are_reported_all_the_same(members: Members) -> None:
    shutil.copy(members[0].path, members[-1].path)
    found = evaluate_estimator(
        KNeighborsClassifier(1),
        np.eye(16, 3, dtype=np.float32),
        members,
        protocol="speakers",
        allow_leaks=True,
    )
    assert [leak.kind for leak in found.check.leaks if not leak.is_expected] == ["recording"]


def test_recordings_that_cannot_be_decoded_are_counted(members: Members) -> None:
    members[3].path.write_bytes(b"no sound")
    members[5].path.unlink()
    assert check_leaks(members, [halves(members)], SPEAKERS).unchecked == 2


# Splits.


def test_a_split_reads_back_as_it_was_written(members: Members, tmp_path: Path) -> None:
    folds = SPEAKERS.split(members, 3)
    write_split(tmp_path / "split.csv", folds, members)
    again = read_split(tmp_path / "split.csv").split(members, 3)
    assert [fold.name for fold in again] == [fold.name for fold in folds]
    for one, other in zip(again, folds, strict=True):
        assert one.train.tolist() == sorted(other.train)
        assert one.test.tolist() == sorted(other.test)


def test_a_split_holds_wherever_the_corpus_lies(members: Members, tmp_path: Path) -> None:
    write_split(tmp_path / "split.csv", SPEAKERS.split(members, 0), members)
    moved = [replace(m, path=Path("elsewhere", *m.path.parts[-2:])) for m in reversed(members)]
    (first, *_) = read_split(tmp_path / "split.csv").split(moved, 0)
    expected = SPEAKERS.split(members, 0)[0]
    assert {moved[p].path.name for p in first.test} == {members[p].path.name for p in expected.test}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected the columns fold,role,recording, found nothing"),
        ("a,b\n", "expected the columns fold,role,recording, found a,b"),
        ("fold,role,recording\n", "holds no fold"),
        ("fold,role,recording\n1,dev,x\n", "line 2: expected fold, train or test, recording"),
        ("fold,role,recording\n1,train\n", "line 2: expected"),
        ("fold,role,recording\n1,test,gone.wav\n", "1, train: no utterance. Every fold needs both"),
        (
            "fold,role,recording\n1,train,ravdess/Actor_00/00.wav\n1,test,gone.wav\n",
            "1 of 1 recordings are not among the utterances evaluated, such as gone.wav",
        ),
    ],
)
def test_a_file_that_is_no_split_is_refused(
    members: Members, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_split(tmp_path / "split.csv").split(members, 0)


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"gone\.csv: no such file, expected a split"):
        read_split(tmp_path / "gone.csv")


def test_two_recordings_of_one_name_cannot_be_told_apart(members: Members, tmp_path: Path) -> None:
    twice = [*members, members[0]]
    with pytest.raises(EvaluationError, match="1 names are there twice, such as ravdess/Actor_00"):
        write_split(tmp_path / "split.csv", [halves(twice)], twice)
