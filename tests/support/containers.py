"""A Dockerfile built and run without an engine: its steps in an overlay over this system.

The base image is this machine's system with this interpreter as ``python``. What a container
forbids is forbidden here, too: a root that cannot be written, a user without rights, no network
but the loopback, and process 1 of its own.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("unshare", "nsenter", "setpriv", "chroot", "mount", "ip")


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str
    value: str
    flags: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """Words of the exec form, or of a line."""
        return json.loads(self.value) if self.value.startswith("[") else shlex.split(self.value)


@dataclass(frozen=True)
class Image:
    """Root folder and settings of a stage that was built."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Instruction] = field(default_factory=dict)

    @property
    def command(self) -> list[str]:
        return self.settings["ENTRYPOINT"].words + self.settings["CMD"].words

    @property
    def health_check(self) -> list[str]:
        return json.loads(self.settings["HEALTHCHECK"].value.removeprefix("CMD "))


def parse_dockerfile(text: str) -> list[Instruction]:
    """Instructions in their order."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    instructions = []
    for line in filter(str.strip, joined.splitlines()):
        name, _, rest = line.strip().partition(" ")
        flags = {}
        while match := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        instructions.append(Instruction(name.upper(), " ".join(rest.split()), flags))
    return instructions


def list_context(folder: Path) -> list[Path]:
    """Files of a folder that its ``.dockerignore`` lets through, relative to it."""
    lines = (folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    done = subprocess.run(["git", "ls-files"], cwd=folder, capture_output=True, text=True)
    return [Path(name) for name in done.stdout.splitlines() if not _is_ignored(name, rules)]


def _is_ignored(name: str, rules: list[str]) -> bool:
    """Verdict of the last rule that matches a file or a folder above it."""
    paths = [name, *(parent.as_posix() for parent in Path(name).parents if parent != Path())]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!").removeprefix("**/")
        anywhere = rule.removeprefix("!").startswith("**/")
        candidates = [Path(path).name for path in paths] if anywhere else paths
        if any(_matches(candidate, pattern) for candidate in candidates):
            ignored = not rule.startswith("!")
    return ignored


def _matches(path: str, pattern: str) -> bool:
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern)


def can_contain() -> bool:
    """Whether this process may mount overlays and make namespaces."""
    if not all(map(shutil.which, PROGRAMS)) or os.geteuid() != 0:
        return False
    script = "mount -t tmpfs t /mnt && cd /mnt && mkdir u w m && mount -t overlay o -o " + (
        "lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w m && ip link set lo up"
    )
    command = ["unshare", "-m", "-n", "-p", "-f", "sh", "-c", script]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def open_builder(folder: Path) -> Iterator[Builder]:
    """Builder whose mounts are in a folder, seen by its own processes, and gone at the end."""
    script = f"mount -t tmpfs t {folder} && echo ready && exec sleep infinity"
    holder = subprocess.Popen(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        yield Builder(folder, holder.pid)
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


class Builder:
    """Stages of a Dockerfile, each an overlay over this system."""

    def __init__(self, folder: Path, holder: int) -> None:
        self._folder, self._holder = folder, holder

    def enter(self, *command: object) -> list[str]:
        """Command that runs another one where the mounts are."""
        return ["nsenter", "-t", str(self._holder), "-m", *map(str, command)]

    def _run(self, script: str, **options: object) -> None:
        command = self.enter("sh", "-euc", script)
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"

    def build(self, context: Path) -> Image:
        """Image of the last stage."""
        images: dict[str, Image] = {}
        image, directory = Image(Path()), "/"
        text = (context / "Dockerfile").read_text(encoding="utf-8")
        for step in parse_dockerfile(text):
            if step.name == "FROM":
                name = step.words[2] if len(step.words) == 3 else str(len(images))
                image = images[name] = self._make_base(name)
                directory = "/"
            elif step.name == "WORKDIR":
                directory = step.value
                self._run(f"mkdir -p {image.root}{directory}")
            elif step.name == "ENV":
                for word in step.words:
                    key, _, value = word.partition("=")
                    known = {"PATH": os.defpath} | image.environment
                    image.environment[key] = value.replace("$PATH", known["PATH"])
            elif step.name == "COPY":
                self._copy(step, context, image.root, directory, images)
            elif step.name == "RUN":
                inner = f"cd {directory}\n{step.value}"
                self._run(f"chroot {image.root} sh -euc {shlex.quote(inner)}")
            else:
                image.settings[step.name] = step
        return image

    def _make_base(self, name: str) -> Image:
        stage = self._folder / name
        root, python = stage / "root", Path(sys.base_prefix) / "bin" / "python3"
        above = [f"{root}{parent}" for parent in python.resolve().parents if parent != Path("/")]
        self._run(
            f"""mkdir -p {stage}/upper {stage}/work {root}
            mount -t overlay o -o lowerdir=/,upperdir={stage}/upper,workdir={stage}/work {root}
            mount -t proc proc {root}/proc
            mount --rbind /dev {root}/dev
            chmod a+rx {" ".join(above)}
            ln -sf {python} {root}/usr/local/bin/python"""
        )
        return Image(root, {"PATH": os.defpath})

    def _copy(
        self, step: Instruction, context: Path, root: Path, directory: str, images: dict[str, Image]
    ) -> None:
        source, target = step.words
        if "from" in step.flags:
            origin = images[step.flags["from"]].root
            self._run(f"mkdir -p {root}{target} && cp -a {origin}{source}/. {root}{target}")
            return
        assert (source, target) == (".", "."), "the tests know no other COPY"
        names = "\n".join(map(str, list_context(context)))
        archive = self._folder / "context.tar"
        self._run(f"tar -C {context} -cf {archive} -T -", input=names)
        self._run(f"tar -C {root}{directory} -xf {archive} && rm {archive}")

    @contextmanager
    def run(self, image: Image, log: Path, **settings: str) -> Iterator[Container]:
        """Container of an image, with more environment variables."""
        root = image.root
        user, _, group = image.settings["USER"].value.partition(":")
        variables = [f"{key}={value}" for key, value in (image.environment | settings).items()]
        drop = f"--reuid={user} --regid={group or user} --clear-groups --no-new-privs"
        drop += " --bounding-set=-all --inh-caps=-all"
        as_user = ["setpriv", *drop.split(), "env", "-i", *variables]
        script = f"""
            ip link set lo up
            umount -l {root}/dev {root}/proc
            mount -t tmpfs dev {root}/dev
            for name in null zero random urandom; do
                touch {root}/dev/$name && mount --bind /dev/$name {root}/dev/$name
            done
            ln -s /proc/self/fd {root}/dev/fd
            mkdir {root}/dev/shm
            mount -o remount,bind,ro {root}/dev
            mount -t tmpfs -o size=64m,mode=1777 shm {root}/dev/shm
            mount -o remount,bind,ro {root}
            mount -t proc proc {root}/proc
            exec chroot {root} {shlex.join([*as_user, *image.command])}"""
        outside = ["unshare", "-m", "-n", "-p", "-i", "-u", "-f", "--kill-child"]
        with log.open("wb") as stream:
            command = self.enter(*outside, "sh", "-euc", script)
            process = subprocess.Popen(command, stderr=stream)
        try:
            yield Container(process, log, as_user)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def boot(self, image: Image, log: Path, unit: Path) -> Iterator[Container]:
        """This system's systemd as process 1, which runs a unit."""
        root, target = image.root, "[Unit]\nRequires=dbus.socket"
        self._move_python(root)
        self._run(
            f"""cp {unit} {root}/etc/systemd/system
            printf '{target} {unit.name}\n' > {root}/etc/systemd/system/tested.target"""
        )
        script = f"""
            ip link set lo up
            umount -l {root}/proc
            mount -t proc proc {root}/proc
            mount -t sysfs sys {root}/sys
            mount -t cgroup2 cgroup2 {root}/sys/fs/cgroup
            mount -t tmpfs run {root}/run
            exec chroot {root} env -i container=test /lib/systemd/systemd --unit=tested.target"""
        outside = ["unshare", "-m", "-n", "-p", "-i", "-u", "-C", "-f", "--kill-child"]
        with log.open("wb") as stream:
            command = self.enter(*outside, "sh", "-euc", script)
            process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            yield Container(process, log, [])
        finally:
            process.kill()
            process.wait()

    def _move_python(self, root: Path) -> None:
        """Copy an interpreter out of a home folder, which a service does not see."""
        if not sys.base_prefix.startswith(("/root/", "/home/")):
            return
        python = f"/usr/local/python/bin/python3.{sys.version_info.minor}"
        self._run(
            f"""cp -a {sys.base_prefix} {root}/usr/local/python
            ln -sfn {python} {root}/opt/voxaffect/bin/python"""
        )


@dataclass(frozen=True)
class Container:
    """A container that runs."""

    process: subprocess.Popen[bytes]
    log: Path
    as_user: list[str]

    @property
    def first(self) -> int:
        """Process 1 of the container, as this system numbers it; 0 before it starts."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int((path.read_text(encoding="ascii").split() or ["0"])[0])

    def execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as ``docker exec`` does."""
        inside = ["nsenter", "-t", str(self.first), "-m", "-n", "-p", "-r", "-w"]
        return subprocess.run(
            [*inside, *self.as_user, *command], capture_output=True, text=True, check=False
        )
