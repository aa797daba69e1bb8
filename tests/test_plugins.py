"""Plug-ins: they work as what is built in does, and a broken one harms nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from conftest import RATE_HZ, Run, voice

from voxaffect.corpora import CORPORA
from voxaffect.errors import FeatureError, ModelError, PluginError
from voxaffect.features import SETS, FeatureSpec, check_spec, get_feature_spec
from voxaffect.models import load
from voxaffect.models.hub.address import parse_address
from voxaffect.models.hub.repository_card import _write_use
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS
from voxaffect.plugins import list_plugins, refresh
from voxaffect.training import RECIPES

EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin"
MODULE = "voxaffect_example"
GROUPS = ("corpora", "features", "recipes", "formats")


def install(
    folder: Path, name: str, entry_points: dict[str, dict[str, str]], version: str = "1.2"
) -> None:
    """Write the metadata of a package, as pip does."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, points in entry_points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def forget() -> None:
    for name in [name for name in sys.modules if name == MODULE or name.startswith("broken_")]:
        del sys.modules[name]
    refresh()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder for packages, on the path of this process."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    forget()
    yield folder
    monkeypatch.undo()
    forget()


def install_example(folder: Path) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    shutil.copy(EXAMPLE / f"{MODULE}.py", folder)
    install(folder, project["name"], project["entry-points"], project["version"])
    forget()


@pytest.fixture
def example(site: Path) -> Path:
    install_example(site)
    return site


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    names = [
        f"{who}-{how}-{take}"
        for who in ("f1", "f2", "m1")
        for how in ("ang", "hap", "sad")
        for take in (1, 2)
    ]
    for seed, name in enumerate(names):
        gain = {"ang": 1.5, "hap": 0.7, "sad": 0.2}[name[3:6]]
        soundfile.write(folder / f"{name}.wav", gain * voice(seed, seconds=0.5), RATE_HZ)
    return folder


@pytest.mark.usefixtures("example")
def test_the_example_brings_one_of_each_kind() -> None:
    ours = [one for one in list_plugins() if one.package == "voxaffect-example"]
    assert [(one.kind, one.name, one.version) for one in ours] == [
        ("corpora", "toy", "1.2"),
        ("features", "loudness", "1.2"),
        ("recipes", "loud", "1.2"),
        ("formats", "org", "1.2"),
    ]
    assert MODULE not in sys.modules
    assert CORPORA["toy"].language == "English"
    assert get_feature_spec("loudness").package == "voxaffect-example"
    assert RECIPES["loud"].features == "loudness"
    assert PREDICTION_FORMATS["org"].suffix == TIMELINE_FORMATS["org"].suffix == ".org"


