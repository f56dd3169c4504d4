"""`/api/setup`, `/api/connections…` and `/api/default-connection`: parse, call `bc.connect`, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from bc.connect.authorization import Authorization
from bc.connect.company import CompanyChoice, CompanyIsFixed, NoSuchEnvironment
from bc.connect.connections import ConfirmMismatch, ConnectionDesk, view
from bc.connect.settings_merge import UnfitSettings
from bc.connect.setup import PERMISSIONS, HaloProbe, settings_list
from bc.functions.http import Answer, Request, Route, json_answer, page_answer
from bc.functions.problems import Problem, invalid, not_found

if TYPE_CHECKING:
    from bc.model import Connection
    from bc.services import Services

type Handler = Callable[[Services, Request], Awaitable[Answer]]

_probe = HaloProbe()


class CompanyForm(msgspec.Struct):
    environment_name: Any = None
    company_id: Any = None


class DefaultForm(msgspec.Struct):
    connection_id: str


def worded(handler: Handler) -> Handler:
    """What `bc.connect` raises, as the public face's problems."""

    @wraps(handler)
    async def call(services: Services, request: Request) -> Answer:
        try:
            return await handler(services, request)
        except UnfitSettings as unfit:
            raise invalid(*unfit.errors) from None
        except CompanyIsFixed as fixed:
            raise Problem(
                409,
                "company_is_fixed",
                f"The connection belongs to the company {fixed} for good. Create a new connection for another one.",
            ) from None
        except NoSuchEnvironment as unknown:
            raise Problem(404, "environment_not_found", str(unknown)) from None
        except ConfirmMismatch:
            raise Problem(
                409, "confirm_mismatch", "Repeat the connection's name in ?confirm= to remove it."
            ) from None
        except KeyError:
            _no_connection()

    return call


async def setup(services: Services, request: Request) -> Answer:
    return json_answer(
        {
            "redirect_uri": services.settings.redirect_uri,
            "permissions": PERMISSIONS,
            "settings": settings_list(services.settings),
            "halo": await _probe.look(services.settings, services.store, services.halo),
        }
    )


async def list_connections(services: Services, request: Request) -> Answer:
    found = sorted(await services.store.connections.list(), key=lambda each: (each.created_at, each.id))
    limit, start = request.limit(), _start(request)
    following = str(start + limit) if len(found) > start + limit else None
    return page_answer([view(connection) for connection in found[start : start + limit]], following)


@worded
async def create(services: Services, request: Request) -> Answer:
    connection = await desk(services).create(request.json(dict[str, Any]))
    return json_answer(view(connection), 201, [("Location", f"/api/connections/{connection.id}")])


async def show(services: Services, request: Request) -> Answer:
    return json_answer(view(await connection_of(services, request)))


@worded
async def change(services: Services, request: Request) -> Answer:
    return json_answer(view(await desk(services).change(request.args["id"], request.json(dict[str, Any]))))


@worded
async def remove(services: Services, request: Request) -> Answer:
    await desk(services).remove(request.args["id"], request.param("confirm"))
    return Answer(204)


@worded
async def authorize(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    signing_in = authorization(services)
    if connection.auth_mode == "app":
        return json_answer(view(await signing_in.connect(connection)))
    started = await signing_in.start(connection)
    secure = "; Secure" if services.settings.public_url.startswith("https://") else ""
    cookie = (
        f"{started.cookie_name}={started.cookie_value}; Path=/auth; Max-Age={started.seconds}; "
        f"HttpOnly; SameSite=Lax{secure}"
    )
    return json_answer({"authorization_url": started.url}, headers=[("Set-Cookie", cookie)])


@worded
async def environments(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    return json_answer({"items": await company_choice(services).environments(connection), "next": None})


@worded
async def companies(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    name = request.param("environment") or connection.environment_name
    found = await company_choice(services).companies(connection, name)
    return json_answer({"items": found, "next": None})


@worded
async def choose_company(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    form = request.json(CompanyForm)
    chosen = await company_choice(services).choose(connection, form.environment_name, form.company_id)
    return json_answer(view(chosen))


@worded
async def make_default(services: Services, request: Request) -> Answer:
    return json_answer(view(await desk(services).make_default(request.json(DefaultForm).connection_id)))


ROUTES = [
    Route("GET", "/api/setup", setup),
    Route("GET", "/api/connections", list_connections),
    Route("POST", "/api/connections", create),
    Route("GET", "/api/connections/{id}", show),
    Route("PATCH", "/api/connections/{id}", change),
    Route("DELETE", "/api/connections/{id}", remove),
    Route("POST", "/api/connections/{id}/authorize", authorize),
    Route("GET", "/api/connections/{id}/environments", environments),
    Route("GET", "/api/connections/{id}/companies", companies),
    Route("PUT", "/api/connections/{id}/company", choose_company),
    Route("PUT", "/api/default-connection", make_default),
]


async def connection_of(services: Services, request: Request) -> Connection:
    """The connection that `{id}` in the address names; 404 when there is none."""
    row = await services.store.connections.get(request.args["id"])
    if row is None:
        _no_connection()
    return row.value


def authorization(services: Services) -> Authorization:
    return Authorization(services.settings, services.store, services.entra, services.tokens, services)


def desk(services: Services) -> ConnectionDesk:
    return ConnectionDesk(services.store, services.entra, services.tokens, authorization(services), services)


def company_choice(services: Services) -> CompanyChoice:
    return CompanyChoice(services.store, services.bc, services)


def _no_connection() -> NoReturn:
    raise not_found("This connection") from None


def _start(request: Request) -> int:
    cursor = request.param("cursor") or "0"
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 6:
        raise invalid(("cursor", "This is not a cursor of this list."))
    return int(cursor)
