"""Fixtures: synthesized sound, and the real corpora where they are."""

from __future__ import annotations

import compileall
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from signal import SIG_IGN, SIGINT, default_int_handler, getsignal, signal as set_handler
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import settings
from support.studies import make_document

import voxaffect
from voxaffect.audio import Samples, Signal
from voxaffect.cli import main
from voxaffect.corpora import read_corpus
from voxaffect.extraction import extract
from voxaffect.features import get_feature_spec
from voxaffect.models import Model
from voxaffect.outputs.report import write_report
from voxaffect.training import Dataset, export, make_estimator

RATE_HZ = 16_000


def pytest_configure(config: pytest.Config) -> None:
    """Let Ctrl-C reach the tests' processes, and let many of them start fast.

    The package is compiled once: where Python writes no bytecode, each process would compile it.
    The same holds for the tests, whose assertions pytest rewrites.
    Each worker has one core, so its libraries get one thread.
    """
    if getsignal(SIGINT) is SIG_IGN:  # a shell may start the suite so
        set_handler(SIGINT, default_int_handler)
    sys.dont_write_bytecode = False
    settings.register_profile("suite", deadline=None)  # a busy machine is no failure
    settings.load_profile("suite")
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(Path(voxaffect.__file__).parent, quiet=2)
        for library in ("OPENBLAS", "OMP"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


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


VOWELS_HZ = np.array(
    [
        (730, 1_090, 2_440),
        (270, 2_290, 3_010),
        (300, 870, 2_240),
        (530, 1_840, 2_480),
        (570, 840, 2_410),
    ]
)
"""Formants of a, i, u, e, o (Peterson and Barney 1952)."""


def voice(
    seed: int, *, seconds: float = 0.6, rate_hz: int = RATE_HZ, breath: float = 0.006
) -> Samples:
    """Synthesize a voice that says syllables: gliding harmonics through formants, with noise.

    A voice-activity network takes it for speech.
    """
    return _synthesize(seed, seconds, rate_hz, breath).copy()


@lru_cache(maxsize=128)
def _synthesize(seed: int, seconds: float, rate_hz: int, breath: float) -> Samples:
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    f0_hz = rng.uniform(90, 200) * 2 ** (rng.uniform(-0.4, 0.4) * time / seconds)
    phase = 2 * np.pi * np.cumsum(f0_hz) / rate_hz
    rate = rng.uniform(3, 6)
    vowels = VOWELS_HZ[rng.integers(len(VOWELS_HZ), size=int(seconds * rate) + 3)]
    size = rng.uniform(0.9, 1.15)
    formants_hz = [size * np.interp(rate * time, np.arange(len(vowels)), f) for f in vowels.T]
    tone = np.zeros(len(time))
    for k in range(1, int(3_800 / f0_hz.max()) + 1):
        gains = (
            height / (1 + ((k * f0_hz - formant_hz) / width_hz) ** 2)
            for formant_hz, height, width_hz in zip(
                formants_hz, (1, 0.6, 0.3), (80, 100, 140), strict=True
            )
        )
        tone += np.sin(k * phase) * sum(gains)
    syllables = np.clip(0.5 - 0.75 * np.cos(2 * np.pi * rate * time), 0, 1)
    noise = rng.standard_normal(len(time))
    return (0.1 * syllables * tone + breath * noise).astype(np.float32)


@pytest.fixture
def signal() -> Signal:
    """Return one synthesized utterance."""
    return Signal(voice(0), RATE_HZ, "voice")


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Write a dozen short synthesized recordings."""
    paths = [tmp_path / f"{number:02}.wav" for number in range(12)]
    for number, path in enumerate(paths):
        soundfile.write(path, voice(number), RATE_HZ, subtype="PCM_16")
    return paths


@pytest.fixture(scope="session")
def ravdess_to_read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a corpus named as RAVDESS is: 8 speakers, 4 emotions, 2 statements, synthesized.

    It is written once: nobody may change it.
    """
    root = tmp_path_factory.mktemp("data") / "ravdess"
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


@pytest.fixture
def small_ravdess(ravdess_to_read: Path, tmp_path: Path) -> Path:
    """Return a copy of the corpus that the test may change."""
    return Path(shutil.copytree(ravdess_to_read, tmp_path / "ravdess"))


@dataclass(frozen=True, eq=False)
class Trained:
    """A small model with all that it came from."""

    data: Dataset
    pipeline: Any
    model: Model


@pytest.fixture(scope="session")
def trained(ravdess_to_read: Path) -> Trained:
    """Train on the small corpus, once."""
    members = read_corpus("ravdess", ravdess_to_read)
    spec = get_feature_spec("classic", rate_hz=RATE_HZ)
    matrix = extract([utterance.path for utterance in members], spec).matrix
    data = Dataset(members, matrix, spec, ())
    pipeline = make_estimator("mlp", 9)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than")
        pipeline.fit(matrix, data.emotions)
    model = export(pipeline, data, recipe="mlp", seed=9, scores={})
    return Trained(data, pipeline, model)


@pytest.fixture(scope="session")
def evaluation(trained: Trained) -> dict[str, Any]:
    """Evaluate two systems on the small corpus, once. Nobody may change the document."""
    return make_document(trained.data)


@pytest.fixture(scope="session")
def report_folder(evaluation: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of the evaluation, once. Nobody may change it."""
    folder = tmp_path_factory.mktemp("report") / "new" / "out"
    write_report(evaluation, folder)
    return folder


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run a server with the model ``fast`` and without a token."""
    from support.services import run_service

    with run_service(tmp_path_factory.mktemp("service") / "log") as running:
        yield running


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, as ``voxaffect …`` does; its first words may be one text."""

    def run(first: object = "", *rest: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*str(first).split(), *map(str, rest)])
        out, err = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else 0, out, err)

    return run
