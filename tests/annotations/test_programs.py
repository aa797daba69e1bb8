"""Files of other programs, made by their libraries or as their writers make them."""

import json
from pathlib import Path
from textwrap import dedent

import audformat
import pandas as pd
import parselmouth
import pympi
import pytest
import webvtt
from parselmouth.praat import call
from pyannote.core import Annotation, Segment

from voxaffect.annotations import Sentence, Turn, Word, read_transcript, read_turns
from voxaffect.errors import AnnotationError


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ELAN, by pympi


def make_eaf(path: Path, tiers: dict[str, list[tuple[int, int, str]]], **facts: str) -> Path:
    document = pympi.Eaf()
    document.remove_tier("default")
    for name, annotations in tiers.items():
        document.add_tier(name, part=facts.get(name))
        for start, end, text in annotations:
            document.add_annotation(name, start, end, text)
    document.to_file(str(path))
    return path


def test_tiers_of_elan_are_speakers_by_their_participant_or_name(tmp_path: Path) -> None:
    tiers = {"A": [(500, 1250, "hello <you>"), (2000, 2500, "")], "bert": [(1000, 3000, "ja")]}
    path = make_eaf(tmp_path / "a.eaf", tiers, A="Anna Bell")
    assert read_turns(path) == (
        Turn(0.5, 1.25, "Anna Bell"),
        Turn(1.0, 3.0, "bert"),
        Turn(2.0, 2.5, "Anna Bell"),
    )
    assert read_transcript(path) == (
        Sentence(0.5, 1.25, "hello <you>", "Anna Bell"),
        Sentence(1.0, 3.0, "ja", "bert"),
    )


