"""Folds of EmoBox for the corpora of its list that we can read.

EmoBox leaves speakers out where every speaker has the same number of recordings of each emotion:
one speaker of four to six, or groups of four of more. Elsewhere it draws recordings, so that test
speakers are in the training data, too. Emotions are those of the corpus.

References
----------
Ma et al. 2024, "EmoBox: Multilingual multi-corpus speech emotion recognition toolkit and
benchmark", Interspeech. https://github.com/emo-box/EmoBox (folders ``data/*/fold_*``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError


@dataclass(frozen=True)
class EmoBoxFolds:
    """Test recordings of each fold of a corpus.

    Parameters
    ----------
    tests : tuple of frozenset of str
        Keys of the test recordings, fold by fold.
    get_key : callable
        From an utterance to its key, such as its speaker.
    keeps_speakers_apart : bool
    """

    tests: tuple[frozenset[str], ...]
    get_key: Callable[[Utterance], str]
    keeps_speakers_apart: bool

    @property
    def summary(self) -> str:
        """Description of the folds."""
        count = "one fold" if len(self.tests) == 1 else f"{len(self.tests)} folds"
        return f"{count} of {'speakers' if self.keeps_speakers_apart else 'recordings'}"

    def assign(self, utterances: Sequence[Utterance]) -> list[int | None]:
        """Index of the fold that tests each utterance; None if no fold does."""
        folds = {key: index for index, keys in enumerate(self.tests) for key in keys}
        return [folds.get(self.get_key(utterance)) for utterance in utterances]


def get_emobox_folds(utterances: Sequence[Utterance]) -> EmoBoxFolds:
    """Folds of the corpus of some utterances.

    Raises
    ------
    EvaluationError
        If they are of several corpora, or EmoBox's folds of theirs are not here.
    """
    corpora = sorted({utterance.corpus for utterance in utterances})
    if len(corpora) == 1 and corpora[0] in EMOBOX:
        return EMOBOX[corpora[0]]
    known = ", ".join(EMOBOX)
    if len(corpora) == 1 and corpora[0] in _LISTS_ONLY:
        raise EvaluationError(
            f"protocol emobox: EmoBox splits {corpora[0]} by a list of "
            f"{_LISTS_ONLY[corpora[0]]:,} recordings drawn at random, which voxaffect does not "
            f"hold. It holds the folds of {known}. Use --protocol speakers, or give the list with "
            "--split."
        )
    raise EvaluationError(
        f"protocol emobox is for one corpus at a time, of {known}; found "
        f"{', '.join(corpora) or 'none'}. Use --protocol speakers."
    )


def _get_speaker(utterance: Utterance) -> str:
    return utterance.speaker or ""


def _get_stem(utterance: Utterance) -> str:
    return utterance.path.stem


def _get_number(utterance: Utterance) -> str:
    """Emotion and number of a recording of URDU: A4 of SM1_F4_A04."""
    code = utterance.path.stem.rpartition("_")[2]
    return f"{code[:1]}{code[1:].lstrip('0')}"


def _leave_speakers_out(*folds: str) -> EmoBoxFolds:
    return EmoBoxFolds(tuple(frozenset(fold.split()) for fold in folds), _get_speaker, True)


def _list_recordings(*folds: str, get_key: Callable[[Utterance], str]) -> EmoBoxFolds:
    """Folds of recordings: ``03:a01,a02 08:b01`` is 03a01, 03a02 and 08b01."""
    tests = [
        frozenset(
            f"{start}{end}"
            for group in fold.split()
            for start, _, ends in [group.partition(":")]
            for end in ends.split(",")
        )
        for fold in folds
    ]
    return EmoBoxFolds(tuple(tests), get_key, False)


_EMODB = (
    "03:a02Nc,a02Wb,a02Wc,a04Fd,a04Ta,a05Aa,a05Wb,a07Fa,b01Lb,b01Nb,b03Nb,b10Ec 08:a01Ab,"
    "a02Tb,a04Nc,a04Wc,a05Lc,a07Na,b03Wd,b09Ab,b09Fd,b09Lc,b09Wc 09:a01Fa,a01Wb,a04Fd,"
    "a04Nb,b03Fa,b03Fd,b03Ta,b03Wb,b09Wa,b10Aa 10:a01Nb,a04Wa,a07La,a07Ta,b02Aa,b09Wb "
    "11:a01Nd,a02Ec,a02Nc,a05Fb,a05Td,b01Wd,b03Lc,b03Td,b03Wa,b09Ad,b10Ae 12:a01Fb,a02Nb,"
    "a05Ab,a05Nd,a05Ta,a05Wb,b02Wa,b02Wb,b02Wd,b10Ac 13:a02Ad,a02Lc,a04Fc,a05Nb,a05Wc,"
    "a07Na,a07Wb,b01Ec,b02Fb,b02Lc,b03Lb,b10Ec,b10Fa 14:a01Aa,a01Ac,a02Ab,a02Wa,a05Tc,"
    "a05Wa,a07Aa,a07Eb,a07Tc,b01Na,b09Ea,b09Wa,b09Wc,b10Ad,b10Tc 15:a02Ac,a02Ta,a04Ac,"
    "a04Fd,a04Wa,a07Ld,b02Tc,b09Fa,b10Ac 16:a04Ab,a04Lc,a07Nb,b01Fa,b01Tb,b03Ea,b03Nb,"
    "b10Eb,b10Td,b10Wb",
    "03:a02Ta,a04Ad,a07Wc,b02Na,b02Wb,b03Wc 08:a01Lc,a01Wa,a04Ff,a05Nb,a07La,a07Tb,b01Lb,"
    "b01Na,b01Wa,b02Wd,b09Wa,b10Fd,b10Wa 09:a02Eb,a04La,a07Na,a07Wd,b02Na,b02Wc,b09Ea,"
    "b10Nd 10:a01Ac,a02Na,a04Fd,a04Wb,b02Na,b10Fc 11:a01Wc,a04Ac,b01Eb,b02Na,b02Td,b03Nb,"
    "b10Ad 12:a01Nb,a02Wc,a07Ac,b01Wa,b02Ea,b02Na,b03La,b03Ta,b09Ac,b10Ld 13:a01Fd,a02Wa,"
    "a05Tc,a07Fd,b03Fd,b09Fc,b10Nc,b10Wa 14:a01Na,a02Ea,a04Tb,a05Ac,a05Ta,a05Wb,a07Wc,"
    "b01Ac,b02Fb,b02Na,b02Wd,b03Wb,b09Fc,b09Lb,b10Eb,b10Nb 15:a01La,a02Wd,a04Nc,a05Eb,"
    "a05Fb,a07Ac,b01Wc,b02Wc,b03Aa,b09Ac,b10Nc 16:a01Wb,a02Ea,a02Ec,a04Wc,a05Wc,a07La,"
    "a07Lb,a07Wa,b01Lc,b01Wa,b01Wb,b02Eb,b02Wb,b03Ad,b03Wb,b09Ab,b09Eb,b09Fb,b09Lb,b10Fb,"
    "b10Tb,b10Wa",
    "03:a01Nc,a05Fc,b02Aa,b09Nc,b09Tc,b10Nc,b10Wc 08:a01Fd,a01Na,a02Fe,a02La,a02Wc,a04La,"
    "a04Tb,a07Wc,b01Fe,b03Lc,b10Aa,b10La 09:a01Nb,a02La,a05Ed,a05Tb,b09Nd,b10Wa 10:a05Aa,"
    "b02Wb,b03La,b03Tb,b03Wb,b09Ad,b09Lb,b10Lc 11:a04Fd,a04Nd,a05Ad,a05Fc,a05Lc,a07Ld,"
    "b01Fc,b01Lb,b02Ab,b02Wb,b09Td 12:a02Ac,a02Ec,a02Wa,a07La,a07Wa,b01Ta,b02Fb,b09Wc,"
    "b10Wa 13:a01Ac,a01Ea,a01Lb,a01Nb,a02Ec,a02Fa,a02Nc,a02Ta,a04Ta,a05Aa,b01Ld,b03Ac,"
    "b03Wc,b09Ec,b09Fb,b10La 14:a02La,a02Nc,a02Wc,a04Aa,a05Na,a07Na,b02Aa,b02Tc,b02Wb,"
    "b03Ta,b09Ac 15:a01Fb,a01Wa,a02Ea,a02La,a05Lb,a05Na,a07Fb,b02Aa,b03Lc,b03Tc,b03Wb,"
    "b09La,b09Nb,b10Wa 16:a01Ec,a01Lb,a02Lb,a02Tc,a02Wb,a04Nc,a05Fc,a05La,a05Tb,a07Ea,"
    "a07Fa,a07Fb,b02Aa",
    "03:a04Nc,a05Tc,b01Wc,b03Tc,b09La,b10Na 08:a02Na,a05Fe,a05Wa,a07Fd,a07Ta,b01Fd,b02Tc,"
    "b03Fe,b09Nb,b10Nc,b10Tc 09:a01Ea,a02Ea,a05Wc,a07Ta,b01Na,b01Wb,b02Wd,b03Ed,b03Lb,"
    "b03Nb 10:a01Wa,a02Ab,a02Fa,a02Wa,a04Nb,a07Aa,a07Wb,b01Ea,b01Fa,b01Lb,b10Wa 11:a01Ld,"
    "a02Tc,a02Wc,a07Ac,a07Wc,b01Ab,b01Nc,b02Fd,b09Ld,b09Wa,b10Ld,b10Nc,b10Td 12:a01Wc,"
    "a04Wc,a05Lb,b02Ad,b09Td 13:a04Lb,a05Ea,a05Lc,a05Wa,a07Lb,b01Ab,b01Fc,b01Wa,b02Wa,"
    "b03Ed,b03Td,b09Na,b09Wa,b10Wc 14:a01Wa,a01Wc,a02Fd,a02Tb,a04Ed,a04Lb,a05Aa,a07Ld,"
    "b01Fc,b01Wc,b03Ed,b09Td,b10Lb 15:a01Ea,a01Nb,a02Na,a02Wb,a04Ab,a07Fa,b01Ec,b01Na,"
    "b02Nd,b02Wa,b09Ta,b09Wb 16:a01Nc,a04Ea,a04Fa,a04La,a05Ab,b01Aa,b01Eb,b02Fd,b03Fd,"
    "b03Ta,b09La,b09Wb",
    "03:a01Fa,a01Wa,a02Fc,a04Lc,a04Wc,a05Nd,a05Wa,a07Fb,a07La,a07Nc,b01Fa,b01Td,b01Wa,"
    "b02La,b02Tb,b09Wa,b10Ab,b10Wb 08:a01Wc,a02Ab,a02Ac,a05Ta,b01Aa,b02Ff,b02La,b02Nb,"
    "b03Nb,b03Tc,b09Tb 09:a02Wb,a04Wa,a05Lc,a05Nb,a05Wb,a07Eb,a07Wb,b01Ea,b02Tb 10:a02Lb,"
    "a05Ld,a05Tb,a05Wb,a07Ad,b01Aa,b02La 11:a01Aa,a01Ab,a02Fb,a02Ld,a04Wc,a05Na,a05Wd,"
    "a07Ta,b03Fc,b03Wb,b09Fd,b09Na,b10Wa 12:a01Lb 13:a01Ec,a01Wb,a04Ac,a04Wc,a07Tc,b01Nc,"
    "b02Nb,b03Na,b09Ab,b09La 14:a01Ea,a04Tc,a04Wb,a04Wc,a05Fa,a05Fb,a05Lb,a07Fd,a07Lc,"
    "b01Eb,b01Fa,b03Ad,b03Lb,b10Wc 15:a04Wb,a05Wa,a07Eb,a07Nc,b01Lb,b02Lb,b03Nb,b03Wa,"
    "b10Lc,b10Nb 16:a01Fc,a01Tb,a02Nb,a04Tc,a04Wb,a05Ea,a05Wb,a07Td,b01La,b02Lb,b03Fa,"
    "b03La,b10Aa,b10Lb",
)
_URDU = (
    "A:4,7,8,14,17,18,21,32,34,36,38,53,62,65,67,70,71,79,83,85,86,89,91,92,99 H:5,9,11,16,"
    "25,26,28,32,37,48,57,62,67,68,74,77,81,84,85,86,87,88,92,95,98 N:4,5,21,22,24,25,40,"
    "41,42,43,44,45,51,52,55,60,65,70,75,79,80,82,86,91,96 S:1,2,3,5,7,9,10,13,16,17,20,31,"
    "37,39,43,51,64,66,71,72,74,85,88,94,99"
)

EMOBOX: Mapping[str, EmoBoxFolds] = {
    "ravdess": _leave_speakers_out(
        "01 11 20 21",
        "04 10 12 14",
        "08 09 19 23",
        "03 05 07 24",
        "02 15 16 18",
        "06 13 17 22",
    ),
    "emodb": _list_recordings(*_EMODB, get_key=_get_stem),
    "emovo": _leave_speakers_out("f2", "m3", "m2", "f3", "f1", "m1"),
    "cafe": _leave_speakers_out("01 07 08 10", "02 04 09 12", "03 05 06 11"),
    "savee": _leave_speakers_out("JE", "KL", "DC", "JK"),
    "esd": _leave_speakers_out(
        "0005 0011 0016 0018",
        "0012 0014 0015 0019",
        "0003 0004 0006 0009",
        "0007 0008 0013 0020",
        "0001 0002 0010 0017",
    ),
    "urdu": _list_recordings(_URDU, get_key=_get_number),
}
"""By corpus; of URDU a quarter of the recordings, of EMO-DB a fifth each."""
_LISTS_ONLY = {"tess": 700, "crema-d": 1_856}
"""Number of test recordings in lists that are too long to be held here."""
