"""What an administrator does in Business Central: companies and environments renamed, deleted and brought back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aiohttp import web

from sandbox.bc.company import Company, Environment
from sandbox.bc.seeding import company_row
from sandbox.bc.state import State
from sandbox.control import BadRequest, object_of


def company_routes(state: State) -> list[web.RouteDef]:
    """`PATCH /companies/{name or id}` and `PATCH /environments/{name}` with `name`, `deleted` or both.

    A renamed company keeps its id; a renamed environment is another address. What is deleted can come back
    (`"deleted": false`) with all its records.
    """

    async def company(request: web.Request) -> web.Response:
        wanted = _wishes(await object_of(request))
        environment, found = _company(state, request.match_info["company"])
        if wanted.get("name"):
            found.seed = replace(found.seed, name=wanted["name"])
        _list(environment, found, deleted=bool(wanted.get("deleted", found.id in environment.gone)))
        return web.json_response(
            {"id": found.id, "name": found.name, "deleted": found.id in environment.gone}
        )

    async def environment(request: web.Request) -> web.Response:
        wanted = _wishes(await object_of(request))
        name = request.match_info["environment"].casefold()
        found = state.environments.get(name) or state.gone.get(name)
        if found is None:
            raise web.HTTPNotFound(text=f"no environment {name}")
        deleted = bool(wanted.get("deleted", name in state.gone))
        state.environments.pop(name, None)
        state.gone.pop(name, None)
        found.seed = replace(found.seed, name=wanted.get("name", found.name))
        (state.gone if deleted else state.environments)[found.name.casefold()] = found
        return web.json_response({"name": found.name, "deleted": deleted})

    return [
        web.patch("/companies/{company}", company),
        web.patch("/environments/{environment}", environment),
    ]


def _wishes(wanted: Mapping[str, Any]) -> dict[str, Any]:
    if set(wanted) - {"name", "deleted"} or not wanted or wanted.get("name", "x") == "":
        raise BadRequest("name or deleted is needed")
    return dict(wanted)


def _company(state: State, name_or_id: str) -> tuple[Environment, Company]:
    wanted = name_or_id.casefold()
    for environment in state.environments.values():
        for company in [*environment.companies.values(), *environment.gone.values()]:
            if wanted in (company.id, company.name.casefold()):
                return environment, company
    raise web.HTTPNotFound(text=f"no company {name_or_id}")


def _list(environment: Environment, company: Company, *, deleted: bool) -> None:
    """Among the environment's companies, or among those gone; the list of companies says the same."""
    environment.companies.pop(company.id, None)
    environment.gone.pop(company.id, None)
    (environment.gone if deleted else environment.companies)[company.id] = company
    if environment.list.get(company.id) is not None:
        environment.list.remove(company.id)
    if not deleted:
        environment.list.insert(company_row(company.seed), company.id)
    environment.journal.commit()
