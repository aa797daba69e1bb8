"""CaFE: Canadian French, twelve actors, seven emotions."""

from voxaffect.corpora.base import Corpus, compile_names, link_zenodo, map_sexes

CORPUS = Corpus(
    name="cafe",
    title="CaFE",
    description="Canadian French Emotional speech dataset",
    language="French (Canadian)",
    grammar="AA-E-I-S.wav (actor, emotion, intensity, sentence), such as 01-C-1-1.wav",
    layout="Colère/Faible/*.wav",
    pattern=compile_names(r"(?P<speaker>\d\d)-(?P<emotion>[A-Z])-(?P<intensity>\d)-(?P<text>\d)"),
    emotions={
        "C": "angry",
        "D": "disgust",
        "J": "happy",
        "N": "neutral",
        "P": "fearful",
        "S": "surprised",
        "T": "sad",
    },
    sexes=map_sexes(female="{02,04,06,08,10,12}", male="{01,03,05,07,09,11}"),
    extensions=frozenset({".wav", ".aif", ".aiff"}),
    intensities={"1": "low", "2": "high"},
    sizes=(936,),
    name_templates=(("{01..12}-N-1-{1..6}.wav", "{01..12}-{C,D,J,P,S,T}-{1,2}-{1..6}.wav"),),
    license="CC BY-NC-SA 4.0",
    is_commercial=False,
    citation=(
        "Gournay P, Lahaie O, Lefebvre R (2018). A Canadian French emotional speech dataset. "
        "ACM Multimedia Systems Conference (MMSys) 2018, 399–402."
    ),
    homepage="https://zenodo.org/records/1478765",
    downloads=(link_zenodo(1478765, "CaFE_48k.zip"),),
    instructions="Unpack CaFE_48k.zip from the homepage.",
    traps=(
        "Six sentences in all.",
        "S is surprise and T sadness (tristesse).",
        "The 192 kHz release holds the same recordings as AIFF: use one of the two.",
    ),
)
