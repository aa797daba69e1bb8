"""Protocols: ways to divide a corpus into training and test utterances.

``tutorial`` and ``random`` split at random, as most published notebooks do. The same speakers
are then in training and test, so the scores are too optimistic for new speakers. ``sentences``
keeps the sentences apart, but not the speakers. The others keep the speakers apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import CORPORA, Utterance
from voxaffect.errors import EvaluationError, extra
from voxaffect.evaluation.emobox import get_emobox_folds
from voxaffect.records.arguments import check_kind
from voxaffect.training import OBSERVED_EMOTIONS

TEST_SIZE = 0.25
TUTORIAL_SEEDS = 20
RANDOM_SEEDS = 6
SPEAKER_FOLDS = 6
HEARD = "test voices were heard in training"
_ANYTHING = frozenset({"speaker", "recording", "twin", "sentence"})


@dataclass(frozen=True, eq=False)
class Fold:
    """Training and test utterances, by their index in the corpus.

    Parameters
    ----------
    name : str
    train, test : ndarray of int
    seed : int
        For the estimator.
    """

    name: str
    train: NDArray[np.intp]
    test: NDArray[np.intp]
    seed: int


@dataclass(frozen=True)
class Protocol:
    """A way to split a corpus.

    Parameters
    ----------
    name : str
    summary : str
        One line for reports.
    split : callable
        From utterances and a seed to folds.
    new_voices : bool or None
        Whether no test speaker is trained on; None if nobody here knows.
    emotions : tuple of str, optional
        Emotions to keep by default; all if None.
    expected_leaks : frozenset of str
        Kinds of leak that belong to the protocol: they are reported and do not stop it.
    reference_protocol : str
        Protocol of the other kind to compare with; empty if none is comparable.
    is_balanced : bool
        Whether each emotion of each corpus weighs alike in training, where the estimator takes
        weights.
    is_open : bool
        Whether a system may know emotions that are not tested. The UAR of answers among the
        tested emotions alone is then reported, too.
    unit : {"speaker", "corpus"}
        Unit that the interval of the UAR is drawn over.
    adapt : callable, optional
        From the protocol and utterances to what it is for them, where that depends on the corpus.
    """

    name: str
    summary: str
    split: Callable[[Sequence[Utterance], int], tuple[Fold, ...]]
    new_voices: bool | None
    emotions: tuple[str, ...] | None = None
    expected_leaks: frozenset[str] = frozenset({"sentence"})
    reference_protocol: str = "random"
    is_balanced: bool = False
    is_open: bool = False
    unit: Literal["speaker", "corpus"] = "speaker"
    adapt: Callable[[Protocol, Sequence[Utterance]], Protocol] | None = None

    def __repr__(self) -> str:
        """Name and summary: the split may hold every recording."""
        return f"Protocol({self.name}: {self.summary})"

    def adapt_to(self, utterances: Sequence[Utterance]) -> Protocol:
        """Return the protocol as it is for these utterances."""
        return self.adapt(self, utterances) if self.adapt else self


def random_split(
    count: int, *, test_size: float = TEST_SIZE, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices that train and test, as scikit-learn's ``train_test_split`` draws them.

    Raises
    ------
    EvaluationError
        If either side would be empty.
    """
    with extra("train"):
        from sklearn.model_selection import train_test_split
    if seed < 0:
        raise EvaluationError(f"seed {seed}, expected 0 or more.")
    try:
        train, test = train_test_split(np.arange(count), test_size=test_size, random_state=seed)
    except ValueError as error:
        raise EvaluationError(
            f"{count} utterances cannot be split with a test share of {test_size:g}: both sides "
            "need at least one. Expected a share between 0 and 1."
        ) from error
    return train, test


def _split_randomly(utterances: Sequence[Utterance], seed: int, *, seeds: int) -> tuple[Fold, ...]:
    return tuple(
        Fold(f"seed {s}", *random_split(len(utterances), seed=s), seed=s)
        for s in range(seed, seed + seeds)
    )


