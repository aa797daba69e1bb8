"""``serve``: recognition over HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from voxaffect.cli.config_option import find_origin
from voxaffect.cli.help import Command, Option
from voxaffect.errors import ArgumentError, ConfigError, extra
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
    "page": "Access",
    "concurrency": "Limits",
}


def _setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting; that of the token is for variables and files only."""
    section, options = "", []
    for name, field in Settings.model_fields.items():
        section = _SECTIONS.get(name, section)
        if name == "token":
            options.append(click.option("--token", hidden=True, callback=_refuse_token))
            continue
        default = field.default
        shown = ",".join(default) if isinstance(default, tuple) else default
        text = (field.description or "") + (f"  [default: {shown}]" if shown != "" else "")
        if field.annotation is bool:
            option = click.option(
                f"--{name}/--no-{name}", default=None, cls=Option, section=section, help=text
            )
            options.append(option)
            continue
        flag = f"--{name.replace('_', '-')}"
        metavar = "A,B,…" if isinstance(default, tuple) else "VALUE"
        metavar = "NAME | FILE,…" if name == "models" else metavar
        options.append(
            click.option(flag, name, cls=Option, section=section, metavar=metavar, help=text)
        )
    for option in reversed(options):
        command = option(command)
    return command


def _refuse_token(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Token of a variable or file; other users would see one of the command line in ``ps``."""
    if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            "--token: other users would see it. Use --token-file or VOXAFFECT_SERVE_TOKEN."
        )
    return value


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
def serve(token_file: Path | None, **options: Any) -> None:
    """Recognize emotion over HTTP and WebSocket, and with a page for the browser.

    Open the address that it prints, such as http://127.0.0.1:8000, in a browser: upload or record
    speech there. --no-page leaves the page out.

    Only programs of this machine can connect, unless --host names another address. Each setting
    is also read from a variable, such as VOXAFFECT_SERVE_PORT, and from the file --config, which
    holds the settings alone or in a table [serve]. The token is read from VOXAFFECT_SERVE_TOKEN,
    that file or --token-file. docs/in-a-service.md describes all routes.

    A signal (Ctrl-C, SIGTERM) stops the server after all accepted requests are answered.
    """
    flags = {name: value for name, value in options.items() if value is not None}
    if token_file is not None:
        limit, what = _LONGEST_TOKEN, "a file that holds a token"
        content = read_bounded(token_file, limit=limit, what=what, error=ArgumentError)
        flags["token"] = content.decode("ascii", "replace").strip()
    run_server(_read(flags), flags)


def _read(flags: dict[str, Any]) -> Settings:
    """Settings; one of a file that does not fit is refused with its place there.

    Raises
    ------
    ArgumentError, ConfigError
    """
    try:
        return read_settings(**flags)
    except ArgumentError as error:
        name, _, reason = str(error).partition(": ")
        origin = find_origin(click.get_current_context(), name)
        if origin is None:
            raise
        raise ConfigError(f"{origin}: {reason}") from error
