"""Catalog of pretrained encoders: official addresses, checksums, licenses and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from voxaffect.errors import ModelError
from voxaffect.records.arguments import is_known

_ADDRESS = "https://openaipublic.azureedge.net/main/whisper/models"
_CITATION = (
    "Radford, Kim, Xu, Brockman, McLeavey and Sutskever (2022): Robust speech recognition via "
    "large-scale weak supervision. arXiv:2212.04356"
)
_CAUTION = (
    "OpenAI's model card of Whisper: \"In particular, we caution against using Whisper models to "
    "transcribe recordings of individuals taken without their consent or purporting to use these "
    "models for any kind of subjective classification. We recommend against use in high-risk "
    "domains like decision-making contexts, where flaws in accuracy can lead to pronounced flaws "
    "in outcomes. The models are intended to transcribe and translate speech. The use of the model "
    "for classification is not only not evaluated but also not appropriate, particularly to infer "
    'human attributes." Evaluate a model on recordings like yours before you rely on it.'
)


@dataclass(frozen=True)
class EncoderSource:
    """Pretrained encoder at its official address.

    Parameters
    ----------
    name : str
        The key in ``ENCODERS``.
    title : str
        Its name in messages and tables.
    url, sha256 : str
        Address of the file, and its checksum.
    bytes : int
        Size of the file; it holds the decoder, too, which training does not need.
    license, citation, languages, homepage : str
    layers, width, heads, mel_bands : int
        Of the encoder.
    caution : str
        Advice of its authors on uses such as ours.

    Examples
    --------
    >>> ENCODERS["base"].layers, ENCODERS["base"].width
    (6, 512)
    """

    name: str
    title: str
    url: str
    sha256: str
    bytes: int
    license: str
    citation: str
    languages: str
    layers: int
    width: int
    heads: int
    mel_bands: int
    homepage: str = "https://github.com/openai/whisper"
    caution: str = _CAUTION

    @property
    def file(self) -> str:
        """Name of the file at its address."""
        return self.url.rpartition("/")[2]


def _whisper(name: str, sha256: str, size: int, dimensions: tuple[int, int, int]) -> EncoderSource:
    layers, width, heads = dimensions
    is_third = name == "large-v3"
    return EncoderSource(
        name=name,
        title=f"Whisper {name}",
        url=f"{_ADDRESS}/{sha256}/{name}.pt",
        sha256=sha256,
        bytes=size,
        license="MIT",
        citation=_CITATION,
        languages="English" if name.endswith(".en") else f"{100 if is_third else 99} languages",
        layers=layers,
        width=width,
        heads=heads,
        mel_bands=128 if is_third else 80,
    )


_TINY, _BASE, _SMALL, _MEDIUM, _LARGE = (
    (4, 384, 6),
    (6, 512, 8),
    (12, 768, 12),
    (24, 1024, 16),
    (32, 1280, 20),
)
_SOURCES = (
    _whisper(
        "tiny",
        "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
        75_572_083,
        _TINY,
    ),
    _whisper(
        "tiny.en",
        "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03",
        75_571_315,
        _TINY,
    ),
    _whisper(
        "base",
        "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
        145_262_807,
        _BASE,
    ),
    _whisper(
        "base.en",
        "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead",
        145_261_783,
        _BASE,
    ),
    _whisper(
        "small",
        "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
        483_617_219,
        _SMALL,
    ),
    _whisper(
        "small.en",
        "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872",
        483_615_683,
        _SMALL,
    ),
    _whisper(
        "medium",
        "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
        1_528_008_539,
        _MEDIUM,
    ),
    _whisper(
        "medium.en",
        "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f",
        1_528_006_491,
        _MEDIUM,
    ),
    _whisper(
        "large-v3",
        "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
        3_087_371_615,
        _LARGE,
    ),
)
ENCODERS: Mapping[str, EncoderSource] = MappingProxyType({one.name: one for one in _SOURCES})
"""OpenAI's Whisper models by name."""

_CONVERSIONS = {
    "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57": "base",
    "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a": "tiny.en",
}
"""Checksums of known files of the same weights in CTranslate2's format, in half precision."""
_BY_CHECKSUM = {one.sha256: one for one in _SOURCES} | {
    sha256: ENCODERS[name] for sha256, name in _CONVERSIONS.items()
}


def get_encoder(name: str) -> EncoderSource:
    """Encoder of the catalog.

    Raises
    ------
    ModelError
        If there is none of this name.
    """
    if not is_known(name, ENCODERS):
        raise ModelError(f"unknown encoder {name!r}. Choose from {', '.join(ENCODERS)}.")
    return ENCODERS[name]


def identify_encoder(sha256: str) -> EncoderSource | None:
    """Encoder of the catalog whose weights a file with this checksum holds; None if unknown."""
    return _BY_CHECKSUM.get(sha256)
