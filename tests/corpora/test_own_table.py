"""Tables of recordings as people and their programs write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from voxaffect.corpora import ReadOptions, Utterance, parse_columns, read_corpora, read_corpus
from voxaffect.corpora.own_table import parse_seconds, read_table
from voxaffect.errors import CorpusError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a table beside four recordings."""
    (tmp_path / "sub").mkdir()
    for name in ("a.wav", "b.wav", "sub/c.wav", "sub/ä d.wav"):
        (tmp_path / name).touch()

    def write(text: str | bytes, *, encoding: str = "utf-8") -> Path:
        table = tmp_path / "mine.csv"
        table.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return table

    return write


PLAIN = "path,emotion,speaker\na.wav,angry,s1\nsub/c.wav,sad,s2\n"
SAME = {
    "spaces": PLAIN.replace(",", " , "),
    "capitals": PLAIN.replace("path,emotion,speaker", "Path,EMOTION,Speaker"),
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "bars": PLAIN.replace(",", "|"),
    "quotes": '"path", "emotion", "speaker"\n"a.wav", "angry", "s1"\n"sub/c.wav","sad","s2"\n',
    "backslashes": PLAIN.replace("/", "\\"),
    "Windows lines": PLAIN.replace("\n", "\r\n"),
    "empty lines": PLAIN.replace("\n", "\n\n,,\n"),
    "Excel's separator": "sep=;\n" + PLAIN.replace(",", ";"),
    "other names": PLAIN.replace("path,emotion,speaker", "File Name,Label,speaker-id"),
    "audio": PLAIN.replace("path,emotion,speaker", "audio_path,category,actor"),
    "order": "speaker,note,emotion,path\ns1,x,angry,a.wav\ns2,,sad,sub/c.wav\n",
    "an end that is empty": PLAIN.replace("s1\n", "s1,\n"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME.keys())
def test_tables_that_look_different_are_read_as_the_same(write: Write, text: str) -> None:
    members = read_corpus("csv", write(text))
    folder = members[0].path.parent
    assert members == (
        Utterance(folder / "a.wav", "csv", "angry", "s1"),
        Utterance(folder / "sub" / "c.wav", "csv", "sad", "s2"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_any_unicode_encoding_is_read(write: Write, encoding: str) -> None:
    text = "path,emotion\na.wav,Ärger\nsub/ä d.wav,Freude\n"
    members = read_corpus("csv", write(text, encoding=encoding))
    assert [(one.emotion, one.label) for one in members] == [
        ("angry", "Ärger"),
        ("happy", "Freude"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,emotion\na.wav,Ärger\n".encode("latin-1"), "not readable as CSV in UTF-8 or UTF-16"),
        (b"PK\x03\x04....", "is a workbook .* Save the sheet as 'CSV UTF-8'"),
        (b"path,emotion\na.wav,an\0gry\n", "holds NUL characters"),
        (b'path,emotion\n"a.wav,sad\n', "line 2: not readable as CSV .* Close every quote"),
        (b"path,emotion,Emotion\na.wav,sad,sad\n", "line 1: the column 'Emotion' is there twice"),
        (b"\n\n", "line 1: empty"),
    ],
)
def test_what_is_no_table_is_named_for_what_it_is(
    write: Write, content: bytes, message: str
) -> None:
    with pytest.raises(CorpusError, match=rf"mine\.csv.*{message}"):
        read_corpus("csv", write(content))


def test_columns_read_by_another_name_are_reported(write: Write) -> None:
    table = write("file,Label,age\na.wav,angry,5\n")
    assert read_table(table).notes == (
        "mine.csv: file as path, label as emotion",
        "mine.csv: not used: age",
    )


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,label,category", "label and category could each be the emotion.*emotion=label"),
        ("file,wav,emotion", "file and wav could each be the path"),
        ("path,mood,x", "no column 'emotion', found path, mood, x.*--columns emotion=NAME"),
        ("x,y,z", "no column 'path', found x, y, z.*--columns path=NAME,emotion=NAME"),
    ],
)
def test_columns_that_compete_or_are_missing_are_refused(
    write: Write, header: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=rf"line 1: {message}"):
        read_corpus("csv", write(f"{header}\na.wav,angry,sad\n"))


def test_the_users_columns_come_first(write: Write) -> None:
    table = write("path,label,category,mood\na.wav,angry,sad,happy\n")
    for title in ("label", "category", "Mood"):
        (utterance,) = read_corpus("csv", table, ReadOptions(columns={"emotion": title}))
        assert utterance.emotion == {"label": "angry", "category": "sad", "Mood": "happy"}[title]


def test_a_column_that_is_not_there_is_named(write: Write) -> None:
    with pytest.raises(CorpusError, match="line 1: no column 'labl', found path, emotion, speaker"):
        read_corpus("csv", write(PLAIN), ReadOptions(columns={"emotion": "labl"}))


@pytest.mark.parametrize("text", ["", "path", "path=", "mood=x", "path=a,path=b"])
def test_columns_that_are_no_pairs_are_refused(text: str) -> None:
    with pytest.raises(CorpusError, match=r"^columns"):
        parse_columns(text)


@pytest.mark.parametrize(
    ("word", "sex"),
    [
        ("F", "female"),
        ("Woman", "female"),
        ("weiblich", "female"),
        ("m", "male"),
        ("männlich", "male"),
        ("male_masculine", "male"),
        ("", None),
        ("other", None),
        ("NaN", None),
    ],
)
def test_sex_is_known_by_the_usual_words(write: Write, word: str, sex: str | None) -> None:
    (utterance,) = read_corpus("csv", write(f"path,emotion,Gender\na.wav,sad,{word}\n"))
    assert utterance.sex == sex


def test_home_is_expanded(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "sub"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "sub"))
    (utterance,) = read_corpus("csv", write("path,emotion\n~/c.wav,sad\n"))
    assert utterance.path == tmp_path / "sub" / "c.wav"


