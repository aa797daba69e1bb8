"""The page in a real browser gives what the command line gives, to everybody, from the loopback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, voice
from support.browsers import microphone_flags, open_browser
from support.services import EXAMPLE, Service, encode, run_service

import voxaffect as va
from voxaffect.corpora.own_table import read_table

pytestmark = pytest.mark.slow
TOKEN = "a-token-that-nobody-guesses"
TABS = ("recording", "live", "about")
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recording that the browser's microphone plays over and over: speech, then silence."""
    samples = np.concatenate([voice(1, seconds=3), np.zeros(RATE_HZ, np.float32)])
    path = tmp_path_factory.mktemp("microphone") / "sound.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def browser(sound: Path) -> Iterator[Any]:
    with open_browser(*microphone_flags(sound)) as browser:
        yield browser


@dataclass
class Visit:
    """A tab of the browser on the page, and what it asked for."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def upload(self, content: bytes, name: str = "clip.wav") -> None:
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        self.page.set_input_files("#file", file)
        self.wait("#result:not([hidden]), #problem:not([hidden])")

    def wait(self, selector: str) -> None:
        self.page.wait_for_selector(selector, timeout=WAIT_MS)

    def download(self, button: str) -> str:
        with self.page.expect_download() as waiting:
            self.page.click(button)
        return Path(waiting.value.path()).read_text(encoding="utf-8")

    def correct(self) -> tuple[str, str]:
        """Choose another emotion for the first segment; the model's and the chosen one."""
        choice = self.page.locator("voxaffect-recording tbody select").first
        own = choice.input_value()
        chosen = "sad" if own != "sad" else "angry"
        choice.select_option(chosen)
        return own, chosen

    @property
    def headline(self) -> str:
        return str(self.page.inner_text("#answers .headline"))


def visit(browser: Any, service: Service, **options: Any) -> Iterator[Visit]:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 844}, **options})
    made = Visit(context.new_page())
    context.on("request", lambda request: made.requests.append(request.url))
    made.page.on("websocket", lambda stream: made.requests.append(stream.url))
    made.page.on("console", lambda message: made.complaints.append(message.text))
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    made.page.goto(service.url)
    yield made
    context.close()
    for url in made.requests:  # whatever a test did
        parts = urlsplit(url)
        assert parts.scheme in ("blob", "data") or parts.netloc == f"127.0.0.1:{service.port}"


@pytest.fixture
def tab(browser: Any, service: Service) -> Iterator[Visit]:
    for made in visit(browser, service):
        made.wait("body[data-state=ready]")
        yield made
        assert made.complaints == []


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    samples = np.concatenate([voice(3, seconds=2), np.zeros(RATE_HZ, np.float32), voice(4)])
    soundfile.write("clip.wav", samples, RATE_HZ, subtype="PCM_16")
    return Path("clip.wav")


def check_answer(tab: Visit, prediction: dict[str, Any]) -> None:
    """The page shows the numbers of a prediction."""
    assert tab.headline == prediction["emotion"]
    shown = tab.page.locator("#answers .bars li").all_inner_texts()
    for text, value in zip(shown, prediction["probabilities"].values(), strict=True):
        assert abs(int(re.findall(r"(\d+)%", text)[0]) - 100 * value) <= 1
    kind = "uncertain" if prediction["uncertain"] else "certain"
    assert tab.page.locator("#answers .reply").get_attribute("data-kind") == kind


def test_an_upload_gives_what_the_command_line_gives(tab: Visit, clip: Path, run: Run) -> None:
    tab.upload(clip.read_bytes())
    document = json.loads(run("predict", clip, "--model", "fast", "--format", "json").out)
    check_answer(tab, document["results"][0])
    timeline = json.loads(run("timeline", clip, "--model", "fast", "--format", "json").out)
    segments = timeline["results"][0]["segments"]
    choices = tab.page.locator("voxaffect-recording tbody select")
    assert [choices.nth(at).input_value() for at in range(choices.count())] == [
        segment["emotion"] for segment in segments
    ]
    for name in ("csv", "srt", "textgrid", "json"):
        tab.page.select_option("#format", name)
        expected = run("timeline", clip, "--model", "fast", "--format", name).out
        assert tab.download("#download button") == expected


