"""TESS: Canadian English, two women, seven emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="tess",
    title="TESS",
    description="Toronto Emotional Speech Set",
    language="English (Canadian)",
    grammar="SPEAKER_word_emotion.wav, such as OAF_back_angry.wav",
    layout="OAF_angry/*.wav",
    pattern=compile_names(r"(?P<speaker>OAF|OA|YAF)_(?P<text>[A-Za-z]+)_(?P<emotion>[a-z]+)"),
    emotions={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fearful",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "surprised",
        "sad": "sad",
    },
    sexes=map_sexes(female="{OAF,YAF}", male=""),
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
