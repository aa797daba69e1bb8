"""RAVDESS: North American English, 24 actors, eight emotions."""

from voxaffect.corpora.base import Corpus, compile_names, link_zenodo, map_sexes

CORPUS = Corpus(
    name="ravdess",
    title="RAVDESS",
    description="Ryerson Audio-Visual Database of Emotional Speech and Song, audio only",
    language="English (North American)",
    grammar="MM-VC-EM-IN-ST-RE-AC.wav",
    layout="Actor_*/*.wav",
    pattern=compile_names(
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
    sexes=map_sexes(
        female="{02,04,06,08,10,12,14,16,18,20,22,24}", male="{01,03,05,07,09,11,13,15,17,19,21,23}"
    ),
    intensities={"01": "normal", "02": "strong"},
    channels={"01": "speech", "02": "song"},
    sizes=(1440, 1012, 1440 + 1012),
    name_templates=(
        (
            "03-01-01-01-{01,02}-{01,02}-{01..24}.wav",
            "03-01-{02..08}-{01,02}-{01,02}-{01,02}-{01..24}.wav",
        ),
        (
            "03-02-01-01-{01,02}-{01,02}-{01..17,19..24}.wav",
            "03-02-{02..06}-{01,02}-{01,02}-{01,02}-{01..17,19..24}.wav",
        ),
    ),
    known_duplicates=(frozenset({"03-01-03-01-02-01-07.wav", "03-01-03-01-02-02-07.wav"}),),
    license="CC BY-NC-SA 4.0",
    is_commercial=False,
    citation=(
        "Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech "
        "and Song (RAVDESS). PLOS ONE 13(5): e0196391. doi:10.1371/journal.pone.0196391"
    ),
    homepage="https://zenodo.org/records/1188976",
    downloads=(
        link_zenodo(
            1188976,
            "Audio_Speech_Actors_01-24.zip",
            size=208_468_073,
            checksum="md5:bc696df654c87fed845eb13823edef8a",
        ),
        link_zenodo(
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
