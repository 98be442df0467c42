"""The errors every service raises and how they look over HTTP.

UsherError
├── InvalidRequest      400   the request can never succeed as it is
├── Unauthenticated     401   who are you
├── Forbidden           403   you may not
│   └── ConfirmationRequired  403   no recorded yes for exactly this action and total
├── NotFound            404   no such thing, or not yours
├── RequestTimeout      408   the request did not arrive in time
├── Conflict            409   the state of the thing forbids it (sold, expired, in flight)
├── Gone                410   it existed and is over
├── PayloadTooLarge     413
├── Unprocessable       422   well-formed, but meaningless here
├── RateLimited         429   with retry_after_seconds
├── UpstreamFailed      502   another system answered nonsense
├── Unavailable         503   try again, with retry_after_seconds
└── UpstreamTimeout     504   another system did not answer in time
"""

from __future__ import annotations


class UsherError(Exception):
    """Base of all expected failures. `code` is stable and machine-readable; `detail` is for a person.

    `extra` holds further members of the RFC 9457 problem document (JSON values only).
    """

    code = "internal_error"
    http_status = 500

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        retry_after_seconds: float | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.retry_after_seconds = retry_after_seconds
        self.extra = extra or {}


class InvalidRequest(UsherError):
    code, http_status = "invalid_request", 400


class Unauthenticated(UsherError):
    code, http_status = "unauthenticated", 401


class Forbidden(UsherError):
    code, http_status = "forbidden", 403


class ConfirmationRequired(Forbidden):
    code = "confirmation_required"


class NotFound(UsherError):
    code, http_status = "not_found", 404


class RequestTimeout(UsherError):
    code, http_status = "request_timeout", 408


class Conflict(UsherError):
    code, http_status = "conflict", 409


class Gone(UsherError):
    code, http_status = "gone", 410


class PayloadTooLarge(UsherError):
    code, http_status = "payload_too_large", 413


class Unprocessable(UsherError):
    code, http_status = "unprocessable", 422


class RateLimited(UsherError):
    code, http_status = "rate_limited", 429


class UpstreamFailed(UsherError):
    code, http_status = "upstream_failed", 502


class Unavailable(UsherError):
    code, http_status = "unavailable", 503


class UpstreamTimeout(UsherError):
    code, http_status = "upstream_timeout", 504


_BY_STATUS: dict[int, type[UsherError]] = {
    cls.http_status: cls
    for cls in (
        InvalidRequest,
        Unauthenticated,
        Forbidden,
        NotFound,
        Conflict,
        Gone,
        PayloadTooLarge,
        Unprocessable,
        RateLimited,
        UpstreamFailed,
        Unavailable,
        UpstreamTimeout,
    )
}


def error_from_status(
    status: int, detail: str, *, code: str | None = None, retry_after: float | None = None
) -> UsherError:
    """The error that another service's answer stands for; unknown statuses become UpstreamFailed."""
    cls = _BY_STATUS.get(status, UpstreamFailed)
    if code == ConfirmationRequired.code:
        cls = ConfirmationRequired
    return cls(detail, code=code, retry_after_seconds=retry_after)
