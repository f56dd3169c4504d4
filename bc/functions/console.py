"""The console's static files, the address `/`, and the console's session.

Every file is read once, with its ETag and a gzip copy. The console's own page addresses all answer its one page, so
that reload and sharing work; a missing asset stays missing.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import azure.functions as func

from bc.functions.admin import admin, session_routes
from bc.functions.http import (
    Answer,
    Request,
    Router,
    etag_matches,
    parse,
    problem_answer,
    redirect,
    to_response,
)
from bc.functions.problems import not_found

if TYPE_CHECKING:
    from bc.settings import Settings

blueprint = func.Blueprint()
FOLDER = Path(__file__).resolve().parent.parent / "console"
PAGE = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
SQUEEZED = frozenset({".html", ".js", ".mjs", ".css", ".svg", ".json", ".txt", ".webmanifest"})
# A name with a content hash in it never changes its content.
HASHED = re.compile(r"[.-][0-9a-f]{8,}\.[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class StaticFile:
    body: bytes
    squeezed: bytes | None
    kind: str
    etag: str
    lasting: bool


@cache
def files(folder: Path = FOLDER) -> dict[str, StaticFile]:
    """Relative path (with `/`) -> file. Only what is listed here can be answered, so no path leads outside."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in TYPES and not path.name.endswith((".test.js", ".d.ts")):
            found[path.relative_to(folder).as_posix()] = _read(path)
    return found


def static(request: Request, folder: Path = FOLDER) -> Answer:
    """The file of a `/console/…` address, or the console's page for its own page addresses."""
    name = unquote(request.path).strip("/").removeprefix("console").lstrip("/")
    held = files(folder)
    found = held.get(name or PAGE)
    if found is None and not _is_asset(name):
        found = held.get(PAGE)
    if found is None:
        return problem_answer(not_found("This file"))
    headers = [
        ("Content-Type", found.kind),
        ("ETag", found.etag),
        ("Vary", "Accept-Encoding"),
        ("Cache-Control", "public, max-age=31536000, immutable" if found.lasting else "no-cache"),
    ]
    if etag_matches(request, found.etag):
        return Answer(304, b"", tuple(headers))
    if found.squeezed is not None and _takes_gzip(request):
        return Answer(200, found.squeezed, (*headers, ("Content-Encoding", "gzip")))
    return Answer(200, found.body, tuple(headers))


def elsewhere(settings: Settings, request: Request) -> str:
    """Where a console opened at another host belongs; "" when it is at home. The sign-in cookie knows one host."""
    home = urlsplit(settings.public_url).netloc.lower()
    here = {
        urlsplit(request.url).netloc.lower(),
        *(request.headers.get(name, "").lower() for name in ("host", "x-forwarded-host", "x-original-host")),
    }
    if not home or home in here:
        return ""
    query = urlsplit(request.url).query
    return f"{settings.public_url}{request.path}{'?' + query if query else ''}"


session_router = Router(session_routes(admin), admin.guard)


@blueprint.function_name("console")
@blueprint.route("console/{*path}", auth_level=func.AuthLevel.ANONYMOUS)
async def console(req: func.HttpRequest) -> func.HttpResponse:
    """The console's files; `/console/session` signs in and out."""
    request = parse(req)
    if request.path.rstrip("/").lower() == "/console/session" or request.method not in ("GET", "HEAD"):
        return await session_router.serve(req)
    from bc.settings import load

    away = elsewhere(load(), request)
    return to_response(redirect(away, 307) if away else static(request), request)


@blueprint.function_name("root")
@blueprint.route("{ignored:maxlength(0)?}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def root(req: func.HttpRequest) -> func.HttpResponse:
    """`/` leads to the console."""
    return to_response(redirect("/console"), parse(req))


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    squeezed = gzip.compress(body, 9, mtime=0) if path.suffix in SQUEEZED and len(body) > 600 else None
    return StaticFile(
        body=body,
        squeezed=squeezed,
        kind=TYPES[path.suffix],
        etag=f'W/"{hashlib.sha256(body).hexdigest()[:24]}"',
        lasting=bool(HASHED.search(path.name)),
    )


def _is_asset(name: str) -> bool:
    return name.split("/")[0] == "assets" or Path(name).suffix in TYPES


def _takes_gzip(request: Request) -> bool:
    for choice in request.headers.get("accept-encoding", "").split(","):
        coding, _, quality = choice.strip().partition(";")
        if coding.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
