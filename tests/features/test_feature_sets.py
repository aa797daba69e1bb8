"""Feature sets: rows give a value for each name, and weights are part of a spec."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.synthesis import speech_like

from voxaffect.errors import FeatureError
from voxaffect.features import SETS, FeatureSpec, check_spec, get_feature_spec
from voxaffect.features.affect.descriptors import FUNCTIONALS
from voxaffect.features.affect.frames import analyze_frames
from voxaffect.features.affect.melody import MELODY, Melody
from voxaffect.features.affect.rhythm import RHYTHM, Rhythm
from voxaffect.features.affect.tracks import SPECTRAL, Spectra, compute_tracks
from voxaffect.features.affect.utterance import Utterance
from voxaffect.features.base import Descriptor
from voxaffect.features.classic import Classic
from voxaffect.features.front_end import find_speech

SPEECH = find_speech(speech_like())
FRAMES = analyze_frames(SPEECH.samples)
UTTERANCE = Utterance(compute_tracks(SPEECH, FRAMES))
TABLES = {
    "spectral": (SPECTRAL, Spectra(FRAMES.power), len(FRAMES.power)),
    "melody": (MELODY, Melody(UTTERANCE.tracks.pitch), 1),
    "rhythm": (RHYTHM, Rhythm(UTTERANCE), 1),
    "functionals": (FUNCTIONALS, UTTERANCE, 1),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_row_gives_a_value_for_each_of_its_quantities(table: str) -> None:
    rows: tuple[Descriptor[Any], ...]
    rows, source, frames = TABLES[table]
    for row in rows:
        assert np.size(row.compute(source)) == len(row.quantities) * frames, row.quantities
        assert all(quantity.unit for quantity in row.quantities)


class Encoder(Classic):
    """Set with weights."""

    weights = "ab12"


def test_the_weights_of_an_encoder_are_part_of_its_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETS.builtins, "weighted", Encoder())
    spec = get_feature_spec("weighted")
    assert '"weights":"ab12"' in spec.to_json()
    assert FeatureSpec.from_json(spec.to_json()) == spec
    check_spec(spec)
    with pytest.raises(FeatureError, match="features weighted with weights None are asked for"):
        check_spec(FeatureSpec("weighted", spec.version, spec.groups))


def test_a_spec_without_weights_is_written_as_before() -> None:
    spec = get_feature_spec("classic", groups=("mfcc",))
    assert spec.to_json() == '{"groups":["mfcc"],"name":"classic","rate_hz":null,"version":1}'