def test_a_dropped_file_is_recognized_as_a_chosen_one(tab: Visit, clip: Path) -> None:
    code = """async (numbers) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(numbers)], "clip.wav"));
        const drop = (name) => document.getElementById("drop").dispatchEvent(
            new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: transfer}));
        drop("dragenter"); drop("dragover"); drop("drop");
    }"""
    tab.page.evaluate(code, list(clip.read_bytes()))
    tab.wait("#result:not([hidden])")
    check_answer(tab, va.predict(clip, model="fast").to_dict())
    assert tab.page.inner_text("#source") == "clip.wav"


def test_the_example_is_that_of_the_command_line(tab: Visit) -> None:
    tab.page.click("#example")
    tab.wait("#result:not([hidden])")
    check_answer(tab, va.predict(EXAMPLE, model="fast").to_dict())


def test_a_recording_of_the_microphone_is_recognized_as_captured(tab: Visit) -> None:
    tab.page.click("#record")
    tab.wait('#recorder-time:text-is("0:03")')
    tab.page.click("#recorder-stop")
    tab.wait("#result:not([hidden])")
    with tab.page.expect_download() as waiting:
        tab.page.click("#save-sound")
    captured = Path(waiting.value.path()).read_bytes()
    samples, _ = soundfile.read(Path(waiting.value.path()))
    assert np.abs(samples).max() > 0.05
    check_answer(tab, va.predict(captured, model="fast").to_dict())


def test_the_live_tab_gives_segments(tab: Visit) -> None:
    tab.page.click("#tab-live")
    tab.page.click("#live-start")
    tab.wait("#live-segments tr")
    assert tab.page.inner_text("#live-state") == "Listening. Speak!"
    emotions = va.load("fast").emotions
    assert tab.page.locator("#live-segments td").nth(2).inner_text() in emotions
    assert tab.page.locator("#live-bars li").count() == len(emotions)
    tab.page.click("#tab-about")
    assert tab.page.is_visible("#tab-live .listening")
    assert "the microphone is on" in tab.page.inner_text("#tab-live")
    assert not tab.page.is_visible("#tab-recording .listening")
    tab.page.click("#tab-live")
    tab.page.click("#live-stop")
    tab.wait("#live-start:visible")
    assert not tab.page.is_visible("#tab-live .listening")
    assert tab.page.inner_text("#live-state") == "The microphone is off."
    assert not tab.page.is_visible("#live-problem")
    assert tab.page.is_visible("#live-segments tr >> nth=0")


def test_a_correction_is_in_the_downloads(tab: Visit, clip: Path) -> None:
    tab.upload(clip.read_bytes())
    assert tab.page.is_disabled("#training-button")
    own, chosen = tab.correct()
    assert tab.page.inner_text("#corrections") == "You corrected one segment."
    command = tab.page.inner_text(".command")
    assert 'pip install "voxaffect[train]"' in command
    assert "--data clip.labels.csv" in command
    table = clip.absolute().with_name("labels.csv")
    table.write_text(tab.download("#training-button"), encoding="utf-8")
    (utterance,) = read_table(table).utterances
    assert (utterance.path.name, utterance.emotion) == ("clip.wav", chosen)
    tab.page.select_option("#format", "srt")
    assert f"{chosen} (corrected; model: {own})" in tab.download("#download button")
    tab.page.select_option("#format", "json")
    first = json.loads(tab.download("#download button"))["results"][0]["segments"][0]
    assert (first["emotion"], first["model_emotion"]) == (chosen, own)
    tab.page.select_option("#format", "html")
    assert f'"model_emotion": "{own}"' in tab.download("#download button")
    tab.page.select_option("#format", "json")
    tab.page.locator("voxaffect-recording tbody select").first.select_option(own)
    assert tab.page.inner_text("#corrections") == ""
    assert "model_emotion" not in tab.download("#download button")


