"""Errors of the HTTP face as `application/problem+json` (RFC 9457), in one place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from bc.errors import Gone, SyncError, Throttled, Transient

TITLES = {
    "not_found": "Not found",
    "validation_failed": "Some values are not valid",
    "company_is_fixed": "The company is fixed",
    "encryption_keys_missing": "No secret can be stored",
    "confirm_mismatch": "The name does not match",
    "unauthorized": "Sign in first",
    "too_many_failures": "Too many failed sign-ins",
    "cross_site_request": "The request comes from another site",
    "needs_authorization": "The connection needs authorization",
}


class Problem(Exception):
    """An answer that is a problem document. `detail` says what happened and what to do; `code` is stable."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[tuple[str, str]] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.headers = tuple(headers)

    def document(self) -> dict[str, Any]:
        """The JSON members."""
        document: dict[str, Any] = {
            "type": f"urn:halo-bc:problem:{self.code}",
            "title": TITLES.get(self.code) or HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            document["errors"] = [{"field": field, "message": message} for field, message in self.errors]
        return document | self.extra


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"{what} does not exist.")


def invalid(*errors: tuple[str, str]) -> Problem:
    """422: `errors` are (field, message) pairs."""
    detail = " ".join(f"{field}: {message}" if field else message for field, message in errors)
    return Problem(422, "validation_failed", detail, errors=errors)


def bad_cursor() -> Problem:
    return invalid(("cursor", "This is not a cursor of this list."))


def problem_of(error: SyncError) -> Problem:
    """A failure of the engine or a remote: 503 when waiting helps, 404 when gone, else 409 with the cure."""
    headers: list[tuple[str, str]] = []
    if isinstance(error, Transient):
        status = 503
        wait = error.retry_after
        if wait is not None or isinstance(error, Throttled):
            headers.append(("Retry-After", str(max(1, math.ceil(wait.total_seconds() if wait else 5)))))
    elif isinstance(error, Gone):
        status = 404
    else:
        status = 409
    extra = {
        name: value
        for name, value in (
            ("cure", error.cure),
            ("correlation_id", error.correlation_id),
            ("remote_code", error.remote_code),
        )
        if value
    }
    return Problem(status, error.code, f"{error.message} {error.cure}".strip(), extra=extra, headers=headers)