def test_annotations_of_elan_that_refer_to_others_share_their_time(tmp_path: Path) -> None:
    document = pympi.Eaf()
    document.add_linguistic_type("tokens", "Symbolic_Subdivision", timealignable=False)
    document.add_tier("ref@A")
    document.add_annotation("ref@A", 1000, 2000, "A.001")
    document.add_tier("tx@A", "tokens", parent="ref@A")
    for word in ("one", "two"):
        previous = "a3" if word == "two" else None
        document.add_ref_annotation("tx@A", "ref@A", 1500, word, prev=previous)
    path = tmp_path / "a.eaf"
    document.to_file(str(path))
    assert read_turns(path) == (Turn(1.0, 1.5, "A"), Turn(1.5, 2.0, "A"))
    assert [one.text for one in read_transcript(path)] == ["one", "two"]


ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" FORMAT="3.0" VERSION="3.0">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/><TIME_ORDER>{slots}</TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="anna">{annotations}</TIER>
</ANNOTATION_DOCUMENT>"""
ALIGNED = """<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{0}" TIME_SLOT_REF1="{1}"
TIME_SLOT_REF2="{2}"><ANNOTATION_VALUE>{0}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"""


def fill_elan(slots: dict[str, str | None], *annotations: tuple[str, str, str]) -> str:
    return ELAN.format(
        slots="".join(
            f'<TIME_SLOT TIME_SLOT_ID="{name}"'
            + (f' TIME_VALUE="{value}"/>' if value is not None else "/>")
            for name, value in slots.items()
        ),
        annotations="".join(ALIGNED.format(*one) for one in annotations),
    )


def test_slots_of_elan_without_a_time_lie_at_even_distances(tmp_path: Path) -> None:
    slots = {"ts1": "1000", "ts2": None, "ts3": None, "ts4": "4000"}
    chain = [("a", "ts1", "ts2"), ("b", "ts2", "ts3"), ("c", "ts3", "ts4")]
    path = write(tmp_path, "a.eaf", fill_elan(slots, *chain))
    assert read_turns(path) == (Turn(1, 2, "anna"), Turn(2, 3, "anna"), Turn(3, 4, "anna"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (fill_elan({"ts1": "0", "ts2": None}, ("a", "ts1", "ts2")), r"annotation 'a': its time"),
        (fill_elan({"ts1": "0"}, ("a", "ts1", "ts9")), r"time slot 'ts9' is not there"),
        (fill_elan({"ts1": "x"}), r"time slot 'ts1': expected a time in milliseconds, found 'x'"),
        (
            fill_elan({"ts1": "9", "ts2": "1"}, ("a", "ts1", "ts2")),
            r"tier 'anna', annotation 'a': a turn ends at 0\.001 s, before its start",
        ),
        (fill_elan({}), r"no tier of a speaker, found no tier with labels"),
        (ELAN.replace("milliseconds", "PAL-frames"), r"HEADER: expected times in milliseconds"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT/>', r"XML with a DOCTYPE"),
        ("<tt/>", r"expected the element ANNOTATION_DOCUMENT, found 'tt'"),
        ("<ANNOTATION_DOCUMENT><a>", r"broken XML \(.*\)\. Save it again in ELAN"),
        ("<ANNOTATION_DOCUMENT>" + "<a>" * 99, r"broken XML \(elements more than 32 deep\)"),
    ],
)
def test_bad_documents_of_elan_get_one_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_turns(write(tmp_path, "a.eaf", content))


# Praat, by Praat itself


def make_grid(
    path: Path, tiers: dict[str, list[tuple[float, str]]], command: str, points: str = ""
) -> Path:
    """A TextGrid of 10 s; each label lasts until the next."""
    grid = call("Create TextGrid", 0.0, 10.0, " ".join([*tiers, points]), points)
    for number, (name, labels) in enumerate(tiers.items(), start=1):
        call(grid, "Set tier name", number, name.replace("_", " "))
        for start, _ in labels:
            if start > 0:
                call(grid, "Insert boundary", number, start)
        for index, (_, text) in enumerate(labels, start=1):
            call(grid, "Set interval text", number, index, text)
    if points:
        call(grid, "Insert point", len(tiers) + 1, 5.0, "click")
    call(grid, command, str(path))
    return path


TEXT_FORMS = ["Save as text file", "Save as short text file"]


@pytest.mark.parametrize("command", TEXT_FORMS)
def test_tiers_of_praat_are_speakers(tmp_path: Path, command: str) -> None:
    tiers = {
        "anna": [(0, ""), (0.5, 'a "b" ! 3'), (1.25, "")],
        "bert": [(0, ""), (1, "für"), (2, "silence"), (3, "two\nlines")],
    }
    path = make_grid(tmp_path / "a.TextGrid", tiers, command, points="events")
    assert path.read_bytes().startswith(b"\xfe\xff")  # UTF-16, as Praat writes such text
    assert read_turns(path) == (
        Turn(0.5, 1.25, "anna"),
        Turn(1, 2, "bert"),
        Turn(3, 10, "bert"),
    )
    assert read_transcript(path) == (
        Sentence(0.5, 1.25, 'a "b" ! 3', "anna"),
        Sentence(1, 2, "für", "bert"),
        Sentence(3, 10, "two lines", "bert"),
    )


@pytest.mark.parametrize("command", TEXT_FORMS)
def test_words_of_the_forced_aligner_become_sentences(tmp_path: Path, command: str) -> None:
    words = [(0, ""), (1, "one"), (1.5, "two"), (2, "sp"), (2.25, "three"), (3, ""), (5, "four")]
    phones = [(0, ""), (1, "w"), (2, "")]
    path = make_grid(tmp_path / "a.TextGrid", {"words": words, "phones": phones}, command)
    first, second = read_transcript(path)
    assert first == Sentence(
        1,
        3,
        "one two three",
        None,
        (Word(1, 1.5, "one"), Word(1.5, 2, "two"), Word(2.25, 3, "three")),
    )
    assert (second.start_seconds, second.text) == (5, "four")
    with pytest.raises(
        AnnotationError, match=r"no tier of a speaker, found the tiers words, phones"
    ):
        read_turns(path)


def test_the_forced_aligner_names_speakers_before_words(tmp_path: Path) -> None:
    words = [(0, ""), (1, "one"), (2, "two"), (3, "")]
    tiers = {"anna_-_words": words, "anna_-_phones": words, "bert_-_words": [(0, "ja"), (1, "")]}
    path = make_grid(tmp_path / "a.TextGrid", tiers, TEXT_FORMS[0])
    assert read_turns(path) == (Turn(0, 1, "bert"), Turn(1, 3, "anna"))
    assert [one.speaker for one in read_transcript(path)] == ["bert", "anna"]


def test_sentences_of_praat_have_the_words_within_them(tmp_path: Path) -> None:
    tiers = {
        "text": [(0, ""), (1, "One two."), (3, ""), (4, "Three."), (5, "")],
        "words": [(0, ""), (1, "one"), (2, "two"), (3, ""), (4, "three"), (5, "")],
    }
    path = make_grid(tmp_path / "a.TextGrid", tiers, TEXT_FORMS[0])
    first, second = read_transcript(path)
    assert first == Sentence(1, 3, "One two.", None, (Word(1, 2, "one"), Word(2, 3, "two")))
    assert second.words == (Word(4, 5, "three"),)


def test_other_files_of_praat_are_refused_with_a_remedy(tmp_path: Path) -> None:
    tiers = {"anna": [(0, "a")]}
    binary = make_grid(tmp_path / "a", tiers, "Save as binary file")
    with pytest.raises(AnnotationError, match=r"binary file of Praat \(save it as text\)"):
        read_turns(binary)
    chronological = make_grid(tmp_path / "b", tiers, "Save as chronological text file")
    with pytest.raises(AnnotationError, match="is a chronological TextGrid"):
        read_turns(chronological)
    sound = parselmouth.Sound([[0.0] * 100])
    call(sound, "Save as text file", str(tmp_path / "c"))
    with pytest.raises(AnnotationError, match="is a Praat 'Sound 2', expected a 'TextGrid'"):
        read_turns(tmp_path / "c")
    points = call("Create TextGrid", 0.0, 1.0, "events", "events")
    call(points, "Save as text file", str(tmp_path / "d"))
    with pytest.raises(AnnotationError, match="a TextGrid without a tier of intervals"):
        read_turns(tmp_path / "d")


GRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0 10 <exists> 1\n"IntervalTier"\n'


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ('"a"\n0 10\n', r"line 7: ends where the number of intervals was expected"),
        ('"a"\n0 10\n2\n0 5 "x"\n', r"line 9: ends where the xmin was expected"),
        ('"a"\n0 10\n1\n0 5 "x\n', r"line 9: expected the text, found '\"'"),
        ('"a"\n0 10\n1\n5 0 "x"\n', r"line 9: a turn ends at 0 s, before its start at 5 s"),
        ('"a"\n0 10\n-1\n', r"line 8: expected the number of intervals, found '-1'"),
        ('"a"\n0 10\n1\n0 1e999 "x"\n', r"line 9: expected the xmax in seconds, found '1e999'"),
    ],
)
def test_broken_textgrids_get_one_line(tmp_path: Path, rest: str, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_turns(write(tmp_path, "a.TextGrid", GRID + rest))


# WebVTT


def test_captions_of_webvtt_are_read_as_its_library_writes_them(tmp_path: Path) -> None:
    captions = webvtt.WebVTT()
    captions.captions.append(webvtt.Caption("00:00:00.500", "00:00:02.000", "<v Anna>Hello</v>"))
    captions.captions.append(webvtt.Caption("01:00:02.000", "01:00:03.000", ["two", "lines"]))
    path = tmp_path / "a.vtt"
    captions.save(str(path))
    assert read_transcript(path) == (
        Sentence(0.5, 2, "Hello", "Anna"),
        Sentence(3602, 3603, "two lines"),
    )


def test_webvtt_may_have_everything_that_it_may(tmp_path: Path) -> None:
    content = """\
        WEBVTT - a title
        Kind: captions

        NOTE 00:00:00.000 --> 00:00:09.000
        no cue

        STYLE
        ::cue(v) { color: lime }

        REGION
        id:fred

        first
        00:01.000 --> 00:02.500 align:start position:0%
        <v.loud Anna &amp; B>One <00:01.500><c.red>two</c> &lt;3</v>

        00:00:03.000 --> 00:00:04.000
        <v Bert>Yes.</v> <v Cleo>No.</v>

        00:05.000 --> 00:06.000
        [SPEAKER_01]: NOTE this
        """
    path = write(tmp_path, "a.vtt", dedent(content).replace("\n", "\r\n"))
    assert read_transcript(path) == (
        Sentence(1, 2.5, "One two <3", "Anna & B"),
        Sentence(3, 4, "Yes.", "Bert"),
        Sentence(3, 4, "No.", "Cleo"),
        Sentence(5, 6, "NOTE this", "SPEAKER_01"),
    )
    assert len(read_turns(path)) == 4


def test_names_before_texts_are_speakers_where_nearly_all_have_one(tmp_path: Path) -> None:
    # As meeting programs export it: a name and a colon in every cue.
    cue = "\n00:00:0{0}.000 --> 00:00:0{0}.900\n{1}\n"
    named = [cue.format(index, f"Anna Bell: {index}") for index in range(3)]
    path = write(tmp_path, "a.vtt", "WEBVTT\n" + "".join(named))
    assert [one.speaker for one in read_transcript(path)] == ["Anna Bell"] * 3
    bare = [cue.format(index, "and then") for index in range(4, 7)]
    path = write(tmp_path, "b.vtt", "WEBVTT\n" + "".join(named + bare))
    assert {one.speaker for one in read_transcript(path)} == {None}
    assert read_transcript(path)[0].text == "Anna Bell: 0"


def test_captions_keep_blank_lines_and_single_blanks(tmp_path: Path) -> None:
    # As video sites write captions that roll up: a line of one blank, then the text.
    content = "WEBVTT\n\n00:00.100 --> 00:02.000 align:start\n \nhey<00:00.320><c> guys</c>\n\nx\n"
    assert read_transcript(write(tmp_path, "a.vtt", content)) == (Sentence(0.1, 2, "hey guys"),)
    content = (
        "1\n00:00:01,000 --> 00:00:02,000\nfirst\n\nsecond\n\n2\n00:00:02,000 --> 00:00:03,000\nx"
    )
    first, last = read_transcript(write(tmp_path, "a.srt", content))
    assert (first.text, last.text) == ("first second", "x")


# JSON


def write_json(folder: Path, data: object) -> Path:
    return write(folder, "a.json", json.dumps(data))


TURN = {"start": 0.5, "end": 2.0, "speaker": "SPEAKER_00"}


def test_json_of_pyannote_is_read(tmp_path: Path) -> None:
    # DiarizeOutput.serialize() of pyannote.audio 4, and a job of pyannoteAI.
    exclusive = [{**TURN, "start": 1.0}]
    path = write_json(tmp_path, {"diarization": [TURN], "exclusive_diarization": exclusive})
    assert read_turns(path) == (Turn(0.5, 2.0, "SPEAKER_00"),)
    spoken = {**TURN, "text": "Hello"}
    output = {"diarization": [TURN], "turnLevelTranscription": [spoken]}
    path = write_json(tmp_path, {"jobId": "x", "status": "succeeded", "output": output})
    assert read_turns(path) == (Turn(0.5, 2.0, "SPEAKER_00"),)
    assert read_transcript(path) == (Sentence(0.5, 2.0, "Hello", "SPEAKER_00"),)


def test_json_of_openai_whisper_and_faster_whisper_is_read(tmp_path: Path) -> None:
    # whisper.utils.WriteJSON; and dataclasses.asdict, or the tuples, of faster_whisper's Segment.
    word = {"word": " Hello", "start": 0.5, "end": 1.0, "probability": 0.9}
    segment = {"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " Hello.", "words": [word]}
    expected = (Sentence(0, 2, "Hello.", None, (Word(0.5, 1.0, "Hello"),)),)
    whole = {"text": " Hello.", "segments": [segment], "language": "en"}
    assert read_transcript(write_json(tmp_path, whole)) == expected
    assert read_transcript(write_json(tmp_path, [segment])) == expected
    segment["words"] = [[0.5, 1.0, " Hello", 0.9]]
    assert read_transcript(write_json(tmp_path, [segment])) == expected
    segment["words"] = None
    assert read_transcript(write_json(tmp_path, [segment])) == (Sentence(0, 2, "Hello."),)


def test_json_of_openai_is_read(tmp_path: Path) -> None:
    words = [
        {"word": "one", "start": 0.5, "end": 1.0},
        {"word": "two", "start": 1.0, "end": 1.5},
        {"word": "three", "start": 3.0, "end": 3.5},
    ]
    verbose = {"task": "transcribe", "duration": 4.0, "text": "one two three", "words": words}
    first, second = read_transcript(write_json(tmp_path, verbose))
    assert (first.text, second.text) == ("one two", "three")
    segments = [{"id": 0, "start": 0.0, "end": 2.0, "text": "One two."}]
    [sentence] = read_transcript(write_json(tmp_path, {**verbose, "segments": segments}))
    assert sentence.words == (Word(0.5, 1, "one"), Word(1, 1.5, "two"))
    diarized = {"type": "transcript.text.segment", "id": "seg_1", **TURN, "text": "Hi"}
    path = write_json(tmp_path, {"task": "transcribe", "duration": 2.0, "segments": [diarized]})
    assert read_turns(path) == (Turn(0.5, 2.0, "SPEAKER_00"),)


def test_json_of_whisper_cpp_counts_milliseconds(tmp_path: Path) -> None:
    # output_json() of whisper.cpp's cli.cpp with -ojf -di
    def token(text: str, start: int, end: int) -> dict[str, object]:
        return {"text": text, "offsets": {"from": start, "to": end}, "id": 1, "p": 0.9}

    tokens = [token("[_BEG_]", 0, 0), token(" Hel", 0, 500), token("lo", 500, 900)]
    tokens += [token(" you", 900, 1500), {"text": "[_TT_75]"}]
    part = {"offsets": {"from": 0, "to": 1500}, "text": " Hello you", "tokens": tokens}
    parts = [{**part, "speaker": "1"}, {**part, "speaker": "?"}]
    path = write_json(tmp_path, {"systeminfo": "", "transcription": parts})
    words = (Word(0, 0.9, "Hello"), Word(0.9, 1.5, "you"))
    assert read_transcript(path) == (
        Sentence(0, 1.5, "Hello you", "1", words),
        Sentence(0, 1.5, "Hello you", None, words),
    )
    assert read_turns(path) == (Turn(0, 1.5, "1"),)


def test_json_of_funasr_counts_milliseconds(tmp_path: Path) -> None:
    # AutoModel.generate() with a speaker model
    info = {"text": "one,", "start": 370, "end": 510, "timestamp": [[370, 510]], "spk": 0}
    path = write_json(tmp_path, [{"key": "a", "text": "one", "sentence_info": [info]}])
    assert read_transcript(path) == (Sentence(0.37, 0.51, "one,", "0"),)
    assert read_turns(path) == (Turn(0.37, 0.51, "0"),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"segments": []}, r"the list 'segments' is empty\. Expected a transcript"),
        ({"diarization": [TURN]}, r"JSON without a transcript: .* found \['diarization'\]"),
        ({"transcription": [{"text": "a"}]}, r"transcription\[0\]: expected offsets from and to"),
        ({"segments": [{**TURN, "text": 3}]}, r"segments\[0\]\.text: expected a text, found 3"),
        ({"segments": [{**TURN, "end": "soon"}]}, r"segments\[0\]\.end: .* found 'soon'"),
        ({"segments": [{**TURN, "end": 10**400}]}, r"segments\[0\]\.end: expected the end"),
        ({"segments": [{**TURN, "speaker": []}]}, r"segments\[0\]\.speaker: expected the name"),
        ([[]], r"segments\[0\]: expected an object, found \[\]"),
    ],
)
def test_bad_json_gets_one_line(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_transcript(write_json(tmp_path, data))


# Tables and labels


def test_segmented_tables_of_audformat_are_read(tmp_path: Path) -> None:
    database = audformat.Database("calls")
    index = audformat.segmented_index(
        ["a/one.wav", "a/one.wav", "two.wav"], ["0.5s", "1.25s", "0s"], ["1.25s", "3700.5s", "1s"]
    )
    database["speech"] = audformat.Table(index)
    database["speech"]["speaker"] = audformat.Column()
    database["speech"]["speaker"].set(["anna", "bert, jr.", "cleo"])
    database.save(str(tmp_path), storage_format="csv")
    path = tmp_path / "db.speech.csv"
    assert read_turns(path, recording="b/one.wav") == (
        Turn(0.5, 1.25, "anna"),
        Turn(1.25, 3700.5, "bert, jr."),
    )
    with pytest.raises(AnnotationError, match=r"header of an audformat database.* db\.<table>"):
        read_turns(tmp_path / "db.yaml")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_pandas_are_read(tmp_path: Path, separator: str) -> None:
    frame = pd.DataFrame(
        {"Start": [0.5, 2.0], "End": [2.0, 3.5], "Speaker": ["a", "b"], "Text": ["x, y", 'say "z"']}
    )
    path = tmp_path / "a.csv"
    decimal = "." if separator == "," else ","
    frame.to_csv(path, sep=separator, index=False, decimal=decimal, encoding="utf-16")
    assert read_turns(path) == (Turn(0.5, 2.0, "a"), Turn(2.0, 3.5, "b"))
    assert [one.text for one in read_transcript(path)] == ["x, y", 'say "z"']


def test_tables_of_whisper_count_milliseconds_and_quote_nothing(tmp_path: Path) -> None:
    # whisper.utils.WriteTSV, and output_csv() of whisper.cpp's cli.cpp
    path = write(
        tmp_path, "a.tsv", 'start\tend\ttext\n0\t1500\t"Hello," she said\n1500\t2000\tYes\n'
    )
    assert read_transcript(path) == (
        Sentence(0, 1.5, '"Hello," she said'),
        Sentence(1.5, 2, "Yes"),
    )
    path = write(tmp_path, "a.csv", 'start,end,text\n0,1500," One, two"\n1500,2000," Yes"\n')
    assert [one.end_seconds for one in read_transcript(path)] == [1.5, 2.0]
    path = write(tmp_path, "b.csv", "start,end,text\n0,5,One\n5,9,Two\n")
    assert [one.end_seconds for one in read_transcript(path)] == [5, 9]


def test_tables_may_have_clocks_durations_and_milliseconds(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "speaker,onset,duration\na,0:01:02.5,1.5\n")
    assert read_turns(path) == (Turn(62.5, 64, "a"),)
    path = write(tmp_path, "b.csv", "sep=;\nspeaker;start_ms;end_ms\na;500;900\n")
    assert read_turns(path) == (Turn(0.5, 0.9, "a"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("start,end\n0,1\n", r"line 1: no column 'speaker', found start, end"),
        ("start,end,speaker\n0,1\n", r"line 2: expected 3 cells as in the header, found 2"),
        ("start,end,speaker\n0,,a\n", r"line 2: expected the end in seconds, found ''"),
        ('start,end,speaker\n0,1,"a\n', r"line 3: not readable as CSV"),
        ("start,end,speaker\n", r"no turn of a speaker in this CSV"),
        ("start,end,speaker\n0,1,happy\n1,2,Sad\n", r"emotions instead of speakers \(happy, sad\)"),
        ("0\t1\tHello there, my good old friend\n", r"line 1: expected the name of a speaker"),
        ("0\t1\ta\nb\t2\tc\n", r"line 2: expected start, end and label between tabs"),
    ],
)
def test_bad_tables_and_labels_get_one_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_turns(write(tmp_path, "a", content))


def test_labels_of_audacity_are_speakers_or_text(tmp_path: Path) -> None:
    # LabelTrack::Export of Audacity: tabs, and a line of frequencies after a spectral label.
    path = write(tmp_path, "a.txt", "0.500000\t1.250000\tanna\n\\\t20.0\t400.0\n2.0\t3.0\tbert\n")
    assert read_turns(path) == (Turn(0.5, 1.25, "anna"), Turn(2, 3, "bert"))
    # whisperx.utils.WriteAudacity
    path = write(tmp_path, "a.aud", "0.5\t1.25\t[[SPEAKER_00]]Hello you\n")
    assert read_turns(path) == (Turn(0.5, 1.25, "SPEAKER_00"),)
    assert read_transcript(path) == (Sentence(0.5, 1.25, "Hello you", "SPEAKER_00"),)


def test_labels_of_pyannote_are_speakers(tmp_path: Path) -> None:
    annotation = Annotation(uri="a")
    annotation[Segment(0.5, 2.0)] = "SPEAKER_00"
    path = write(tmp_path, "a.lab", annotation.to_lab())
    assert read_turns(path) == (Turn(0.5, 2.0, "SPEAKER_00"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[SPEAKER_00]: Hello\n", r"no format of a file of turns .* begins with '\[SPEAKER_00\]"),
        ("[Script Info]\nTitle: x\n", r"no format of a file of turns"),
        ("<!DOCTYPE html><html></html>", r"expected the element ANNOTATION_DOCUMENT, found 'html'"),
        (
            "SPEAKER a 1 0 1 <NA> <NA> Ann B <NA> <NA>\n",
            r"found 11 fields: .* Write %20 for a blank",
        ),
        ("start,end,speaker,speaker\n0,1,a,b\n", r"line 1: the column 'speaker' is there twice"),
    ],
)
def test_files_that_look_like_another_format_are_named(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(AnnotationError, match=message):
        read_turns(write(tmp_path, "a", content))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nope", r"segments\[0\]\.words: expected a list of words, found 'nope'"),
        (["a"], r"segments\[0\]\.words\[0\]: expected an object, found 'a'"),
        ([[0.5, float("nan"), "a"]], r"words\[0\]\.end: expected the end in seconds, found nan"),
        ([[0.5, 1, "a"], [1.5, 1, "b"]], r"segments\[0\]\.words\[1\]: a word from 1.5 to 1 s, exp"),
        ([[-1, 1, "a"]], r"words\[0\]: a word from -1 to 1 s, expected a start of 0 or more"),
        ([[7, 8, "a"]], r"words\[0\]: a word from 7 to 8 s, outside of its segment from 0.5 to 2"),
        ([[1, 3.5, "a"]], r"a word from 1 to 3.5 s, outside of its segment"),
    ],
)
def test_words_with_times_that_cannot_be_are_refused(
    tmp_path: Path, words: object, message: str
) -> None:
    segment = {"start": 0.5, "end": 2.0, "text": "a b", "words": words, "speaker": "anna"}
    path = write_json(tmp_path, {"segments": [segment]})
    for read in (read_transcript, read_turns):
        with pytest.raises(AnnotationError, match=message):
            read(path)


def test_words_may_lack_times_or_lie_a_little_outside_of_their_sentence(tmp_path: Path) -> None:
    words = [{"word": "a", "start": -0.05, "end": 1.0}, {"word": "b"}, [1.5, 2.75, "c"]]
    segment = {"start": 0.5, "end": 2.0, "text": "a b c", "words": words}
    [sentence] = read_transcript(write_json(tmp_path, {"segments": [segment]}))
    assert sentence.words == (Word(0, 1.0, "a"), Word(1.5, 2.75, "c"))


def test_speech_without_a_speaker_is_no_turn(tmp_path: Path) -> None:
    path = write(tmp_path, "a.rttm", "SPEAKER a 1 0.5 1.5 <NA> <NA> SPEECH <NA> <NA>\n")
    with pytest.raises(AnnotationError, match="no turn of a speaker in this RTTM file"):
        read_turns(path)
