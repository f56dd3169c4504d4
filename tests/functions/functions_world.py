"""Requests as the Functions host hands them over, and services made of what a front-door test needs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import azure.functions as func

from bc.functions.http import Answer, Request, Router, parse
from bc.settings import Settings, load

if TYPE_CHECKING:
    from bc.services import Services

ADMIN_KEY = "an-admin-key-of-some-length"


def settings(**env: str) -> Settings:
    return load({"PUBLIC_URL": "https://bc.example.test", "ADMIN_KEY": ADMIN_KEY, **env})


@dataclass
class FrontServices:
    settings: Settings
    store: Any = None
    halo: Any = None


def services(**env: str) -> Services:
    return cast("Services", FrontServices(settings(**env)))


def a_request(
    method: str = "GET",
    path: str = "/api/connections",
    *,
    headers: dict[str, str] | None = None,
    json_body: Any = None,
    body: bytes = b"",
    host: str = "https://bc.example.test",
) -> Request:
    given = dict(headers or {})
    if json_body is not None:
        body = json.dumps(json_body).encode()
        given.setdefault("Content-Type", "application/json")
    return parse(func.HttpRequest(method, f"{host}{path}", headers=given, body=body))


async def ask(router: Router, request: Request, **env: str) -> Answer:
    return await router.answer(services(**env), request)
