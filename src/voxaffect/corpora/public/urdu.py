"""URDU: speech of television talk shows, four emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="urdu",
    title="URDU",
    description="Urdu speech from talk shows",
    language="Urdu",
    grammar="SPEAKER_Fn_En.wav (emotion A, H, N or S), such as SM1_F10_A010.wav",
    layout="Angry/*.wav",
    pattern=compile_names(r"(?P<speaker>S[FM]\d+)_F\d+_(?P<emotion>[A-Z])(?P<take>\d+)"),
    emotions={"A": "angry", "H": "happy", "N": "neutral", "S": "sad"},
    sexes=map_sexes(female="SF{1..11}", male="SM{1..27}"),
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
