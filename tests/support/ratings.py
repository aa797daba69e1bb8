"""Recordings whose level is a dimension and whose pitch is a soft label, with their table."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16_000
SPEAKERS, UTTERANCES = 5, 8


def write_rated_table(
    folder: Path, *, has_emotions: bool = False, has_dimensions_alone: bool = False
) -> Path:
    """Table of synthesized recordings; the first of each speaker has no rating of arousal."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    times = np.arange(RATE_HZ // 2) / RATE_HZ
    header = ["path", "speaker", "p_angry", "p_sad", "arousal", "valence"]
    rows = []
    for speaker in range(SPEAKERS):
        for number in range(UTTERANCES):
            arousal, share = rng.uniform(), rng.uniform(0.1, 0.9)
            wave = np.sign(np.sin(2 * np.pi * (120 + 200 * share) * times))
            wave *= (0.05 + 0.4 * arousal) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * times))
            name = f"{speaker}-{number}.wav"
            soundfile.write(folder / name, wave + 0.003 * rng.standard_normal(len(times)), RATE_HZ)
            shares = [f"{share:.4f}", f"{1 - share:.4f}"]
            if has_emotions:
                shares = ["angry" if share > 0.5 else "sad"]
            rated = f"{arousal:.4f}" if number else ""
            rows.append([name, f"s{speaker}", *shares, rated, f"{1 - share:.4f}"])
    if has_emotions:
        header = ["path", "speaker", "emotion", "arousal", "valence"]
    if has_dimensions_alone:
        header = ["path", "speaker", "arousal", "valence"]
        rows = [[*row[:2], *row[-2:]] for row in rows]
    table = folder / "rated.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])
    return table
