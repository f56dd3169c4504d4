"""The authorize address: checks the app's request, signs the person in, asks for consent, sends the code."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web

from sandbox.entra import pages
from sandbox.entra.errors import EntraError
from sandbox.entra.state import Code, EntraState, Request
from sandbox.entra.tokens import client_info

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


async def authorize(state: EntraState, http: web.Request) -> web.StreamResponse:
    """GET or POST of `/{tenant}/oauth2/v2.0/authorize`."""
    given = http.query if http.method == "GET" else {k: str(v) for k, v in (await http.post()).items()}
    state.counts["authorize"] += 1
    try:
        request = _begin(state, http.match_info["tenant"], given)
    except EntraError as error:  # nobody to send it to: the app is not who it says
        return pages.refusal(error.text)
    try:
        _check(state, request, given)
    except EntraError as error:
        return _refuse(state, _address(http), request, error)
    state.requests[request.id] = request
    return pages.sign_in(request)


async def login(state: EntraState, http: web.Request) -> web.StreamResponse:
    """POST of the sign-in form."""
    form = await http.post()
    request = state.requests.get(str(form.get("flow", "")))
    if request is None:
        return pages.refusal(
            "AADSTS165000: Invalid Request: the sign-in has ended, start again from the app."
        )
    if form.get("action") == "cancel":
        return _refuse(state, _address(http), request, EntraError(65004))
    username = str(form.get("username", ""))
    try:
        request.user = state.sign_in(request.app, request.tenant, username, str(form.get("password", "")))
    except EntraError as error:
        state.counts["sign-ins refused"] += 1
        if state.world.switch("entra.redirect_sign_in_errors") and error.number not in (50034, 50126):
            return _refuse(state, _address(http), request, error)
        return pages.sign_in(request, error.text, username)
    state.counts["sign-ins"] += 1
    if ordered := state.take_order("authorize", request.user.username):
        return _refuse(state, _address(http), request, ordered)
    if state.has_consent(request.app, request.user) and request.prompt != "consent":
        return _grant(state, request)
    if request.app.needs_admin and not request.user.admin:
        return pages.need_admin(request)
    return pages.consent(request)


async def consent(state: EntraState, http: web.Request) -> web.StreamResponse:
    """POST of the consent form."""
    form = await http.post()
    request = state.requests.get(str(form.get("flow", "")))
    if request is None or request.user is None:
        return pages.refusal(
            "AADSTS165000: Invalid Request: the sign-in has ended, start again from the app."
        )
    barred = request.app.needs_admin and not request.user.admin
    if form.get("action") != "accept" or barred:
        number = 90094 if barred else 65004
        return _refuse(state, _address(http), request, EntraError(number, app=request.app.client_id))
    state.consents.add((request.app.client_id, request.user.username))
    if request.user.admin and form.get("organization"):
        request.app.admin_consented = True
    return _grant(state, request)


def without_browser(state: EntraState, url: str, username: str, password: str, *, accept: bool = True) -> str:
    """What a person at the browser would do with an authorization URL; answers where the browser is sent then.

    For scripts. EntraError where the person would be left standing on a page.
    """
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    request = _begin(state, parts.path.strip("/").split("/")[0], given)
    address = f"{parts.scheme}://{parts.netloc}"
    try:
        _check(state, request, given)
    except EntraError as error:
        return _refuse(state, address, request, error).headers["Location"]
    request.user = state.sign_in(request.app, request.tenant, username, password)
    ordered = state.take_order("authorize", request.user.username)
    if ordered is None and not state.has_consent(request.app, request.user):
        barred = request.app.needs_admin and not request.user.admin
        if accept and not barred:
            state.consents.add((request.app.client_id, request.user.username))
        else:
            ordered = EntraError(90094 if barred else 65004, app=request.app.client_id)
    if ordered is not None:
        return _refuse(state, address, request, ordered).headers["Location"]
    request.response_mode = "query"
    return _grant(state, request).headers["Location"]


def _begin(state: EntraState, tenant_name: str, given: Mapping[str, str]) -> Request:
    """Who asks, and where the answer goes: without both there is no redirect, only a page."""
    client_id = given.get("client_id", "")
    if not client_id:
        raise EntraError(900144, detail="client_id")
    tenant = state.tenant(tenant_name, client_id)
    app = state.app(client_id, tenant)
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise EntraError(50011, app=client_id, detail=redirect_uri)
    return Request(
        id=secrets.token_urlsafe(24),
        app=app,
        tenant=tenant,
        redirect_uri=redirect_uri,
        scopes=(),
        state=given.get("state"),
        nonce=given.get("nonce"),
        challenge=given.get("code_challenge"),
        response_mode=given.get("response_mode", "query"),
        prompt=given.get("prompt", ""),
        login_hint=given.get("login_hint", ""),
        client_info=given.get("client_info") == "1",
    )


def _check(state: EntraState, request: Request, given: Mapping[str, str]) -> None:
    """What is wrong with the request itself is sent back to the app."""
    if request.response_mode not in ("query", "form_post"):
        request.response_mode = "query"
        raise EntraError(900144, detail="response_mode")
    if given.get("response_type") != "code":
        raise EntraError(700054, detail=given.get("response_type", ""))
    request.scopes = state.check_scopes(request.app, request.tenant, given.get("scope", ""))
    if request.challenge is not None:
        strong = given.get("code_challenge_method") == "S256" and _CHALLENGE.fullmatch(request.challenge)
        if not strong:
            raise EntraError(501481, error="invalid_request")
    elif state.world.switch("entra.pkce_required"):
        raise EntraError(9002325)
    if request.prompt == "none":
        raise EntraError(50058)


def _grant(state: EntraState, request: Request) -> web.StreamResponse:
    assert request.user is not None
    state.requests.pop(request.id, None)
    code = Code(f"1.{secrets.token_urlsafe(96)}", request, request.user, state.world.clock.now())
    state.codes[code.value] = code
    state.counts["codes issued"] += 1
    fields = {"code": code.value}
    if request.client_info:
        fields["client_info"] = client_info(request.user)
    return _send(request, fields)


def _refuse(state: EntraState, address: str, request: Request, error: EntraError) -> web.StreamResponse:
    state.requests.pop(request.id, None)
    state.counts["authorize refused"] += 1
    return _send(request, error.as_query(state.world.clock.now(), address))


def _send(request: Request, fields: dict[str, str]) -> web.StreamResponse:
    """The answer goes to the redirect URI, with `state` as it came."""
    if request.state is not None:
        fields = {**fields, "state": request.state}
    if "code" in fields:
        fields = {**fields, "session_state": request.id}
    if request.response_mode == "form_post":
        return pages.form_post(request.redirect_uri, fields)
    joint = "&" if urlsplit(request.redirect_uri).query else "?"
    location = f"{request.redirect_uri}{joint}{urlencode(fields)}"
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _address(http: web.Request) -> str:
    return f"{http.scheme}://{http.host}"
