"""Chromium for tests of pages; a test is skipped where Playwright or the browser is absent."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
)


@contextmanager
def open_browser(*flags: str) -> Iterator[Any]:
    """Playwright's ``Browser``, started with more flags.

    Use it in a fixture of a module, one at a time: until it is closed, the thread has a running
    event loop, in which ``asyncio.run`` and a second Playwright fail.
    """
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        sandbox = ["--no-sandbox"] if is_root else []
        browser = playwright.chromium.launch(
            executable_path=find_browser(playwright), args=[*QUIET, *sandbox, *flags]
        )
        try:
            yield browser
        finally:
            browser.close()


def microphone_flags(recording: Path) -> list[str]:
    """Flags that play a WAV file into the page's microphone, over and over, without a question."""
    return [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
        "--autoplay-policy=no-user-gesture-required",
    ]


def find_browser(playwright: Any) -> str:
    """Path of VOXAFFECT_BROWSER, of a browser on the path, or of Playwright's own; or skip."""
    own = playwright.chromium.executable_path
    path = os.environ.get("VOXAFFECT_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path and Path(own).is_file():
        path = own
    if not path:
        pytest.skip("needs Chromium or Chrome, on the path or named by VOXAFFECT_BROWSER")
    return str(path)
