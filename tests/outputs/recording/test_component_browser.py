"""The page of a recording in a real browser: seen, heard, moved through, corrected, alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.browsers import open_browser
from support.timelines import BEN, EMOTIONS, TALK, odds, segment, timeline

from voxaffect.outputs.recording.page import render_page
from voxaffect.recognition import Segment

RATE_HZ = 8_000
pytestmark = pytest.mark.slow

AUDIO = "document.querySelector('audio')"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser("--autoplay-policy=no-user-gesture-required") as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call with two channels, a silent one with an odd name, and an hour."""
    folder = tmp_path_factory.mktemp("pages")
    tone = 0.3 * np.sin(np.arange(12 * RATE_HZ))
    sound = folder / "call.wav"
    soundfile.write(sound, np.stack([tone, tone], axis=1), RATE_HZ)
    left = timeline(
        segment(0.5, 3.0, "angry", 0.9),
        Segment(3.0, 6.0, "happy", odds("happy", 0.5), True),
        segment(7.0, 11.0, "sad"),
        channel="left",
        seconds=12.0,
    )
    right = timeline(segment(1.0, 2.0, "sad"), channel="right", seconds=12.0)
    silent = timeline(source=f"{EVIL}.wav", seconds=12.0)
    (folder / "call.html").write_text(render_page([left, right], sound), encoding="utf-8")
    (folder / "silent.html").write_text(render_page([silent], sound), encoding="utf-8")
    (folder / "talk.html").write_text(render_page([TALK], sound), encoding="utf-8")
    hostile = [
        replace(segment(start, start + 1, "sad"), speaker=name, text=name)
        for start, name in enumerate((EVIL, "\u202eback", "x" * 10_000, "--> ' \" & %"))
    ]
    page = render_page([timeline(*hostile, seconds=12.0)], sound)
    (folder / "hostile.html").write_text(page, encoding="utf-8")
    parts = [segment(start * 1.8, start * 1.8 + 1.5, EMOTIONS[start % 3]) for start in range(2_000)]
    hour = timeline(*parts, source="hour.wav", seconds=3_600.0)
    page = render_page([hour], sound, has_sound=False)
    (folder / "hour.html").write_text(page, encoding="utf-8")
    return folder


class Opened:
    """Page in the browser, with its requests and complaints."""

    def __init__(self, browser: Any, path: Path, width: int, scheme: str) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("voxaffect-recording table")
        if "hour" not in path.name:
            self.wait(f"{AUDIO}.duration > 11")

    def wait(self, condition: str) -> None:
        """Wait until a condition holds; Playwright's own waiting needs eval, which is forbidden."""
        for _ in range(200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(condition)

    def value(self, lane: int = 0) -> str:
        return str(self.page.locator(".lane").nth(lane).get_attribute("aria-valuetext"))


@pytest.fixture
def call(browser: Any, folder: Path) -> Iterator[Opened]:
    opened = Opened(browser, folder / "call.html", 1280, "light")
    yield opened
    opened.context.close()


def click_at(page: Any, seconds: float, lane: int = 0) -> None:
    canvas = page.locator(".lane canvas").nth(lane)
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * seconds / 12, "y": box["height"] - 10})


def test_a_click_on_a_segment_plays_it_from_its_start_to_its_end(call: Opened) -> None:
    click_at(call.page, 2.5)
    call.wait(f"!{AUDIO}.paused")
    assert 0.5 <= call.page.evaluate(f"{AUDIO}.currentTime") < 2.5
    assert call.value().startswith("angry, 0:00.5 to 0:03.0, 90%")
    call.page.evaluate(f"{AUDIO}.currentTime = 2.9")
    call.wait(f"{AUDIO}.paused")
    assert 3.0 <= call.page.evaluate(f"{AUDIO}.currentTime") < 3.5


def test_arrows_move_between_segments_and_lanes_and_space_plays(call: Opened) -> None:
    call.page.locator(".lane").first.focus()
    call.page.keyboard.press("ArrowRight")
    assert call.value().startswith("happy")
    assert "uncertain" in call.value()
    call.page.keyboard.press("End")
    assert call.value().startswith("sad, 0:07.0")
    call.page.keyboard.press("Space")
    call.wait(f"!{AUDIO}.paused && {AUDIO}.currentTime >= 7")
    call.page.keyboard.press("Space")
    call.wait(f"{AUDIO}.paused")
    call.page.keyboard.press("ArrowDown")
    assert call.page.evaluate("document.activeElement.getAttribute('aria-label')").endswith("right")
    assert call.value(1).startswith("sad, 0:01.0")


