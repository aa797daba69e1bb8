"""Folds of a protocol, by the utterances that each of them tests."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.corpora import Utterance
from voxaffect.corpora.vocabulary import normalize_label, normalize_number
from voxaffect.evaluation.protocols import Fold, Protocol
from voxaffect.files import escape_control

_SHOWN = 8


class FoldTests:
    """Folds of a protocol, as the rows of a table name them.

    Parameters
    ----------
    protocol : Protocol
    folds : sequence of Fold
    utterances : sequence of Utterance
        That the folds index.
    are_named : bool
        Whether rows may name them. Where no protocol was asked for, the name of a fold is ignored.
    """

    def __init__(
        self,
        protocol: Protocol,
        folds: Sequence[Fold],
        utterances: Sequence[Utterance],
        *,
        are_named: bool,
    ) -> None:
        self._protocol, self._are_named = protocol.name, are_named
        self._by_word = {_normalize(fold.name): fold.name for fold in folds}
        self._tests: dict[Utterance, list[str]] = {}
        for fold in folds:
            for index in fold.test:
                self._tests.setdefault(utterances[index], []).append(fold.name)
        self.keys = [(fold.name, utterances[index]) for fold in folds for index in fold.test]

    def find(self, utterance: Utterance, word: str | None) -> tuple[str | None, str]:
        """Name of the fold whose test a row is of, or None; and the fault of the row, or ''."""
        tested = self._tests.get(utterance)
        if tested is None:
            return None, ""
        if word is None or not self._are_named:
            return self._find_only(tested)
        name = self._by_word.get(_normalize(word))
        if name in tested:
            return name, ""
        own = f"protocol {self._protocol} tests it in {' and '.join(tested[:_SHOWN])}"
        remedy = "Give the folds of the predictions with --split"
        if name is None:
            known = ", ".join([*self._by_word.values()][:_SHOWN])
            return None, (
                f"the fold is {escape_control(word)!r}, expected one of {known}; {own}. {remedy}, "
                "or leave the column out"
            )
        return None, (
            f"its fold is {name}, and {own}: the model of {name} may be trained on it. {remedy}"
        )

    def _find_only(self, tested: Sequence[str]) -> tuple[str | None, str]:
        if len(tested) == 1:
            return tested[0], ""
        return None, (
            f"protocol {self._protocol} tests this recording in {len(tested)} folds, and the row "
            "names none. Add the column fold"
        )

    def explain_twins(self, *, has_folds: bool) -> str:
        """Reason why a table may have two rows of one recording, as the end of a sentence."""
        if has_folds and not self._are_named:
            return ". If these are of several folds, name their protocol with --protocol"
        return ""


def _normalize(name: str) -> str:
    """Name of a fold without the word fold: 1, fold_1 and Fold 1 are alike."""
    return normalize_number(normalize_label(name).removeprefix("fold"))
