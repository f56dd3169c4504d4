"""One way through every call of `/api`, as an admin would go it; each answer is kept for the tests to judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.contract.conformity import Schema, faults, long_fractions, response_schema, times_not_in_utc
from tests.e2e.acting import Acting, Invoicing, wait_for

NO_SUCH_INVOICE = "999999"


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    pattern: str
    answer: httpx.Response


@dataclass(slots=True)
class Tour:
    """`document`: the OpenAPI document as served; `known`: values for the names in `{}` that exist."""

    acting: Acting
    document: Schema
    known: dict[str, str]
    calls: list[Call] = field(default_factory=list)

    def call(
        self, method: str, pattern: str, body: Any = None, *, query: Any = None, **args: str
    ) -> httpx.Response:
        address = filled(pattern, {**self.known, **args})
        answer = self.acting.app.api.request(method, address, json=body, params=query)
        self.calls.append(Call(method, pattern, answer))
        return answer

    def operations(self) -> Iterator[tuple[str, str, Schema]]:
        for pattern, operations in self.document["paths"].items():
            for method, operation in operations.items():
                yield method.upper(), pattern, operation


def filled(pattern: str, args: dict[str, str]) -> str:
    for name, value in args.items():
        pattern = pattern.replace(f"{{{name}}}", quote(str(value), safe=""))
    return pattern


def judged(call: Call, document: Schema) -> list[str]:
    """What is wrong with an answer by the document, by RFC 9457, and by the rule of times."""
    answer = call.answer
    said = answer.headers.get("content-type", "")
    kind = "application/json" if answer.status_code < 400 else "application/problem+json"
    if answer.status_code in (204, 304):
        return [f"a body with {answer.status_code}"] if answer.content else []
    if said != kind:
        return [f"{answer.status_code} as {said}: {answer.text[:200]}"]
    schema = response_schema(document, call.method, call.pattern, answer.status_code, kind)
    body = answer.json()
    found = list(faults(body, schema, document)) if schema is not None else ["a body that was not told"]
    if answer.status_code >= 400 and body.get("status") != answer.status_code:
        found.append(f"status {body.get('status')} in the body of {answer.status_code}")
    return found + list(times_not_in_utc(body)) + long_fractions(answer.text)


def gone_through(acting: Acting, document: Schema) -> Tour:
    """Every call once, with success; reads come last, when there is something to read."""
    acting.control.put("/switches", json={"bc.environments_for_apps": True}).raise_for_status()
    invoicing = Invoicing(acting)
    tour = Tour(acting, document, {"id": acting.connection["id"]})
    _connections(tour)
    _imports(tour)
    _links(tour, invoicing)
    _sync(tour, invoicing)
    _lists(tour)
    _halo(tour)
    _reads(tour, invoicing)
    return tour


def _connections(tour: Tour) -> None:
    entra = tour.acting.app.sandbox.facts["entra"]
    by_name = {app["name"]: app for app in entra["apps"]}
    for mode, name in (("delegated", "Halo-BC (sign-in)"), ("app", "Halo-BC (app mode)")):
        form = {
            "name": f"By {mode}",
            "tenant_id": entra["tenants"][0]["id"],
            "client_id": by_name[name]["client_id"],
            "client_secret": by_name[name]["client_secrets"][0]["value"],
            "auth_mode": mode,
            "secret_expires_on": "2027-11-30",
            "settings": {"line_increment": 10},
        }
        other = {"id": tour.call("POST", "/api/connections", form).json()["id"]}
        tour.call(
            "PATCH", "/api/connections/{id}", {"paused": False, "settings": {"show_message": True}}, **other
        )
        tour.call("POST", "/api/connections/{id}/authorize", **other)
        if mode == "app":
            environment = tour.acting.app.sandbox.facts["bc"]["environments"][-1]
            place = {"environment_name": environment["name"], "company_id": environment["companies"][0]["id"]}
            tour.call("PUT", "/api/connections/{id}/company", place, **other)
            tour.call("PUT", "/api/default-connection", {"connection_id": other["id"]})
            tour.call("PUT", "/api/default-connection", {"connection_id": tour.known["id"]})
        tour.call("DELETE", "/api/connections/{id}", query={"confirm": form["name"]}, **other)


def _imports(tour: Tour) -> None:
    for kind in ("accounts", "countries", "item_categories"):
        tour.known["job_id"] = _run(tour, "/api/connections/{id}/imports/{kind}", {"all": True}, kind=kind)
    tour.call("POST", "/api/jobs/{job_id}/cancel")
    tour.known["kind"] = "customers"


def _links(tour: Tour, invoicing: Invoicing) -> None:
    acting = tour.acting
    path = "/api/connections/{id}/mappings/{kind}/{halo_id}"
    linked = {
        row["bc_id"] for row in acting.get(f"/api/connections/{tour.known['id']}/mappings/customers")["items"]
    }
    free = next(row["id"] for row in acting.bc("customers") if row["id"] not in linked)
    made = acting.agent("Client", {"name": "For the tour", "toplevel_id": 1})
    customer = str(int(float(made["id"])))
    tour.call("PUT", path, {"bc_id": free}, kind="customers", halo_id=customer)
    tour.call("DELETE", path, kind="customers", halo_id=customer)
    category = acting.bc("itemCategories")[0]["id"]
    tour.call("PUT", path, {"bc_id": category, "confirm": True}, kind="item_categories", halo_id="1")
    tour.known |= {"halo_id": invoicing.invoice(), "entity": "invoice"}


def _sync(tour: Tour, invoicing: Invoicing) -> None:
    acting, invoice = tour.acting, tour.known["halo_id"]
    form = {"entity": "invoice", "halo_ids": [invoice, NO_SUCH_INVOICE]}
    tour.call("POST", "/api/sync", form)
    tour.call("POST", "/api/sync", {"entity": "invoice", "filter": {"state": "failed"}, "preview": True})
    tour.known["outcome_id"] = acting.outcome("invoice", invoice)["id"]
    acting.outcome("invoice", NO_SUCH_INVOICE)
    failed = wait_for(lambda: acting.get("/api/errors", state="open")["items"] or None, 20, "an error")[0]
    tour.known["error_id"] = failed["id"]
    tour.call("POST", "/api/errors/retry", {"ids": [failed["id"]]})
    acting.outcome("invoice", NO_SUCH_INVOICE, after=1)
    tour.call("POST", "/api/errors/{error_id}/dismiss")
    tour.call("POST", "/api/errors/dismiss", {"code": "not_found_in_halo"})


def _lists(tour: Tour) -> None:
    path = "/api/connections/{id}/lookups/{kind}"
    entries = tour.call("GET", path, kind="accounts").json()["items"]
    unused = [entry["id"] for entry in entries if not entry["used_by"]]
    tour.call("PUT", f"{path}/{{lookup_id}}", {"name": "Renamed"}, kind="accounts", lookup_id=unused[0])
    tour.call(
        "DELETE", f"{path}/{{lookup_id}}", query={"confirm": "true"}, kind="accounts", lookup_id=unused[1]
    )
    rates = tour.call("GET", "/api/connections/{id}/charge-rates").json()["items"]
    number = next(row["number"] for row in tour.acting.bc("items") if not row.get("blocked"))
    tour.known |= {"rate_id": rates[0]["id"], "lookup_id": unused[0]}
    tour.call("PUT", "/api/connections/{id}/charge-rates/{rate_id}", {"code": number})


def _halo(tour: Tour) -> None:
    _run(tour, "/api/halo/sweep")
    tour.call("POST", "/api/halo/zero-tax", {"preview": True}, query={"limit": 2})
    for pattern in ("/api/halo/zero-tax", "/api/halo/restore-tax"):
        # Through all of Halo it takes minutes; it is tested for itself in tests/zero_tax.
        started = tour.call("POST", pattern, {} if pattern.endswith("zero-tax") else None)
        tour.call("POST", "/api/jobs/{job_id}/cancel", job_id=started.json()["job_id"])
        tour.acting.job(started.json()["job_id"])
    _run(tour, "/api/connections/{id}/takeover")


def _reads(tour: Tour, invoicing: Invoicing) -> None:
    """Every GET of the document, with each of the values that its address may have."""
    for method, pattern, operation in list(tour.operations()):
        if method != "GET":
            continue
        choices = [
            each
            for each in operation.get("parameters", ())
            if each["in"] == "path" and "enum" in each["schema"]
        ]
        named = choices[0]["name"] if choices else ""
        for value in choices[0]["schema"]["enum"] if choices else ("",):
            args = {named: value} if named else {}
            if named == "entity":
                args["halo_id"] = {
                    "customer": invoicing.customer,
                    "product": invoicing.products["Service"],
                }.get(value, tour.known["halo_id"])
            query = {"environment": tour.acting.app.sandbox.facts["bc"]["environments"][0]["name"]}
            tour.call(method, pattern, query=query if pattern.endswith("/companies") else None, **args)


def _run(tour: Tour, pattern: str, body: Any = None, **args: str) -> str:
    """Start a job and wait for its end; its id."""
    answer = tour.call("POST", pattern, body, **args)
    job_id = str(answer.json().get("job_id", ""))
    assert job_id, answer.text
    tour.acting.job(job_id)
    return job_id
