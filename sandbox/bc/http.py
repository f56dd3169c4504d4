"""The HTTP face: addresses, sign-in, headers, and the wire form of answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
from aiohttp import web

from sandbox.bc import batch, line_costs, metadata
from sandbox.bc.errors import Refusal, bad_request, not_authenticated
from sandbox.bc.kinds import kind_of
from sandbox.bc.schema import EntityType
from sandbox.bc.service import MISSING, Answer, Call, answer, refused
from sandbox.bc.session import Session
from sandbox.bc.state import State, state_of
from sandbox.bc.types import TYPES
from sandbox.world import Token, World

_API = re.compile(r"/v2\.0/(?:([^/]+)/)?([^/]+)/api/(v2\.0|[^/]+/[^/]+/v[^/]+)(?:/(.*))?")
_ENVIRONMENTS = re.compile(r"/environments/v1\.[12]/?")
_LARGEST_BODY = 350 * 1024 * 1024
_JSON = "application/json; odata.metadata=minimal; odata.streaming=true"
_SCOPES = frozenset({"Financials.ReadWrite.All", "user_impersonation"})
_ROLE = "API.ReadWrite.All"

_encoder = msgspec.json.Encoder(decimal_format="number")


def app(world: World) -> web.Application:
    """The server of Business Central; `sandbox.server` puts the common middleware around it."""
    state = state_of(world)
    world.name_kinds("bc", kind_of)

    async def handle(request: web.Request) -> web.Response:
        try:
            return await _respond(state, request)
        except Refusal as refusal:
            return _response(refused(refusal))

    application = web.Application(client_max_size=_LARGEST_BODY)
    application.router.add_route("*", "/{tail:.*}", handle)
    return application


async def _respond(state: State, request: web.Request) -> web.Response:
    path = request.rel_url.raw_path
    if _ENVIRONMENTS.fullmatch(path) and request.method == "GET":
        return _response(_environments(state, request))
    found = _API.fullmatch(path)
    types = _types(state.world, found[3]) if found else None
    if found is None or types is None:
        raise Refusal(
            404,
            "BadRequest_NotFound",
            f"No HTTP resource was found that matches the request URI '{request.url}'.",
        )
    tenant, environment, rest = found[1], found[2], found[4] or ""
    token = _token(state.world, request)
    _check_tenant(state.world, token, tenant)
    session = _session(state, token, environment, f"{_origin(request)}{path[: found.end(3)]}", types)
    if rest in ("", "$metadata"):
        async with state.gate.place(token.principal):
            return _model(session, rest)
    call = await _call(request, rest)
    parts = batch.part_count(call.body) if rest == "$batch" else 1
    async with state.gate.place(token.principal, max(parts, 1)):
        result = _run(session, call)
    return _finish(session, call, result)


def _model(session: Session, rest: str) -> web.Response:
    if rest == "":
        return _response(Answer(200, metadata.service_document(session.base, session.types)))
    edmx = metadata.edmx(session.types)
    return web.Response(text=edmx, content_type="application/xml", headers=_trace())


def _run(session: Session, call: Call) -> Answer:
    """The call, at its end saved for good."""
    try:
        if call.path != "$batch":
            return answer(session, call)
        if call.method != "POST":
            raise Refusal(
                405, "BadRequest_MethodNotAllowed", f"'{call.method}' requests for '$batch' are not allowed."
            )
        return batch.run(session, call)
    finally:
        session.environment.journal.commit()


def _finish(session: Session, call: Call, result: Answer) -> web.Response:
    accepted = call.headers.get("accept", "")
    strings = "ieee754compatible=true" in accepted.lower()
    if call.path == "$batch" and session.switch("batch_needs_accept") and "application/json" not in accepted:
        return _multipart(result)
    return _response(result, strings=strings)


def _token(world: World, request: web.Request) -> Token:
    """The caller's valid token with a permission for BC's API."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    token = world.bearer(value.strip()) if scheme.lower() == "bearer" and value else None
    if token is None:
        raise not_authenticated()
    allowed = _ROLE in token.roles if token.app_only else bool(token.scopes & _SCOPES)
    if not allowed:
        raise not_authenticated()
    return token