def test_a_path_relative_to_another_folder_is_explained(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "sub")
    with pytest.raises(CorpusError, match="though there is one here: paths are relative to the t"):
        read_corpus("csv", write("path,emotion\nc.wav,sad\n"))


def test_all_faults_are_listed_in_one_run(write: Write) -> None:
    table = write(
        "path,emotion,sex\na.wav,sad,x9\nmissing.wav,\na.wav,happy,\n,sad,\nb.wav,nan,\n"
        "sub,sad,\nb.wav,sad,,more\n"
    )
    with pytest.raises(CorpusError) as caught:
        read_corpus("csv", table)
    message = str(caught.value)
    assert "mine.csv: 8 faults: line 2: sex is 'x9'" in message
    for fault in (
        "line 3: 'emotion' is empty",
        "missing.wav: no such file",
        "line 4: ",
        "is on line 2 already",
        "line 5: 'path' is empty",
        "line 6: emotion is 'nan', expected an emotion",
        "line 7: sub: is a folder",
        "line 8: 4 cells, expected 3",
    ):
        assert fault in message
    assert "\n" not in message


def test_at_most_twenty_faults_are_shown_and_the_rest_counted(write: Write) -> None:
    table = write("path,emotion\n" + "".join(f"{n}.wav,sad\n" for n in range(1_000)))
    with pytest.raises(CorpusError, match=r"1,000 faults: .*; and 980 more\.$") as caught:
        read_corpus("csv", table)
    assert str(caught.value).count("no such file") == 20


def test_sets_are_kept(write: Write) -> None:
    members = read_corpus("csv", write("path,emotion,split\na.wav,sad,train\nb.wav,sad,test\n"))
    assert [one.subset for one in members] == ["train", "test"]


# Parts of recordings


