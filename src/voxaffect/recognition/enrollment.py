"""Enrollment of a speaker: a few unlabeled recordings sharpen recognition."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import closing
from math import inf
from pathlib import Path

import numpy as np

from voxaffect.audio import Samples
from voxaffect.errors import AudioError
from voxaffect.extraction import MAX_SECONDS, compute_each, open_executor
from voxaffect.features.affect.enrollment import Speaker, enroll
from voxaffect.models import Model, get_model
from voxaffect.recognition.timelines.vad import DEFAULT_VAD, get_vad_method
from voxaffect.recognition.utterance import RecordingFeatures, UtteranceTask
from voxaffect.records.arguments import check_list, check_path


def enroll_speaker(
    paths: Sequence[str | Path],
    *,
    model: Model | str | Path | None = None,
    vad: str = DEFAULT_VAD,
    workers: int | Executor | None = None,
) -> Speaker:
    """Summarize a speaker's voice from a few unlabeled recordings.

    Parameters
    ----------
    paths : sequence of str or Path
        In varied emotions; about eight serve well.
    model : Model, str or Path, optional
        The model that will recognize the speaker; ``accurate`` by default.
    vad : str
        Voice-activity detection, as for `predict`.
    workers : int or Executor, optional

    Returns
    -------
    Speaker
        For `predict` and `predict_many` with the same model.

    Raises
    ------
    AudioError
        If a recording cannot be used, or no speech was found in it; every one is named.
    FeatureError
        If there is none.

    Examples
    --------
    >>> speaker = va.enroll_speaker(["call.wav"])
    >>> va.predict("call.wav", speaker=speaker).emotion in va.load().emotions
    True
    """
    loaded = get_model(model)
    get_vad_method(vad)
    if isinstance(paths, str | Path):
        raise AudioError(f"{paths}: expected a sequence of paths, found one. Put it in a list.")
    values = check_list(paths, "paths", "paths of recordings")
    files = [check_path(path, "paths") for path in values]
    task = UtteranceTask(loaded.spec, "mix", vad, MAX_SECONDS, longest=inf)
    vectors: dict[int, Samples | None] = {}
    reasons: dict[int, str] = {}
    with open_executor(workers) as executor, closing(compute_each(files, task, executor)) as each:
        for index, result in each:
            if isinstance(result, RecordingFeatures):
                ((_, vectors[index]),) = result.vectors
            else:
                reasons[index] = str(result)
    if reasons:
        text = "; ".join(reasons[index] for index in sorted(reasons))
        raise AudioError(f"{len(reasons)} of {len(files)} not enrolled: {text}")
    rows = [vectors[index] for index in range(len(files))]
    silent = [str(path) for path, row in zip(files, rows, strict=True) if row is None]
    if silent:
        raise AudioError(
            f"{len(silent)} of {len(files)} not enrolled: no speech was found in "
            f"{', '.join(silent)}. Take others; for shouting or singing, take vad energy."
        )
    return enroll(np.array(rows, dtype=np.float32))
