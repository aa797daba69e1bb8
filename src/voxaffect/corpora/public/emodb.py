"""EMO-DB: German, ten actors, seven emotions."""

from voxaffect.corpora.base import Corpus, compile_names, link_zenodo, map_sexes

CORPUS = Corpus(
    name="emodb",
    title="EMO-DB",
    description="Berlin Database of Emotional Speech",
    language="German",
    grammar="SSTTTEV.wav (speaker, text, emotion, version), such as 03a01Fa.wav",
    layout="wav/*.wav",
    pattern=compile_names(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[A-Z])(?P<take>[a-z]?)"),
    emotions={
        "W": "angry",
        "L": "bored",
        "E": "disgust",
        "A": "fearful",
        "F": "happy",
        "T": "sad",
        "N": "neutral",
    },
    sexes=map_sexes(female="{08,09,13,14,16}", male="{03,10,11,12,15}"),
    sizes=(535, 816),
    license="free for research; CC0 or CC BY 4.0, sources disagree",
    is_commercial=None,
    citation=(
        "Burkhardt F, Paeschke A, Rolfes M, Sendlmeier W, Weiss B (2005). A database of German "
        "emotional speech. Interspeech 2005, 1517–1520."
    ),
    homepage="https://zenodo.org/records/17651657",
    downloads=(link_zenodo(17651657, "emodb_2.0.zip"),),
    instructions="voxaffect corpora download emodb, or unpack emodb_2.0.zip from the homepage.",
    traps=(
        "Release 2.0 adds 281 recordings, 816 in all, that fewer than 80 % of listeners "
        "recognized; published figures are for the 535 others. Compare like with like.",
        "Ten sentences in all, and unequal emotions: 127 angry but 46 disgusted of 535.",
        "The emotion letters are German: A is fear (Angst), W anger (Wut), T sadness (Trauer).",
    ),
)
