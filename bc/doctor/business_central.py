"""Business Central's end: environment and company, rights, defaults, posting groups, currency; two calls in all, and one for the extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bc.clients.business_central import Part, decode_enum, literal, part_error
from bc.doctor.checks import Check, answer_of, failed, ok, refused, warning
from bc.entities.values import text
from bc.errors import CompanyGone
from bc.model import Connection
from bc.sync import breaker_notes, line_costs

if TYPE_CHECKING:
    from bc.clients.business_central import PartAnswer
    from bc.services import Services

LOOKED_AT = 5
_NEWEST = f"$orderby=lastModifiedDateTime desc&$top={LOOKED_AT}"
_CUSTOMERS, _ITEMS, _INVOICES, _COMPANY = "customers", "items", "invoices", "company"
type Answers = dict[str, PartAnswer]


async def examine_bc(services: Services, connection: Connection) -> list[Check]:
    if connection.status == "new" or not connection.principal:
        return []
    if not connection.company_id or not connection.environment_name:
        return [failed("company", "No company is chosen yet.", "Choose environment and company.")]
    companies = await answer_of("company", services.bc.companies(connection, connection.environment_name))
    if isinstance(companies, Check):
        return [companies]
    if all(company.id != connection.company_id for company in companies):
        return [
            failed(
                "company",
                f"{connection.company_name} is not in {connection.environment_name} any more.",
                "It was deleted, or the sign-in may not see it. Connect the new one as a new connection.",
            )
        ]
    found = ok("company", f"{connection.company_name} is in {connection.environment_name}.")
    await _found_again(services, connection)
    return [found, *await _inside(services, connection)]


async def _found_again(services: Services, connection: Connection) -> None:
    """What waits because the company was gone need not wait for the next probe."""
    noted = await breaker_notes.read(services.store, connection.id)
    if noted is not None and noted.code == CompanyGone.CODE:
        services.breakers.pop(connection.id, None)
        await services.reachable(connection)


async def _inside(services: Services, connection: Connection) -> list[Check]:
    """Everything that is read from the company, in one request."""
    parts = _parts(connection)
    answers = await answer_of("company", services.bc.batch(connection, list(parts.values())))
    if isinstance(answers, Check):
        return [answers]
    by_name = dict(zip(parts, answers, strict=True))
    checks = [_may_read(name, by_name[name]) for name in (_CUSTOMERS, _ITEMS, _INVOICES)]
    checks += [_currency(by_name[_COMPANY]), *_posting_groups(by_name[_ITEMS])]
    checks += _default_item(connection, by_name) + _default_accounts(connection, by_name)
    checks += await _line_costs(services, connection)
    checks.append(
        warning(
            "number series",
            "Whether they take numbers from outside cannot be read; the first new customer or product shows it.",
            "In Business Central tick 'Manual Nos.' on the number series of customers and items.",
        )
    )
    return checks


async def _line_costs(services: Services, connection: Connection) -> list[Check]:
    """Whether the company takes the costs of lines, where they are to be sent (GUIDE G30)."""
    if not connection.settings.use_advanced_cost_endpoint:
        return []
    name = "line costs"
    match await answer_of(name, line_costs.probe(services.bc, connection)):
        case "ready":
            return [ok(name, "The extension “Halo Line Costs” answers.")]
        case "absent":
            return [
                failed(
                    name,
                    "Costs are to be sent, and the extension “Halo Line Costs” is not installed in this environment.",
                    "Install it (extension/README.md), or switch off “Send costs through the extension”.",
                )
            ]
        case "forbidden":
            return [
                failed(
                    name,
                    "The extension “Halo Line Costs” is there, and the sign-in may not use it.",
                    "Give the user or app the permission set HBC LINE COSTS in Business Central.",
                )
            ]
        case check:
            return [check]


def _parts(connection: Connection) -> dict[str, Part]:
    settings = connection.settings
    parts = {
        _CUSTOMERS: Part("GET", f"customers?{_NEWEST}&$select=id,number,displayName"),
        _ITEMS: Part(
            "GET",
            f"items?{_NEWEST}&$select=id,number,displayName,type,generalProductPostingGroupCode,inventoryPostingGroupCode",
        ),
        _INVOICES: Part("GET", "salesInvoices?$top=1&$select=id,number"),
        _COMPANY: Part("GET", "companyInformation?$select=id,displayName,currencyCode"),
    }
    if settings.default_invoice_item:
        parts["default item"] = Part(
            "GET",
            f"items?$filter=number eq {literal(settings.default_invoice_item)}&$select=id,number,displayName,blocked",
        )
    for name, number in _accounts(connection):
        parts[name] = Part(
            "GET",
            f"accounts?$filter=number eq {literal(number)}&$select=id,number,displayName,blocked,directPosting",
        )
    return parts


def _accounts(connection: Connection) -> list[tuple[str, str]]:
    settings = connection.settings
    both = (
        ("default sales account", settings.default_sales_account),
        ("default purchase account", settings.default_purchase_account),
    )
    return [(name, number) for name, number in both if number]


def _rows(answer: PartAnswer) -> list[dict[str, Any]]:
    rows = (answer.body or {}).get("value")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _may_read(what: str, answer: PartAnswer) -> Check:
    error = part_error(answer, wrote=False)
    name = f"Business Central {what}"
    return refused(name, error) if error else ok(name, f"The sign-in may read {what}.")


def _currency(answer: PartAnswer) -> Check:
    error = part_error(answer, wrote=False)
    if error:
        return warning("currency", f"The company's currency cannot be read: {error.message}", error.cure)
    code = text((_rows(answer) or [{}])[0], "currencyCode")
    if not code:
        return warning("currency", "The company does not name its currency.")
    return ok("currency", f"The company's own currency is {code}. Invoices in others need an exchange rate.")


def _posting_groups(answer: PartAnswer) -> list[Check]:
    """F80: without template rules new items have no posting groups, and their first invoice is refused."""
    name = "posting groups"
    rows = _rows(answer)
    bare = [
        text(row, "number")
        for row in rows
        if not text(row, "generalProductPostingGroupCode")
        or (decode_enum(text(row, "type")) == "Inventory" and not text(row, "inventoryPostingGroupCode"))
    ]
    if not rows:
        return []
    if bare:
        return [
            warning(
                name,
                f"Items lately changed lack a posting group: {', '.join(bare)}. Invoices with them are refused. "
                "The groups of customers cannot be read through this API.",
                "Fill them in on the cards, and add a rule to 'Config. Template Selection Rules' in Business Central "
                "so that new customers and items get theirs.",
            )
        ]
    return [ok(name, f"The {len(rows)} items lately changed have theirs. Those of customers cannot be read.")]


def _default_item(connection: Connection, answers: Answers) -> list[Check]:
    number = connection.settings.default_invoice_item
    if not number:
        return []
    answer = answers["default item"]
    if error := part_error(answer, wrote=False):
        return [refused("default item", error)]
    row = next((row for row in _rows(answer) if text(row, "number").upper() == number.upper()), None)
    if row is None:
        return [
            failed("default item", f"Business Central has no item {number}.", "Choose another default item.")
        ]
    if row.get("blocked"):
        return [failed("default item", f"Item {number} is blocked.", "Remove the block, or choose another.")]
    return [ok("default item", f"{number}, {text(row, 'displayName')}.")]


def _default_accounts(connection: Connection, answers: Answers) -> list[Check]:
    checks = []
    for name, number in _accounts(connection):
        answer = answers[name]
        row = next((row for row in _rows(answer) if text(row, "number") == number), None)
        if error := part_error(answer, wrote=False):
            checks.append(refused(name, error))
        elif row is None:
            checks.append(
                failed(name, f"Business Central has no account {number}.", "Choose another account.")
            )
        elif row.get("blocked") or row.get("directPosting") is False:
            why = "is blocked" if row.get("blocked") else "takes no direct posting"
            checks.append(
                failed(
                    name, f"Account {number} {why}.", "Change that on its card, or choose another account."
                )
            )
        else:
            checks.append(ok(name, f"{number}, {text(row, 'displayName')}."))
    return checks
