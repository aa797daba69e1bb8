"""Models that come with voxaffect: their names, and the bytes of their files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType

from voxaffect.models.hub.address import is_hub_address
from voxaffect.records.arguments import is_known


@dataclass(frozen=True)
class BundledModel:
    """Model that comes with voxaffect.

    Parameters
    ----------
    name : str
        Name for ``load`` and ``--model``.
    summary : str
        Features and classifier.
    cost : str
        Time from 3.7 s of sound to the answer, on one thread of a processor with AVX2.
    """

    name: str
    summary: str
    cost: str


BUNDLED: Mapping[str, BundledModel] = MappingProxyType(
    {
        one.name: one
        for one in (
            BundledModel(
                "accurate",
                "Whisper's encoder and logistic regression",
                "47 ms",
            ),
            BundledModel(
                "fast",
                "affect features, logistic regression and two small networks",
                "18 ms",
            ),
        )
    }
)
"""Bundled models by name, the default first."""


def list_bundled() -> tuple[str, ...]:
    """Names of the bundled models, the default first."""
    return tuple(BUNDLED)


def get_default() -> str:
    """Name of the model that commands and functions use by default."""
    return list_bundled()[0]


def is_model_name(model: object) -> bool:
    """True of the name of a bundled model or of one on the hub; any other text is a path.

    Examples
    --------
    >>> is_model_name("fast"), is_model_name("hf:ann/calls"), is_model_name("./fast")
    (True, True, False)
    """
    return is_bundled(model) or is_hub_address(model)


def is_bundled(model: object) -> bool:
    """Report whether a model is named by the name of a bundled one; a ``Path`` is always a file.

    Examples
    --------
    >>> from pathlib import Path
    >>> is_bundled("fast"), is_bundled("./fast"), is_bundled(Path("fast"))
    (True, False, False)
    """
    return is_known(model, list_bundled())


def read_bundled(name: str) -> bytes:
    """Content of the file of a bundled model."""
    return _get_file(name).read_bytes()


def _get_file(name: str) -> Traversable:
    return files("voxaffect") / "data" / f"{name}.onnx"
