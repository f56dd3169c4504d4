"""The pages that a person sees at Entra: sign-in, consent, need of an administrator, errors."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from aiohttp import web

from sandbox.entra.state import Request

_STYLE = (
    "body{font:16px/1.4 'Segoe UI',sans-serif;background:#f2f2f2;color:#1b1b1b}"
    "main{max-width:27rem;margin:12vh auto;background:#fff;padding:2.5rem;box-shadow:0 2px 6px rgba(0,0,0,.2)}"
    "label{display:block;margin-top:1rem}input:not([type=checkbox]){width:100%;padding:.4rem;font:inherit;box-sizing:border-box}"
    "button{font:inherit;padding:.4rem 1.4rem;margin:1.5rem .5rem 0 0}.error{color:#a80000}code{overflow-wrap:anywhere}"
)


def sign_in(request: Request, error: str = "", username: str = "") -> web.Response:
    """User name and password; `error` says why the last try failed."""
    app = escape(request.app.registration.name)
    name = escape(username or request.login_hint, quote=True)
    return _page(
        "Sign in to your account",
        f"<h1>Sign in</h1><p>to continue to <strong>{app}</strong></p>{_problem(error)}"
        f'<form method="post" action="/{request.tenant.id}/login" autocomplete="off">{_hidden(request)}'
        f'<label for="username">User name</label><input id="username" name="username" value="{name}" required autofocus>'
        '<label for="password">Password</label><input id="password" name="password" type="password">'
        '<button id="signin" name="action" value="signin">Sign in</button>'
        '<button id="cancel" name="action" value="cancel" formnovalidate>Cancel</button></form>',
    )


def consent(request: Request) -> web.Response:
    """What the app may do for the signed-in user, with Accept and Cancel."""
    user = request.user
    assert user is not None
    granted = "".join(f"<li>{escape(scope)}</li>" for scope in request.scopes)
    organization = (
        '<label><input type="checkbox" id="organization" name="organization" value="1"> '
        "Consent on behalf of your organization</label>"
        if user.admin
        else ""
    )
    return _page(
        "Permissions requested",
        f"<h1>Permissions requested</h1><p>{escape(user.username)}</p>"
        f"<p><strong>{escape(request.app.registration.name)}</strong> would like to:</p><ul>{granted}</ul>"
        f'<form method="post" action="/{request.tenant.id}/consent">{_hidden(request)}{organization}'
        '<button id="accept" name="action" value="accept">Accept</button>'
        '<button id="cancel" name="action" value="cancel">Cancel</button></form>',
    )


def need_admin(request: Request) -> web.Response:
    """A plain user may not consent: only the way back is left."""
    return _page(
        "Need admin approval",
        f"<h1>Need admin approval</h1><p><strong>{escape(request.app.registration.name)}</strong> needs permission "
        "to access resources in your organization that only an admin can grant.</p>"
        f'<form method="post" action="/{request.tenant.id}/consent">{_hidden(request)}'
        '<button id="cancel" name="action" value="return">Return to the application without granting consent</button>'
        "</form>",
    )


def refusal(text: str) -> web.Response:
    """An error that is shown here and never sent to the app."""
    return _page(
        "Sign in to your account",
        f'<h1>Sorry, but we’re having trouble signing you in.</h1><p class="error" id="error"><code>{escape(text)}</code></p>',
        status=400,
    )


def form_post(address: str, fields: Mapping[str, str]) -> web.Response:
    """A page that posts the answer to the app by itself (`response_mode=form_post`)."""
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    return _page(
        "Working…",
        f'<form method="post" action="{escape(address)}">{inputs}<button id="continue">Continue</button></form>'
        "<script>document.forms[0].submit()</script>",
    )


def _problem(error: str) -> str:
    return f'<p class="error" id="error" role="alert">{escape(error)}</p>' if error else ""


def _hidden(request: Request) -> str:
    return f'<input type="hidden" name="flow" value="{request.id}">'


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
        text=f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>",
    )
