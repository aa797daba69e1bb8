"""Transcription by a stand-in for faster-whisper 1.2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from voxaffect.annotations import Sentence, Word
from voxaffect.errors import ArgumentError, MissingExtraError, ModelError
from voxaffect.recognition.transcription import TranscriptionConfig, transcribe

RATE_HZ = 8_000
SOUND = np.zeros(RATE_HZ, np.float32)


class FakeModel:
    """What faster-whisper offers, as far as it is used."""

    made: list[tuple[str, dict[str, Any]]] = []

    def __init__(self, model_size_or_path: str, **options: Any) -> None:
        if options["local_files_only"]:
            raise FileNotFoundError("Cannot find the files\nin the disk cache.")
        self.made.append((model_size_or_path, options))

    def transcribe(self, audio: np.ndarray, **options: Any) -> tuple[Iterator[Any], Any]:
        assert (audio.dtype, len(audio)) == (np.float32, 16_000)
        assert options == {"language": "en", "word_timestamps": True, "vad_filter": True}
        words = [
            SimpleNamespace(start=0.5, end=0.7, word=" Good", probability=0.9),
            SimpleNamespace(start=0.7, end=0.9, word=" day.", probability=0.9),
        ]
        parts = [
            SimpleNamespace(start=0.5, end=0.9, text=" Good day.", words=words),
            SimpleNamespace(start=0.1, end=0.4, text=" Hello.", words=None),
            SimpleNamespace(start=0.9, end=0.9, text=" Nothing.", words=[]),
        ]
        return iter(parts), SimpleNamespace(language="en")


@pytest.fixture
def fake_whisper(monkeypatch: pytest.MonkeyPatch) -> type[FakeModel]:
    module = ModuleType("faster_whisper")
    module.WhisperModel = FakeModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    FakeModel.made = []
    return FakeModel


def test_segments_become_sentences_with_words(fake_whisper: type[FakeModel]) -> None:
    sentences = transcribe(SOUND, rate_hz=RATE_HZ, model="tiny", language="en")
    words = (Word(0.5, 0.7, "Good"), Word(0.7, 0.9, "day."))
    assert sentences == (
        Sentence(0.1, 0.4, "Hello."),
        Sentence(0.5, 0.9, "Good day.", None, words),
    )
    assert fake_whisper.made == [("tiny", {"local_files_only": False})]


def test_nothing_is_downloaded_unless_a_model_is_named(fake_whisper: type[FakeModel]) -> None:
    with pytest.raises(ModelError, match="small: cannot be loaded: Cannot find the files in"):
        transcribe(SOUND, rate_hz=RATE_HZ)
    assert fake_whisper.made == []


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingExtraError, match=r'pip install "voxaffect\[transcribe\]"'):
        transcribe(SOUND, rate_hz=RATE_HZ)


def test_another_engine_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no engine named 'ears'"):
        TranscriptionConfig("ears")
