"""CREMA-D: American English, 91 actors, six emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="crema-d",
    title="CREMA-D",
    description="Crowd-sourced Emotional Multimodal Actors Dataset",
    language="English (American)",
    grammar="ACTOR_SENTENCE_EMOTION_LEVEL.wav, such as 1001_DFA_ANG_XX.wav",
    layout="AudioWAV/*.wav",
    pattern=compile_names(
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
    sexes=map_sexes(
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
