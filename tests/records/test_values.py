"""Results become plain data, data frames and views, the same everywhere."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.timelines import CALL, DOUBTED, EMOTIONS, SILENT

import voxaffect as va
from voxaffect.errors import MissingExtraError
from voxaffect.extraction import Extraction, Failure
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS
from voxaffect.recognition import Prediction
from voxaffect.recognition.batch import Batch
from voxaffect.recognition.timelines.segments import Update
from voxaffect.records.codec import check
from voxaffect.records.results import DiagnosisRecord, ExplanationRecord

SAD = Prediction(
    "a<b>.wav", "sad", {"angry": 0.25, "happy": 0.125, "sad": 0.625}, True, seconds=2.0
)
MUTE = Prediction("hum.wav", None, {}, True, seconds=3.0, emotions=EMOTIONS)


def test_a_prediction_is_the_record_of_the_json_file() -> None:
    (record,) = json.loads(PREDICTION_FORMATS["json"].encode([SAD]))["results"]
    assert SAD.to_dict() == json.loads(SAD.to_json()) == record
    assert record["confidence"] == 0.625


@pytest.mark.parametrize("timeline", [CALL, DOUBTED, SILENT])
def test_a_timeline_is_the_record_of_the_json_file(timeline: va.Timeline) -> None:
    (record,) = json.loads(TIMELINE_FORMATS["json"].encode([timeline]))["results"]
    assert timeline.to_dict() == json.loads(timeline.to_json()) == record


@pytest.mark.parametrize("level", ["segments", "windows"])
def test_a_frame_has_the_columns_of_the_csv(level: str) -> None:
    frame = CALL.to_frame(level)  # type: ignore[arg-type]
    assert len(frame) == len(getattr(CALL, level))
    assert list(frame)[-3:] == ["p_angry", "p_happy", "p_sad"]
    assert (frame.end_seconds > frame.start_seconds).all()
    assert frame.uncertain.dtype == bool
    assert len(SILENT.to_frame()) == 0


def test_a_batch_becomes_a_frame_with_nulls_where_nothing_is_known() -> None:
    frame = Batch((SAD, MUTE), (), 2).to_frame()
    assert frame.emotion.isna().tolist() == [False, True]
    assert frame.p_sad.tolist()[0] == 0.625
    assert str(frame.windows.dtype) == "Int64"
    assert list(Batch[Prediction]((), (), 0).to_frame())[:3] == ["source", "emotion", "confidence"]


def test_features_become_a_frame_by_name() -> None:
    import numpy as np

    found = Extraction(np.eye(2, dtype=np.float32), np.array([0, 3]), ())
    frame = found.to_frame(["a", "b"])
    assert (list(frame), list(frame.index)) == (["a", "b"], [0, 3])


def test_features_become_plain_data_with_their_failures() -> None:
    import numpy as np

    failure = Failure(Path("b.wav"), "b.wav: no such file.")
    found = Extraction(np.float32([[0.1, 2]]), np.array([1]), (failure,)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == {
        "features": np.float32([[0.1, 2]]).tolist(),
        "kept": [1],
        "failures": [{"source": "b.wav", "error": "AudioError", "message": "b.wav: no such file."}],
    }


def test_without_pandas_a_frame_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[pandas\]"):
        CALL.to_frame()


def test_without_pyannote_an_annotation_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyannote.core", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[pyannote\]"):
        CALL.to_annotation()


def test_pyannote_takes_the_segments() -> None:
    pytest.importorskip("pyannote.core")
    annotation = CALL.to_annotation()
    assert annotation.uri == "call.wav"
    assert [label for _, _, label in annotation.itertracks(yield_label=True)] == [
        segment.emotion for segment in CALL.segments
    ]


def test_a_prediction_is_short_in_text_and_a_table_in_a_notebook() -> None:
    assert repr(SAD) == "<Prediction 'a<b>.wav': sad 0.62, uncertain>"
    assert repr(MUTE) == "<Prediction 'hum.wav': (no speech)>"
    view = SAD._repr_html_()
    assert "a&lt;b&gt;.wav" in view
    assert view.count("<meter") == 3
    assert replace(SAD, source="x").source == "x"


def test_events_of_a_stream_have_a_type_and_short_times() -> None:
    segment, window = CALL.segments[0].to_event(), CALL.windows[0].to_event()
    assert (segment["type"], segment["start"], segment["end"]) == ("emotion.segment", 0.5, 3.2)
    assert (window["type"], window["emotion"]) == ("emotion.window", "angry")
    assert Update(1.5, None, {}).to_event() == {
        "type": "emotion.update",
        "seconds": 1.5,
        "emotion": None,
        "uncertain": False,
        "probabilities": {},
    }
    assert CALL.windows[0].to_dict()["start_seconds"] == 0.0


def test_a_diagnosis_and_an_explanation_fit_their_schemas(example: str) -> None:
    diagnosis, explanation = va.diagnose(example), va.explain(example)
    assert check(diagnosis.to_dict(), DiagnosisRecord).source == example
    record = check(explanation.to_dict(), ExplanationRecord)
    assert record.prediction.emotion == explanation.prediction.emotion


@pytest.fixture
def example() -> str:
    from importlib.resources import files

    return str(files("voxaffect") / "data" / "example.wav")


def test_frames_are_frames_of_pandas() -> None:
    assert isinstance(CALL.to_frame(), pd.DataFrame)


@pytest.mark.parametrize("answer", [va.predict, va.timeline, va.explain, va.diagnose])
def test_bytes_have_the_name_that_they_are_given(answer: Any) -> None:
    content = (files("voxaffect") / "data" / "example.wav").read_bytes()
    result = answer(content, name="call", model="fast")
    (result,) = result if isinstance(result, tuple) else (result,)
    assert getattr(result, "prediction", result).source == "call"
