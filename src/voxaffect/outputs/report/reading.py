"""The document's parts, of which any may be absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
"""An evaluation as ``json.loads`` gives it, format 1."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A system, with its evaluation by the protocol that the report is about."""

    name: str
    system: Mapping[str, Any]
    evaluation: Mapping[str, Any]


def dig(value: Any, *keys: str) -> Any:
    """Return what lies under the keys, or None where any of them is absent or null."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def shown(document: Document) -> tuple[Shown, ...]:
    """Return the systems that the report's protocol measured, in the document's order."""
    protocol = document["protocol"]
    return tuple(
        Shown(name, system, dig(system, "evaluations", protocol))
        for name, system in document["systems"].items()
        if dig(system, "evaluations", protocol)
    )


def unsure(evaluation: Mapping[str, Any]) -> str:
    """Say what stands for probabilities, and what is not available; nothing where they are."""
    return {
        "scores": "gives no probabilities: NLL and ECE are not available, and the softmax of its "
        "scores stands for how sure it is",
        "answers": "gives bare answers: top-two, NLL, ECE and risk by coverage are not available",
    }.get(evaluation.get("certainty") or "", "")


def evaluations(document: Document) -> list[tuple[str, Mapping[str, Any]]]:
    """Every system's evaluations, those of the report's protocol first."""
    protocols = [document["protocol"], document.get("beside")]
    return [
        (name, dig(system, "evaluations", protocol))
        for name, system in document["systems"].items()
        for protocol in protocols
        if protocol and dig(system, "evaluations", protocol)
    ]


def pair(system: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return a system's evaluations on new voices, and by a random split."""
    found = [evaluation for evaluation in (system.get("evaluations") or {}).values() if evaluation]
    new = [evaluation for evaluation in found if evaluation.get("new_voices")]
    heard = [evaluation for evaluation in found if not evaluation.get("new_voices")]
    return (new or [None])[0], (heard or [None])[0]
