"""Build a release twice, compare, install and audit it, and list its packages.

It checks what is committed. From an environment with `release/requirements.txt`:

    python release/check.py --out dist
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MAX_BYTES = 30_000_000
# Two builds differ in folder, zone, language and order of dictionaries; their bytes may not.
SETTINGS = (
    {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {"TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
)
SCHEMAS = {
    "vendor.citation-file-format": "CITATION.cff",
    "vendor.github-workflows": ".github/workflows/release.yml",
}


def main() -> None:
    """Run every check, and stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="Folder for wheel, sdist and list of packages.")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel, sdist = build_twice(work)
        build_without_git(work)
        check_contents(wheel, sdist)
        for schema, path in SCHEMAS.items():
            run("check-jsonschema", "--builtin-schema", schema, path)
        run("twine", "check", "--strict", wheel, sdist)
        environment = install_everywhere(work, wheel, sdist)
        audit(environment)
        packages = list_packages(environment, wheel)
        for path in (wheel, sdist, packages):
            print(f"{path.stat().st_size:>11,} bytes  {hash_file(path)}  {path.name}")
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, out)


def run(program: str | Path, *arguments: object, **settings: str) -> str:
    """Standard output of a program of this environment, or of a path; a failure ends the run."""
    path = program if isinstance(program, Path) else PROGRAMS / program
    command = [str(path), *map(str, arguments)]
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"} | settings
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def ask_git(*arguments: object) -> str:
    """Answer of Git."""
    return run(Path(shutil.which("git") or "git"), *arguments).strip()


def hash_file(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_twice(work: Path) -> tuple[Path, Path]:
    """Wheel and sdist, after a second build elsewhere gave the same bytes."""
    epoch = ask_git("log", "-1", "--format=%ct")
    builds = []
    for number, settings in enumerate(SETTINGS):
        source, target = work / f"source{number}" / SETTINGS[number]["TZ"], work / f"dist{number}"
        ask_git("clone", "-q", ROOT, source)
        if number:
            for path in source.rglob("*"):
                os.utime(path, (10**9, 10**9), follow_symlinks=False)
                path.chmod(path.stat().st_mode | 0o020)  # as a umask of 002 leaves it
        run(
            "python", "-m", "build", "--installer", "uv", "--outdir", target, source,
            SOURCE_DATE_EPOCH=epoch, **settings,
        )  # fmt: skip
        builds.append({path.name: hash_file(path) for path in sorted(target.iterdir())})
    if builds[0] != builds[1]:
        sys.exit(f"two builds of one commit differ: {builds[0]} and {builds[1]}")
    print(f"two builds of one commit are the same bytes: {', '.join(builds[0])}")
    (wheel,) = (work / "dist0").glob("*.whl")
    (sdist,) = (work / "dist0").glob("*.tar.gz")
    return wheel, sdist


def build_without_git(work: Path) -> None:
    """Build the folder that an archive of the repository unpacks to, where no tag is known."""
    folder, archive = work / "without-git", work / "archive.tar"
    ask_git("archive", "--output", archive, "HEAD")
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    (folder / ".git_archival.txt").unlink()
    run("python", "-m", "build", "--installer", "uv", "--wheel", "--outdir", folder, folder)
    (wheel,) = folder.glob("*.whl")
    print(f"built without Git: {wheel.name}")


def read_metadata(wheel: Path) -> Message:
    """Metadata of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def check_contents(wheel: Path, sdist: Path) -> None:
    """Size, licenses and files of both archives."""
    for path in (wheel, sdist):
        if path.stat().st_size > MAX_BYTES:
            sys.exit(f"{path.name}: {path.stat().st_size:,} bytes, at most {MAX_BYTES:,} expected")
    metadata = read_metadata(wheel)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if metadata["License-Expression"] != project["license"]:
        sys.exit(f"{wheel.name}: the metadata lack the license expression {project['license']}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    info = names[-1].split("/")[0]
    expected = {f"{info}/licenses/{name}" for name in project["license-files"]}
    if missing := expected - set(names):
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(missing))}")
    if strange := [name for name in names if name.split("/")[0] not in ("voxaffect", info)]:
        sys.exit(f"{wheel.name} has files outside the package: {', '.join(strange)}")
    with tarfile.open(sdist) as archive:
        members = {name.split("/", 1)[1] for name in archive.getnames()}
    # PKG-INFO is made; everything else is a file of the repository, the tests among them.
    if members - {"PKG-INFO"} != set(ask_git("ls-files").splitlines()):
        differing = members ^ {"PKG-INFO", *ask_git("ls-files").splitlines()}
        sys.exit(f"{sdist.name} differs from the repository in {', '.join(sorted(differing))}")


def install_everywhere(work: Path, *archives: Path) -> Path:
    """Environment of the wheel in one Python, after all archives were tried in each Python."""
    version = read_metadata(archives[0])["Version"]
    environments: list[Path] = []
    for python in PYTHONS:
        path = shutil.which(f"python{python}")
        if path is None or subprocess.run([path, "-c", ""], capture_output=True).returncode != 0:
            print(f"Python {python}: skipped, because it is not on this machine")
            continue
        for archive in archives:
            environment = work / f"{python}-{archive.suffix[1:]}"
            run("uv", "venv", "--python", path, environment)
            run("uv", "pip", "install", "--python", environment, archive)
            command = environment / "bin" / "voxaffect"
            if (answer := run(command, "--version").split()[-1]) != version:
                sys.exit(f"{archive.name}: --version prints {answer}, expected {version}")
            prediction = run(command, "predict", "--example")
            environments.append(environment)
            print(f"Python {python}, {archive.name}: installed\n{prediction}", end="")
    if not environments:
        sys.exit(f"no Python of {', '.join(PYTHONS)} is on this machine")
    return environments[0]


def audit(environment: Path) -> None:
    """Known vulnerabilities of what the wheel installs; one ends the run."""
    (packages,) = environment.glob("lib/python*/site-packages")
    command = [PROGRAMS / "pip-audit", "--path", packages, "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"pip-audit: skipped, because the list of vulnerabilities is out of reach ({reason})")
        return
    dependencies = [row for row in dependencies if row["name"] != "voxaffect"]
    audited = [row for row in dependencies if "skip_reason" not in row]
    if findings := [f"{row['name']} {row['version']}" for row in audited if row["vulns"]]:
        sys.exit(f"pip-audit: {', '.join(findings)}\n{done.stdout}")
    unknown = ", ".join(row["name"] for row in dependencies if row not in audited)
    if not audited:
        print(f"pip-audit: skipped, because its service knows none of {unknown}")
        return
    print(f"pip-audit: no vulnerability in {len(audited)} of {len(dependencies)} packages", end="")
    print(f"; its service does not know {unknown}" if unknown else "")


def list_packages(environment: Path, wheel: Path) -> Path:
    """CycloneDX list of what the wheel installs."""
    path = wheel.with_name(f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json")
    run(
        "cyclonedx-py", "environment", "--output-reproducible", "--output-format", "JSON",
        "--output-file", path, environment / "bin" / "python",
    )  # fmt: skip
    components = json.loads(path.read_text(encoding="utf-8"))["components"]
    listed = {(re.sub(r"[-_.]+", "-", row["name"]).lower(), row["version"]) for row in components}
    installed = json.loads(run("uv", "pip", "list", "--format", "json", "--python", environment))
    if missing := {(row["name"], row["version"]) for row in installed} - listed:
        sys.exit(f"{path.name} lacks {missing}")
    print(f"{path.name} lists {len(components)} packages")
    return path


if __name__ == "__main__":
    main()