def change_answers(tab: Visit, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the server answers about recordings."""

    def answer(route: Any) -> None:
        response = route.fetch()
        document = response.json()
        change(document)
        route.fulfill(response=response, json=document)

    tab.page.route("**/page/recording", answer)


def set_trust(document: dict[str, Any], trust: str, topic: str = "noise") -> None:
    """Let the answer be certain, and one finding lower the trust."""
    document["predictions"]["results"][0]["uncertain"] = False
    for finding in document["diagnosis"]["findings"]:
        is_flaw = finding["topic"] == topic and trust != "high"
        finding["verdict"] = "problem" if is_flaw else "ok"
        finding["trust"] = trust if is_flaw else "high"


@pytest.mark.parametrize("trust", ["low", "limited"])
def test_an_answer_to_an_unfit_recording_is_not_called_reliable(tab: Visit, trust: str) -> None:
    change_answers(tab, lambda document: set_trust(document, trust))
    tab.upload(EXAMPLE)
    card = tab.page.inner_text("#answers")
    assert "in 100" not in card
    assert "eliable" not in card
    start = "Do not rely on this answer" if trust == "low" else "Be careful"
    assert card.startswith(start)
    is_for_segments = "segments either" in tab.page.inner_text("#over-time-certain")
    assert is_for_segments is (trust == "low")


@pytest.mark.parametrize(
    ("topic", "verdict", "words"),
    [
        ("length", "warning", "longer than fifteen seconds"),
        ("length", "problem", "too short"),
        ("noise", "warning", "There is noise"),
        ("noise", "problem", "drowns the voice"),
        ("speech", "warning", "little speech"),
        ("speech", "problem", "Nobody seems to speak"),
        ("hum", "problem", "a hum from the mains"),
    ],
)
def test_each_verdict_has_its_own_advice(tab: Visit, topic: str, verdict: str, words: str) -> None:
    advice = tab.page.evaluate(
        "async (finding) => (await import('/page/words.js')).getAdvice(finding).text",
        {"topic": topic, "verdict": verdict},
    )
    assert words in advice


@pytest.mark.parametrize("is_whole_certain", [False, True])
def test_one_segment_and_the_answer_do_not_contradict_each_other(
    tab: Visit, is_whole_certain: bool
) -> None:
    def change(document: dict[str, Any]) -> None:
        set_trust(document, "high")
        document["predictions"]["results"][0]["uncertain"] = not is_whole_certain
        timeline = document["timelines"]["results"][0]
        timeline["segments"] = timeline["segments"][:1]
        timeline["segments"][0]["uncertain"] = is_whole_certain

    change_answers(tab, change)
    tab.upload(EXAMPLE)
    text = tab.page.inner_text("#over-time-certain")
    assert text.startswith(f"The one segment is {'not ' if is_whole_certain else ''}certain.")
    assert "The answer above, of the whole recording, decides." in text


def test_an_uncertain_share_does_not_look_like_the_threshold(tab: Visit) -> None:
    threshold = va.load("fast").card.abstention["threshold"]

    def change(document: dict[str, Any]) -> None:
        set_trust(document, "high")
        timeline = document["timelines"]["results"][0]
        for part in (document["predictions"]["results"][0], timeline["segments"][0]):
            part["uncertain"], part["confidence"] = True, threshold - 1e-5
            part["probabilities"][part["emotion"]] = part["confidence"]
        document["view"]["lanes"][0]["segments"][0] |= timeline["segments"][0]

    change_answers(tab, change)
    tab.upload(EXAMPLE)
    assert "gives 52.3%, and calls an answer certain only from 52.4%" in tab.page.inner_text(
        "#answers .reason"
    )
    assert "52.3%" in tab.page.inner_text("#answers .bars li.first")
    assert "52.3%, uncertain" in tab.page.inner_text("voxaffect-recording .detail")


def test_corrections_are_not_lost_without_a_question(tab: Visit, clip: Path) -> None:
    questions: list[str] = []
    is_accepted = False

    def reply(dialog: Any) -> None:
        questions.append(dialog.type)
        dialog.accept() if is_accepted else dialog.dismiss()

    tab.page.on("dialog", reply)
    samples, _ = soundfile.read(clip)
    tab.upload(encode(np.stack([samples, samples], axis=1)))
    _, chosen = tab.correct()
    first = tab.page.locator("voxaffect-recording tbody select").first
    tab.page.click(".options summary")
    tab.page.select_option("#channels", "left")
    assert (questions, first.input_value()) == (["confirm"], chosen)
    assert tab.page.input_value("#channels") == "mix"
    tab.page.evaluate("location.reload()")
    tab.page.wait_for_timeout(500)
    assert (questions, first.input_value()) == (["confirm", "beforeunload"], chosen)
    is_accepted = True
    tab.page.select_option("#channels", "left")
    tab.wait("#result:not([hidden])")
    assert tab.page.inner_text("#corrections") == ""
    tab.correct()
    tab.download("#training-button")
    tab.page.wait_for_function("document.querySelector('#download-state').textContent")
    tab.page.select_option("#channels", "mix")
    tab.wait("#result:not([hidden])")
    assert questions == ["confirm", "beforeunload", "confirm"]


def test_a_summary_counts_what_is_left_to_the_model(tab: Visit, clip: Path) -> None:
    change_answers(tab, lambda document: set_trust(document, "high"))
    tab.upload(clip.read_bytes())
    before = tab.page.inner_text("#over-time-certain")
    own, _ = tab.correct()
    after = tab.page.inner_text("#over-time-certain")
    assert re.match("Apart from your corrections|You decided", after)
    tab.page.locator("voxaffect-recording tbody select").first.select_option(own)
    assert tab.page.inner_text("#over-time-certain") == before


def test_a_long_recording_is_read_by_its_segments(tab: Visit) -> None:
    speech = np.concatenate([voice(seed, seconds=4) for seed in range(9)])
    tab.upload(encode(speech))
    assert "This is the mean of" in tab.page.inner_text("#answers .reason")
    assert "Read the segments below." in tab.page.inner_text("#advice-flaws")
    assert "two to ten" not in tab.page.content()


def test_downloads_have_names_of_their_own(tab: Visit) -> None:
    tab.upload(EXAMPLE)
    groups = tab.page.locator("#format optgroup")
    names = []
    for number in range(2):
        groups.nth(number).locator("option[value=csv]").evaluate("one => one.selected = true")
        with tab.page.expect_download() as waiting:
            tab.page.click("#download button")
        names.append(waiting.value.suggested_filename)
    assert names == ["clip.csv", "clip.answer.csv"]
    options = tab.page.locator("#format option").all()
    assert not [one for one in options if one.inner_text() == one.get_attribute("value")]


def test_each_channel_has_its_answer_and_its_lane(tab: Visit, tmp_path: Path) -> None:
    silence = np.zeros(3 * RATE_HZ, np.float32)
    left = np.concatenate([voice(1, seconds=3), silence])
    right = np.concatenate([silence, voice(8, seconds=3)])
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([left, right], axis=1), RATE_HZ, subtype="PCM_16")
    tab.upload(path.read_bytes(), "call.wav")
    tab.page.click("text=Show each channel by itself")
    tab.wait("#answers .reply:nth-child(2)")
    predictions = va.predict_channels(path, model="fast")
    shown = tab.page.locator("#answers .headline").all_inner_texts()
    assert shown == [one.emotion for one in predictions]
    assert tab.page.locator("voxaffect-recording .lane").count() == 2
    assert tab.page.is_visible("#training-channels")
    assert tab.page.is_visible("#advice-mixed")
    assert "by itself" not in tab.page.inner_text("#advice-flaws")
    tab.page.set_viewport_size({"width": 390, "height": 844})
    tab.page.wait_for_function("innerWidth === 390")
    sizes = tab.page.locator(".segments").evaluate("one => [one.scrollWidth, one.clientWidth]")
    assert sizes[0] <= sizes[1]
    assert tab.page.locator("#format option[value=srt]").is_disabled()


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"no sound at all", "unsupported_format", 'needs: pip install "voxaffect[media]"'),
        (encode(np.zeros(RATE_HZ, np.float32)), "silent", "is it the right file?"),
        (b"", "missing_file", "The file is empty"),
        (EXAMPLE[:20_000], "cut_short", "ends too early"),
    ],
)
def test_a_refused_upload_shows_a_sentence(
    tab: Visit, content: bytes, code: str, words: str
) -> None:
    tab.upload(content, "notes.wav")
    tab.complaints.clear()  # the browser reports the status
    text = tab.page.inner_text("#problem")
    assert tab.page.get_attribute("#problem", "data-code") == code
    assert words in text
    assert "{" not in text
    assert not tab.page.is_visible("#result")
    assert tab.page.is_enabled("#file")


def test_a_server_that_has_gone_is_named(browser: Any, service: Service) -> None:
    for tab in visit(browser, service):
        tab.wait("body[data-state=ready]")
        tab.page.context.set_offline(True)
        tab.upload(EXAMPLE)
        assert "The server does not answer." in tab.page.inner_text("#problem")
        tab.page.click("#tab-live")
        assert "Live uses the model fast. Be careful" in tab.page.inner_text("#live-model")
        tab.page.click("#live-start")
        tab.wait("#live-problem:not([hidden])")
        assert "The server does not answer." in tab.page.inner_text("#live-problem")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("locked") / "log", token=TOKEN) as running:
        yield running


def test_the_page_asks_for_the_token(browser: Any, locked: Service) -> None:
    for tab in visit(browser, locked):
        tab.wait("#token-dialog[open]")
        assert not tab.page.is_visible("#token-wrong")
        tab.page.fill("#token", "another-token-that-is-wrong")
        tab.page.keyboard.press("Enter")
        tab.wait("#token-wrong:visible")
        tab.page.fill("#token", TOKEN)
        tab.page.keyboard.press("Enter")
        tab.wait("body[data-state=ready]")
        tab.upload(EXAMPLE)
        assert tab.headline == va.predict(EXAMPLE, model="fast").emotion
        tab.page.click("#tab-live")
        tab.page.click("#live-start")
        tab.wait("#live-stop:visible")
        tab.page.click("#live-stop")
        tab.wait("#live-start:visible")
        assert not tab.page.is_visible("#live-problem")
        tab.page.reload()
        tab.wait("body[data-state=ready]")  # the tab keeps the token
        assert not any(TOKEN in url for url in tab.requests)


def test_everything_can_be_done_by_keyboard(tab: Visit) -> None:
    page = tab.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#live-start")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#law")
    page.keyboard.press("Home")
    reached = set()
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"file", "record", "example", "SUMMARY"} <= reached
    page.focus("#example")
    page.keyboard.press("Enter")
    tab.wait("#result:not([hidden])")
    assert page.evaluate("document.activeElement.id") == "result"


def find_violations(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    response = axe.Axe().run(page).response
    return [
        f"{one['id']}: {one['nodes'][0]['html']}"
        for one in response["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_each_tab_is_accessible_and_not_too_wide(
    browser: Any, service: Service, scheme: str, width: int
) -> None:
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme}
    for tab in visit(browser, service, bypass_csp=True, reduced_motion="reduce", **options):
        tab.wait("body[data-state=ready]")
        for name in TABS:
            tab.page.click(f"#tab-{name}")
            if name == "recording":
                tab.upload(EXAMPLE, "a-recording-with-a-long-name-that-has-no-blank-at-all.wav")
                tab.correct()
            if name == "live":
                tab.page.click("#live-start")
                tab.wait("#live-segments tr")
            tab.page.evaluate(
                "document.querySelectorAll('details').forEach(one => one.open = true)"
            )
            assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
            assert find_violations(tab.page) == []
