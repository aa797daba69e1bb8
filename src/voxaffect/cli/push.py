"""``push``: a model file and its card, to the Hugging Face Hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from voxaffect.cli.help import Command
from voxaffect.cli.inputs import ModelName, open_model
from voxaffect.console import print_line, print_message, stderr_is_terminal

if TYPE_CHECKING:
    from voxaffect.models.hub.publishing import PushPlan

_EXAMPLES = (
    "voxaffect push model.onnx hf:ann/calls",
    "voxaffect push model.onnx hf:ann/calls --license cc-by-4.0 --public --yes",
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("model", type=ModelName(), metavar="MODEL")
@click.argument("repository", metavar="hf:OWNER/NAME")
@click.option(
    "--license",
    "license_",
    metavar="LICENSE",
    help="License of the model as the hub spells it, such as cc-by-nc-sa-4.0.  [default: that of "
    "the training data, if the card of the model states one that is known]",
)
@click.option(
    "--private/--public",
    "is_private",
    default=True,
    show_default=True,
    help="Who sees the repository.",
)
@click.option("--yes", is_flag=True, help="Push without a question, for scripts.")
def push(
    model: str | Path, repository: str, license_: str | None, is_private: bool, yes: bool
) -> None:
    """Push a model to the Hugging Face Hub.

    Two files are pushed: the model file, as model.onnx, and README.md, made from its card. The
    license is shown, and you are asked first. The repository is created if it does not exist. The
    address that is printed names the commit: load it with --model.

    It needs the extra hub: pip install "voxaffect[hub]". The token is that of 'hf auth login', or
    of the variable HF_TOKEN.
    """
    from voxaffect.models.hub.publishing import look_up, plan_push, send

    if not (yes or _can_ask()):
        raise click.UsageError("There is no terminal to ask on. Push with --yes.")
    loaded = open_model(model, is_shown=False)
    plan = look_up(plan_push(loaded, repository, license=license_, is_private=is_private))
    for line in _describe(plan):
        print_message(line)
    if not yes and not click.confirm("Push it?", err=True):
        print_message("Nothing was pushed.")
        raise SystemExit(1)
    print_line(send(plan))


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and stderr_is_terminal()


def _describe(plan: PushPlan) -> list[str]:
    """Lines on what is pushed, under which license, and where."""
    from voxaffect.models.hub.licenses import describe_licenses
    from voxaffect.models.licensing import describe_use

    model, kind = plan.model, "private" if plan.is_private else "public"
    state = "new" if plan.commit is None else f"its files at {plan.commit[:12]} are replaced"
    return [
        f"model       {model.name}, {len(model.content):,} bytes, SHA-256 {model.sha256}",
        f"files       {plan.address.file}, README.md",
        f"repository  {plan.address}, {kind}, {state}",
        f"license     {plan.license}",
        *(f"data        {line}" for line in describe_licenses(model.card)),
        f"use         {describe_use(model.card)}",
    ]
