"""Fixtures: synthesised sound, and the real corpora where they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxaffect.audio import Samples, Signal

RATE_HZ = 16_000


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's feature cache."""
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def data_root() -> Callable[[str], Path]:
    """Return the folder of a real corpus, or skip the test where it is absent."""

    def root(name: str) -> Path:
        folder = os.environ.get("VOXAFFECT_DATA")
        if not folder or not (Path(folder) / name).is_dir():
            pytest.skip(f"needs {name} under VOXAFFECT_DATA")
        return Path(folder) / name

    return root


def voice(seed: int, *, seconds: float = 0.6, rate_hz: int = RATE_HZ) -> Samples:
    """Synthesise something like a voice: a gliding harmonic tone in syllables, with noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    f0_hz = rng.uniform(90, 260) * 2 ** (rng.uniform(-0.4, 0.4) * time / seconds)
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate_hz
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * rng.uniform(3, 6) * time)
    noise = rng.standard_normal(len(time))
    return (0.1 * syllables * tone + 0.003 * noise).astype(np.float32)


@pytest.fixture
def signal() -> Signal:
    """Return one synthesised utterance."""
    return Signal(voice(0), RATE_HZ, "voice")


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Write a dozen short synthesised recordings."""
    paths = [tmp_path / f"{number:02}.wav" for number in range(12)]
    for number, path in enumerate(paths):
        soundfile.write(path, voice(number), RATE_HZ, subtype="PCM_16")
    return paths


@pytest.fixture
def small_ravdess(tmp_path: Path) -> Path:
    """Write a corpus named as RAVDESS is: 8 speakers, 4 emotions, 2 statements, synthesised."""
    root = tmp_path / "ravdess"
    for speaker in range(1, 9):
        folder = root / f"Actor_{speaker:02}"
        folder.mkdir(parents=True)
        for number, emotion in enumerate(("02", "03", "06", "07")):
            for statement in ("01", "02"):
                name = f"03-01-{emotion}-01-{statement}-01-{speaker:02}.wav"
                samples = voice(speaker) * np.float32(0.2 + 0.25 * number)
                samples += voice(100 * number + int(statement)) * np.float32(0.3)
                soundfile.write(folder / name, samples, RATE_HZ, subtype="PCM_16")
    return root
