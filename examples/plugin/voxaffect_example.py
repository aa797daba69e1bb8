"""One plug-in of each kind. A larger package has a module for each, so that few are imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from voxaffect.audio import Signal
from voxaffect.corpora import Corpus, compile_names, map_sexes
from voxaffect.features import FeatureSet
from voxaffect.outputs.formats import Format, Run
from voxaffect.training import Recipe

CORPUS = Corpus(
    name="toy",
    title="Toy corpus",
    description="Three speakers who say one sentence in three emotions.",
    language="English",
    grammar="SPEAKER-EMOTION-TAKE.wav",
    layout="files in one folder",
    pattern=compile_names(r"(?P<speaker>[a-z]\d)-(?P<emotion>ang|hap|sad)-(?P<take>\d+)"),
    emotions={"ang": "angry", "hap": "happy", "sad": "sad"},
    sexes=map_sexes(female="f1 f2", male="m1"),
    sizes=(18,),
    license="CC BY-NC 4.0",
    is_commercial=False,
    citation="Nobody, 2026",
    homepage="https://example.org/toy",
    instructions="Record it yourself.",
)


class Loudness:
    """Level and noisiness of frames of 20 ms, over the recording."""

    version = 1
    groups: tuple[str, ...] = ("level", "noise")
    default_groups: tuple[str, ...] = groups
    rate_hz: int | None = None
    families: Mapping[str, str] = {"energy": "how loud", "timbre": "how noisy or bright"}
    weights: str | None = None

    _names: Mapping[str, tuple[str, ...]] = {
        "level": ("level_mean_db", "level_sd_db", "level_p90_db"),
        "noise": ("crossings_mean", "crossings_sd"),
    }

    def get_names(self, group: str) -> tuple[str, ...]:
        """Name of each number of a group, in order."""
        return self._names[group]

    def get_families(self, group: str) -> tuple[str, ...]:
        """Family of each number of a group, in the order of the names."""
        family = "energy" if group == "level" else "timbre"
        return (family,) * len(self._names[group])

    def compute(self, signal: Signal, groups: tuple[str, ...]) -> np.ndarray:
        """Vector of a signal, group after group."""
        length = int(signal.rate_hz * 0.02)
        frames = signal.samples[: len(signal.samples) // length * length].reshape(-1, length)
        level_db = 10 * np.log10(np.square(frames, dtype=float).mean(axis=1) + 1e-10)
        crossings = (np.diff(np.signbit(frames), axis=1) != 0).mean(axis=1)
        values = {
            "level": [level_db.mean(), level_db.std(), np.percentile(level_db, 90)],
            "noise": [crossings.mean(), crossings.std()],
        }
        return np.concatenate([values[group] for group in groups])


LOUDNESS: FeatureSet = Loudness()


def _build(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(random_state=seed))


RECIPE = Recipe("loud", "a regression on five numbers", _build, features="loudness")


def _write_predictions(results: Sequence[Any], _run: Run) -> str:
    rows = [f"| {one.source} | {one.emotion} | {one.confidence:.2f} |" for one in results]
    return "\n".join(["| recording | emotion | confidence |", "|-", *rows]) + "\n"


def _write_timelines(results: Sequence[Any], _run: Run) -> str:
    rows = [
        f"| {timeline.source} | {segment.start_seconds:.2f} | {segment.emotion} |"
        for timeline in results
        for segment in timeline.segments
    ]
    return "\n".join(["| recording | start | emotion |", "|-", *rows]) + "\n"


PREDICTIONS = Format(_write_predictions, ".org")
TIMELINES = Format(_write_timelines, ".org", levels=("segments",))
