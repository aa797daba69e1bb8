"""Models on a hub: a fake of its HTTP API on loopback, and the hub's own library against it."""

from __future__ import annotations

import errno
import json
import logging
import os
import posixpath
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import yaml
from hypothesis import given, strategies as st
from support.hub import TOKEN, FakeHub, Request, run_hub

from voxaffect.errors import HubError, MissingExtraError, ModelError
from voxaffect.models import METADATA_KEY, Model, add_checksum, load
from voxaffect.models.hub import HubAddress, is_hub_address, parse_address, push
from voxaffect.models.hub.client import open_hub
from voxaffect.models.hub.publishing import look_up, plan_push, send

huggingface_hub = pytest.importorskip("huggingface_hub")
for module in ("constants", "file_download", "utils.sha"):
    pytest.importorskip(f"huggingface_hub.{module}")
OLD = Path(__file__).parents[1] / "data" / "format-3.onnx"
NAME = "hf:ann/calls"


def make_model(license_: str = "CC BY-NC-SA 4.0", **fields: Any) -> bytes:
    graph = onnx.load_model_from_string(OLD.read_bytes())
    (entry,) = (e for e in graph.metadata_props if e.key == METADATA_KEY)
    card = json.loads(entry.value) | {"format": 4} | fields
    card["corpora"] = {"my calls": {"utterances": 12, "speakers": 2, "license": license_}}
    entry.value = json.dumps(card)
    return add_checksum(graph.SerializeToString())


SMALL = make_model()


@pytest.fixture(scope="module")
def server() -> Iterator[FakeHub]:
    with run_hub() as running:
        yield running


