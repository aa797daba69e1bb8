"""The page in a real browser: nothing from the network, nothing mute, nothing too wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browsers import open_browser
from support.studies import rename

from voxaffect.outputs.report import write_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(evaluation: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    document = rename(evaluation, {"disgust": "<b>disgust</b>"})
    document["systems"]["a system whose name is as long as names get"] = document["systems"][
        "logistic"
    ]
    write_report(document, folder)
    return (folder / "report.html").as_uri()


@pytest.fixture(params=[(390, "light"), (1280, "light"), (1280, "dark")], ids=str)
def opened(browser: Any, address: str, request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    found: dict[str, Any] = {"page": page, "width": width, "requests": [], "complaints": []}
    page.on("request", lambda each: found["requests"].append(each.url))
    page.on("console", lambda each: found["complaints"].append(each.text))
    page.on("pageerror", lambda each: found["complaints"].append(str(each)))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    yield found
    context.close()


def test_it_asks_for_itself_alone(opened: dict[str, Any], address: str) -> None:
    assert [each for each in opened["requests"] if not each.startswith("data:")] == [address]
    assert opened["complaints"] == []


def test_every_figure_has_an_alternative(opened: dict[str, Any]) -> None:
    figures = opened["page"].locator("main svg, main img")
    labels = [
        figures.nth(place).get_attribute("aria-label") or figures.nth(place).get_attribute("alt")
        for place in range(figures.count())
    ]
    assert len(labels) >= 12
    assert all(labels)


def test_nothing_is_wider_than_the_window(opened: dict[str, Any]) -> None:
    page = opened["page"]
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= opened["width"]


@pytest.mark.parametrize("width", [1100, 1280])
def test_every_table_is_seen_whole_on_a_desk(
    browser: Any, evaluation: dict[str, Any], tmp_path: Path, width: int
) -> None:
    write_report(rename(evaluation, {"eGeMAPS + SVM": "ComParE_2016 + SVM"}), tmp_path)
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    cut = page.evaluate(
        "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > "
        "each.clientWidth).map(each => each.getAttribute('aria-label'))"
    )
    page.close()
    assert cut == []


def test_words_stand_out_from_the_page(opened: dict[str, Any]) -> None:
    page = opened["page"]
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    drawn = page.evaluate("getComputedStyle(document.querySelector('svg text')).fill")
    assert ink != paper
    assert drawn == ink  # figures follow the page, light or dark


def test_it_can_be_pictured(opened: dict[str, Any], tmp_path: Path) -> None:
    opened["page"].screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 50_000
