"""Errors of the service: one object with type, code, message and param."""

from __future__ import annotations

from typing import Any

_TYPES = {401: "authentication_error", 403: "permission_error", 503: "overloaded_error"}


class ServiceError(Exception):
    """Answer to a request that cannot be served.

    Parameters
    ----------
    status : int
        Of HTTP.
    code : str
        Kind of the problem, for programs.
    message : str
        For people, on one line.
    param : str, optional
        Option at fault.
    retry_seconds : int, optional
        Time after which the same request may succeed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        retry_seconds: int | None = None,
    ) -> None:
        super().__init__(status, code, message, param, retry_seconds)  # so that it can be pickled
        self.status, self.code, self.message, self.param = status, code, message, param
        self.retry_seconds = retry_seconds

    @property
    def content(self) -> dict[str, Any]:
        """Body of the answer."""
        default = "server_error" if self.status >= 500 else "invalid_request_error"
        return {
            "error": {
                "type": _TYPES.get(self.status, default),
                "code": self.code,
                "message": self.message,
                "param": self.param,
            }
        }

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        if self.status == 401:
            return {"WWW-Authenticate": "Bearer"}
        return {} if self.retry_seconds is None else {"Retry-After": str(self.retry_seconds)}


def internal_error() -> ServiceError:
    """Error of ours; its cause is in the log of the server only."""
    return ServiceError(500, "internal_error", "The server failed. Its log names the cause.")


def overload_error(reason: str) -> ServiceError:
    """Error of a server that has no room for a request."""
    return ServiceError(503, "overloaded", f"{reason} Try again later.", retry_seconds=2)
