"""The error family: what went wrong, in a stable code, words for an admin, and the cure.

Every error that ends a push is one of these. The transport raises them where the cause is known; the
engine turns them into an `Outcome`; nothing else formats errors.
"""

from __future__ import annotations

from datetime import timedelta


class SyncError(Exception):
    """A push, import or call that did not succeed.

    `code` is stable (snake_case), `message` says what happened and names the record, `cure` what to do.
    `correlation_id` is Business Central's where it gave one.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        cure: str = "",
        correlation_id: str = "",
        status: int | None = None,
        remote_code: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.cure = cure
        self.correlation_id = correlation_id
        self.status = status
        self.remote_code = remote_code
        self.dependencies: tuple[str, ...] = ()

    def needs(self, *keys: str) -> SyncError:
        """Name the cures (blocker keys) whose coming should queue the record again."""
        self.dependencies = keys
        return self

    @property
    def advice(self) -> str:
        """What to do, as an outcome says it: the cure that it was raised with, else the one of its code."""
        if self.cure:
            return self.cure
        from bc.codes import cure_of

        return cure_of(self.code)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class Skip(SyncError):
    """Nothing was tried, on purpose: a rule or an opt-out says so."""


class Refused(SyncError):
    """Permanent: the same request would be refused again until somebody changes something."""


class Conflict(SyncError):
    """The remote record is not what we last saw (409, 412): read it again and compare."""


class Gone(Refused):
    """The remote record does not exist (404 of its own, not of its company)."""


class CompanyGone(Refused):
    """The company or its environment is not there (any more): no record is to blame, all of the connection wait."""

    CODE = "company_gone"


class AlreadyExists(Refused):
    """BC holds a record with that key already (`Internal_EntityWithSameKeyExists`): look it up, do not repeat."""


class Transient(SyncError):
    """Worth trying again later; the request was certainly not carried out, or only read.

    `retry_after` is what the remote asked for, None when it said nothing.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry_after: timedelta | None = None,
        cure: str = "",
        correlation_id: str = "",
        status: int | None = None,
        remote_code: str = "",
    ) -> None:
        super().__init__(
            code, message, cure=cure, correlation_id=correlation_id, status=status, remote_code=remote_code
        )
        self.retry_after = retry_after


class Throttled(Transient):
    """429, or a limit of ours that stands for one: the request was not processed."""


class UnknownOutcome(Transient):
    """A write whose answer never came or could not be read: it may have been carried out. Look before repeating."""


class NeedsAuthorization(SyncError):
    """The connection cannot get a usable token, or BC refuses the one it has: a person must act."""


class NotConfigured(SyncError):
    """A setting that this step needs is missing or malformed."""
