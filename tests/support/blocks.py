"""Blocks of code of the pages, and a folder with the recordings and corpora that they name."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import soundfile

from support.encoders import make_small_arrays, write_safetensors

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
RATE_HZ = 16_000

RTTM = """SPEAKER call 1 0.0 1.4 <NA> <NA> anna <NA> <NA>
SPEAKER call 1 1.4 2.0 <NA> <NA> bert <NA> <NA>
"""
SRT = """1
00:00:00,000 --> 00:00:01,400
Good news.

2
00:00:01,400 --> 00:00:03,000
I am glad.
"""
WHISPERX = '{"segments": [{"start": 0.0, "end": 1.4, "text": "Good news.", "speaker": "anna"}]}'
CALLS = (
    "call.wav",
    "my.wav",
    "a.wav",
    "calls/happy/call.wav",
    "more/b.wav",
    "archive/c.wav",
    "bucket/calls/e.wav",
)
ACTORS = (1, 2, 3, 4, 6, 8)
"""Speakers of RAVDESS: one of each of EmoBox's folds."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Commands of a console, without prompts and comments; other lines are output."""
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]


def list_blocks() -> list[Block]:
    """Every fenced block of README.md and docs/."""
    pattern = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    return [
        Block(page.name, language, text)
        for page in PAGES
        for _, language, text in pattern.findall(page.read_text(encoding="utf-8"))
    ]


def split_commands(line: str) -> list[list[str]]:
    """Words of each command of a line, without its comment; `a && b` and `a | b` are two."""
    words = shlex.split(line, comments=True)
    commands: list[list[str]] = [[]]
    for word in words:
        if word in ("&&", "|"):
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def parse_command(words: list[str], command: click.Command) -> None:
    """Let click read the words of a command, without running it.

    Raises
    ------
    click.ClickException
        If an option does not exist, or a value does not fit.
    """
    context = click.Context(command, info_name=words[0])
    words = words[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]}")
        command, words = found, words[1:]
    command.make_context(command.name, list(words), parent=context)


