"""Push of a model file and its card to a repository on the hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from voxaffect.errors import HubError
from voxaffect.models.hub.address import COMMIT, MODEL_FILE, HubAddress, parse_address
from voxaffect.models.hub.client import make_headers, open_hub
from voxaffect.models.hub.licenses import choose_license
from voxaffect.models.hub.repository_card import write_repository_card
from voxaffect.models.model import Model

CARD_FILE = "README.md"


@dataclass(frozen=True)
class PushPlan:
    """Model, repository and license of a push.

    Parameters
    ----------
    model : Model
    address : HubAddress
    license : str
        As the hub spells it.
    is_private : bool
        Whether only its owner and those with access see the repository.
    card : str
        Text of README.md.
    commit : str, optional
        Newest commit of the repository; None if it is to be created, or was not looked up.
    """

    model: Model
    address: HubAddress
    license: str
    is_private: bool
    card: str
    commit: str | None = None


def push(
    model: Model, repository: str, *, license: str | None = None, is_private: bool = True
) -> str:
    """Push a model file and its card to the hub; nobody is asked.

    Parameters
    ----------
    model : Model
    repository : str
        As ``hf:owner/name``; it is created if it does not exist.
    license : str, optional
        As the hub spells it, such as ``cc-by-nc-sa-4.0``. By default, that of the training data,
        if the card of the model states one that is known.
    is_private : bool
        Whether only its owner and those with access see the repository.

    Returns
    -------
    str
        Address with the commit, which ``load`` takes.

    Raises
    ------
    HubError
        If the model has no license, there is no token, the repository is not as private as
        expected, or the hub refuses.

    Examples
    --------
    >>> push(va.load("model.onnx"), "hf:ann/calls", license="cc-by-4.0")  # doctest: +SKIP
    """
    plan = plan_push(model, repository, license=license, is_private=is_private)
    return send(look_up(plan))


def plan_push(
    model: Model, repository: str, *, license: str | None = None, is_private: bool = True
) -> PushPlan:
    """Plan of a push, as ``push``; nothing is requested.

    Raises
    ------
    HubError
        If the repository is none, or the model has no license.
    """
    address = parse_address(repository)
    if address.revision is not None or address.file != MODEL_FILE or ":" in repository[3:]:
        raise HubError(
            f"{repository}: a push writes {MODEL_FILE} to the main branch. Expected hf:owner/name."
        )
    chosen = choose_license(model.card, license, model.name)
    card = write_repository_card(model, address, chosen)
    return PushPlan(model, address, chosen, is_private, card)


def look_up(plan: PushPlan) -> PushPlan:
    """Plan with the newest commit of the repository, if it exists.

    Raises
    ------
    HubError
        If there is no token, the hub cannot be asked, or the repository is public where a private
        one is expected, or the other way round.
    """
    name = str(plan.address)
    with open_hub(name) as hub:
        api = _open_api(hub)
        try:
            info = api.model_info(plan.address.repository)
        except hub.errors.GatedRepoError:
            raise
        except hub.errors.RepositoryNotFoundError:
            return replace(plan, commit=None)
    if bool(info.private) != plan.is_private:
        actual, option = ("private", "--private") if info.private else ("public", "--public")
        raise HubError(
            f"{name}: the repository is {actual}. Change it on the hub, or push with {option}."
        )
    return replace(plan, commit=_check_commit(info.sha, name))


def send(plan: PushPlan) -> str:
    """Create the repository if needed, and commit both files; returns the address of the commit.

    Raises
    ------
    HubError
        If the hub refuses, or the repository has changed since the plan was made.
    """
    name, repository = str(plan.address), plan.address.repository
    with open_hub(name) as hub:
        api = _open_api(hub)
        if plan.commit is None:
            api.create_repo(repository, private=plan.is_private)
        files = {MODEL_FILE: plan.model.content, CARD_FILE: plan.card.encode("utf-8")}
        commit = api.create_commit(
            repository,
            [hub.CommitOperationAdd(path, content) for path, content in files.items()],
            commit_message=f"Push a voxaffect model, format {plan.model.card.format}",
            parent_commit=plan.commit,
        )
    return str(plan.address.pin(_check_commit(commit.oid, name)))


def _open_api(hub: Any) -> Any:
    """Interface of the hub, with the token that the library finds."""
    return hub.HfApi(token=True, headers=make_headers())


def _check_commit(commit: object, name: str) -> str:
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise HubError(f"{name}: the hub names no commit. Look at the repository before you go on.")
    return commit
