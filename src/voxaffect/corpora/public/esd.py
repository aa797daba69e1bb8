"""ESD: English and Mandarin, 20 speakers, five emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="esd",
    title="ESD",
    description="Emotional Speech Dataset, five emotions by 20 speakers",
    language="English and Mandarin",
    grammar="SPEAKER/Emotion/[train|evaluation|test/]SPEAKER_NNNNNN.wav, "
    "such as 0011/Angry/0011_000351.wav",
    layout="0011/Angry/*.wav",
    pattern=compile_names(
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
    sexes=map_sexes(
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
        "The train, evaluation and test folders share speakers: they do not test new speakers.",
    ),
)
