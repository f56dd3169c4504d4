"""What a check answers, and how a remote's refusal becomes one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Literal

from msgspec import Struct

from bc.errors import SyncError

Status = Literal["ok", "warning", "failed"]


class Check(Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at. `cure` says what to do about it."""

    name: str
    status: Status
    detail: str
    cure: str = ""


def ok(name: str, detail: str) -> Check:
    return Check(name, "ok", detail)


def warning(name: str, detail: str, cure: str = "") -> Check:
    return Check(name, "warning", detail, cure)


def failed(name: str, detail: str, cure: str = "") -> Check:
    return Check(name, "failed", detail, cure)


def refused(name: str, error: SyncError) -> Check:
    return Check(name, "failed", error.message, error.cure)


async def answer_of[T](name: str, call: Awaitable[T]) -> T | Check:
    """The remote's answer, or the failed check that its refusal makes."""
    try:
        return await call
    except SyncError as error:
        return refused(name, error)