def _get_speakers(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    unknown = sum(utterance.speaker is None for utterance in utterances)
    if unknown:
        raise EvaluationError(
            f"the speaker of {unknown} of {len(utterances)} utterances is unknown, and this "
            "protocol keeps speakers apart. Name them in a csv with a speaker column, or "
            "by folders: emotion/speaker/file. Without speakers, evaluate --protocol random "
            "splits by chance, and --split takes folds of your own."
        )
    return np.array([f"{utterance.corpus}/{utterance.speaker}" for utterance in utterances])


def _require_two(speakers: NDArray[np.str_]) -> NDArray[np.str_]:
    unique = np.unique(speakers)
    if len(unique) < 2:
        raise EvaluationError(
            f"{len(unique)} speaker, at least 2 are needed to test on new speakers. "
            "Protocol random tests on speakers that are in training, too."
        )
    return unique


def _split_by_speakers(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Deal the shuffled speakers to folds of equal numbers of them."""
    speakers = _get_speakers(utterances)
    unique = _require_two(speakers)
    shuffled = np.random.default_rng(seed).permutation(unique)
    groups = np.array_split(shuffled, min(SPEAKER_FOLDS, len(unique)))
    return tuple(
        _make_fold(f"fold {number}", np.isin(speakers, group), seed)
        for number, group in enumerate(groups, start=1)
    )


def _leave_speaker_out(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Leave one speaker out, each in turn."""
    speakers = _get_speakers(utterances)
    unique = _require_two(speakers)
    return tuple(_make_fold(str(speaker), speakers == speaker, seed) for speaker in unique)


def _get_sentences(utterances: Sequence[Utterance]) -> NDArray[np.str_]:
    unknown = sum(utterance.text is None for utterance in utterances)
    if unknown:
        raise EvaluationError(
            f"what is said in {unknown} of {len(utterances)} utterances is unknown, and this "
            "protocol keeps sentences apart. Name them in a csv with a text column."
        )
    sentences = np.array([f"{utterance.corpus}/{utterance.text}" for utterance in utterances])
    if len(np.unique(sentences)) < 2:
        raise EvaluationError(
            f"1 sentence ({sentences[0]}), at least 2 are needed to test on new ones."
        )
    return sentences


def _leave_sentence_out(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Test one sentence, train on the others, each in turn."""
    sentences = _get_sentences(utterances)
    return tuple(_make_fold(str(name), sentences == name, seed) for name in np.unique(sentences))


def _leave_both_out(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Test one sentence by some speakers, train on the other sentences by the other speakers."""
    sentences = _get_sentences(utterances)
    folds = []
    for name in np.unique(sentences):
        for group in _split_by_speakers(utterances, seed):
            is_new = np.zeros(len(utterances), dtype=np.bool_)
            is_new[group.test] = True
            train, test = ~is_new & (sentences != name), is_new & (sentences == name)
            if train.any() and test.any():
                sides = np.flatnonzero(train), np.flatnonzero(test)
                folds.append(Fold(f"{name}, {group.name}", *sides, seed))
    return tuple(folds)


def _split_as_emobox(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Test the recordings of each of EmoBox's folds, and train on the others that it lists."""
    emobox = get_emobox_folds(utterances)
    if emobox.keeps_speakers_apart:
        _get_speakers(utterances)
    assigned = np.array([-1 if fold is None else fold for fold in emobox.assign(utterances)])
    is_listed = (assigned >= 0) | (len(emobox.tests) == 1)
    folds = []
    for index, keys in enumerate(emobox.tests):
        is_test = assigned == index
        train = np.flatnonzero(is_listed & ~is_test)
        if not is_test.any() or not len(train):
            speakers = f"speakers {', '.join(sorted(keys))}"
            group = speakers if emobox.keeps_speakers_apart else f"{len(keys)} recordings"
            raise EvaluationError(
                f"emobox fold {index + 1} tests {group}: {is_test.sum()} of {len(utterances)} "
                "utterances are theirs. Complete the corpus."
            )
        folds.append(Fold(f"fold {index + 1}", train, np.flatnonzero(is_test), seed))
    return tuple(folds)


def _adapt_emobox(protocol: Protocol, utterances: Sequence[Utterance]) -> Protocol:
    """State whether EmoBox keeps the speakers of the corpus apart."""
    emobox = get_emobox_folds(utterances)
    title = CORPORA[utterances[0].corpus].title
    summary = f"EmoBox's {emobox.summary} of {title}"
    if emobox.keeps_speakers_apart:
        return replace(protocol, summary=summary)
    return replace(
        protocol,
        summary=f"{summary}, drawn at random; {HEARD}",
        new_voices=False,
        expected_leaks=_ANYTHING,
        reference_protocol="speakers",
    )


def _split_by_corpora(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Train on the corpus named first, test on each other one, on the emotions they share."""
    corpora = _get_corpora(utterances)
    folds = []
    for name in corpora[1:]:
        common = _find_common_emotions(utterances, [corpora[0]], name)
        train, test = (_index(utterances, [c], common) for c in (corpora[0], name))
        folds.append(Fold(f"{corpora[0]} to {name}", train, test, seed))
    return tuple(folds)


def _leave_corpus_out(utterances: Sequence[Utterance], seed: int) -> tuple[Fold, ...]:
    """Train on all of the other corpora, test one on the emotions that they have, each in turn."""
    corpora = _get_corpora(utterances)
    folds = []
    for name in corpora:
        others = [other for other in corpora if other != name]
        common = _find_common_emotions(utterances, others, name)
        train, test = _index(utterances, others), _index(utterances, [name], common)
        folds.append(Fold(name, train, test, seed))
    return tuple(folds)


def _get_corpora(utterances: Sequence[Utterance]) -> list[str]:
    """Corpora in their order; at least two."""
    corpora = list(dict.fromkeys(utterance.corpus for utterance in utterances))
    if len(corpora) < 2:
        raise EvaluationError(
            "this protocol trains on one corpus or more and tests on another one, found only "
            f"{', '.join(corpora) or 'none'}. Name two or more."
        )
    return corpora


def _index(
    utterances: Sequence[Utterance],
    corpora: Collection[str],
    emotions: Collection[str] | None = None,
) -> NDArray[np.intp]:
    """Indices of the utterances of some corpora, of some emotions or all."""
    return np.array(
        [
            index
            for index, utterance in enumerate(utterances)
            if utterance.corpus in corpora and (emotions is None or utterance.emotion in emotions)
        ],
        dtype=np.intp,
    )


def _find_common_emotions(
    utterances: Sequence[Utterance], trained: Sequence[str], tested: str
) -> set[str]:
    """Emotions that the tested corpus and any of the others have; at least two."""
    common = {u.emotion for u in utterances if u.corpus == tested}
    common &= {u.emotion for u in utterances if u.corpus in trained}
    if common == {""}:  # only dimensions are rated
        return common
    if len(common) < 2:
        names = [*trained, tested]
        alone = "; ".join(_describe_own_emotions(utterances, name) for name in names)
        raise EvaluationError(
            f"{' and '.join(names)} share {len(common)} emotions, at least 2 are needed: "
            f"{alone}. If words mean the same, say so with --labels (in Python labels=)."
        )
    return common


def _describe_own_emotions(utterances: Sequence[Utterance], corpus: str) -> str:
    """Emotions of one corpus that no other one has."""
    own = {u.emotion for u in utterances if u.corpus == corpus}
    others = {u.emotion for u in utterances if u.corpus != corpus}
    return f"{corpus} alone has {', '.join(sorted(own - others)) or 'none'}"


def describe_common_emotions(utterances: Sequence[Utterance]) -> str:
    """Emotions that corpora share, and those that each has alone, as one line.

    Returns
    -------
    str
        Empty unless at least two corpora have emotions of their own: only then can two words
        mean the same.
    """
    corpora = list(dict.fromkeys(utterance.corpus for utterance in utterances))
    emotions = [{u.emotion for u in utterances if u.corpus == corpus} for corpus in corpora]
    common = set.intersection(*emotions) if emotions else set()
    alone = [_describe_own_emotions(utterances, corpus) for corpus in corpora]
    if sum(not text.endswith(" none") for text in alone) < 2:
        return ""
    shared = ", ".join(sorted(common)) or "no emotion"
    return f"{' and '.join(corpora)} share {shared}; {'; '.join(alone)}"


def _make_fold(name: str, is_test: NDArray[np.bool_], seed: int) -> Fold:
    return Fold(name, np.flatnonzero(~is_test), np.flatnonzero(is_test), seed)


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "tutorial",
            f"random {TEST_SIZE:.0%} held out, {TUTORIAL_SEEDS} seeds; {HEARD}",
            partial(_split_randomly, seeds=TUTORIAL_SEEDS),
            new_voices=False,
            emotions=OBSERVED_EMOTIONS,
            expected_leaks=_ANYTHING,
            reference_protocol="speakers",
        ),
        Protocol(
            "random",
            f"random {TEST_SIZE:.0%} held out, {RANDOM_SEEDS} seeds; {HEARD}",
            partial(_split_randomly, seeds=RANDOM_SEEDS),
            new_voices=False,
            expected_leaks=_ANYTHING,
            reference_protocol="speakers",
        ),
        Protocol(
            "speakers",
            f"up to {SPEAKER_FOLDS} folds, no speaker on both sides",
            _split_by_speakers,
            new_voices=True,
        ),
        Protocol("loso", "one speaker left out at a time", _leave_speaker_out, new_voices=True),
        Protocol(
            "emobox",
            "EmoBox's folds of the corpus",
            _split_as_emobox,
            new_voices=True,
            adapt=_adapt_emobox,
        ),
        Protocol(
            "sentences",
            f"one sentence left out at a time; {HEARD}",
            _leave_sentence_out,
            new_voices=False,
            expected_leaks=frozenset({"speaker"}),
            reference_protocol="sentences-speakers",
        ),
        Protocol(
            "sentences-speakers",
            f"one sentence left out at a time, said by {SPEAKER_FOLDS} folds of new speakers",
            _leave_both_out,
            new_voices=True,
            expected_leaks=frozenset(),
        ),
        Protocol(
            "cross",
            "trained on the first corpus, tested on each other one, on their common emotions",
            _split_by_corpora,
            new_voices=True,
            reference_protocol="",
        ),
        Protocol(
            "corpora",
            "one corpus left out at a time, tested on the emotions that the others have; the mean "
            "is over corpora",
            _leave_corpus_out,
            new_voices=True,
            reference_protocol="",
            is_balanced=True,
            is_open=True,
            unit="corpus",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """Get a protocol by its name.

    Raises
    ------
    EvaluationError
        If there is none of that name.
    """
    check_kind(name, str, "protocol", "the name of a protocol, or a Protocol")
    name = name.casefold()
    if name not in PROTOCOLS:
        raise EvaluationError(f"no protocol named {name!r}; there are: {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]
