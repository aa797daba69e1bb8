"""The corpora as one table: file-name grammar, labels, speakers, license, source and traps.

Everything that a corpus needs is data in its row; the code that reads names, downloads and
inspects is the same for all. To add a corpus, add a row, and example names to
``tests/test_corpora.py``.

Each row was checked against the corpus's own page, read-me or repository. Where an address or
a checksum could not be verified, it is left out and ``instructions`` says how to get the files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from voxaffect.errors import CorpusError


@dataclass(frozen=True)
class Download:
    """One archive at its official address.

    Parameters
    ----------
    url : str
    file : str
        Name under which it is kept, and of the folder it is unpacked into.
    size : int, optional
        In bytes.
    checksum : str, optional
        Such as ``md5:bc69…``.
    listing : str, optional
        Address of the publisher's record (Zenodo's JSON), which states size and checksum
        where the table does not.
    is_optional : bool
        Fetched only when asked for by name.
    """

    url: str
    file: str
    size: int | None = None
    checksum: str | None = None
    listing: str | None = None
    is_optional: bool = False


@dataclass(frozen=True)
class Corpus:
    """One row of the table.

    Parameters
    ----------
    name : str
        The key in ``CORPORA``, and the name of its folder.
    title : str
        What messages and tables call it.
    description, language, citation, homepage : str
    grammar : str
        The file name in the corpus's own notation, for messages.
    layout : str
        Where the files are under the root, for messages.
    pattern : re.Pattern
        Matches the end of a path; named groups ``emotion`` and ``speaker``, and where the
        corpus has them ``text``, ``intensity``, ``take`` and ``channel``.
    emotions : mapping
        From the corpus's code to one of ``EMOTIONS``.
    sexes : mapping
        From every speaker to ``female`` or ``male``.
    sizes : tuple of int
        How many files a whole copy holds; several where there are several releases.
    license : str
    is_commercial : bool or None
        Whether the license allows commercial use; None where sources disagree.
    extensions : frozenset of str
        Of its recordings, in lower case.
    intensities, channels : mapping
        From code to word, as ``emotions``.
    aliases : mapping
        From a misspelt speaker to the right one.
    grids : tuple of tuple of str
        Templates that `expand` to every file name of a part of the corpus.
    twins : tuple of frozenset of str
        Files that are known to be one recording, by name.
    downloads : tuple of Download
        Empty where there is no direct address, or none that we could verify.
    instructions : str
        How to get the files by hand.
    traps : tuple of str
        What goes wrong with this corpus, for `voxaffect corpora info` and `check`.
    """

    name: str
    title: str
    description: str
    language: str
    grammar: str
    layout: str
    pattern: re.Pattern[str]
    emotions: Mapping[str, str]
    sexes: Mapping[str, str]
    sizes: tuple[int, ...]
    license: str
    is_commercial: bool | None
    citation: str
    homepage: str
    instructions: str
    extensions: frozenset[str] = frozenset({".wav"})
    intensities: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    grids: tuple[tuple[str, ...], ...] = ()
    twins: tuple[frozenset[str], ...] = ()
    downloads: tuple[Download, ...] = ()
    traps: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("emotions", "sexes", "intensities", "channels", "aliases"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


_BRACES = re.compile(r"\{([^}]*)\}")


def expand(template: str) -> tuple[str, ...]:
    """Every name that a template stands for, in order.

    Parameters
    ----------
    template : str
        ``{a,b}`` stands for a or b, ``{01..24}`` for all numbers between, of the same width.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> expand("{a,b}-{09..10}.wav")
    ('a-09.wav', 'a-10.wav', 'b-09.wav', 'b-10.wav')
    """
    braces = _BRACES.search(template)
    if braces is None:
        return (template,)
    head, tail = template[: braces.start()], expand(template[braces.end() :])
    choices = [name for item in braces[1].split(",") for name in _numbers(item)]
    return tuple(head + choice + rest for choice in choices for rest in tail)


def _numbers(item: str) -> list[str]:
    first, dots, last = item.partition("..")
    if not dots:
        return [item]
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def look_up(name: str) -> Corpus:
    """Find a corpus by name.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, in any case.

    Returns
    -------
    Corpus

    Raises
    ------
    CorpusError
        If there is none of that name; the message lists them all.
    """
    try:
        return CORPORA[name.lower()]
    except KeyError:
        raise CorpusError(
            f"{name!r} is no public corpus that voxaffect knows{_question(name)} Choose from "
            f"{', '.join(CORPORA)}; {' and '.join(OWN_DATA)} are for your own data, in train, "
            "evaluate and check."
        ) from None


def _question(name: str) -> str:
    """Guess what a path in place of a corpus means."""
    try:
        kind = "csv" if Path(name).is_file() else "folder" if Path(name).is_dir() else ""
    except (OSError, ValueError):
        return "."  # a name that no disk can hold
    return f": did you mean {kind} --data {name}?" if kind else "."


_COPY = r"(?: ?\(\d+\)| - Copy(?: \(\d+\))?| copy(?: \d+)?)? *"


def _file(names: str) -> re.Pattern[str]:
    """Compile a grammar to match the end of a path; only the extension may change case.

    Spaces around the name, and what systems add to the name of a copy, are passed over.
    """
    return re.compile(rf"(?:^|/) *{names}{_COPY}(?i:\.(?:wav|aiff?))$")


def _sexes(*, female: str, male: str) -> dict[str, str]:
    """Map every speaker that the two templates, separated by spaces, stand for."""
    return {
        speaker: sex
        for sex, templates in (("female", female), ("male", male))
        for template in templates.split()
        for speaker in expand(template)
    }


_ZENODO = "https://zenodo.org/records/{record}/files/{file}?download=1"


def _zenodo(
    record: int,
    file: str,
    *,
    size: int | None = None,
    checksum: str | None = None,
    is_optional: bool = False,
) -> Download:
    return Download(
        url=_ZENODO.format(record=record, file=file),
        file=file,
        size=size,
        checksum=checksum,
        listing=f"https://zenodo.org/api/records/{record}",
        is_optional=is_optional,
    )


_RAVDESS = Corpus(
    name="ravdess",
    title="RAVDESS",
    description="Ryerson Audio-Visual Database of Emotional Speech and Song, audio only",
    language="English (North American)",
    grammar="MM-VC-EM-IN-ST-RE-AC.wav",
    layout="Actor_*/*.wav",
    pattern=_file(
        r"0[13]-(?P<channel>\d\d)-(?P<emotion>\d\d)-(?P<intensity>\d\d)"
        r"-(?P<text>\d\d)-(?P<take>\d\d)-(?P<speaker>\d\d)(?:[ _-](?P<label>[A-Za-z]+))?"
    ),
    emotions={
        "01": "neutral",
        "02": "calm",
        "03": "happy",
        "04": "sad",
        "05": "angry",
        "06": "fearful",
        "07": "disgust",
        "08": "surprised",
    },
    sexes=_sexes(
        female="{02,04,06,08,10,12,14,16,18,20,22,24}",
        male="{01,03,05,07,09,11,13,15,17,19,21,23}",
    ),
    intensities={"01": "normal", "02": "strong"},
    channels={"01": "speech", "02": "song"},
    sizes=(1440, 1012, 1440 + 1012),
    grids=(
        (
            "03-01-01-01-{01,02}-{01,02}-{01..24}.wav",
            "03-01-{02..08}-{01,02}-{01,02}-{01,02}-{01..24}.wav",
        ),
        (
            "03-02-01-01-{01,02}-{01,02}-{01..17,19..24}.wav",
            "03-02-{02..06}-{01,02}-{01,02}-{01,02}-{01..17,19..24}.wav",
        ),
    ),
    twins=(frozenset({"03-01-03-01-02-01-07.wav", "03-01-03-01-02-02-07.wav"}),),
    license="CC BY-NC-SA 4.0",
    is_commercial=False,
    citation=(
        "Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech "
        "and Song (RAVDESS). PLOS ONE 13(5): e0196391. doi:10.1371/journal.pone.0196391"
    ),
    homepage="https://zenodo.org/records/1188976",
    downloads=(
        _zenodo(
            1188976,
            "Audio_Speech_Actors_01-24.zip",
            size=208_468_073,
            checksum="md5:bc696df654c87fed845eb13823edef8a",
        ),
        _zenodo(
            1188976,
            "Audio_Song_Actors_01-24.zip",
            size=225_505_317,
            checksum="md5:5411230427d67a21e18aa4d466e6d1b9",
            is_optional=True,
        ),
    ),
    instructions="Unpack Audio_Speech_Actors_01-24.zip from the homepage.",
    traps=(
        "Two sentences in all: a model can learn them. Actors must not be in both training and "
        "test data.",
        "Actor 07's two takes of 'dogs', happy, normal, are one recording, byte for byte.",
        "Five originals at 48 kHz are stereo with two equal channels.",
        "Quiet, with long silent heads and tails: peaks of 0.03 are common.",
        "Files 01-… are sound tracks of the videos and hold the same performances as 03-…: "
        "use one kind.",
        "Kaggle's copy holds everything twice, once more in a folder inside itself.",
        "Some copies add the emotion to the name, such as 03-01-05-01-02-01-10_angry.wav.",
        "There are no songs by actor 18, and none that are disgusted or surprised.",
    ),
)

_EMODB = Corpus(
    name="emodb",
    title="EMO-DB",
    description="Berlin Database of Emotional Speech",
    language="German",
    grammar="SSTTTEV.wav (speaker, text, emotion, version), such as 03a01Fa.wav",
    layout="wav/*.wav",
    pattern=_file(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[A-Z])(?P<take>[a-z]?)"),
    emotions={
        "W": "angry",
        "L": "bored",
        "E": "disgust",
        "A": "fearful",
        "F": "happy",
        "T": "sad",
        "N": "neutral",
    },
    sexes=_sexes(female="{08,09,13,14,16}", male="{03,10,11,12,15}"),
    sizes=(535, 816),
    license="free for research; CC0 or CC BY 4.0, sources disagree",
    is_commercial=None,
    citation=(
        "Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A database of German "
        "emotional speech. Interspeech 2005, 1517–1520."
    ),
    homepage="https://zenodo.org/records/17651657",
    downloads=(_zenodo(17651657, "emodb_2.0.zip"),),
    instructions="voxaffect corpora download emodb, or unpack emodb_2.0.zip from the homepage.",
    traps=(
        "Release 2.0 adds 281 recordings, 816 in all, that fewer than 80 % of listeners "
        "recognized; published figures are for the 535 others. Compare like with like.",
        "Ten sentences in all, and unequal emotions: 127 angry but 46 disgusted of 535.",
        "The emotion letters are German: A is fear (Angst), W anger (Wut), T sadness (Trauer).",
    ),
)

_CREMA_D = Corpus(
    name="crema-d",
    title="CREMA-D",
    description="Crowd-sourced Emotional Multimodal Actors Dataset",
    language="English (American)",
    grammar="ACTOR_SENTENCE_EMOTION_LEVEL.wav, such as 1001_DFA_ANG_XX.wav",
    layout="AudioWAV/*.wav",
    pattern=_file(
        r"(?P<speaker>\d{4})_(?P<text>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<intensity>[A-Z]{1,2})"
    ),
    emotions={
        "ANG": "angry",
        "DIS": "disgust",
        "FEA": "fearful",
        "HAP": "happy",
        "NEU": "neutral",
        "SAD": "sad",
    },
    sexes=_sexes(
        female=(
            "{1002..1004,1006..1010,1012,1013,1018,1020,1021,1024,1025,1028..1030,1037,1043} "
            "{1046,1047,1049,1052..1056,1058,1060,1061,1063,1072..1076,1078,1079,1082,1084} "
            "{1089,1091}"
        ),
        male=(
            "{1001,1005,1011,1014..1017,1019,1022,1023,1026,1027,1031..1036,1038..1042,1044} "
            "{1045,1048,1050,1051,1057,1059,1062,1064..1071,1077,1080,1081,1083,1085..1088} "
            "{1090}"
        ),
    ),
    intensities={
        "LO": "low",
        "MD": "medium",
        "HI": "high",
        "XX": "unspecified",
        "X": "unspecified",
    },
    sizes=(7442,),
    license="Open Database License 1.0, contents under the Database Contents License 1.0",
    is_commercial=True,
    citation=(
        "Cao H, Cooper DG, Keutmann MK, Gur RC, Nenkova A, Verma R (2014). CREMA-D: "
        "Crowd-sourced Emotional Multimodal Actors Dataset. IEEE Transactions on Affective "
        "Computing 5(4): 377–390. doi:10.1109/TAFFC.2014.2336244"
    ),
    homepage="https://github.com/CheyneyComputerScience/CREMA-D",
    instructions=(
        "Install git-lfs, then: git clone https://github.com/CheyneyComputerScience/CREMA-D"
    ),
    traps=(
        "1076_MTI_SAD_XX.wav holds no speech, and 1076_MTI_NEU_XX.wav next to none.",
        "1064_IEO_DIS_MD.wav runs for a minute over several emotions.",
        "Without git-lfs, or from GitHub's Zip, the files are text pointers of 130 bytes.",
        "The clone also holds the same clips as MP3 and video; only AudioWAV is read.",
        "Labels are what the actor was asked for; listeners often heard another emotion.",
        "Old copies name one file 1040_ITH_SAD_X.wav.",
    ),
)

_TESS = Corpus(
    name="tess",
    title="TESS",
    description="Toronto Emotional Speech Set",
    language="English (Canadian)",
    grammar="SPEAKER_word_emotion.wav, such as OAF_back_angry.wav",
    layout="OAF_angry/*.wav",
    pattern=_file(r"(?P<speaker>OAF|OA|YAF)_(?P<text>[A-Za-z]+)_(?P<emotion>[a-z]+)"),
    emotions={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "surprised",
        "sad": "sad",
    },
    sexes=_sexes(female="{OAF,YAF}", male=""),
    aliases={"OA": "OAF"},
    sizes=(2800,),
    license="CC BY-NC-ND 4.0",
    is_commercial=False,
    citation=(
        "Pichora-Fuller MK, Dupuis K (2020). Toronto emotional speech set (TESS). Borealis. "
        "doi:10.5683/SP2/E8H2MF"
    ),
    homepage="https://doi.org/10.5683/SP2/E8H2MF",
    instructions="Choose “Access Dataset” on the homepage and unpack the Zip.",
    traps=(
        "Two speakers, one sentence frame: random splits come near 100 % and mean nothing.",
        "OA_bite_neutral.wav is misnamed; it is read as OAF's.",
        "Kaggle's copy holds everything twice, once more in a folder inside itself.",
        "The speakers differ in age (64 and 26), so speaker and age cannot be told apart.",
    ),
)

_SAVEE = Corpus(
    name="savee",
    title="SAVEE",
    description="Surrey Audio-Visual Expressed Emotion, audio",
    language="English (British)",
    grammar="SPEAKER/eNN.wav or SPEAKER_eNN.wav, such as DC/sa01.wav or DC_sa01.wav",
    layout="AudioData/DC/*.wav",
    pattern=_file(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<text>(?P<emotion>[a-z]+)\d\d)"),
    emotions={
        "a": "angry",
        "d": "disgust",
        "f": "fearful",
        "h": "happy",
        "n": "neutral",
        "sa": "sad",
        "su": "surprised",
    },
    sexes=_sexes(female="", male="{DC,JE,JK,KL}"),
    sizes=(480,),
    grids=(
        (
            "{DC,JE,JK,KL}/{a,d,f,h,sa,su}{01..15}.wav",
            "{DC,JE,JK,KL}/n{01..30}.wav",
        ),
    ),
    license="free for research, on registration",
    is_commercial=False,
    citation=(
        "Haq S, Jackson PJB (2010). Multimodal emotion recognition. In: Wang W (ed.), Machine "
        "Audition, IGI Global, 398–423. doi:10.4018/978-1-61520-919-4.ch017"
    ),
    homepage="http://kahlan.eps.surrey.ac.uk/savee/",
    instructions="Register on the homepage and unpack AudioData.zip.",
    traps=(
        "Four speakers, all men.",
        "A name without its speaker's folder, such as a01.wav, does not say who speaks. Kaggle's "
        "flat copy puts the speaker in front: DC_a01.wav.",
        "Most sentences belong to one emotion: a model can learn the words.",
        "Twice as many neutral recordings (30 a speaker) as of any other emotion (15).",
    ),
)

_EMOVO = Corpus(
    name="emovo",
    title="EMOVO",
    description="EMOVO, Italian emotional speech",
    language="Italian",
    grammar="emotion-speaker-sentence.wav, such as dis-f1-b1.wav",
    layout="f1/*.wav",
    pattern=_file(r"(?P<emotion>[a-z]{3})-(?P<speaker>[fm]\d)-(?P<text>[a-z]\d)"),
    emotions={
        "dis": "disgust",
        "gio": "happy",
        "neu": "neutral",
        "pau": "fearful",
        "rab": "angry",
        "sor": "surprised",
        "tri": "sad",
    },
    sexes=_sexes(female="f{1..3}", male="m{1..3}"),
    sizes=(588,),
    license="free for research; no license text found",
    is_commercial=False,
    citation=(
        "Costantini G, Iadarola I, Paoloni A, Todisco M (2014). EMOVO corpus: an Italian "
        "emotional speech database. LREC 2014, 3501–3504."
    ),
    homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
    instructions="Unpack emovo.zip from the homepage, or ask its authors where that is down.",
    traps=(
        "Most recordings are stereo; mixed down here.",
        "Fourteen sentences in all, some without meaning.",
    ),
)

_URDU = Corpus(
    name="urdu",
    title="URDU",
    description="Urdu speech from talk shows",
    language="Urdu",
    grammar="SPEAKER_Fn_En.wav (emotion A, H, N or S), such as SM1_F10_A010.wav",
    layout="Angry/*.wav",
    pattern=_file(r"(?P<speaker>S[FM]\d+)_F\d+_(?P<emotion>[A-Z])(?P<take>\d+)"),
    emotions={"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
    sexes=_sexes(female="SF{1..11}", male="SM{1..27}"),
    sizes=(400,),
    license="free for research",
    is_commercial=False,
    citation=(
        "Latif S, Qayyum A, Usman M, Qadir J (2018). Cross lingual speech emotion recognition: "
        "Urdu vs. Western languages. Frontiers of Information Technology (FIT) 2018, 88–93."
    ),
    homepage="https://github.com/siddiquelatif/URDU-Dataset",
    instructions="git clone https://github.com/siddiquelatif/URDU-Dataset",
    traps=(
        "Most speakers show one emotion only, and four men all the anger: a random split "
        "measures the voice.",
        "The read-me counts 38 speakers; the file names hold 29.",
        "Cut from television talk shows: not acted, and of uneven quality.",
    ),
)

_ESD = Corpus(
    name="esd",
    title="ESD",
    description="Emotional Speech Dataset, five emotions by 20 speakers",
    language="English and Mandarin",
    grammar="SPEAKER/Emotion/[train|evaluation|test/]SPEAKER_NNNNNN.wav, "
    "such as 0011/Angry/0011_000351.wav",
    layout="0011/Angry/*.wav",
    pattern=_file(
        r"(?P<speaker>\d{4})/(?P<emotion>[A-Za-z]+)/(?:(?:train|evaluation|test)/)?"
        r"(?P=speaker)_(?P<take>\d{6})"
    ),
    emotions={
        "Angry": "angry",
        "Happy": "happy",
        "Neutral": "neutral",
        "Sad": "sad",
        "Surprise": "surprised",
    },
    sexes=_sexes(
        female="{0001..0003,0007,0009} {0015..0019}",
        male="{0004..0006,0008,0010} {0011..0014,0020}",
    ),
    sizes=(35_000,),
    license="free for research, on signing a license form",
    is_commercial=False,
    citation=(
        "Zhou K, Sisman B, Liu R, Li H (2022). Emotional voice conversion: Theory, databases and "
        "ESD. Speech Communication 137: 1–18."
    ),
    homepage="https://github.com/HLTSingapore/Emotional-Speech-Data",
    instructions="Sign the license form that the homepage links, send it in, and follow its link.",
    traps=(
        "Speakers 0001–0010 speak Mandarin, 0011–0020 English.",
        "The emotion is in the folder, not in the file name: files must stay where they are.",
        "The same 350 sentences in every emotion, under other numbers: `text` is left empty.",
        "The train, evaluation and test folders share speakers: they do not test new voices.",
    ),
)

_CAFE = Corpus(
    name="cafe",
    title="CaFE",
    description="Canadian French Emotional speech dataset",
    language="French (Canadian)",
    grammar="AA-E-I-S.wav (actor, emotion, intensity, sentence), such as 01-C-1-1.wav",
    layout="Colère/Faible/*.wav",
    pattern=_file(r"(?P<speaker>\d\d)-(?P<emotion>[A-Z])-(?P<intensity>\d)-(?P<text>\d)"),
    emotions={
        "C": "angry",
        "D": "disgust",
        "J": "happy",
        "N": "neutral",
        "P": "fearful",
        "S": "surprised",
        "T": "sad",
    },
    sexes=_sexes(female="{02,04,06,08,10,12}", male="{01,03,05,07,09,11}"),
    extensions=frozenset({".wav", ".aif", ".aiff"}),
    intensities={"1": "low", "2": "high"},
    sizes=(936,),
    grids=(
        (
            "{01..12}-N-1-{1..6}.wav",
            "{01..12}-{C,D,J,P,S,T}-{1,2}-{1..6}.wav",
        ),
    ),
    license="CC BY-NC-SA 4.0",
    is_commercial=False,
    citation=(
        "Gournay P, Lahaie O, Lefebvre R (2018). A Canadian French emotional speech dataset. "
        "ACM Multimedia Systems Conference (MMSys) 2018, 399–402."
    ),
    homepage="https://zenodo.org/records/1478765",
    downloads=(_zenodo(1478765, "CaFE_48k.zip"),),
    instructions="Unpack CaFE_48k.zip from the homepage.",
    traps=(
        "Six sentences in all.",
        "S is surprise and T sadness (tristesse).",
        "The 192 kHz release holds the same recordings as AIFF: use one of the two.",
    ),
)

CORPORA: Mapping[str, Corpus] = MappingProxyType(
    {
        corpus.name: corpus
        for corpus in (
            _RAVDESS,
            _EMODB,
            _CREMA_D,
            _TESS,
            _SAVEE,
            _EMOVO,
            _URDU,
            _ESD,
            _CAFE,
        )
    }
)
"""Every corpus whose file names we can read, by name."""

OWN_DATA: Mapping[str, str] = MappingProxyType(
    {
        "folder": "sub-folders that name the emotion; others may name speakers, sets and more",
        "csv": "a table with the columns path and emotion, and if you like speaker, sex, text, "
        "intensity, take, channel, subset, start and end",
    }
)
"""The two ways to bring recordings of one's own, by name."""