def test_hovering_shows_the_probabilities(call: Opened) -> None:
    canvas = call.page.locator(".lane canvas").first
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 4 / 12, "y": 20})
    detail = call.page.locator(".detail")
    assert detail.locator(".answer").inner_text().strip() == "happy"
    assert detail.locator(".top .number").inner_text() == "50%"
    call.page.mouse.move(0, 0)
    call.wait("document.querySelector('.detail .answer').textContent.startsWith('angry')")


def test_the_table_lists_the_segments_of_all_lanes_in_time(call: Opened) -> None:
    rows = call.page.locator(".segments tbody tr")
    assert [text.split("\t")[:2] for text in rows.all_inner_texts()] == [
        ["0:00.5 – 0:03.0", "left"],
        ["0:01.0 – 0:02.0", "right"],
        ["0:03.0 – 0:06.0", "left"],
        ["0:07.0 – 0:11.0", "left"],
    ]
    rows.nth(1).locator("button").click()
    call.wait(f"!{AUDIO}.paused && {AUDIO}.currentTime >= 1")
    assert rows.nth(1).get_attribute("aria-current") == "true"


def test_the_summary_counts_time_by_emotion_and_lane(call: Opened) -> None:
    rows = call.page.locator(".summary tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        "angry 0:03 26% 0:00 0%",
        "happy 0:03 32% 0:00 0%",
        "sad 0:04 42% 0:01 100%",
        "of it uncertain 0:03 32% 0:00 0%",
        "all speech 0:10 0:01",
    ]


