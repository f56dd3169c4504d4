"""Halo's refusals. Their bodies vary: five shapes are known, and 401, 403 and 404 mostly have none."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web

type Shape = Literal["dotnet", "Message", "message", "oauth", "result", "plain", "none"]


class HaloError(Exception):
    """A refused request: status, message, and which shape its body has."""

    def __init__(self, status: int, message: str = "", shape: Shape = "none", code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.shape = shape
        self.code = code


def refused(message: str, shape: Shape = "Message") -> HaloError:
    """400: what was sent makes no sense to Halo."""
    return HaloError(400, message, shape)


def not_found() -> HaloError:
    """404 without JSON."""
    return HaloError(404)


def forbidden() -> HaloError:
    """403 without JSON: the agent or the application lacks the permission."""
    return HaloError(403)


def answer(error: HaloError, shape: Shape | Literal["mixed"] = "mixed") -> web.Response:
    """The refusal on the wire; another `shape` than `mixed` forces it on all refusals that have a body."""
    if error.shape == "none":
        return web.Response(status=error.status)
    chosen = error.shape if shape == "mixed" or error.shape == "oauth" else shape
    if chosen == "plain":
        return web.Response(status=error.status, text=error.message)
    return web.json_response(_body(error, chosen), status=error.status)


def _body(error: HaloError, shape: Shape) -> Any:
    if shape == "dotnet":
        return {
            "ClassName": error.code or "Newtonsoft.Json.JsonSerializationException",
            "Message": error.message,
            "Data": None,
            "InnerException": None,
            "HelpURL": None,
            "StackTraceString": None,
            "RemoteStackTraceString": None,
            "HResult": -2146233088,
            "Source": "Newtonsoft.Json",
        }
    if shape == "oauth":
        return {"error": error.code, "error_description": error.message}
    if shape == "result":
        return {"resultCode": error.status, "errorMessage": error.message}
    return {shape: error.message}
