"""EMOVO: Italian, six actors, seven emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="emovo",
    title="EMOVO",
    description="EMOVO, Italian emotional speech",
    language="Italian",
    grammar="emotion-speaker-sentence.wav, such as dis-f1-b1.wav",
    layout="f1/*.wav",
    pattern=compile_names(r"(?P<emotion>[a-z]{3})-(?P<speaker>[fm]\d)-(?P<text>[a-z]\d)"),
    emotions={
        "dis": "disgust",
        "gio": "happy",
        "neu": "neutral",
        "pau": "fearful",
        "rab": "angry",
        "sor": "surprised",
        "tri": "sad",
    },
    sexes=map_sexes(female="f{1..3}", male="m{1..3}"),
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
