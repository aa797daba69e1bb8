"""Fixtures of the examples in docstrings: a call and a small corpus in the working folder."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import voxaffect

RATE_HZ = 16_000
# They import PyTorch, which takes seconds, and have no examples.
collect_ignore = [
    "training/network.py",
    "training/encoders/finetuning.py",
    "training/encoders/huggingface_modules.py",
]


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a call, a small corpus of one's own, and one that is named as RAVDESS is."""
    folder = tmp_path_factory.mktemp("examples")
    call = (files("voxaffect") / "data" / "example.wav").read_bytes()
    (folder / "call.wav").write_bytes(call)
    for number, speaker in enumerate(["anna", "bert", "cleo"]):
        for take in (1, 2):
            for emotion, glide in (("happy", 120), ("sad", -60)):
                path = folder / "my_recordings" / speaker / emotion / f"{speaker}-{take}.wav"
                _write_tone(path, 150 + 40 * number + 5 * take, glide)
    for actor in range(1, 5):
        for code in (2, 3, 6, 7):
            path = folder / f"ravdess/Actor_0{actor}/03-01-0{code}-01-01-01-0{actor}.wav"
            _write_tone(path, 120 + 30 * actor, 40 * code - 160)
    return folder


def _write_tone(path: Path, pitch_hz: float, glide: float) -> None:
    """Write half a second of a tone that glides up or down, with some noise."""
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    tone = np.sign(np.sin(2 * np.pi * np.cumsum(pitch_hz + glide * time) / RATE_HZ))
    noise = np.random.default_rng(round(pitch_hz)).normal(0, 0.003, len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * tone + noise, RATE_HZ)


@pytest.fixture(autouse=True)
def _working_folder(
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    doctest_namespace: dict[str, Any],
) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(examples, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path / "cache"))
    doctest_namespace["va"] = voxaffect