def test_a_correction_is_an_event_and_keeps_the_answer_of_the_model(call: Opened) -> None:
    page = call.page
    page.evaluate(
        "window.heard = []; const element = document.querySelector('voxaffect-recording');"
        "element.editable = true;"
        "element.addEventListener('correct', (event) => window.heard.push(event.detail))"
    )
    page.locator(".segments select").nth(2).select_option("sad")
    assert page.evaluate("window.heard") == [{"lane": 0, "segment": 1, "emotion": "sad"}]
    corrected = page.evaluate("document.querySelector('voxaffect-recording').corrected")
    part = corrected["lanes"][0]["segments"][1]
    assert (part["emotion"], part["model_emotion"]) == ("sad", "happy")
    assert "corrected from happy" in page.locator(".segments tbody tr").nth(2).inner_text()
    page.locator(".segments select").nth(2).select_option("happy")
    corrected = page.evaluate("document.querySelector('voxaffect-recording').corrected")
    assert "model_emotion" not in corrected["lanes"][0]["segments"][1]


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("call", 390, "light"),
        ("call", 1280, "dark"),
        ("silent", 390, "dark"),
        ("hour", 1280, "light"),
        ("talk", 390, "light"),
        ("talk", 1280, "dark"),
        ("hostile", 390, "light"),
    ],
)
def test_it_asks_for_itself_alone_fits_the_window_and_reads_with_a_screen_reader(
    browser: Any, folder: Path, name: str, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    opened = Opened(browser, folder / f"{name}.html", width, scheme)
    address = (folder / f"{name}.html").as_uri()
    foreign = [url for url in opened.requests if not url.startswith(("data:", "blob:"))]
    assert foreign == [address]
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    # The policy of the page forbids the checker, too: it runs in a copy of the page without one.
    opened.context.close()
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("voxaffect-recording table")
    page.evaluate("document.querySelector('voxaffect-recording').editable = true")
    violations = axe.Axe().run(page).response["violations"]
    context.close()
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_a_name_stays_text(browser: Any, folder: Path) -> None:
    opened = Opened(browser, folder / "silent.html", 1280, "light")
    assert opened.page.locator("h1").inner_text() == f"{EVIL}.wav".rsplit("/", 1)[-1]
    assert opened.page.locator(".detail").inner_text() == "No speech was found."
    assert opened.complaints == []
    opened.context.close()


def test_an_hour_opens_zooms_and_scrolls_fast(browser: Any, folder: Path) -> None:
    opened = Opened(browser, folder / "hour.html", 1280, "light")
    page = opened.page
    assert (
        page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") < 3e3
    )
    assert page.locator("*").count() < 1_000
    assert "share of each emotion" in page.locator(".note").inner_text()
    for _ in range(6):
        page.locator(".in").click()
    assert "share of each emotion" not in page.locator(".note").inner_text()
    frame = page.evaluate(
        "new Promise((resolve) => { const start = performance.now(); let count = 0;"
        "const step = () => { document.querySelector('.scroller').scrollLeft += 300;"
        "if ((count += 1) < 30) requestAnimationFrame(step);"
        "else resolve((performance.now() - start) / 30); }; step(); })"
    )
    assert frame < 150  # ms; 17 on an idle machine
    page.locator(".lane").focus()
    page.keyboard.press("End")
    assert opened.value().endswith("segment 2000 of 2000")
    assert "1976–2000 of 2000" in page.locator(".pages").inner_text()
    page.locator(".previous").click()
    page.locator(".next").click()
    assert has_focus(page.locator(".previous"))  # there is no next page
    page.locator(".fit").click()
    assert has_focus(page.locator(".in"))
    opened.context.close()


def has_focus(button: Any) -> bool:
    return bool(button.evaluate("button => button.matches(':focus')"))


@pytest.fixture
def talk(browser: Any, folder: Path) -> Iterator[Opened]:
    opened = Opened(browser, folder / "talk.html", 1280, "light")
    yield opened
    opened.context.close()


def test_each_speaker_has_a_track_that_the_keyboard_reaches(talk: Opened) -> None:
    tracks = talk.page.locator(".lane")
    labels = [one.get_attribute("aria-label") for one in tracks.all()]
    assert labels == ["Segments of SPEAKER_00", f"Segments of {BEN}"]
    tracks.first.focus()
    talk.page.keyboard.press("ArrowRight")
    assert talk.value() == "angry, 0:02.3 to 0:03.0, 90%, “I told you!”, segment 2 of 2"
    talk.page.keyboard.press("ArrowRight")
    assert talk.value().endswith("segment 2 of 2")
    talk.page.keyboard.press("ArrowDown")
    assert talk.value(1).startswith("happy, 0:04.0 to 0:06.0, 40.0%, uncertain, “Me & you”")
    assert BEN in talk.page.locator(".detail").inner_text()


def test_overlaps_name_their_speakers_and_have_no_emotion(talk: Opened) -> None:
    assert "several speakers" in talk.page.locator(".note").inner_text()
    canvas = talk.page.locator(".lane .track").nth(1)
    box = canvas.bounding_box()
    canvas.hover(position={"x": box["width"] * 3.5 / 12.35, "y": box["height"] - 10})
    assert talk.page.locator(".detail").inner_text().split("\n")[0].strip() == "several speakers"
    assert f"{BEN}, SPEAKER_00" in talk.page.locator(".detail .about").inner_text()
    canvas.click(position={"x": box["width"] * 3.5 / 12.35, "y": box["height"] - 10})
    talk.wait(f"!{AUDIO}.paused && {AUDIO}.currentTime >= 3")
    wave = talk.page.locator(".lane .wave")
    wave.click(position={"x": wave.bounding_box()["width"] * 5 / 12.35, "y": 20})
    assert talk.value(1).startswith("happy")
    assert talk.page.locator(".detail .answer").inner_text().strip() == "happy"


def test_the_table_has_speakers_and_words_of_segments_and_overlaps(talk: Opened) -> None:
    rows = talk.page.locator(".segments tbody tr")
    assert ["|".join(text.split()) for text in rows.all_inner_texts()] == [
        "0:00.5|–|0:02.3|SPEAKER_00|Not|again.|sad|81%",
        "0:02.3|–|0:03.0|SPEAKER_00|I|told|you!|angry|90%",
        "0:03.0|–|0:04.0|Ben|<b>,|SPEAKER_00|several|speakers",
        "0:04.0|–|0:06.0|Ben|<b>|Me|&|you|happy|40.0%,|uncertain",
        "0:07.0|–|0:07.5|Ben|<b>,|SPEAKER_00|SPEAKER_00:|Hm.|several|speakers",
    ]
    rows.nth(3).locator("button").click()
    talk.wait(f"!{AUDIO}.paused && {AUDIO}.currentTime >= 4")
    assert rows.nth(3).get_attribute("aria-current") == "true"


def test_the_summary_is_of_each_speaker(talk: Opened) -> None:
    head = talk.page.locator(".summary thead th").all_inner_texts()
    assert [text.strip() for text in head] == ["Emotion", "SPEAKER_00", BEN]
    rows = talk.page.locator(".summary tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        "angry 0:01 30% 0:00 0%",
        "happy 0:00 0% 0:02 100%",
        "sad 0:02 70% 0:00 0%",
        "of it uncertain 0:00 0% 0:02 100%",
        "speech alone 0:03 0:02",
        "several speakers 0:02 0:02",
    ]


def test_a_correction_names_the_segment_of_the_lane_whoever_speaks(talk: Opened) -> None:
    page = talk.page
    page.evaluate(
        "window.heard = []; const element = document.querySelector('voxaffect-recording');"
        "element.editable = true;"
        "element.addEventListener('correct', (event) => window.heard.push(event.detail))"
    )
    page.locator(".segments select").nth(2).select_option("sad")
    assert page.evaluate("window.heard") == [{"lane": 0, "segment": 2, "emotion": "sad"}]


def test_names_and_words_stay_text(browser: Any, folder: Path) -> None:
    opened = Opened(browser, folder / "hostile.html", 1280, "light")
    assert EVIL in opened.page.locator(".segments").inner_text()
    assert opened.page.locator(".lane").count() == 4
    assert opened.complaints == []
    opened.context.close()
