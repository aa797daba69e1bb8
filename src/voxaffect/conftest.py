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


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of three speakers, each happy and sad twice: tones that glide up or down."""
    folder = tmp_path_factory.mktemp("examples") / "my_recordings"
    time = np.arange(RATE_HZ // 2) / RATE_HZ
    for number, speaker in enumerate(["anna", "bert", "cleo"]):
        for take in range(1, 3):
            for emotion, glide in (("happy", 120), ("sad", -60)):
                path = folder / speaker / emotion / f"{take}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                pitch_hz = 150 + 40 * number + 5 * take + glide * time
                noise = np.random.default_rng(number).normal(0, 0.003, len(time))
                tone = np.sign(np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ))
                soundfile.write(path, 0.1 * tone + noise, RATE_HZ)
    return folder


@pytest.fixture(autouse=True)
def _working_folder(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    doctest_namespace: dict[str, Any],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "call.wav").write_bytes((files("voxaffect") / "data" / "example.wav").read_bytes())
    shutil.copytree(corpus, tmp_path / "my_recordings")
    doctest_namespace["va"] = voxaffect
