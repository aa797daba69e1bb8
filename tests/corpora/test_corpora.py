"""Names become utterances, for every corpus in the table and for people's own data."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules

import pytest
from conftest import Run
from hypothesis import given, strategies as st
from support.files import touch_files

from voxaffect.corpora import (
    CORPORA,
    EMOTIONS,
    OWN_DATA,
    Corpus,
    Utterance,
    expand_template,
    find_root,
    get_corpus,
    parse_name,
    public,
    read_corpus,
)
from voxaffect.corpora.base import compile_names, map_sexes
from voxaffect.corpora.folders import get_download_folder
from voxaffect.errors import CorpusError

# Corpus, path, and: emotion, speaker, sex, text, intensity, take, channel; - stands for none.
EXAMPLES = [
    ("ravdess", "Actor_12/03-01-06-01-02-01-12.wav", "fearful 12 female 02 normal 01 speech"),
    ("ravdess", "Actor_01/03-02-03-02-01-02-01.wav", "happy 01 male 01 strong 02 song"),
    ("emodb", "wav/03a01Fa.wav", "happy 03 male a01 - a speech"),
    ("emodb", "wav/16b10Wb.wav", "angry 16 female b10 - b speech"),
    ("emodb", "wav/08a02L.wav", "bored 08 female a02 - - speech"),
    ("crema-d", "AudioWAV/1001_DFA_ANG_XX.wav", "angry 1001 male DFA unspecified - speech"),
    ("crema-d", "AudioWAV/1002_IEO_DIS_LO.wav", "disgust 1002 female IEO low - speech"),
    ("crema-d", "AudioWAV/1040_ITH_SAD_X.wav", "sad 1040 male ITH unspecified - speech"),
    ("tess", "OAF_angry/OAF_back_angry.wav", "angry OAF female back - - speech"),
    ("tess", "YAF_pleasant_surprised/YAF_food_ps.wav", "surprised YAF female food - - speech"),
    ("tess", "OAF_neutral/OA_bite_neutral.wav", "neutral OAF female bite - - speech"),
    ("savee", "AudioData/DC/sa01.wav", "sad DC male sa01 - - speech"),
    ("savee", "ALL/KL_su12.wav", "surprised KL male su12 - - speech"),
    ("emovo", "m3/dis-m3-b1.wav", "disgust m3 male b1 - - speech"),
    ("emovo", "f1/pau-f1-n5.wav", "fearful f1 female n5 - - speech"),
    ("urdu", "Angry/SM1_F10_A010.wav", "angry SM1 male - - 010 speech"),
    ("urdu", "Sad/SF11_F4_S06.wav", "sad SF11 female - - 06 speech"),
    ("esd", "0011/Angry/train/0011_000351.wav", "angry 0011 male - - 000351 speech"),
    ("esd", "0016/Neutral/0016_000019.wav", "neutral 0016 female - - 000019 speech"),
    ("cafe", "Colère/Faible/01-C-1-1.wav", "angry 01 male 1 low - speech"),
    ("cafe", "Tristesse/Fort/12-T-2-6.aiff", "sad 12 female 6 high - speech"),
]

MISFITS = [
    ("ravdess", "03-09.wav", r"^RAVDESS: '03-09\.wav' does not match MM-VC-EM-IN-ST-RE-AC\.wav\.$"),
    ("ravdess", "02-01-01-01-01-01-01.wav", "does not match"),  # video without sound
    ("ravdess", "03-01-09-01-01-01-01.wav", "unknown emotion '09', expected 01, 02"),
    ("ravdess", "03-01-01-01-01-01-25.wav", "unknown speaker '25', expected 01 … 24"),
    ("ravdess", "03-03-01-01-01-01-01.wav", "unknown channel '03'"),
    ("ravdess", "03-01-01-03-01-01-01.wav", "unknown intensity '03'"),
    ("emodb", "03a01Xa.wav", "EMO-DB: '03a01Xa.wav' has the unknown emotion 'X'"),
    ("savee", "a01.wav", "does not match"),  # nobody says who speaks
    ("esd", "0011_000351.wav", "does not match"),  # nobody says the emotion
    ("crema-d", "1092_DFA_ANG_XX.wav", "unknown speaker '1092'"),
]


# The contract of every corpus


@pytest.fixture(params=CORPORA)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return CORPORA[request.param]


def test_labels_are_our_words(corpus: Corpus) -> None:
    assert set(corpus.emotions.values()) <= set(EMOTIONS)
    assert set(corpus.sexes.values()) <= {"female", "male"}


def test_citation_license_and_source_are_stated(corpus: Corpus) -> None:
    for name in ("title", "description", "language", "license", "citation", "homepage"):
        assert getattr(corpus, name)
    assert corpus.homepage.startswith("http")
    assert corpus.instructions
    assert corpus.traps


def test_key_is_the_name(corpus: Corpus) -> None:
    assert CORPORA[corpus.name] is corpus


def test_every_module_adds_a_corpus_of_its_own_name() -> None:
    names = [name for _, name, _ in iter_modules(public.__path__)]
    assert sorted(CORPORA) == sorted(name.replace("_", "-") for name in names)


def test_rows_cannot_be_changed(corpus: Corpus) -> None:
    with pytest.raises(TypeError):
        corpus.emotions["01"] = "happy"  # type: ignore[index]


def test_downloads_are_verifiable(corpus: Corpus) -> None:
    for archive in corpus.downloads:
        assert archive.url.startswith("https://")
        assert archive.checksum or archive.listing
        assert archive.checksum is None or len(archive.checksum) == len("md5:") + 32


def test_complete_lists_fit_the_grammar_and_the_size(corpus: Corpus) -> None:
    sizes = set()
    for grid in corpus.name_templates:
        names = [name for template in grid for name in expand_template(template)]
        assert len({parse_name(Path(name), corpus) for name in names}) == len(names)
        sizes.add(len(names))
    assert sizes <= set(corpus.sizes)


def test_known_duplicates_fit_the_grammar(corpus: Corpus) -> None:
    for pair in corpus.known_duplicates:
        assert len({parse_name(Path(name), corpus).path for name in pair}) == 2


def test_every_corpus_has_an_example() -> None:
    assert {name for name, *_ in EXAMPLES} == set(CORPORA)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[1])
def test_example_is_read_as_its_corpus_means_it(example: tuple[str, str, str]) -> None:
    name, path, fields = example
    expected = (None if field == "-" else field for field in fields.split())
    assert parse_name(Path(path), CORPORA[name]) == Utterance(Path(path), name, *expected)


@pytest.mark.parametrize(("name", "file", "message"), MISFITS, ids=lambda value: str(value))
def test_name_outside_the_grammar_is_explained(name: str, file: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        parse_name(Path(file), CORPORA[name])


@given(st.data())
def test_ravdess_grammar_round_trips(data: st.DataObject) -> None:
    ravdess = CORPORA["ravdess"]
    codes = {
        "channel": ravdess.channels,
        "emotion": ravdess.emotions,
        "intensity": ravdess.intensities,
        "text": {"01": "01", "02": "02"},
        "take": {"01": "01", "02": "02"},
        "speaker": {speaker: speaker for speaker in ravdess.sexes},
    }
    drawn = {field: data.draw(st.sampled_from(sorted(known))) for field, known in codes.items()}
    utterance = parse_name(Path("-".join(["03", *drawn.values()]) + ".wav"), ravdess)
    assert {field: getattr(utterance, field) for field in drawn} == {
        field: codes[field][code] for field, code in drawn.items()
    }


@given(st.text(max_size=40))
def test_any_name_is_read_or_refused_by_one_error(name: str) -> None:
    for corpus in CORPORA.values():
        try:
            utterance = parse_name(Path(name), corpus)
        except CorpusError:
            continue
        assert utterance.emotion in EMOTIONS


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("a.wav", ("a.wav",)),
        ("{09..11}", ("09", "10", "11")),
        ("{a,b}{1..2}", ("a1", "a2", "b1", "b2")),
    ],
)
def test_template_expands_in_order(template: str, names: tuple[str, ...]) -> None:
    assert expand_template(template) == names


# Finding the files


def test_corpus_is_found_at_its_level_and_one_deeper(tmp_path: Path) -> None:
    names = ["Actor_01/03-01-01-01-01-01-01.wav", "Actor_02/03-01-05-01-01-01-02.WAV"]
    shallow = read_corpus("ravdess", touch_files(tmp_path / "a", *names))
    deep = read_corpus("ravdess", touch_files(tmp_path / "b", *(f"zip/{name}" for name in names)))
    assert [utterance.emotion for utterance in shallow] == ["neutral", "angry"]
    assert [utterance.path.name for utterance in deep] == [u.path.name for u in shallow]


def test_order_is_that_of_the_paths(tmp_path: Path) -> None:
    names = ["wav/16b10Wb.wav", "wav/03a01Fa.wav", "wav/08a01Fd.wav"]
    found = read_corpus("emodb", touch_files(tmp_path, *names))
    assert [utterance.path for utterance in found] == sorted(tmp_path / name for name in names)


def test_hidden_and_mac_files_and_texts_are_passed_over(tmp_path: Path) -> None:
    touch_files(
        tmp_path, "wav/03a01Fa.wav", "wav/._03a01Fa.wav", ".x/y.wav", "__MACOSX/a.wav", "a.txt"
    )
    assert len(read_corpus("emodb", tmp_path)) == 1


def test_misfits_are_raised_once_with_their_number(tmp_path: Path) -> None:
    touch_files(tmp_path, "03a01Fa.wav", *(f"strange{number}.wav" for number in range(5)))
    with pytest.raises(CorpusError, match="5 of 6 recordings do not fit") as caught:
        read_corpus("emodb", tmp_path)
    assert "strange0.wav" in str(caught.value)
    assert "strange4.wav" not in str(caught.value)
    assert "And 2 more" in str(caught.value)


def test_the_same_utterance_twice_is_refused(tmp_path: Path) -> None:
    touch_files(
        tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "x/Actor_01/03-01-01-01-01-01-01.wav"
    )
    with pytest.raises(CorpusError, match="there more than once"):
        read_corpus("ravdess", tmp_path)


def test_the_sound_track_of_a_video_is_the_same_utterance(tmp_path: Path) -> None:
    touch_files(tmp_path, "03-01-01-01-01-01-01.wav", "01-01-01-01-01-01-01.wav")
    with pytest.raises(CorpusError, match="there more than once"):
        read_corpus("ravdess", tmp_path)


@pytest.mark.parametrize("name", [*CORPORA, "folder"])
def test_folder_without_recordings_says_what_was_looked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"holds no recording. Looked for .* csv:\S+ --data TABLE"
    ):
        read_corpus(name, tmp_path)


@pytest.mark.parametrize("name", [*CORPORA, *OWN_DATA])
def test_absent_root_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="absent: no such"):
        read_corpus(name, tmp_path / "absent")


def test_file_instead_of_a_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a file, expected a folder"):
        read_corpus("emodb", touch_files(tmp_path, "x.wav") / "x.wav")


def test_unknown_corpus_lists_the_known() -> None:
    known = r"'ravdes' is no public corpus.*cafe, crema-d, emodb.*folder and csv"
    with pytest.raises(CorpusError, match=known):
        get_corpus("ravdes")


def test_unknown_corpus_leads_to_the_form_for_a_table_of_that_name() -> None:
    with pytest.raises(CorpusError, match=r"such as csv:aesdd --data TABLE\.csv or folder:aesdd"):
        get_corpus("aesdd")
    with pytest.raises(CorpusError, match=r"evaluate and check\.$"):
        get_corpus("no/such.csv")


COPIES = [
    "03-01-05-01-02-01-10_angry.wav",
    "03-01-05-01-02-01-10 (1).wav",
    "03-01-05-01-02-01-10(2).WAV",
    "03-01-05-01-02-01-10 - Copy.wav",
    " 03-01-05-01-02-01-10 .wav",
    "03-01-05-01-02-01-10-Anger.wav",
    "audio_speech_actors_01-24/Actor_10/03-01-05-01-02-01-10.wav",
]


@pytest.mark.parametrize("name", COPIES)
def test_names_that_copies_of_ravdess_carry_are_read(tmp_path: Path, name: str) -> None:
    (utterance,) = read_corpus("ravdess", touch_files(tmp_path, name))
    assert (utterance.emotion, utterance.speaker) == ("angry", "10")


def test_a_name_that_contradicts_its_code_is_refused(tmp_path: Path) -> None:
    root = touch_files(tmp_path, "03-01-05-01-02-01-10_happy.wav")
    with pytest.raises(CorpusError, match=r"is angry by its code and happy by its name"):
        read_corpus("ravdess", root)


def test_the_copy_that_holds_everything_twice_gets_a_remedy_that_works(tmp_path: Path) -> None:
    names = [
        f"Actor_{actor}/03-01-0{code}-01-01-01-{actor}.wav"
        for actor in ("01", "02")
        for code in (1, 5)
    ]
    inner = tmp_path / "audio_speech_actors_01-24"
    touch_files(tmp_path, *names)
    touch_files(inner, *names)
    with pytest.raises(CorpusError, match=r"4 utterances are there more than once") as caught:
        read_corpus("ravdess", tmp_path)
    assert str(caught.value).endswith(f"Name the folder with one copy: {inner}")
    assert len(read_corpus("ravdess", inner)) == 4


# People's own data


def test_folder_reads_emotion_and_speaker_from_folders(tmp_path: Path) -> None:
    touch_files(tmp_path, "Happy/one.wav", "sad/anna/two.flac", "sad/bert/take1/three.mp3")
    assert [(u.emotion, u.speaker) for u in read_corpus("folder", tmp_path)] == [
        ("happy", None),
        ("sad", "anna"),
        ("sad", "bert"),
    ]


def test_folder_refuses_a_recording_without_emotion(tmp_path: Path) -> None:
    touch_files(tmp_path, "happy/one.wav", "two.wav")
    with pytest.raises(CorpusError, match=r"'two.wav' is in no sub-folder that names its emotion"):
        read_corpus("folder", tmp_path)


def _table(tmp_path: Path, text: str) -> Path:
    touch_files(tmp_path, "a.wav", "b.wav")
    table = tmp_path / "mine.csv"
    table.write_text(text, encoding="utf-8")
    return table


def test_csv_reads_paths_relative_to_itself(tmp_path: Path) -> None:
    table = _table(
        tmp_path,
        "\ufeffpath,emotion,speaker,sex,text,note\na.wav,Happy,anna,female,hello,x\n"
        f"{tmp_path / 'b.wav'},sad,,,,\n",
    )
    assert read_corpus("csv", table) == (
        Utterance(tmp_path / "a.wav", "csv", "happy", "anna", "female", "hello"),
        Utterance(tmp_path / "b.wav", "csv", "sad"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: empty"),
        ("path,mood\na.wav,happy\n", "line 1: no column 'emotion', found path, mood"),
        ("path,emotion\n", "holds no recording"),
        ("path,emotion\na.wav,happy\nb.wav,\n", "line 3: 'emotion' is empty"),
        ("path,emotion\n,happy\n", "line 2: 'path' is empty"),
        ("path,emotion\na.wav\n", "line 2: 'emotion' is empty"),
        ("path,emotion\na.wav,happy\nc.wav,sad\n", "line 3: .*c.wav: no such file"),
        ("path,emotion\na.wav,happy\nx/../a.wav,sad\n", "line 3: .*a.wav is on line 2 already"),
        ("path,emotion,sex\na.wav,happy,5\n", "line 2: sex is '5', expected female"),
        ('path,emotion\n"a.wav,happy\n', "not readable as CSV"),
    ],
)
def test_csv_names_the_line_of_a_fault(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_corpus("csv", _table(tmp_path, text))


@pytest.mark.parametrize(
    "spelling",
    ["./a.wav", "sub/../a.wav", "{folder}/a.wav", "link.wav", "hard.wav", "linked/a.wav"],
)
def test_csv_that_names_one_file_by_two_spellings_is_refused(tmp_path: Path, spelling: str) -> None:
    table = _table(tmp_path, "")
    (tmp_path / "sub").mkdir()
    try:
        (tmp_path / "link.wav").symlink_to(tmp_path / "a.wav")
        (tmp_path / "linked").symlink_to(tmp_path, target_is_directory=True)
        (tmp_path / "hard.wav").hardlink_to(tmp_path / "a.wav")
    except OSError:
        pytest.skip("this disk knows no links")
    second = spelling.format(folder=tmp_path)
    table.write_text(f"path,emotion\na.wav,sad\nb.wav,sad\n{second},happy\n")
    with pytest.raises(CorpusError, match=r"mine\.csv, line 4: .* is on line 2 already"):
        read_corpus("csv", table)


def test_csv_that_is_not_text_is_explained(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_bytes(b"path,emotion\n\xff\xfe\xfa,x\n")
    with pytest.raises(CorpusError, match="not readable as CSV in UTF-8"):
        read_corpus("csv", table)


# Where a corpus is


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty user and data folders."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VOXAFFECT_DATA", str(tmp_path / "data"))
    return tmp_path


def test_argument_wins_over_environment_and_download_folder(places: Path) -> None:
    downloaded = get_download_folder("emodb")
    touch_files(downloaded, "emodb_2.0/wav/03a01Fa.wav")
    assert find_root("emodb") == downloaded
    (places / "data" / "emodb").mkdir(parents=True)
    assert find_root("emodb") == downloaded  # an empty folder is passed over
    touch_files(places / "data" / "emodb", "wav/03a01Fa.wav")
    assert find_root("emodb") == places / "data" / "emodb"
    assert find_root("emodb", places / "mine") == places / "mine"


def test_argument_may_be_the_folder_of_all_corpora(places: Path) -> None:
    (places / "all" / "emodb").mkdir(parents=True)
    assert find_root("emodb", places / "all") == places / "all" / "emodb"


def test_every_place_looked_in_is_named(places: Path) -> None:
    with pytest.raises(CorpusError, match="Get it with: voxaffect corpora download") as caught:
        find_root("ravdess")
    assert str(places / "data" / "ravdess") in str(caught.value)
    assert str(get_download_folder("ravdess")) in str(caught.value)


def test_unset_variable_is_mentioned(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOXAFFECT_DATA")
    with pytest.raises(CorpusError, match=r"VOXAFFECT_DATA is not set.*Register on the homepage"):
        find_root("savee")
    assert places.is_dir()


def test_variable_that_names_the_corpus_itself_is_understood(
    places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ravdess", "speech"):
        root = touch_files(places / name, "Actor_01/03-01-01-01-01-01-01.wav")
        monkeypatch.setenv("VOXAFFECT_DATA", str(root))
        assert find_root("ravdess") == root


def test_an_empty_download_folder_is_not_taken_for_the_corpus(places: Path) -> None:
    (get_download_folder("ravdess") / ".download").mkdir(parents=True)
    with pytest.raises(CorpusError, match=r"RAVDESS: not found\. Looked in") as caught:
        find_root("ravdess")
    assert str(places / "data" / "ravdess") in str(caught.value)


@pytest.mark.parametrize("name", OWN_DATA)
def test_own_data_needs_a_path(name: str) -> None:
    with pytest.raises(CorpusError, match=f"{name}: say where it is"):
        find_root(name)


def test_corpora_never_import_sound() -> None:
    heavy = "{'soundfile', 'numpy', 'voxaffect.audio', 'requests', 'tqdm'}"
    program = (
        "import sys; before = set(sys.modules); import voxaffect.corpora; "
        f"print(*sorted((set(sys.modules) - before) & {heavy}))"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert set(output.split()) <= _imported_by_the_package(heavy)


def _imported_by_the_package(heavy: str) -> set[str]:
    """What ``import voxaffect`` brings along whichever room is asked for."""
    program = f"import sys, voxaffect; print(*sorted(set(sys.modules) & {heavy}))"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return set(output.split())


# The real corpora


def test_ravdess_is_whole(data_root: Callable[[str], Path]) -> None:
    found = read_corpus("ravdess", data_root("ravdess"))
    assert len(found) == 1440
    assert len({utterance.speaker for utterance in found}) == 24
    emotions = Counter(utterance.emotion for utterance in found)
    assert emotions.pop("neutral") == 96
    assert set(emotions.values()) == {192}
    assert Counter(utterance.sex for utterance in found) == {"female": 720, "male": 720}


def test_emodb_is_whole(data_root: Callable[[str], Path]) -> None:
    found = read_corpus("emodb", data_root("emodb"))
    assert len(found) == 535
    assert len({utterance.speaker for utterance in found}) == 10
    assert len({utterance.text for utterance in found}) == 10
    assert {utterance.emotion for utterance in found} == set(CORPORA["emodb"].emotions.values())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"name": "EMO DB"}, "name: expected lower-case letters"),
        ({"sizes": 535}, "sizes: expected a tuple of numbers"),
        ({"pattern": compile_names(r"(?P<speaker>f1)")}, "the group 'emotion' is missing"),
        (
            {"pattern": compile_names(r"(?P<speaker>1)(?P<emotion>a)(?P<sex>f)")},
            "the group 'sex' is not read. List the sex of each speaker in sexes",
        ),
        (
            {"pattern": compile_names(r"(?P<speaker>1)(?P<emotion>a)(?P<intensity>1)")},
            "intensities: the pattern has the group 'intensity'",
        ),
        ({"emotions": {"a": "joy"}}, "found 'joy'"),
    ],
)
def test_a_mistake_in_the_description_of_a_corpus_is_named(
    changes: dict[str, object], fault: str
) -> None:
    with pytest.raises(CorpusError, match=re.escape(fault)):
        replace(CORPORA["emodb"], **changes)


def test_a_speaker_has_one_sex() -> None:
    with pytest.raises(CorpusError, match="the speakers 2 are in both lists"):
        map_sexes(female="{1..2}", male="{2..3}")


def test_a_template_that_is_no_range_is_named() -> None:
    with pytest.raises(CorpusError, match=re.escape("template {1..2-F}: expected two numbers")):
        map_sexes(female="{1..2-F}", male="")


def test_info_counts_speakers_and_files(run: Run) -> None:
    lines = run("corpora", "info", "ravdess").out.splitlines()
    assert "speakers    24 (12 female, 12 male)" in lines
    assert "files       1,440 or 1,012 or 2,452" in lines
    assert "intensities 01 normal, 02 strong" in lines
