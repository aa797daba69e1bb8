"""SAVEE: British English, four men, seven emotions."""

from voxaffect.corpora.base import Corpus, compile_names, map_sexes

CORPUS = Corpus(
    name="savee",
    title="SAVEE",
    description="Surrey Audio-Visual Expressed Emotion, audio",
    language="English (British)",
    grammar="SPEAKER/eNN.wav or SPEAKER_eNN.wav, such as DC/sa01.wav or DC_sa01.wav",
    layout="AudioData/DC/*.wav",
    pattern=compile_names(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<text>(?P<emotion>[a-z]+)\d\d)"),
    emotions={
        "a": "angry",
        "d": "disgust",
        "f": "fearful",
        "h": "happy",
        "n": "neutral",
        "sa": "sad",
        "su": "surprised",
    },
    sexes=map_sexes(female="", male="{DC,JE,JK,KL}"),
    sizes=(480,),
    name_templates=(("{DC,JE,JK,KL}/{a,d,f,h,sa,su}{01..15}.wav", "{DC,JE,JK,KL}/n{01..30}.wav"),),
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
