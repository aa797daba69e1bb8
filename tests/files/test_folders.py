"""A user without a home folder, as in a container: no traceback, and the work is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Run

import voxaffect as va
from voxaffect.corpora import find_root
from voxaffect.errors import CacheError, CorpusError
from voxaffect.extraction.cache import FeatureCache, get_cache_path, open_cache, warn_once
from voxaffect.files.folders import expand_home, find_cache_folder, find_data_folder, has_home

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="home folders are POSIX's")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a user whom the system does not know, as with ``--user 12345``."""
    import pwd

    def unknown(user: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {user}")

    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "VOXAFFECT_CACHE", "VOXAFFECT_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    warn_once.cache_clear()
    yield
    warn_once.cache_clear()


@pytest.mark.usefixtures("homeless")
def test_there_is_no_folder_of_the_user() -> None:
    assert not has_home()
    assert find_cache_folder() is None
    assert find_data_folder() is None
    assert expand_home("~/x") == Path("~/x")
    with pytest.raises(CacheError, match=r"has no home folder .* Set VOXAFFECT_CACHE"):
        get_cache_path()
    with pytest.raises(CacheError, match="has no home folder"):
        FeatureCache()


@pytest.mark.usefixtures("homeless")
def test_extraction_goes_on_without_a_cache_and_tells_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        with open_cache() as cache:
            assert cache is None
    (message,) = caplog.messages
    assert message.startswith("No feature cache, so that features are computed each time: this ")


@pytest.mark.slow
@pytest.mark.usefixtures("homeless")
def test_commands_work(
    run: Run, small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "features.csv"
    assert run("features", small_ravdess, "-o", output).code == 0
    assert output.exists()
    done = run(
        "train",
        "ravdess",
        "--data",
        small_ravdess,
        "--emotions",
        "calm,happy",
        "--recipe",
        "mlp",
        "--no-augment",
        "--test-size",
        0,
        "-o",
        tmp_path / "mine.onnx",
    )
    assert done.code == 0
    assert run("corpora", "check", "ravdess", small_ravdess).code == 1  # it is not whole
    assert not (tmp_path / "~").exists()


@pytest.mark.usefixtures("homeless")
def test_a_corpus_that_is_not_there_is_an_error_with_a_way_out() -> None:
    with pytest.raises(CorpusError, match=r"~/x"):
        va.load_data(root="~/x")
    with pytest.raises(CorpusError, match=r"not found\. Looked in no folder .*DATA is not set"):
        find_root("ravdess")


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize("chosen", ["~/c", "~"])
def test_no_folder_is_called_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOXAFFECT_CACHE", chosen)
    with pytest.raises(CacheError, match="no home folder"), open_cache():
        pass
    assert not [*tmp_path.iterdir()]


def test_a_tilde_in_the_environment_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VOXAFFECT_CACHE", "~/c")
    assert get_cache_path() == tmp_path / "c" / "features.sqlite"
    monkeypatch.setenv("VOXAFFECT_DATA", "~/corpora")
    (tmp_path / "corpora" / "ravdess" / "Actor_01").mkdir(parents=True)
    assert find_root("ravdess") == tmp_path / "corpora" / "ravdess"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_home_that_is_not_writable_costs_the_cache_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOXAFFECT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.chmod(0o500)
    with open_cache() as cache:
        assert cache is None


def test_a_place_that_cannot_be_a_folder_costs_the_cache_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".cache").write_text("a file")
    monkeypatch.delenv("VOXAFFECT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with open_cache() as cache:
        assert cache is None
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path / ".cache" / "c"))
    with pytest.raises(CacheError, match="to a folder that you can write to"), open_cache():
        pass
