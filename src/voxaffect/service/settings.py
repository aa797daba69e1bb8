"""Settings of the service: flags, environment variables, a TOML file, in this order."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import ByteSize, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from voxaffect.errors import ArgumentError
from voxaffect.files import read_bounded

PREFIX: Final = "VOXAFFECT_SERVE_"
CONFIG_VARIABLE: Final = f"{PREFIX}CONFIG"
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,256}")
_MEGABYTE = 1_000_000
_LARGEST_CONFIG = 1 << 20
Names = Annotated[tuple[str, ...], NoDecode]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """All settings of a server. A list is separated by commas."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    _file: ClassVar[dict[str, Any]] = {}

    host: str = Field("127.0.0.1", description="Address to listen at.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen at; 0 for a free one.")
    workers: Count = Field(1, description="Server processes that share the port.")
    models: Names = Field(
        ("accurate", "fast"),
        min_length=1,
        description="Models that clients may name: bundled ones, model files, or models on the hub "
        "(hf:owner/name@revision). The first is the default for uploads.",
    )
    stream_model: str = Field(
        "",
        description="Default model of WebSocket streams; fast, if it is among the models, because "
        "a stream costs time as long as it lasts.",
    )
    page: bool = Field(True, description="Whether there is a page for people at /.")
    token: str = Field(
        "", repr=False, description="Bearer token that clients must send; none by default."
    )
    cors_origins: Names = Field(
        (), description="Web origins that may use the service from a browser; * for all."
    )
    allowed_hosts: Names = Field(
        (),
        description="Host names that requests may be addressed to. By default, those of the "
        "loopback if the server listens there, and all otherwise.",
    )
    concurrency: int = Field(
        0, ge=0, description="Recognition processes; 0 for as many as processors."
    )
    queue: int = Field(16, ge=0, description="Requests that may wait for a recognition process.")
    max_body_bytes: ByteSize = Field(
        ByteSize(100 * _MEGABYTE), gt=0, description="Largest body of a request."
    )
    max_pending_bytes: ByteSize = Field(
        ByteSize(400 * _MEGABYTE), gt=0, description="Largest sum of the bodies that are held."
    )
    max_seconds: Seconds = Field(1800.0, description="Longest recording.")
    max_channels: Count = Field(8, description="Most channels of a recording or stream.")
    max_rate_hz: Count = Field(192_000, description="Highest sampling rate of a recording.")
    upload_seconds: Seconds = Field(120.0, description="Longest time to receive a body.")
    request_seconds: Seconds = Field(
        300.0, description="Longest time to recognize a recording, without waiting."
    )
    worker_memory_bytes: ByteSize = Field(
        ByteSize(4_000 * _MEGABYTE), gt=0, description="Memory of a recognition process (Linux)."
    )
    max_streams: Count = Field(100, description="Streams at a time; a channel counts as one.")
    stream_buffer_seconds: Seconds = Field(
        10.0, description="Sound that a stream may be ahead of real time."
    )
    stream_idle_seconds: Seconds = Field(
        30.0, description="Longest time without a message on a stream."
    )
    stream_minutes: Seconds = Field(120.0, description="Longest stream.")
    max_connections: Count = Field(1_000, description="Connections at a time.")
    shutdown_seconds: Count = Field(
        330, description="Longest time to finish accepted requests at the end."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the TOML file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, cls._file)

    @field_validator("models", "cors_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(filter(None, (part.strip() for part in value.split(","))))
        return value

    @field_validator("token")
    @classmethod
    def _check_token(cls, token: str) -> str:
        if token and not _TOKEN.fullmatch(token):
            raise ValueError("16 to 256 letters, digits or ._~- are needed")
        return token

    @property
    def default_model(self) -> str:
        """Model of uploads that name none."""
        return self.models[0]

    @property
    def default_stream_model(self) -> str:
        """Model of streams that name none."""
        return self.stream_model or ("fast" if "fast" in self.models else self.models[0])

    @property
    def is_loopback(self) -> bool:
        """True if only programs of this machine can connect."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def read_settings(path: Path | None = None, **flags: Any) -> Settings:
    """Read the settings from flags, environment and a TOML file.

    Parameters
    ----------
    path : Path, optional
        The TOML file.
    **flags
        Settings that were given; they come first.

    Raises
    ------
    ArgumentError
        If one is not known, or out of range; or the file cannot be read.
    """
    kind: type[Settings] = Settings
    if path is not None:
        values = _read_file(path)

        class FromFile(Settings):
            _file = values

        kind = FromFile
    try:
        settings = kind(**flags)
    except ValidationError as error:
        raise ArgumentError(_explain(error)) from error
    if settings.default_stream_model not in settings.models:
        raise ArgumentError(
            f"stream_model: expected one of models ({', '.join(settings.models)}), found "
            f"{settings.stream_model!r}."
        )
    return settings


def _read_file(path: Path) -> dict[str, Any]:
    """Settings of a TOML file: its table ``serve``, or all of it if it has no tables."""
    content = read_bounded(path, limit=_LARGEST_CONFIG, what="a TOML file", error=ArgumentError)
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except ValueError as error:
        raise ArgumentError(f"{path}: cannot be read as TOML ({error}).") from error
    if any(isinstance(value, dict) for value in document.values()):
        document = document.get("serve", {})
    return {key.replace("-", "_"): value for key, value in document.items()}


def _explain(error: ValidationError) -> str:
    """One line that names the first setting at fault, and never the value of the token."""
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    if first["type"] == "extra_forbidden":
        return f"{name}: is no setting; there are {', '.join(Settings.model_fields)}."
    value = "" if name == "token" else f", found {first['input']!r}"
    return f"{name}: {first['msg'].removeprefix('Value error, ')}{value}."
