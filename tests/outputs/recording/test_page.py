"""The page of a recording: one file, nothing of which can run but its own script."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.timelines import CALL, DOUBTED, LEFT, RIGHT, SILENT

import voxaffect as va
from voxaffect.errors import AudioError, VoxaffectError
from voxaffect.outputs.formats import TIMELINE_FORMATS, Run
from voxaffect.outputs.recording.page import SCRIPTS, render_page
from voxaffect.outputs.recording.sound import RATE_HZ as SOUND_HZ, encode_sound
from voxaffect.recognition import Overlap, Segment, Timeline

RATE_HZ = 8_000
EVIL = '</script><script>alert("1")</script>'


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of two tones, one on each channel."""
    path = tmp_path_factory.mktemp("page") / "call.wav"
    times = np.arange(12 * RATE_HZ) / RATE_HZ
    sides = [0.3 * np.sin(2 * np.pi * hz * times) for hz in (300, 1_000)]
    soundfile.write(path, np.stack(sides, axis=1), RATE_HZ)
    return path


def read_script(page: str, identifier: str) -> str:
    match = re.search(rf'<script type="[^"]+" id="{identifier}"[^>]*>(.*?)</script>', page, re.S)
    assert match is not None
    return match[1]


def test_the_page_holds_the_view_and_the_sound(recording: Path) -> None:
    page = render_page([CALL], recording)
    data = json.loads(read_script(page, "data"))
    assert [one["emotion"] for one in data["lanes"][0]["segments"]] == ["angry", "happy", "sad"]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(read_script(page, "sound"))))
    assert rate == SOUND_HZ
    assert len(samples) / rate == pytest.approx(12, abs=0.2)
    assert "contains the voices" in page


def test_without_sound_the_page_says_so_and_holds_none(recording: Path) -> None:
    page = render_page([CALL], recording, has_sound=False)
    assert 'id="sound"' not in page
    assert "does not contain the sound" in page


def test_the_page_asks_for_nothing_and_names_no_address(recording: Path) -> None:
    page = render_page([CALL], recording, model=va.load("fast"))
    assert not re.search(
        r"https?:|\bsrc=|@import|url\(", page.replace(read_script(page, "sound"), "")
    )
    assert "default-src 'none'" in page


def test_the_policy_allows_this_style_and_this_script_alone(recording: Path) -> None:
    page = render_page([CALL], recording, has_sound=False)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.S)
    for part in (style, script):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert page.count(f"'sha256-{digest}'") == 1
    assert "unsafe" not in page
    assert "</script" not in script


def test_names_of_files_and_emotions_stay_text(recording: Path) -> None:
    odds = {EVIL: 0.9, "sad": 0.1}
    segment = Segment(1.0, 2.0, EVIL, odds)
    timeline = Timeline(f"/data/{EVIL}.wav", EVIL, 12.0, (EVIL, "sad"), (), (segment,))
    channel = replace(timeline, channel="mix")
    page = render_page([channel], recording, has_sound=False)
    assert "<script>alert" not in page
    assert page.count("<script") == 2
    data = json.loads(read_script(page, "data"))
    assert data["emotions"][0]["name"] == EVIL
    assert "/data/" not in page


def test_the_same_results_give_the_same_bytes_from_a_file_and_from_bytes(recording: Path) -> None:
    page = render_page([LEFT, RIGHT], recording)
    assert page == render_page([LEFT, RIGHT], recording.read_bytes())


def test_two_channels_stay_apart_in_stereo_and_the_sound_is_in_time(recording: Path) -> None:
    both, _ = soundfile.read(io.BytesIO(encode_sound(recording, ["left", "right"])))
    mix, _ = soundfile.read(io.BytesIO(encode_sound(recording, ["mix"])))
    assert mix.ndim == 1
    for side, hz in zip(both.T, (300, 1_000), strict=True):
        spectrum = np.abs(np.fft.rfft(side[SOUND_HZ : 2 * SOUND_HZ]))
        assert spectrum.argmax() == hz