def test_rows_of_one_recording_with_times_are_utterances(write: Write) -> None:
    table = write(
        "file,start,end,emotion\na.wav,0 days 00:00:00,0 days 00:00:01.500000,sad\n"
        "a.wav,1.5,3,happy\na.wav,00:00:03,NaT,angry\nb.wav,,,sad\n"
    )
    assert [
        (one.path.name, one.start_seconds, one.end_seconds) for one in read_corpus("csv", table)
    ] == [("a.wav", 0, 1.5), ("a.wav", 1.5, 3), ("a.wav", 3, None), ("b.wav", None, None)]


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("1,1", "the end, 1 s, is not after the start, 1 s"),
        ("2,1", "the end, 1 s, is not"),
        ("x,1", "start is 'x', expected seconds or hh:mm:ss"),
        ("-1,1", "start is '-1'"),
        ("nan,1", "start is 'nan', expected seconds or hh:mm:ss. Leave the cell empty"),
        ("0,NaN", "end is 'NaN', expected seconds or hh:mm:ss. Leave the cell empty"),
        ("0,inf", "end is 'inf'"),
    ],
)
def test_impossible_times_are_refused(write: Write, times: str, message: str) -> None:
    with pytest.raises(CorpusError, match=rf"line 2: {message}"):
        read_corpus("csv", write(f"path,emotion,start,end\na.wav,sad,{times}\n"))


def test_a_duration_counts_from_the_start_and_without_one_is_passed_over(write: Write) -> None:
    (part,) = read_corpus("csv", write("path,emotion,start,duration\na.wav,sad,1.5,2\n"))
    assert (part.start_seconds, part.end_seconds) == (1.5, 3.5)
    (whole,) = read_corpus("csv", write("path,emotion,duration\na.wav,sad,2\n"))
    assert (whole.start_seconds, whole.end_seconds) == (None, None)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("https://x/a.wav", "is an address, expected a path"),
        ("C:\\data\\a.wav", "is a path of Windows"),
        ("~nobody-of-that-name/a.wav", "no file|no such"),
    ],
)
def test_a_path_that_cannot_be_here_is_explained(write: Write, path: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_corpus("csv", write(f"path,emotion\n{path},sad\n"))


def test_the_same_part_twice_is_refused(write: Write) -> None:
    table = write("path,emotion,start,end\na.wav,sad,0,1\na.wav,sad,1,2\n./a.wav,sad,0.0,1.0\n")
    with pytest.raises(CorpusError, match=r"line 4: .*is on line 2 already"):
        read_corpus("csv", table)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1.5", 1.5),
        ("1,5", 1.5),
        ("2 s", 2),
        ("0 days 00:00:01.5", 1.5),
        ("1 days 00:00:00", 86_400),
        ("01:02:03", 3723),
        ("1:02", 62),
        ("", None),
        ("x", None),
        ("-1", None),
        ("1:2:3:4", None),
        ("nan", None),
    ],
)
def test_times_are_read_as_people_and_pandas_write_them(text: str, seconds: float | None) -> None:
    assert parse_seconds(text) == seconds


@given(st.floats(0, 1e6, allow_nan=False))
def test_seconds_as_pandas_writes_them_are_read(seconds: float) -> None:
    span = pd.to_timedelta(round(seconds, 6), unit="s").round("us")
    assert parse_seconds(str(span)) == pytest.approx(span.total_seconds(), abs=1e-6)


@given(st.binary(max_size=200))
def test_any_content_is_read_or_refused_by_one_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    table = tmp_path_factory.getbasetemp() / "any.csv"
    table.write_bytes(content)
    with pytest.raises(CorpusError):
        read_table(table)


@given(st.text(alphabet="path,emotionAa.wvb;\t\"'\n~\\/\0ä0:|", max_size=120))
def test_any_row_is_read_or_refused_by_one_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    table = tmp_path_factory.getbasetemp() / "rows.csv"
    table.write_bytes(b"path,emotion,start\n" + text.encode())
    with pytest.raises(CorpusError):
        read_table(table)


def test_notes_of_a_table_reach_the_reader_of_corpora(write: Write) -> None:
    _, notes = read_corpora({"csv": write("file,emotion\na.wav,joy\n")})
    assert notes == ("mine.csv: file as path", "labels: joy as happy")


@pytest.mark.parametrize(
    "rows",
    [
        "a.wav,0,2,joy\na.wav,0.5,2.5,sad\n",
        "a.wav,,,joy\na.wav,1,2,sad\n",
        "a.wav,0,9,joy\na.wav,1,2,joy\na.wav,3,4,sad\n",
        "a.wav,5,,joy\na.wav,0,,sad\n",
    ],
)
def test_one_sound_under_two_emotions_is_refused(write: Write, rows: str) -> None:
    with pytest.raises(CorpusError, match=r"line \d: most of it is in line \d too, .* emotion"):
        read_table(write("file,start,end,emotion\n" + rows))


