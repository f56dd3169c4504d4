"""`GET /auth/callback`: Microsoft's answer in the admin's browser."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import azure.functions as func

from bc.functions.http import Answer, Request, Route, Router, redirect

if TYPE_CHECKING:
    from bc.services import Services

blueprint = func.Blueprint()
LONGEST_ADDRESS = 16 * 1024
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Sign-in not accepted</title></head>
<body>
<main>
<h1>This sign-in was not accepted</h1>
<p>{reason}</p>
<p>Nothing was changed. Open the connection in the console and choose Authorize again, in this browser.</p>
<p><a href="/console">Open the console</a></p>
</main>
</body>
</html>
"""


async def callback(services: Services, request: Request) -> Answer:
    """303 to the connection's page, where the result stands; 400 in words for an answer that is not this browser's."""
    # Here, since the clients and the store behind them are slow to import and most starts need neither.
    from bc.connect.authorization import ForeignAnswer, cookie_name
    from bc.functions.api_connections import authorization

    # An answer that long is not Microsoft's; without its parts it has no state.
    query = request.query if len(request.url) <= LONGEST_ADDRESS else ()
    try:
        connection = await authorization(services).finish(query, request.cookies)
    except ForeignAnswer as foreign:
        page = _PAGE.format(reason=escape(str(foreign)))
        return Answer(400, page.encode(), (("Content-Type", "text/html; charset=utf-8"),))
    spent = cookie_name(request.param("state"))
    secure = "; Secure" if services.settings.public_url.startswith("https://") else ""
    return redirect(
        f"{services.settings.public_url}/console/connections/{connection.id}",
        303,
        [("Set-Cookie", f"{spent}=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Lax{secure}")],
    )


def _open(services: Services, request: Request) -> None:
    """State and cookie are the proof here: nobody is asked for more."""


router = Router([Route("GET", "/auth/callback", callback, auth="none")], _open)


@blueprint.function_name("auth_callback")
@blueprint.route("auth/callback", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def auth_callback(req: func.HttpRequest) -> func.HttpResponse:
    """OAuth redirect target."""
    return await router.serve(req)