def test_the_sound_is_late_by_the_delay_that_the_page_states(tmp_path: Path) -> None:
    path = tmp_path / "click.wav"
    noise = np.random.default_rng(0).standard_normal(2_000)
    click = np.concatenate([np.zeros(SOUND_HZ), 0.2 * noise, np.zeros(SOUND_HZ)])
    soundfile.write(path, click, SOUND_HZ)
    page = render_page([CALL], path)
    samples, _ = soundfile.read(io.BytesIO(base64.b64decode(read_script(page, "sound"))))
    lag = np.correlate(samples, click[SOUND_HZ : SOUND_HZ + 2_000]).argmax() - SOUND_HZ
    (stated,) = re.findall(r'data-delay="([\d.]+)"', page)
    assert lag / SOUND_HZ == pytest.approx(float(stated), abs=0.002)


def test_loud_sound_does_not_wrap_around(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    soundfile.write(path, 3 * np.sin(np.arange(RATE_HZ)), RATE_HZ, subtype="FLOAT")
    samples, _ = soundfile.read(io.BytesIO(encode_sound(path, ["mix"])))
    assert np.abs(samples).max() < 1.6


def test_uncertain_speech_and_none_are_summed_up(recording: Path) -> None:
    page = render_page([DOUBTED], recording, has_sound=False)
    assert "Length 0:12, speech 0:06; 55% of it is uncertain." in page
    page = render_page([SILENT], recording, has_sound=False)
    assert "Length 0:02. No speech was found." in page
    shared = replace(CALL, segments=(), overlaps=(Overlap(1.0, 2.0, ("Ann", "Ben")),))
    page = render_page([shared], recording, has_sound=False)
    assert "Length 0:12. Only several speakers at once, so no emotion." in page


def test_the_model_is_named_with_its_hash_and_use(recording: Path) -> None:
    model = va.load("fast")
    page = render_page([CALL], recording, model=model, has_sound=False)
    assert model.sha256 in page
    assert "non-commercial: RAVDESS" in page
    assert f"voxaffect {va.__version__}" in page
    assert "not for decisions about people" in page


def test_a_recording_that_has_gone_is_named(tmp_path: Path) -> None:
    gone = replace(CALL, source=str(tmp_path / "gone.wav"))
    with pytest.raises(AudioError, match=r"gone\.wav"):
        TIMELINE_FORMATS["html"].encode([gone], Run())


def test_a_name_that_is_no_file_of_ours_is_not_opened(recording: Path) -> None:
    sent = replace(CALL, source=str(recording))
    with pytest.raises(VoxaffectError, match="needs the recording"):
        TIMELINE_FORMATS["html"].encode([sent], Run(has_files=False))


def test_scripts_hold_nothing_that_the_policy_or_the_page_would_break() -> None:
    package = Path(va.__file__).parent / "outputs" / "recording"
    for name in SCRIPTS:
        text = (package / name).read_text(encoding="utf-8")
        assert "\r" not in text
        assert not re.search(r"</script|<!--|\beval\b|new Function|style=\"", text)


def test_the_command_writes_a_page_for_each_recording(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    example = Path(va.__file__).parent / "data" / "example.wav"
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(example.read_bytes())
    out = tmp_path / "out"
    command = ["timeline", str(tmp_path), "--model", "fast", "--format", "html,csv", "-o", str(out)]
    assert run(*command).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["a.html", "b.html", "emotions.csv"]
    assert 'id="sound"' in (out / "a.html").read_text(encoding="utf-8")


def test_the_ending_chooses_the_page_and_an_option_leaves_the_sound_out(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    page = tmp_path / "call.html"
    command = ["timeline", "--example", "--model", "fast", "--no-sound", "-o", str(page)]
    assert run(*command).code == 0
    text = page.read_text(encoding="utf-8")
    assert 'id="sound"' not in text
    assert "example.wav" in text