@pytest.mark.usefixtures("example")
def test_the_commands_know_the_plug_ins(
    run: Run, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "toy" in run("corpora list").out
    assert "CC BY-NC 4.0" in run("corpora info toy").out
    assert run("corpora check toy", toy).code == 0
    table, model = tmp_path / "f.csv", tmp_path / "loud.onnx"
    assert run("features", toy, "--features", "loudness", "-o", table).code == 0
    assert table.read_text().startswith("file,level_mean_db,")
    done = run("train toy --data", toy, "--recipe", "loud", "-o", model)
    assert done.code == 0, done.err
    done = run("evaluate toy --data", toy, "--recipe", "loud", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["versions"]["voxaffect-example"] == "1.2"
    one = toy / "f1-ang-1.wav"
    done = run("predict", one, "--model", model, "--format", "org")
    assert done.out.startswith(f"| recording | emotion | confidence |\n|-\n| {one} |")
    assert run("timeline", one, "--model", model, "-o", tmp_path / "t.org").code == 0
    assert (tmp_path / "t.org").read_text().startswith("| recording | start | emotion |")
    assert "energy" in run("explain", one, "--model", model).out
    info = run("info", model).out
    assert "voxaffect-example 1.2" in info
    assert "use       non-commercial" in info
    loaded = load(model)
    assert loaded.spec.package == "voxaffect-example"
    card = "\n".join(_write_use(parse_address("hf:owner/name"), loaded.card))
    assert "$ pip install voxaffect-example==1.2\n" in card

    monkeypatch.undo()
    forget()
    with pytest.raises(ModelError, match=r"the package 'voxaffect-example'.* not installed") as no:
        load(model)
    assert str(no.value).endswith("If you trust it: pip install voxaffect-example==1.2")
    done = run("predict", one, "--model", model)
    assert (done.code, done.err.count("\n")) == (1, 1)


def test_help_lists_plug_ins_and_imports_none(example: Path) -> None:
    code = (
        "import sys, io, contextlib\n"
        "from voxaffect.cli import cli\n"
        "def call(*words):\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "        cli(words, standalone_mode=False)\n"
        "    return ' '.join(out.getvalue().split())\n"
        "call('predict', '--example', '--model', 'fast', '--format', 'csv')\n"
        "from voxaffect.plugins import _search\n"
        "assert _search.cache_info().currsize == 0\n"
        "assert 'org' in call('predict', '--help').split('One or more of')[1][:400]\n"
        "assert 'loudness' in call('features', '--help')\n"
        "assert '|loud' in call('train', '--help')\n"
        f"assert '{MODULE}' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(example)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr


BROKEN = {
    "broken_import": ("import voxaffect_no_such_module", "ModuleNotFoundError: No module named"),
    "broken_exit": ("raise SystemExit(3)", "cannot be loaded (SystemExit: 3)"),
    "broken_syntax": ("def", "cannot be loaded (SyntaxError: invalid syntax"),
    "broken_kind": ("X = 3", "cannot be used ("),
    "broken_name": ("", "cannot be loaded (AttributeError: "),
}


@pytest.mark.parametrize(
    ("kind", "module"),
    [*((kind, "broken_import") for kind in GROUPS), *(("features", name) for name in BROKEN)],
)
def test_a_broken_plug_in_is_one_line_and_harms_no_other_command(
    run: Run, site: Path, kind: str, module: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, message = BROKEN[module]
    (site / f"{module}.py").write_text(text)
    install(site, "broken-package", {f"voxaffect.{kind}": {"bad": f"{module}:X"}})
    forget()
    commands = {
        "corpora": ["corpora", "info", "bad"],
        "features": ["features", "x.wav", "--features", "bad", "-o", "x.csv"],
        "recipes": ["train", "ravdess", "--recipe", "bad"],
        "formats": ["predict", "--example", "--format", "bad"],
    }
    done = run(*commands[kind])
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert done.err.startswith("PluginError: ")
    assert "'bad' of broken-package 1.2 " in done.err
    assert message in done.err
    assert done.err.endswith("Update or uninstall broken-package.\n")
    done = run("config plugins")
    assert done.code == 1
    assert f"{kind:9} bad, of broken-package 1.2: cannot be used" in done.out
    assert "ravdess" in run("corpora list").out
    if kind == "corpora":
        assert "corpus 'bad' of broken-package 1.2" in caplog.text


def test_a_plug_in_cannot_replace_what_is_built_in(
    run: Run, example: Path, caplog: pytest.LogCaptureFixture
) -> None:
    points = {
        "voxaffect.corpora": {"ravdess": f"{MODULE}:CORPUS", "csv": f"{MODULE}:CORPUS"},
        "voxaffect.features": {"encoder": f"{MODULE}:LOUDNESS", "affect": f"{MODULE}:LOUDNESS"},
        "voxaffect.formats": {"json": MODULE, "Odd Name": MODULE},
    }
    install(example, "greedy", points)
    forget()
    assert CORPORA["ravdess"].title == "RAVDESS"
    assert "csv" not in CORPORA
    assert get_feature_spec("affect").package is None
    assert list(PREDICTION_FORMATS).count("json") == 1
    assert "Odd Name" not in PREDICTION_FORMATS
    done = run("config plugins")
    assert done.code == 1
    assert done.err.count("\n") == 6
    message = "format 'json' of greedy 1.2 is ignored: the name is built in. Its package has to"
    assert message in done.err
    assert message in caplog.text


def test_two_plug_ins_with_one_name_are_an_error_that_names_both(run: Run, example: Path) -> None:
    install(example, "copycat", {"voxaffect.features": {"loudness": f"{MODULE}:LOUDNESS"}}, "3.0")
    forget()
    expected = (
        "feature set 'loudness' is in copycat 3.0 and voxaffect-example 1.2. Uninstall all but one."
    )
    done = run("features", "x.wav", "--features", "loudness", "-o", "x.csv")
    assert done.err == f"PluginError: {expected}\n"
    with pytest.raises(PluginError, match=r"copycat 3\.0 and voxaffect-example 1\.2"):
        SETS["loudness"]
    assert run("config plugins").code == 1


@pytest.mark.usefixtures("example")
def test_features_of_another_package_or_version_are_refused() -> None:
    spec = get_feature_spec("loudness")
    assert FeatureSpec.from_json(spec.to_json()) == spec
    other = FeatureSpec.from_json(spec.to_json().replace("voxaffect-example", "elsewhere"))
    with pytest.raises(FeatureError, match=r"'elsewhere' .* The one here is of 'voxaffect-exampl"):
        check_spec(other)
    later = FeatureSpec.from_json(spec.to_json().replace('"version":1', '"version":2'))
    with pytest.raises(FeatureError, match=r"voxaffect-example 1.2 computes version 1\."):
        check_spec(later)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return [1.0]", r"failed \(expected numbers of shape \(5,\)"),
        ("raise KeyError('x')", r"failed \(KeyError: 'x'\)"),
        ("return [float('nan')] * 5", "not finite: level_mean_db"),
    ],
)
def test_features_that_fail_name_their_package(
    site: Path, toy: Path, run: Run, tmp_path: Path, body: str, message: str
) -> None:
    text = f"import {MODULE}\nclass X({MODULE}.Loudness):\n"
    text += f"    def compute(self, *_):\n        {body}\n"
    (site / "broken_compute.py").write_text(f"{text}X = X()\n")
    shutil.copy(EXAMPLE / f"{MODULE}.py", site)
    install(site, "broken-package", {"voxaffect.features": {"bad": "broken_compute:X"}})
    forget()
    arguments = ["--features", "bad", "-o", tmp_path / "x.csv"]
    done = run("features", toy / "f1-ang-1.wav", *arguments)
    assert done.code == 1
    assert re.search(message, done.err), done.err


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("groups = ['level']", "a feature set needs groups: a tuple of names"),
        ("default_groups = ('pitch',)", "default_groups: expected some of groups"),
        ("families = {}", "each name of the group 'level' needs one of its families"),
        ("weights = 'abc'", "a feature set needs weights: None: raise version when weights chan"),
        ("_names = {'level': ('a',) * 3, 'noise': ()}", "expected different names of numbers"),
    ],
)
def test_what_is_no_feature_set_is_named(site: Path, attributes: str, message: str) -> None:
    text = f"import {MODULE}\nclass X({MODULE}.Loudness):\n    {attributes}\nX = X()\n"
    (site / "broken_set.py").write_text(text)
    shutil.copy(EXAMPLE / f"{MODULE}.py", site)
    install(site, "broken-package", {"voxaffect.features": {"bad": "broken_set:X"}})
    forget()
    with pytest.raises(PluginError, match=f"cannot be used \\({re.escape(message)}"):
        get_feature_spec("bad")


def test_a_package_without_metadata_harms_nothing(site: Path) -> None:
    install(site, "odd-package", {"voxaffect.formats": {"odd": "broken_odd"}})
    (site / "odd_package-1.2.dist-info" / "METADATA").unlink()
    forget()
    assert "odd" in [plugin.name for plugin in list_plugins()]
    with pytest.raises(PluginError, match="format 'odd' of "):
        PREDICTION_FORMATS["odd"]


@pytest.mark.slow
def test_pip_installs_the_example(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    source = shutil.copytree(EXAMPLE, tmp_path / "source")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", tmp_path / "site"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *options, source]
    subprocess.run(command, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    for words, expected in (
        (["config", "plugins"], "formats   org, of voxaffect-example 1.2: ok\n"),
        (["predict", "--example", "--model", "fast", "--format", "org"], "| example.wav | "),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "voxaffect", *words],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


def test_the_page_shows_the_example() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "plug-ins.md").read_text(encoding="utf-8")
    for language, name in (("python", f"{MODULE}.py"), ("toml", "pyproject.toml")):
        blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        text = (EXAMPLE / name).read_text(encoding="utf-8")
        assert blocks
        assert [block for block in blocks if block not in text] == []
