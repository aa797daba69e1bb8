"""Pictures of the gallery, made by running voxaffect on its bundled recording.

The recording is a synthesized voice. It is played at several speeds, one after the other, so that
there is more than one answer to see.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import voxaffect as va

SPEEDS = (1.0, 0.65, 1.5, 0.75, 1.8)
PAUSE_SECONDS = 0.7
BLOCK_SECONDS = 0.2
SHOWN_SECONDS = 21.0  # of the live view, or the last moment with speech before
RECORDING = "example.wav"
COMMANDS = {
    "timeline": f"voxaffect timeline {RECORDING} --model fast -o timeline.html --plot timeline.png",
    "doctor": f"voxaffect doctor {RECORDING}",
    "explain": f"voxaffect explain {RECORDING} --model fast",
}


def make_recording() -> tuple[np.ndarray, int]:
    """Bundled recording at several speeds with pauses, and its sampling rate."""
    import soxr

    signal = va.read(Path(str(files("voxaffect") / "data" / "example.wav")))
    samples, rate_hz = np.asarray(signal.samples).reshape(-1), signal.rate_hz
    pause = np.zeros(round(PAUSE_SECONDS * rate_hz), dtype=np.float32)
    pieces = [(soxr.resample(samples, rate_hz * speed, rate_hz), pause) for speed in SPEEDS]
    return np.concatenate([part for piece in pieces for part in piece]), rate_hz


@cache
def make_gallery() -> dict[str, bytes]:
    """Every picture, page and text of the gallery by its name."""
    import soundfile

    samples, rate_hz = make_recording()
    with TemporaryDirectory() as name:
        folder = Path(name)
        soundfile.write(folder / RECORDING, samples, rate_hz, subtype="PCM_16")
        made = {f"{key}.txt": _run(command, folder) for key, command in COMMANDS.items()}
        make_report(folder / "report")
        made |= {
            "timeline.html": (folder / "timeline.html").read_bytes(),
            "timeline.png": (folder / "timeline.png").read_bytes(),
            "report.html": (folder / "report" / "report.html").read_bytes(),
        }
    return {**made, "live.svg": draw_live_view(samples, rate_hz).encode()}


def _run(command: str, folder: Path) -> bytes:
    arguments = [sys.executable, "-m", *command.split()]
    done = subprocess.run(arguments, cwd=folder, check=False, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{command}: exit code {done.returncode}: {done.stderr.decode()}")
    return done.stdout


def draw_live_view(samples: np.ndarray, rate_hz: int, *, seconds: float = SHOWN_SECONDS) -> str:
    """Drawing of the terminal during ``listen``, with no font of another host."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    from voxaffect.outputs.live.dashboard import draw_dashboard
    from voxaffect.recognition.live.session import Session

    session = Session(RECORDING, va.Stream(rate_hz=rate_hz))
    step, state = round(BLOCK_SECONDS * rate_hz), session.state
    for start in range(0, round(seconds * rate_hz), step):
        session.take(samples[start : start + step])
        state = session.state if session.state.emotion else state
    options = {"force_terminal": True, "color_system": "truecolor"}  # rich keeps a style's codes
    console = Console(record=True, width=80, file=io.StringIO(), **options)
    console.print(draw_dashboard(state))
    template = re.sub(r"@font-face\s*\{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(
        title=f"voxaffect listen --input {RECORDING}", code_format=template, unique_id="live"
    )


def make_report(folder: Path) -> None:
    """Write the report of an evaluation of invented numbers, which stand for no recording."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    random = np.random.default_rng(0)
    emotions = ("angry", "happy", "neutral", "sad")
    centers = random.normal(size=(len(emotions), 10))
    utterances, rows = [], []
    for number in range(12):
        speaker = f"speaker {number + 1}"
        for emotion, center in zip(emotions, centers, strict=True):
            offset = random.normal(size=10)  # every speaker has a way of expressing it
            for take in range(4):
                path = Path(f"{speaker}/{emotion} {take}.wav")
                sex = "female" if number % 2 else "male"
                utterances.append(va.Utterance(path, "invented", emotion, speaker=speaker, sex=sex))
                rows.append(center + offset + random.normal(scale=0.9, size=10))
    data = va.Dataset(utterances, np.array(rows, dtype=np.float32))
    systems = {
        "regression": va.System(LogisticRegression(), data),
        "neighbors": va.System(KNeighborsClassifier(3), data),
    }
    va.evaluate_systems(systems, protocol="speakers").report(folder)


def _show_picture(name: str, text: str) -> str:
    return f"![{text}](gallery/{name}){{ .drawing }}"


def _show_page(name: str, text: str, height: int) -> str:
    frame = (
        f'<iframe class="drawing" src="gallery/{name}" title="{text}" height="{height}"></iframe>'
    )
    return f"{frame}\n\n[Open this page alone](gallery/{name})."


def _show_text(key: str) -> str:
    output = make_gallery()[f"{key}.txt"].decode().strip()
    return f"```text\n$ {COMMANDS[key]}\n{output}\n```"


SECTIONS: dict[str, Callable[[], str]] = {
    "timeline": lambda: "\n\n".join(
        [
            f"```console\n$ {COMMANDS['timeline']}\n```",
            _show_picture("timeline.png", "Waveform, emotions and probabilities over time"),
        ]
    ),
    "timeline-page": lambda: _show_page("timeline.html", "Page of a recording", 640),
    "live": lambda: _show_picture("live.svg", "The terminal during voxaffect listen"),
    "report": lambda: _show_page("report.html", "Report of an evaluation", 720),
    "doctor": lambda: _show_text("doctor"),
    "explain": lambda: _show_text("explain"),
}
