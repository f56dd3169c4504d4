"""What must hold once everything is quiet: BC's books are Halo's newest state, or it is said openly why they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bc.model import ErrorRow, Link, Outcome
from tests.model.world import BOOKKEEPERS_WORD, Master, Paper, World

# Halo's field -> BC's, of a line.
FIELDS = {"qty_order": "quantity", "unit_price": "unitPrice", "discount_perc": "discountPercent"}


@dataclass(slots=True)
class Told:
    """What our own tables say of one record."""

    outcomes: Sequence[Outcome]
    errors: Sequence[ErrorRow]
    link: Link | None

    @property
    def newest(self) -> Outcome | None:
        return max(self.outcomes, key=lambda one: one.at, default=None)

    @property
    def stated(self) -> str:
        """The code under which it is said that the record is not in step; "" where nothing is said."""
        last = self.newest
        return last.code if last is not None and last.status in ("failed", "skipped") else ""


@dataclass(slots=True)
class Blocked:
    customers: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)


def differences(world: World, paper: Paper, told: Told, masters: Sequence[Master]) -> list[str]:
    """In words, where BC and Halo differ; what somebody wrote in BC over ours, and Halo did not change since, may stay."""
    documents = world.documents(paper)
    if len(documents) > 1:
        return [f"{len(documents)} documents carry one key"]
    halo = None if paper.deleted else world.halo(paper)
    if halo is None or halo["voided"]:
        return ["it is still in BC"] if documents else []
    if not documents:
        return ["it is not in BC"]
    (document,) = documents
    if document["kind"] != paper.headers:
        return [f"it is one of {document['kind']}"]
    found = [*_header(world, paper, halo, document, masters), *_lines(world, paper, halo, document, masters)]
    if not found:
        found = _told_to_halo(world, paper, halo, document, told)
    if halo["posted"] and paper.kind == "invoice" and not document["posted"] and not paper.touched_in_bc:
        found.append("it is posted in Halo and a draft in BC")
    return found


def _header(
    world: World,
    paper: Paper,
    halo: Mapping[str, Any],
    document: Mapping[str, Any],
    masters: Sequence[Master],
) -> list[str]:
    customer = bc_id_of(world, "customer", str(halo["client_id"]), masters)
    dated = halo["invoice_date"][:10]
    date = "creditMemoDate" if paper.kind == "credit note" else "invoiceDate"
    wanted = {"customerId": customer, date: dated, "postingDate": dated}
    if halo["duedate"][:10] >= dated:
        wanted["dueDate"] = halo["duedate"][:10]
    if paper.kind == "invoice":
        wanted["customerPurchaseOrderReference"] = halo.get("cust_order_number") or ""
    return [
        f"{name} is {document[name]!r} and not {value!r}"
        for name, value in wanted.items()
        if document[name] != value and paper.theirs.get(("", name)) != document[name]
    ]


def _lines(
    world: World,
    paper: Paper,
    halo: Mapping[str, Any],
    document: Mapping[str, Any],
    masters: Sequence[Master],
) -> list[str]:
    # Not by its id: another customer makes BC create all lines anew.
    ours = [line for line in world.lines(paper, document) if line["description"] != BOOKKEEPERS_WORD]
    numbers = [int(line["sequence"]) for line in ours]
    if len(set(numbers)) != len(numbers):
        return [f"a line number is used twice: {numbers}"]
    in_bc = _folded(ours)
    in_halo = sorted(halo["lines"], key=lambda line: (line["sequenceid"], line["id"]))
    if len(in_bc) != len(in_halo):
        return [f"{len(in_bc)} lines in BC and {len(in_halo)} in Halo"]
    found = []
    for place, (theirs, line) in enumerate(zip(in_bc, in_halo, strict=True), 1):
        found += [f"line {place}: {words}" for words in _line(world, paper, line, theirs, masters)]
    return found


def _folded(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each line with the further pieces of its text; a text line of Halo's begins with “Note”."""
    folded: list[dict[str, Any]] = []
    for line in lines:
        if line["lineType"] == "Comment" and folded and not line["description"].startswith("Note"):
            folded[-1]["description"] += " " + line["description"]
        else:
            folded.append(dict(line))
    return folded


def _line(
    world: World,
    paper: Paper,
    halo: Mapping[str, Any],
    bc: Mapping[str, Any],
    masters: Sequence[Master],
) -> list[str]:
    found = []
    text = halo["item_shortdescription"]
    # A word longer than a line is cut in two.
    if "".join(bc["description"].split()) != "".join(text.split()):
        found.append(f"text {bc['description']!r} and not {text!r}")
    product = number_of(halo.get("_itemid"))
    if not product:
        return found if bc["lineType"] == "Comment" else [*found, f"a text line is {bc['lineType']}"]
    item = bc_id_of(world, "product", product, masters)
    if bc["itemId"] != item:
        found.append(f"item {bc['itemId']} and not {item}")
    for name, field_in_bc in FIELDS.items():
        sign = paper.sign if name == "qty_order" else 1
        wanted, has = sign * decimal(halo[name]), decimal(bc[field_in_bc])
        allowed = paper.theirs.get((str(halo["id"]), field_in_bc))
        if has != wanted and (allowed is None or has != allowed):
            found.append(f"{field_in_bc} {has} and not {wanted}")
    return found


