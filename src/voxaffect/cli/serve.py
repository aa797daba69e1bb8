"""``serve``: recognition over HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.help import Command, Option
from voxaffect.errors import ArgumentError, extra
from voxaffect.files import read_bounded

with extra("serve"):
    from voxaffect.service.server import serve as run_server
    from voxaffect.service.settings import Settings, read_settings

_EXAMPLES = (
    "voxaffect serve",
    "voxaffect serve --port 9000 --models fast",
    "voxaffect serve --host 0.0.0.0 --token-file token.txt --config serve.toml",
)
_LONGEST_TOKEN = 1_000
_SECTIONS = {
    "host": "Address",
    "models": "Recognition",
    "token": "Access",
    "concurrency": "Limits",
}


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting but the token, which other users would see in ``ps``."""
    section, options = "", []
    for name, field in Settings.model_fields.items():
        section = _SECTIONS.get(name, section)
        if name == "token":
            continue
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        text = (field.description or "") + (f"  [default: {shown}]" if shown != "" else "")
        flag = f"--{name.replace('_', '-')}"
        metavar = "A,B,…" if isinstance(default, tuple) else "VALUE"
        options.append(
            click.option(flag, name, cls=Option, section=section, metavar=metavar, help=text)
        )
    for option in reversed(options):
        command = option(command)
    return command


@click.command(cls=Command, examples=_EXAMPLES)
@_setting_options
@click.option(
    "--token-file",
    cls=Option,
    section="Access",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="File that holds the bearer token that clients must send.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="TOML file with settings. Flags and variables come first.",
)
def serve(token_file: Path | None, config: Path | None, **options: Any) -> None:
    """Recognize emotion over HTTP and WebSocket.

    Only programs of this machine can connect, unless --host names another address. Each setting
    is also read from a variable, such as VOXAFFECT_SERVE_PORT, and from the TOML file. The token
    is read from VOXAFFECT_SERVE_TOKEN or --token-file. docs/in-a-service.md describes all routes.

    A signal (Ctrl-C, SIGTERM) stops the server after all accepted requests are answered.
    """
    flags = {name: value for name, value in options.items() if value is not None}
    if token_file is not None:
        limit, what = _LONGEST_TOKEN, "a file that holds a token"
        content = read_bounded(token_file, limit=limit, what=what, error=ArgumentError)
        flags["token"] = content.decode("ascii", "replace").strip()
    run_server(read_settings(config, **flags), flags, config)