@pytest.fixture
def hub(server: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """Hub with one model, an empty cache, and nobody logged in."""
    server.repositories.clear()
    server.requests.clear()
    server.objects.clear()
    server.faults, server.has_xet = lambda *_: False, False
    server.add("ann/calls", SMALL)
    constants = huggingface_hub.constants
    for name, value in {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_TOKEN_PATH": str(tmp_path / "token"),
        "HF_STORED_TOKENS_PATH": str(tmp_path / "tokens"),
        "HF_HUB_OFFLINE": False,
        "AGENT_HARNESSES_PATH": str(tmp_path / "harnesses"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    quick = SimpleNamespace(sleep=lambda _: None)
    monkeypatch.setattr("huggingface_hub.file_download.time", quick)
    monkeypatch.setattr("huggingface_hub.utils._http.time", quick)
    return server


@pytest.fixture
def token(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is logged in."""
    assert hub.url
    monkeypatch.setenv("HF_TOKEN", TOKEN)


def get_head(hub: FakeHub, name: str = "ann/calls") -> str:
    return hub.repositories[name].refs["main"]


# Names


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf:ann/calls", HubAddress("ann/calls")),
        ("hf:ann/calls@v1.0", HubAddress("ann/calls", "v1.0")),
        ("hf:a_b/c.d@refs/pr/1:onnx/x.onnx", HubAddress("a_b/c.d", "refs/pr/1", "onnx/x.onnx")),
        ("hf:ann/calls:fast.onnx", HubAddress("ann/calls", None, "fast.onnx")),
    ],
)
def test_a_name_is_read_and_written_alike(text: str, address: HubAddress) -> None:
    assert is_hub_address(text)
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf:",
        "hf:calls",
        "hf:../../x",
        "hf:../x",
        "hf:./x",
        "hf:a/..",
        "hf:a/b/c",
        "hf:/a/b",
        "hf:a/b@",
        "hf:a/b@../../x",
        "hf:a/b@-x",
        "hf:a/b@x/../y",
        "hf:a/b@x//y",
        "hf:a/b:",
        "hf:a/b:x.bin",
        "hf:a/b:../x.onnx",
        "hf:a/b:/etc/x.onnx",
        "hf:a/b:x\\..\\y.onnx",
        "hf:a/b:..onnx",
        "hf:a--b/c",
        "hf:a/b.git",
        "hf:a/b\n",
        "hf:a/b\0",
        "hf:a/b?x=1",
        "hf:a/b#x",
        "hf:a%2f..%2fb/c",
        "hf://a/b",
        "hf:ä/b",
        "hf:a/" + "b" * 200,
        "hf:a/b@" + "b" * 300,
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused_without_a_request(
    hub: FakeHub, text: str
) -> None:
    with pytest.raises(HubError, match=r"Expected hf:owner/name") as problem:
        load(text)
    assert str(problem.value).isprintable()
    assert hub.log == []


@given(st.text("hf:/.@-_ab\\% \n\0", max_size=30))
def test_no_name_leads_out_of_the_folders_of_its_parts(text: str) -> None:
    try:
        address = parse_address(f"hf:{text}")
    except HubError:
        return
    assert str(address) in (f"hf:{text}", f"hf:{text}".removesuffix(":model.onnx"))
    for part in (address.repository, address.revision or "x", address.file):
        assert posixpath.normpath(part) == part
        assert not part.startswith(("/", ".", "-"))
        assert not set(part) & set("\\%\n\0:@")


# Loading


def test_a_model_states_its_commit_and_loads_by_it_without_a_request(hub: FakeHub) -> None:
    model = load(NAME)
    assert model.content == SMALL
    assert model.name == f"{NAME}@{get_head(hub)}"
    assert set(hub.log) == {
        "hub HEAD /ann/calls/resolve/main/model.onnx",
        f"storage GET /objects/{sha256(SMALL).hexdigest()}",
    }
    hub.requests.clear()
    assert load(model.name).content == SMALL
    assert hub.log == []


@pytest.mark.usefixtures("token")
def test_nothing_but_voxaffect_is_named_and_no_other_request_is_sent(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_AGENT", "somebody")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_USER_AGENT_ORIGIN", "partner")
    model = load(NAME)
    push(model, "hf:ann/new")
    assert len(hub.requests) == 12 - 1
    agents = {r.headers["user-agent"].partition("/")[0] for r in hub.requests if r.method != "PUT"}
    assert agents == {"voxaffect"}
    to_storage = [r for r in hub.requests if r.host == "storage"]
    assert [r.headers.get("authorization") for r in to_storage] == [None, None]
    assert huggingface_hub.constants.HF_HUB_DISABLE_XET is False  # put back


@pytest.mark.usefixtures("token")
def test_a_file_that_xet_offers_comes_without_xet_and_the_token_stays_with_the_hub(
    hub: FakeHub,
) -> None:
    hub.has_xet = True
    assert load(NAME).content == SMALL
    assert [(one.method, one.host, "authorization" in one.headers) for one in hub.requests] == [
        ("HEAD", "hub", True),
        ("HEAD", "hub", True),
        ("GET", "hub", True),
        ("GET", "storage", False),
    ]


def test_revisions_and_files_of_a_repository(hub: FakeHub) -> None:
    repository = hub.repositories["ann/calls"]
    first = get_head(hub)
    other = make_model(seed=7)
    second = repository.commit({"model.onnx": other, "old/small.onnx": SMALL})
    repository.refs["v1"] = first
    assert load(f"{NAME}@v1").content == load(f"{NAME}@{first}").content == SMALL
    assert load(NAME).content == other
    named = load(f"{NAME}@main:old/small.onnx")
    assert (named.content, named.name) == (SMALL, f"{NAME}@{second}:old/small.onnx")


def test_a_private_repository_takes_the_token_that_the_library_keeps(hub: FakeHub) -> None:
    hub.repositories["ann/calls"].is_private = True
    with pytest.raises(HubError, match=r"no such repository, or a private one.*hf auth login"):
        load(NAME)
    Path(huggingface_hub.constants.HF_TOKEN_PATH).write_text(f"{TOKEN}\n")
    assert load(NAME).content == SMALL


@pytest.mark.usefixtures("hub")
def test_the_library_prints_nothing_but_that_it_waits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxaffect.models.hub.client.stderr_is_terminal", lambda: True)
    logger = logging.getLogger("huggingface_hub")
    before = list(logger.handlers)
    with open_hub(NAME):
        logger.warning("HTTP Error 429 thrown while requesting GET https://storage/?signature=x")
        logger.warning("Rate limited. Waiting 31.0s before retry [Retry 1/5].")
    assert logger.handlers == before
    expected = "note: the hub: Rate limited. Waiting 31.0s before retry [Retry 1/5].\n"
    assert capsys.readouterr() == ("", expected)


def test_offline_a_cached_model_loads_and_another_is_named(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = load(NAME).name
    hub.requests.clear()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert load(NAME).name == name
    with pytest.raises(HubError, match=r"hf:ann/other: not in the cache, .*HF_HUB_OFFLINE is set"):
        load("hf:ann/other")
    assert hub.log == []


def test_a_newer_commit_is_loaded_and_not_the_cached_one(hub: FakeHub) -> None:
    load(NAME)
    newer = make_model(seed=8)
    hub.repositories["ann/calls"].commit({"model.onnx": newer})
    assert load(NAME).content == newer


def test_a_small_file_has_the_checksum_of_git(hub: FakeHub) -> None:
    def send_small(handler: Any, _: Request) -> bool:
        git = huggingface_hub.utils.sha.git_hash(SMALL)
        handler.send(SMALL, X_Repo_Commit=get_head(hub), ETag=f'"{git}"')
        return True

    hub.faults = send_small
    assert load(NAME).content == SMALL


@pytest.mark.parametrize("is_offline", [False, True])
@pytest.mark.usefixtures("hub")
def test_a_file_that_was_changed_in_the_cache_is_refused(
    monkeypatch: pytest.MonkeyPatch, is_offline: bool
) -> None:
    load(NAME)
    (blob,) = Path(huggingface_hub.constants.HF_HUB_CACHE).glob("models--*/blobs/*")
    blob.write_bytes(make_model(seed=6))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", is_offline)
    with pytest.raises(HubError, match=rf"checksum is .*, expected {blob.name}.*{blob.name}$"):
        load(NAME)


def test_a_file_is_checked_as_any_other_is(hub: FakeHub) -> None:
    hub.add("ann/calls", b"PK\x03\x04 a pickle of somebody")
    with pytest.raises(ModelError, match=NAME):
        load(NAME)


def answer(status: int, code: str = "", message: str = "", method: str = "", path: str = "") -> Any:
    """Fault that refuses requests of a method and a path."""

    def refuse(handler: Any, request: Request) -> bool:
        if (method and request.method != method) or path not in request.path:
            return False
        handler.refuse(status, code, message)
        return True

    return refuse


FAULTS = {
    "401": (answer(401, "", "Invalid credentials in Authorization header"), "not accept the token"),
    "403": (answer(403, "", "Forbidden"), "no permission"),
    "404": (answer(404, "RepoNotFound"), "no such repository, or a private one"),
    "gated": (answer(403, "GatedRepo"), "is gated. Ask for access"),
    "revision": (answer(404, "RevisionNotFound"), "no such revision. Expected a branch"),
    "file": (answer(404, "EntryNotFound"), "has no such file. Name its model file"),
    "disabled": (answer(403, "", "Access to this resource is disabled."), "has disabled"),
    "429": (answer(429), "takes no more requests now"),
    "503": (answer(503), r"has a fault \(status 503\)"),
    "storage 403": (answer(403, path="/objects/"), "no permission"),
    "storage 404": (answer(404, path="/objects/"), "no such thing"),
    "another server": (lambda h, _: h.send({"hello": 1}) or True, "states no commit or checksum"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.usefixtures("token")
def test_each_answer_of_the_hub_is_one_clear_line(hub: FakeHub, name: str) -> None:
    hub.faults, expected = FAULTS[name]
    with pytest.raises(HubError, match=f"^{NAME}: .*{expected}") as problem:
        load(NAME)
    check_line(str(problem.value))


def check_line(message: str) -> None:
    assert message.isprintable()
    assert len(message) < 400
    assert TOKEN not in message
    assert "Traceback" not in message


def stated(**headers: str) -> Any:
    """Fault that states something else about the file."""
    good = {
        "X_Repo_Commit": "a" * 40,
        "X_Linked_Etag": f'"{sha256(SMALL).hexdigest()}"',
        "X_Linked_Size": str(len(SMALL)),
    }
    return lambda handler, _: handler.send(b"", **good | headers) or True


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (stated(X_Linked_Size=str(1 << 40)), "at most .* the hub states 1,099,511,627,776 bytes"),
        (stated(X_Linked_Size="-1"), "at most .* the hub states -1 bytes"),
        (stated(X_Linked_Size="many"), "the hub states no size"),
        (stated(X_Linked_Etag='"../../../evil"'), "no commit or checksum"),
        (stated(X_Repo_Commit="../../../evil"), "no commit or checksum"),
    ],
)
def test_a_file_of_no_sensible_size_or_name_is_not_fetched(
    hub: FakeHub, fault: Any, expected: str
) -> None:
    hub.faults = fault
    with pytest.raises(HubError, match=expected):
        load(NAME)
    assert [request.method for request in hub.requests] == ["HEAD"]


def break_off(handler: Any, request: Request) -> bool:
    """Send half of a file each time, from its start."""
    if request.host == "hub":
        return False
    handler.send(SMALL[: len(SMALL) // 2], Content_Length=str(len(SMALL)))
    handler.close_connection = True
    handler.connection.close()
    return True


def end_early(handler: Any, request: Request) -> bool:
    """Send half of a file each time, and close the connection in order."""
    if request.host == "storage":
        handler.send(SMALL[: len(SMALL) // 2], Content_Length=str(len(SMALL)))
        handler.close_connection = True
    return request.host == "storage"


def send_other(handler: Any, request: Request) -> bool:
    if request.host == "storage":
        handler.send(b"x" * len(SMALL))
    return request.host == "storage"


def send_endlessly(handler: Any, request: Request) -> bool:
    if request.host == "storage":
        handler.send(b"x" * (64 << 20))
    return request.host == "storage"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (break_off, "broke off"),
        (end_early, "broke off"),
        (send_other, "the checksum is"),
        (send_endlessly, "broke off"),
    ],
)
def test_a_broken_download_ends_and_leaves_nothing_that_loads(
    hub: FakeHub, fault: Any, expected: str
) -> None:
    hub.faults = fault
    with pytest.raises(HubError, match=expected):
        load(NAME)
    assert not list(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*.incomplete"))


@pytest.mark.usefixtures("hub")
def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", "http://user:secret@127.0.0.1:9")
    template = "http://user:secret@127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(
        HubError, match=r"127.0.0.1 cannot be reached .*HF_HUB_OFFLINE=1"
    ) as problem:
        load(NAME)
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(errno.ENOSPC, "no space left in the cache"), (errno.EACCES, "cannot be used .*HF_HUB_CACHE")],
)
@pytest.mark.usefixtures("hub")
def test_a_cache_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, code: int, expected: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("huggingface_hub.file_download.http_get", refuse)
    with pytest.raises(HubError, match=expected):
        load(NAME)


def test_the_token_is_in_no_message(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    for strange, expected in (
        ("other\x01secret", "accept"),
        ("sécret", "characters that none has"),
    ):
        monkeypatch.setenv("HF_TOKEN", strange)
        with pytest.raises(HubError, match=expected) as problem:
            load(NAME)
        assert "cret" not in str(problem.value)
    for secret in ("plainsecret", TOKEN):
        monkeypatch.setenv("HF_TOKEN", secret)
        hub.faults = answer(400, "", f"you sent {secret} and hf_another")
        with pytest.raises(HubError, match=r"you sent … and …") as problem:
            load(NAME)
        assert secret not in str(problem.value)


@pytest.mark.usefixtures("hub")
def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r"voxaffect\[hub\]"):
        load(NAME)


# Pushing


@pytest.mark.usefixtures("token")
def test_a_push_writes_model_and_card_and_loads_again(
    hub: FakeHub,
) -> None:
    name = push(Model(SMALL), "hf:ann/new")
    repository = hub.repositories["ann/new"]
    assert repository.is_private
    assert set(repository.commits[get_head(hub, "ann/new")]) == {
        ".gitattributes",
        "model.onnx",
        "README.md",
    }
    assert name == f"hf:ann/new@{get_head(hub, 'ann/new')}"
    assert load(name).content == SMALL


@pytest.mark.usefixtures("token")
def test_the_card_of_the_repository_has_the_figures_and_license_of_the_model(
    hub: FakeHub,
) -> None:
    push(Model(SMALL), "hf:ann/new")
    text = hub.repositories["ann/new"].commits[get_head(hub, "ann/new")]["README.md"].decode()
    _, yaml_head, body = text.split("---\n", 2)
    head = yaml.safe_load(yaml_head)
    assert head["license"] == "cc-by-nc-sa-4.0"
    assert head["library_name"] == "voxaffect"
    assert head["pipeline_tag"] == "audio-classification"
    (index,) = head["model-index"]
    assert index["results"][0]["metrics"] == [{"type": "uar", "name": "UAR", "value": 0.5}]
    assert huggingface_hub.ModelCard(text).data.eval_results[0].metric_value == 0.5
    for words in ("--model hf:ann/new", "my calls", sha256(SMALL).hexdigest(), "0.500"):
        assert words in body


def test_texts_of_a_card_stay_text() -> None:
    from voxaffect.models.hub.repository_card import write_repository_card

    hostile = '<script>|x [a](http://b) `c`: "d" # ---'
    model = Model(make_model(recipe=hostile, scores={hostile: {"uar": {"mean": 0.5, "sd": 0}}}))
    text = write_repository_card(model, HubAddress("ann/new"), "mit")
    _, yaml_head, body = text.split("---\n", 2)
    assert hostile in yaml.safe_load(yaml_head)["model-index"][0]["results"][0]["dataset"]["name"]
    assert "<script>" not in body.replace("\\<script\\>", "")
    assert "](http" not in body.replace("\\](http", "")


def test_the_card_of_a_model_of_dimensions_has_theirs() -> None:
    from voxaffect.models.hub.repository_card import write_repository_card

    model = Model(SMALL)
    entry = {"low": 0.0, "high": 1.0, "utterances": 9, "speakers": 3, "corpora": [], "ccc": 0.5}
    model.card = replace(model.card, emotions=(), scores={}, dimensions={"arousal": entry})
    text = write_repository_card(model, HubAddress("ann/new"), "mit")
    assert "voxaffect: arousal." in text
    assert "| arousal, new speakers | CCC | 0.500 |" in text
    (result,) = yaml.safe_load(text.split("---\n")[1])["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "ccc", "name": "CCC", "value": 0.5}]


@pytest.mark.parametrize(
    ("model", "license_", "expected"),
    [
        (make_model("your own data"), None, "no license, and its card leaves it open"),
        (make_model(""), None, "my calls: none"),
        (SMALL, "mit", "allows commercial use, which the data of my calls forbid"),
        (SMALL, "CC BY 4.0", "is no license as the hub spells it"),
        (SMALL, "", "is no license as the hub spells it"),
    ],
)
@pytest.mark.usefixtures("token")
def test_a_model_without_a_fitting_license_is_refused_without_a_request(
    hub: FakeHub, model: bytes, license_: str | None, expected: str
) -> None:
    with pytest.raises(HubError, match=expected):
        push(Model(model), "hf:ann/new", license=license_)
    assert hub.log == []


@pytest.mark.parametrize("name", ["hf:ann/new@v1", "hf:ann/new:x.onnx", "ann/new", "hf:../x"])
@pytest.mark.usefixtures("token")
def test_a_push_needs_a_repository(hub: FakeHub, name: str) -> None:
    with pytest.raises(HubError, match="Expected hf:owner/name"):
        push(Model(SMALL), name)
    assert hub.log == []


@pytest.mark.usefixtures("token", "hub")
def test_a_license_that_the_hub_does_not_know_is_named() -> None:
    with pytest.raises(HubError, match=r'refuses the card.*"license" must be one of.*the license'):
        push(Model(make_model("free")), "hf:ann/new", license="unknown")


def test_a_push_without_a_token_asks_nobody(hub: FakeHub) -> None:
    with pytest.raises(HubError, match=r"no token of the hub. Log in with 'hf auth login'"):
        push(Model(SMALL), "hf:ann/new")
    assert hub.log == []


@pytest.mark.usefixtures("token")
def test_a_repository_is_replaced_only_as_private_as_expected(
    hub: FakeHub,
) -> None:
    before = get_head(hub)
    with pytest.raises(HubError, match=r"the repository is public.*or push with --public"):
        push(Model(SMALL), NAME)
    assert get_head(hub) == before
    other = make_model(seed=3)
    push(Model(other), NAME, is_private=False)
    assert load(NAME).content == other


@pytest.mark.usefixtures("token")
def test_a_repository_that_changes_meanwhile_is_neither_loaded_nor_replaced(hub: FakeHub) -> None:
    repository = hub.repositories["ann/calls"]
    plan = look_up(plan_push(Model(SMALL), NAME, is_private=False))
    changed = repository.commit({"other.txt": b""})
    with pytest.raises(HubError, match="has changed meanwhile"):
        send(plan)
    assert get_head(hub) == changed

    def change_at_second(*_: object) -> bool:
        if len(hub.requests) == 2:
            repository.commit({"model.onnx": make_model(seed=2)})
        return False

    hub.requests.clear()
    hub.faults = change_at_second
    with pytest.raises(HubError, match="has changed meanwhile"):
        load(NAME)


PUSH_FAULTS = {
    "no permission": (answer(403, "", "Forbidden", path="/api/repos/create"), "no permission"),
    "bad card": (answer(400, "", path="/api/validate-yaml"), "refuses the card"),
    "no preupload": (answer(500, path="/preupload/"), "has a fault"),
    "no storage": (answer(507, method="PUT"), "has a fault"),
    "changed": (answer(412, path="/commit/"), "has changed meanwhile"),
    "strange commit": (
        lambda h, r: (
            "/commit/" in r.path
            and (h.send({"commitUrl": h.hub.url + "/ann/new/commit/x", "commitOid": "x"}) or True)
        ),
        "names no commit",
    ),
    "no json": (lambda h, r: r.method == "GET" and (h.send(b"<html>") or True), "not understood"),
    "a list": (lambda h, r: r.method == "GET" and (h.send([]) or True), "not understood"),
    "no commit": (lambda h, r: r.method == "GET" and (h.send({"id": "x"}) or True), ""),
}


@pytest.mark.parametrize("name", PUSH_FAULTS)
@pytest.mark.usefixtures("token")
def test_each_failure_of_a_push_is_one_clear_line(hub: FakeHub, name: str) -> None:
    hub.faults, expected = PUSH_FAULTS[name]
    with pytest.raises(HubError, match=f"^hf:ann/new: .*{expected}") as problem:
        push(Model(SMALL), "hf:ann/new")
    check_line(str(problem.value))


@pytest.mark.usefixtures("token")
def test_offline_nothing_is_pushed(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"HF_HUB_OFFLINE is set\. Unset it"):
        push(Model(SMALL), "hf:ann/new")
    assert hub.log == []


# Service


def test_all_processes_of_a_server_have_the_same_commit(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voxaffect.service.computing import open_model
    from voxaffect.service.server import _check_models
    from voxaffect.service.settings import read_settings
    from voxaffect.service.state import name_models

    for name in ("MODELS", "STREAM_MODEL"):
        monkeypatch.setenv(f"VOXAFFECT_SERVE_{name}", "")
    settings = read_settings(models=f"fast,{NAME}", stream_model=NAME)
    pinned = f"{NAME}@{get_head(hub)}"
    expected = ("fast", pinned), pinned
    for checked in (_check_models(settings), read_settings()):  # of this process, and another
        assert (checked.models, checked.stream_model) == expected
    assert name_models((*expected[0], f"{pinned}:x/y.onnx")) == {
        "fast": "fast",
        "calls": pinned,
        "y": f"{pinned}:x/y.onnx",
    }
    hub.requests.clear()
    assert open_model(pinned).content == SMALL
    assert hub.log == []


# Command line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.onnx"
    path.write_bytes(SMALL)
    return path


def test_commands_take_a_name_of_the_hub(hub: FakeHub, run: Any) -> None:
    done = run("info", NAME)
    assert f"model     {NAME}@{get_head(hub)}, {len(SMALL):,} bytes" in done.out
    assert json.loads(run("info --format json", NAME).out)["model"]["name"].endswith(get_head(hub))
    done = run("predict --example --format json --model", NAME)
    assert json.loads(done.out)["model"]["name"] == f"{NAME}@{get_head(hub)}"
    done = run("predict --example --model hf:ann/none")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("HubError: hf:ann/none: no such repository")


@pytest.mark.usefixtures("token")
def test_a_push_for_a_script(hub: FakeHub, run: Any, file: Path) -> None:
    done = run("push --yes --public", file, "hf:ann/new")
    assert (done.code, done.out) == (0, f"hf:ann/new@{get_head(hub, 'ann/new')}\n")
    assert "license     cc-by-nc-sa-4.0" in done.err
    assert "data        my calls: CC BY-NC-SA 4.0" in done.err
    assert TOKEN not in done.err
    assert not hub.repositories["ann/new"].is_private


@pytest.mark.usefixtures("token")
def test_without_a_terminal_nothing_is_pushed(hub: FakeHub, run: Any, file: Path) -> None:
    done = run("push", file, "hf:ann/new")
    assert done.code == 2
    assert "There is no terminal to ask on. Push with --yes." in done.err
    assert hub.log == []


@pytest.mark.parametrize(("reply", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 130)])
@pytest.mark.usefixtures("token")
def test_who_is_asked_decides(
    hub: FakeHub,
    run: Any,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    reply: str,
    code: int,
) -> None:
    import io

    monkeypatch.setattr("voxaffect.cli.push._can_ask", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO(reply))
    assert run("push", file, "hf:ann/new").code == code
    assert ("ann/new" in hub.repositories) == (code == 0)


@pytest.mark.slow
def test_the_environment_names_hub_cache_and_token(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories["ann/calls"].is_private = True
    environment = dict(os.environ) | {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": TOKEN,
    }
    command = [sys.executable, "-m", "voxaffect", "info", NAME]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert get_head(hub) in done.stdout
    assert (tmp_path / "home" / "hub" / "models--ann--calls" / "refs" / "main").exists()
    hub.requests.clear()
    environment |= {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert get_head(hub) in done.stdout
    assert hub.log == []