def _check_tenant(world: World, token: Token, tenant: str | None) -> None:
    """The gateway's part: another tenant than the token's gets an empty 401."""
    home = world.data.directory.home
    named = home.id if tenant is None or tenant.lower() in (home.id, home.domain) else tenant.lower()
    if token.tenant_id != named or token.tenant_id != world.data.bc.tenant_id:
        raise Refusal(401, "", "", bare=True)


def _types(world: World, api: str) -> Mapping[str, EntityType] | None:
    """The entity sets of an API; None where this environment has no such API."""
    if api == "v2.0":
        return TYPES
    if api == line_costs.API and world.switch("bc.line_cost_extension"):
        return line_costs.SETS
    return None


def _session(state: State, token: Token, name: str, base: str, types: Mapping[str, EntityType]) -> Session:
    environment = state.environments.get(name.casefold())
    if environment is None and state.world.switch("bc.unknown_environment") == 404:
        raise Refusal(404, "BadRequest_NotFound", f"The environment '{name}' does not exist.")
    if environment is None:
        raise Refusal(401, "", "", bare=True)
    registered = state.world.switch("bc.app_registered")
    known = registered if isinstance(registered, bool) else environment.name in registered
    if token.app_only and not known:
        raise not_authenticated()
    return Session(state.world, environment, base, types=types)


def _environments(state: State, request: web.Request) -> Answer:
    token = _token(state.world, request)
    if token.app_only and not state.world.switch("bc.environments_for_apps"):
        raise Refusal(403, "", "", bare=True)
    _check_tenant(state.world, token, None)
    newer = request.path.rstrip("/").endswith("v1.2")
    return Answer(
        200,
        {
            "value": [
                {
                    "aadTenantId": token.tenant_id,
                    "applicationFamily": "BusinessCentral",
                    "type": environment.seed.type,
                    "name": environment.name,
                    "countryCode": environment.seed.country,
                    "webServiceUrl": _origin(request),
                    "webClientLoginUrl": f"https://businesscentral.dynamics.com/{token.tenant_id}/{environment.name}",
                    **({"ringName": "PROD"} if newer else {}),
                }
                for environment in state.environments.values()
            ]
        },
    )


async def _call(request: web.Request, rest: str) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.pop("company", None)  # BC knows it in the parts of a batch only
    body: Any = MISSING
    raw = await request.read()
    if raw and request.method in ("POST", "PATCH", "PUT"):
        if "json" not in headers.get("content-type", ""):
            raise Refusal(415, "BadRequest", "The Content-Type of the request is missing or not supported.")
        body = _parse(raw)
    return Call(request.method, rest, request.rel_url.raw_query_string, headers, body)


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_float=Decimal)
    except (ValueError, UnicodeDecodeError):
        raise bad_request("Invalid Request Body") from None


def _response(result: Answer, *, strings: bool = False) -> web.Response:
    headers = {**_trace(), **result.headers}
    if isinstance(result.body, str):
        return web.Response(status=result.status, text=result.body, headers=headers)
    if result.body is None:
        return web.Response(status=result.status, headers=headers)
    body = _encoder.encode(_strings(result.body) if strings else result.body)
    headers |= {"Content-Type": _JSON, "OData-Version": "4.0"}
    return web.Response(status=result.status, body=body, headers=headers)


def _strings(value: Any) -> Any:
    """Decimals as strings, for clients that ask for IEEE754Compatible answers."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _strings(one) for name, one in value.items()}
    return [_strings(one) for one in value] if isinstance(value, list) else value


def _multipart(result: Answer) -> web.Response:
    """What a batch answers without `Accept: application/json`."""
    boundary = f"batchresponse_{uuid4()}"
    parts = result.body.get("responses", []) if isinstance(result.body, dict) else []
    lines = []
    for part in parts:
        inner = _encoder.encode(part["body"]).decode() if "body" in part else ""
        lines += [f"--{boundary}", "Content-Type: application/http", "Content-Transfer-Encoding: binary", ""]
        lines += [f"HTTP/1.1 {part['status']} -", f"Content-Type: {_JSON}", "OData-Version: 4.0", "", inner]
    lines.append(f"--{boundary}--")
    return web.Response(
        status=result.status,
        body="\r\n".join(lines).encode(),
        headers={**_trace(), "Content-Type": f'multipart/mixed; boundary="{boundary}"'},
    )


def _trace() -> dict[str, str]:
    return {"request-id": str(uuid4()), "ms-correlation-x": str(uuid4())}


def _origin(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