def test_a_start_of_zero_is_no_start(write: Write) -> None:
    with pytest.raises(CorpusError, match="on line 2 already"):
        read_table(write("file,start,end,emotion\na.wav,0,1,joy\na.wav,,1,joy\n"))


@pytest.mark.parametrize(
    "rows",
    [
        "a.wav,0,2,joy,x\na.wav,0,2.5,sad,y\n",
        "a.wav,0,2,joy,x\na.wav,1.5,3.5,sad,x\n",
        "a.wav,0,2,joy,x\na.wav,1,3,happy,x\n",
    ],
)
def test_parts_that_may_overlap_get_a_note(write: Write, rows: str) -> None:
    table = read_table(write("file,start,end,emotion,speaker\n" + rows))
    assert len(table.utterances) == 2
    assert "parts overlap (1), such as lines 2 and 3" in table.notes[-1]


def test_parts_that_meet_get_no_note(write: Write) -> None:
    text = "file,start,end,emotion\na.wav,0,1.01,joy\na.wav,1,2,sad\nb.wav,0,1,sad\n"
    assert read_table(write(text)).notes == ("mine.csv: file as path",)


@pytest.mark.parametrize("title", ["start_ms", "Start Time (ms)", "onset_samples"])
def test_times_in_another_unit_are_refused(write: Write, title: str) -> None:
    with pytest.raises(CorpusError, match="is no time in seconds"):
        read_table(write(f"path,{title},emotion\na.wav,500,joy\n"))


HEADINGS = {
    "German": "Datei;Emotion;Sprecher;Geschlecht\na.wav;Freude;Anna;w\nb.wav;Wut;Ben;m\n",
    "French": "fichier;émotion;locuteur;sexe\na.wav;joie;Anna;F\nb.wav;colère;Ben;H\n",
    "Spanish": "archivo;emoción;hablante;género\na.wav;alegría;Anna;M\nb.wav;ira;Ben;H\n",
    "Polish": "plik,emocja,mówca,płeć\na.wav,radość,Anna,K\nb.wav,złość,Ben,M\n",
    "Turkish": "dosya,duygu,konuşmacı,cinsiyet\na.wav,mutlu,Anna,K\nb.wav,kızgın,Ben,E\n",
    "Chinese": "文件,情感,说话人,性别\na.wav,高兴,Anna,female\nb.wav,生气,Ben,male\n",
}


@pytest.mark.parametrize("text", HEADINGS.values(), ids=HEADINGS)
def test_headings_and_sexes_of_other_languages_are_read(write: Write, text: str) -> None:
    members, _ = read_corpora({"csv": write(text)})
    assert [(one.emotion, one.speaker, one.sex) for one in members] == [
        ("happy", "Anna", "female"),
        ("angry", "Ben", "male"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.wav happy\nb.wav sad\n", "one column, 'a_wav_happy'"),
        ("# mine\npath,emotion\n", "one column, '#_mine'"),
        ('[{"path": "a.wav", "emotion": "joy"}]', "is JSON, expected a CSV"),
        ('{"path": "a.wav"}\n{"path": "b.wav"}\n', "is JSON, expected a CSV"),
        (
            "source,channel,start_seconds,end_seconds,emotion,confidence,uncertain\n",
            "is a result of predict or timeline.*voxaffect corpora import FILE",
        ),
        ("path,emotion\nA.WAV,joy\n", "no such file, though there is a.wav"),
        ("path,emotion\na,joy\n", "no such file, though there is a.wav"),
    ],
)
def test_what_is_nearly_a_table_gets_a_remedy_that_fits(
    write: Write, text: str, message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        read_table(write(text))


def test_a_name_is_found_however_its_accents_are_coded(write: Write) -> None:
    (table,) = read_table(write("path,emotion\nsub/a\u0308 d.wav,joy\n")).utterances
    assert table.path.is_file()