def _told_to_halo(
    world: World, paper: Paper, halo: Mapping[str, Any], document: Mapping[str, Any], told: Told
) -> list[str]:
    """Whether Halo has BC's ids, number and tax. Where somebody changed it in BC since, as of our last look."""
    found = []
    if halo["dbc_id"] != document["id"]:
        found.append(f"Halo's dbc_id is {halo['dbc_id']!r}")
    link = told.link
    if link is None or link.intent is not None or link.unreported != "none":
        return [*found, f"the link's books are open: {link}"]
    if link.etag != document["@odata.etag"]:
        return found if paper.touched_in_bc else [*found, "the link is behind"]
    paper.touched_in_bc = paper.touched_in_bc and document["status"] == "Draft" and bool(paper.theirs)
    if halo["thirdpartyinvoicenumber"] != document["number"]:
        found.append(f"Halo's number is {halo['thirdpartyinvoicenumber']!r}, BC's {document['number']!r}")
    if abs(decimal(halo["tax_total"])) != decimal(document["totalTaxAmount"]):
        found.append(f"Halo's tax is {halo['tax_total']} and BC's {document['totalTaxAmount']}")
    by_id = {line["id"]: line for line in world.lines(paper, document)}
    for line in halo["lines"]:
        ours = by_id.get(line["dbc_id"])
        if ours is None:
            found.append(f"Halo's line {line['id']} names no line of BC: {line['dbc_id']!r}")
        elif abs(decimal(line["tax_amount"])) != decimal(ours["totalTaxAmount"]):
            found.append(f"Halo's line tax is {line['tax_amount']} and BC's {ours['totalTaxAmount']}")
    return found


def reasons(
    world: World, paper: Paper, masters: Sequence[Master], blocked: Blocked, *, linked: bool
) -> set[str]:
    """The codes under which a record may truly be out of step now."""
    found: set[str] = set()
    documents = world.documents(paper)
    posted = any(document["status"] != "Draft" for document in documents)
    if posted:
        found.add("invoice_posted")
    if paper.removed_in_bc:
        found.add("deleted_in_bc")
    if paper.deleted:
        return found
    halo = world.halo(paper)
    booked = [number_of(line.get("_itemid")) for line in halo["lines"] if number_of(line.get("_itemid"))]
    if not booked:
        found.add("no_lines")
    if blocked.customers & {bc_id_of(world, "customer", str(halo["client_id"]), masters)}:
        found.add("customer_blocked")
    # BC checks a blocked customer of the draft, too, when the draft is moved to another or posted.
    if blocked.customers & {document["customerId"] for document in documents}:
        found.add("customer_blocked")
    if blocked.items & {bc_id_of(world, "product", product, masters) for product in booked}:
        found.add("item_blocked")
    if posted and linked and paper.removed_in_bc:
        found.add("invoice_posted")
    return found


def master_differences(world: World, master: Master) -> list[str]:
    rows = [row for row in world.acting.bc(master.entity_set) if row["number"] == master.accounts_id]
    if len(rows) != 1:
        return [f"{len(rows)} records in BC"]
    halo = world.acting.halo(master.resource, master.halo_id)
    found = []
    if rows[0]["displayName"] not in (halo["name"], master.theirs):
        found.append(f"name {rows[0]['displayName']!r} and not {halo['name']!r}")
    if master.entity == "product" and decimal(rows[0]["unitPrice"]) != decimal(halo["baseprice"]):
        found.append(f"price {rows[0]['unitPrice']} and not {halo['baseprice']}")
    if halo["dbc_company_id"] != world.acting.company_id:
        found.append("Halo does not know its company")
    return found


def bc_id_of(world: World, entity: str, halo_id: str, masters: Sequence[Master]) -> str:
    known = world.customers if entity == "customer" else world.products
    halo_id = number_of(halo_id)
    if halo_id in known:
        return known[halo_id]
    master = next(one for one in masters if one.halo_id == halo_id and one.entity == entity)
    rows = [row for row in world.acting.bc(master.entity_set) if row["number"] == master.accounts_id]
    return str(rows[0]["id"]) if rows else "none yet"


def number_of(value: Any) -> str:
    whole = int(float(value or 0))
    return str(whole) if whole > 0 else ""


def decimal(value: Any) -> Decimal:
    return Decimal(str(value))