def write_workspace(folder: Path) -> None:
    """Write what the pages name: recordings, tables, corpora and an encoder, all synthesized."""
    example = (files("voxaffect") / "data" / "example.wav").read_bytes()
    for name in CALLS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(example)
    samples, rate_hz = soundfile.read(folder / "call.wav")
    for name in ("meeting.flac", "takes/1.flac", "speaker/1.flac", "speaker/2.flac"):
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, samples, rate_hz)
        samples = samples[: -rate_hz // 10]  # so that none is the copy of another
    (folder / "calls" / "sad").mkdir()
    soundfile.write(folder / "calls" / "sad" / "2.flac", samples[rate_hz // 2 :], rate_hz)
    soundfile.write(
        folder / "call.wav", np.stack([samples, np.roll(samples, 800)], axis=1), rate_hz
    )
    for name, text in {"call.rttm": RTTM, "call.srt": SRT, "whisperx.json": WHISPERX}.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in ("turns/call.rttm", "turns/2.rttm", "text/call.srt", "text/2.srt"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / f"call{Path(name).suffix}", folder / name)
    shutil.copytree(ROOT / "docs" / "schemas", folder / "docs" / "schemas")
    _write_corpora(folder)
    _write_own(folder)
    _write_answers(folder)
    _write_encoder(folder / "encoders" / "base")


def _write_corpora(folder: Path) -> None:
    """Corpora with the names and the layouts of public ones."""
    for actor in ACTORS:
        for number, emotion in enumerate(("02", "03", "06", "07")):
            name = f"Actor_{actor:02}/03-01-{emotion}-01-01-01-{actor:02}.wav"
            _write_tone(folder / "data" / "ravdess" / name, 100 + 4 * actor, number)
    shutil.copytree(folder / "data" / "ravdess" / "Actor_01", folder / "DIR")
    rows = ["path,emotion,speaker"]
    for speaker in range(6):
        name = f"{'fm'[speaker % 2]}{speaker // 2 + 1}"
        for number, letter in enumerate("WFAETN"):
            path = folder / "data" / "emodb" / f"{speaker + 10}a01{letter}a.wav"
            _write_tone(path, 113 + 10 * speaker, number)
        for number, emotion in enumerate(("rab", "gio", "pau", "dis")):
            path = folder / "data" / "emovo" / name / f"{emotion}-{name}-b1.wav"
            _write_tone(path, 121 + 10 * speaker, number)
        for number, emotion in enumerate(("angry", "happy", "fearful", "disgust")):
            _write_tone(folder / "aesdd" / f"{name}-{emotion}.wav", 125 + 10 * speaker, number)
            rows.append(f"{name}-{emotion}.wav,{emotion},{name}")
    (folder / "aesdd" / "utterances.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _write_own(folder: Path) -> None:
    """Recordings of one's own, as a folder and as tables, and what two people call them."""
    rows, tasks = ["path,emotion,speaker"], []
    for number, speaker in enumerate(("anna", "bert", "cleo", "dora")):
        for emotion, glide in (("happy", 1), ("sad", 3)):
            for take in (1, 2):
                name = f"my_recordings/{speaker}/{emotion}/{speaker}-{emotion}-{take}.wav"
                _write_tone(folder / name, 100 + 30 * number + 7 * take, glide)
                rows.append(f"{name},{emotion},{speaker}")
                tasks.append(_make_task(name, emotion))
    for name in ("my.csv", "calls.csv", "labels.csv", "me.labels.csv", "bucket/calls.csv"):
        (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name in ("calls", "bucket/calls"):
        table = pyarrow.csv.read_csv(folder / f"{name}.csv")
        pyarrow.parquet.write_table(table, folder / f"{name}.parquet")
    shutil.copytree(folder / "my_recordings", folder / "bucket" / "my_recordings")
    (folder / "map.csv").write_text("from,to\nsad,calm\n", encoding="utf-8")
    (folder / "export.json").write_text(json.dumps(tasks), encoding="utf-8")
    shutil.copytree(folder / "my_recordings" / "anna", folder / "anna")


def _make_task(name: str, emotion: str) -> dict[str, Any]:
    """Task of a recording as Label Studio exports it, with the answers of two people."""
    value = {"from_name": "emotion", "to_name": "audio", "type": "choices"}
    result = [value | {"value": {"choices": [emotion]}}]
    people = [{"completed_by": number, "result": result} for number in (1, 2)]
    return {"data": {"source": name, "channel": "mix"}, "annotations": people}


def _write_answers(folder: Path) -> None:
    """Tables with the answers of other systems: each emotion of the corpus in its turn."""
    lists = {
        "theirs.csv": sorted((folder / "data" / "ravdess").rglob("*.wav")),
        "emotion2vec.csv": sorted((folder / "data" / "ravdess").rglob("*.wav")),
        "p.tsv": sorted((folder / "data" / "emovo").rglob("*.wav")),
        "a.csv": sorted((folder / "my_recordings").rglob("*.wav")),
    }
    heads = {"p.tsv": "id\tanswer"}
    for name, paths in lists.items():
        head = heads.get(name, "path,emotion")
        mark = "," if "," in head else "\t"
        rows = [f"{path.name}{mark}{('happy', 'sad')[k % 2]}" for k, path in enumerate(paths)]
        (folder / name).write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    answers = [{"path": path.name, "emotion": "sad"} for path in lists["a.csv"]]
    (folder / "b.json").write_text(json.dumps(answers), encoding="utf-8")


def _write_encoder(folder: Path) -> None:
    """Encoder of random weights, with as many layers as Whisper base."""
    folder.parent.mkdir()
    arrays = make_small_arrays()
    for layer in range(2, 6):
        start = f"blocks.{layer % 2}."
        same = {name: array for name, array in arrays.items() if name.startswith(start)}
        arrays |= {name.replace(start, f"blocks.{layer}."): array for name, array in same.items()}
    write_safetensors(folder, arrays)


def _write_tone(path: Path, pitch_hz: float, kind: int) -> None:
    """Write 0.6 s of a buzz; its kind is heard in its glide and level."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    glide = np.cumsum(pitch_hz * (1 + 0.4 * (kind - 1.5) * time)) / RATE_HZ
    noise = np.random.default_rng(round(pitch_hz) + kind).normal(0, 0.003 * (kind + 1), len(time))
    samples = 0.1 * np.sign(np.sin(2 * np.pi * glide)) * (1 + np.sin(2 * np.pi * (2 + kind) * time))
    soundfile.write(path, samples + noise, RATE_HZ, subtype="PCM_16")
