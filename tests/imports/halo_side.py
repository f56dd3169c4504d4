"""Halo's side of an import, as an outside look at it: everything it holds, an empty Halo, and what an import should make of it.

What is expected is worked out from GUIDE G10-G16 alone, not by the code under test.
"""

from __future__ import annotations

from typing import Any

from tests.imports.conftest import Admin

type Row = dict[str, Any]

# In this order, so that nothing is left that names what is gone.
RECORDS = ("Invoice", "RecurringInvoice", "Item", "Site", "Client", "AssetGroup")
LISTS = ("Accounts Codes", "Country Codes")
ITEM_TYPES = {"Service": 0, "Inventory": 1, "Non-Inventory": 2}
ADDRESS = {
    "line1": "addressLine1",
    "line2": "addressLine2",
    "line3": "city",
    "line4": "state",
    "postcode": "postalCode",
}
# What Halo itself moves or derives when a record is saved; a company's name is the display twin of its id.
_HALOS_OWN = frozenset(
    (
        "alastupdate",
        "slastupdate",
        "lastmodified",
        "datecreated",
        "assetgroup_name",
        "external_links",
        "dbc_company_name",
    )
)


def empty_halo(admin: Admin) -> None:
    """Take every customer, product, group, account code and country code out of Halo."""
    control = admin.sandbox.control
    for resource in RECORDS:
        for row in admin.all(resource):
            control.delete(f"/halo/agent/{resource}/{int(row['id'])}").raise_for_status()
    for name in LISTS:
        for row in entries(admin, name):
            path = f"/halo/agent/Lookup/{int(row['id'])}"
            control.delete(path, params={"lookupid": int(row["lookupid"])}).raise_for_status()


def entries(admin: Admin, name: str) -> list[Row]:
    """The entries of one of Halo's lookup lists."""
    rows = admin.all("Lookup")
    wanted = next(row["id"] for row in rows if row["lookupid"] == 11 and row["name"] == name)
    return [row for row in rows if row["lookupid"] == wanted]


def everything(admin: Admin, resource: str) -> dict[str, Row]:
    """Every record of a kind by id, without what Halo itself derives."""
    return {
        str(int(row["id"])): {name: value for name, value in row.items() if name not in _HALOS_OWN}
        for row in admin.all(resource)
    }


async def mappings(admin: Admin, kind: str) -> list[Row]:
    """All links of a kind."""
    rows: list[Row] = []
    cursor = ""
    while True:
        page = await admin.ask("GET", f"{admin.path}/mappings/{kind}", limit=500, cursor=cursor)
        rows += page["items"]
        cursor = page["next"] or ""
        if not cursor:
            return rows


def customer_after(row: Row, company: Row, before: Row | None) -> Row:
    """The fields of a Halo client that came of a BC customer (G14); `before`: the client it was matched with."""
    held = (before or {}).get("accountsemailaddress", "")
    told = held.casefold().startswith(row["email"].casefold()) if row["email"] else True
    fields = {
        "accountsid": row["number"],
        "dbc_company_id": company["id"],
        "accountsemailaddress": held if told else row["email"],
        "tax_number": row["taxRegistrationNumber"] or (before or {}).get("tax_number", ""),
    }
    return fields if before else {"name": row["displayName"], **fields}


def site_after(row: Row, before: Row | None) -> Row:
    """The fields of its main site. What BC leaves blank clears nothing; an address is one value."""
    held = (before or {}).get("delivery_address") or {}
    address = {line: row[name] for line, name in ADDRESS.items()}
    if not any(address.values()):
        address = {line: held.get(line, "") for line in ADDRESS}
    return {
        "delivery_address": address,
        "country_code": row["country"] or (before or {}).get("country_code", ""),
        "phonenumber": row["phoneNumber"] or (before or {}).get("phonenumber", ""),
    }


def product_after(row: Row, company: Row, settings: Row, before: Row | None) -> Row:
    """The fields of a Halo item that came of a BC item (G15, G16)."""
    held = before or {}
    fields = {
        "accountsid": row["number"],
        "dbc_company_id": company["id"],
        "type": ITEM_TYPES[row["type"].replace("_x002D_", "-")],
        "baseprice": row["unitPrice"] or held.get("baseprice", 0),
        "costprice": row["unitCost"] or held.get("costprice", 0),
    }
    if before and before["assetgroup_id"]:
        return fields
    groups = {one["category_code"]: one["group_id"] for one in settings["item_group_mappings"]}
    group = groups.get(row["itemCategoryCode"]) or settings["item_default_group"]
    if before:
        return fields | {"assetgroup_id": int(group)}
    return fields | {
        "name": row["displayName"],
        "assetgroup_id": int(group),
        "nominalcode": settings["default_sales_account"],
        "purchasenominalcode": settings["default_purchase_account"],
    }
