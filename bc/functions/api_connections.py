"""`/api/setup`, `/api/connections…` and `/api/default-connection`: parse, call `bc.connect`, answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec

from bc.connect.authorization import Authorization
from bc.connect.company import Company, CompanyChoice, CompanyIsFixed, Environment, NoSuchEnvironment
from bc.connect.connections import HIDDEN, ConfirmMismatch, ConnectionDesk, view
from bc.connect.settings_merge import UnfitSettings
from bc.connect.setup import PERMISSIONS, HaloProbe, HaloState, Permission, settings_list
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, part_answer
from bc.functions.problems import Problem, invalid, not_found
from bc.functions.schemas import without
from bc.model import AuthMode, Connection, ConnectionSettings

if TYPE_CHECKING:
    from bc.services import Services

type Handler = Callable[[Services, Request], Awaitable[Answer]]

_probe = HaloProbe()


class CompanyForm(msgspec.Struct):
    environment_name: str
    company_id: str


class DefaultForm(msgspec.Struct):
    connection_id: str


class NewConnection(msgspec.Struct, forbid_unknown_fields=True):
    """What `ConnectionDesk.create` takes; it checks each field in words of its own."""

    name: str
    tenant_id: str
    client_id: str
    client_secret: str
    auth_mode: AuthMode = "delegated"
    secret_expires_on: date | None = None
    settings: ConnectionSettings = ConnectionSettings()


class ConnectionChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays; `settings` are merged member by member."""

    name: str | None = None
    client_secret: str | None = None
    secret_expires_on: date | None = None
    paused: bool | None = None
    settings: ConnectionSettings = ConnectionSettings()


class SettingState(msgspec.Struct, frozen=True):
    """A setting of the app; `detail` shows its value where it is no secret, or what is wrong with it."""

    name: str
    ok: bool
    detail: str


class Setup(msgspec.Struct, frozen=True):
    redirect_uri: str
    permissions: tuple[Permission, ...]
    settings: list[SettingState]
    halo: HaloState


class SignInStarted(msgspec.Struct, frozen=True):
    """Open the address in the same browser: its cookie came with this answer."""

    authorization_url: str


ConnectionView = without(Connection, HIDDEN, "Connection")


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
    """What the app's operator has set and what Microsoft Entra must hold; whether Halo answers."""
    return json_answer(
        Setup(
            services.settings.redirect_uri,
            PERMISSIONS,
            [SettingState(**each) for each in settings_list(services.settings)],
            await _probe.look(services.settings, services.store, services.halo),
        )
    )


async def list_connections(services: Services, request: Request) -> Answer:
    """All connections, the oldest first."""
    found = sorted(await services.store.connections.list(), key=lambda each: (each.created_at, each.id))
    return part_answer([view(connection) for connection in found], request)


@worded
async def create(services: Services, request: Request) -> Answer:
    """A new connection. Its secret is kept sealed and never shown."""
    connection = await desk(services).create(request.json(dict[str, Any]))
    return json_answer(view(connection), 201, [("Location", f"/api/connections/{connection.id}")])


async def show(services: Services, request: Request) -> Answer:
    """One connection."""
    return json_answer(view(await connection_of(services, request)))


@worded
async def change(services: Services, request: Request) -> Answer:
    """Change a connection. A secret that Microsoft refuses is not kept."""
    return json_answer(view(await desk(services).change(request.args["id"], request.json(dict[str, Any]))))


@worded
async def remove(services: Services, request: Request) -> Answer:
    """Stop a connection's work, then remove our rows of it. Nothing changes in Halo or Business Central."""
    await desk(services).remove(request.args["id"], request.param("confirm"))
    return Answer(204)


@worded
async def authorize(services: Services, request: Request) -> Answer:
    """Start a person's sign-in; in app mode connect at once."""
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
    return json_answer(SignInStarted(started.url), headers=[("Set-Cookie", cookie)])


@worded
async def environments(services: Services, request: Request) -> Answer:
    """Business Central's environments in the connection's tenant."""
    connection = await connection_of(services, request)
    return part_answer(await company_choice(services).environments(connection), request)


@worded
async def companies(services: Services, request: Request) -> Answer:
    """The companies of an environment."""
    connection = await connection_of(services, request)
    name = request.param("environment") or connection.environment_name
    found = await company_choice(services).companies(connection, name)
    return part_answer(found, request)


@worded
async def choose_company(services: Services, request: Request) -> Answer:
    """Choose environment and company, once and for good."""
    connection = await connection_of(services, request)
    form = request.json(CompanyForm)
    chosen = await company_choice(services).choose(connection, form.environment_name, form.company_id)
    return json_answer(view(chosen))


@worded
async def make_default(services: Services, request: Request) -> Answer:
    """Make a connection the default one: records without a company of their own go there."""
    return json_answer(view(await desk(services).make_default(request.json(DefaultForm).connection_id)))


ROUTES = [
    Route("GET", "/api/setup", setup, answers={200: Setup}),
    Route(
        "GET",
        "/api/connections",
        list_connections,
        params=PAGE,
        answers={200: Listed[ConnectionView]},  # type: ignore[valid-type]  # made at run time
    ),
    Route(
        "POST",
        "/api/connections",
        create,
        body=NewConnection,
        answers={201: ConnectionView},
        conflicts=("encryption_keys_missing",),
    ),
    Route("GET", "/api/connections/{id}", show, answers={200: ConnectionView}),
    Route(
        "PATCH",
        "/api/connections/{id}",
        change,
        body=ConnectionChange,
        answers={200: ConnectionView},
        conflicts=("encryption_keys_missing",),
    ),
    Route(
        "DELETE",
        "/api/connections/{id}",
        remove,
        params={"confirm": Annotated[str, msgspec.Meta(description="The connection's name.")]},
        answers={204: None},
        conflicts=("confirm_mismatch",),
    ),
    Route(
        "POST",
        "/api/connections/{id}/authorize",
        authorize,
        answers={200: (SignInStarted, ConnectionView)},
        conflicts=("encryption_keys_missing", "secret_missing"),
    ),
    Route(
        "GET",
        "/api/connections/{id}/environments",
        environments,
        params=PAGE,
        answers={200: Listed[Environment]},
        conflicts=("needs_authorization",),
    ),
    Route(
        "GET",
        "/api/connections/{id}/companies",
        companies,
        params={"environment": str, **PAGE},
        answers={200: Listed[Company]},
        conflicts=("needs_authorization",),
    ),
    Route(
        "PUT",
        "/api/connections/{id}/company",
        choose_company,
        body=CompanyForm,
        answers={200: ConnectionView},
        conflicts=("company_is_fixed", "needs_authorization"),
    ),
    Route("PUT", "/api/default-connection", make_default, body=DefaultForm, answers={200: ConnectionView}),
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
