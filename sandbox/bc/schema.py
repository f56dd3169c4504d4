"""What an entity type is: its fields with their lengths and rights, its key and its navigation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["guid", "text", "code", "amount", "whole", "flag", "day", "moment", "choice", "stream"]

EDM: Mapping[Kind, str] = {
    "guid": "Edm.Guid",
    "text": "Edm.String",
    "code": "Edm.String",
    "amount": "Edm.Decimal",
    "whole": "Edm.Int32",
    "flag": "Edm.Boolean",
    "day": "Edm.Date",
    "moment": "Edm.DateTimeOffset",
    "stream": "Edm.Stream",
}

# The members of each enum, by its name in $metadata, in plain form.
ENUMS: Mapping[str, tuple[str, ...]] = {
    "contactType": ("Company", "Person"),
    "countryRegionAddressFormat": (
        "Post Code+City", "City+Post Code", "City+County+Post Code", "Blank Line+Post Code+City", "Custom",
    ),
    "customerBlocked": (" ", "Ship", "Invoice", "All"),
    "defaultDimensionParentType": (" ", "Customer", "Item", "Vendor", "Employee"),
    "defaultDimensionValuePostingType": (" ", "Code Mandatory", "Same Code", "No Code"),
    "dimensionSetEntryBufferParentType": (
        " ", "Journal Line", "Sales Order", "Sales Order Line", "Sales Quote", "Sales Quote Line",
        "Sales Credit Memo", "Sales Credit Memo Line", "Sales Invoice", "Sales Invoice Line", "Purchase Invoice",
        "Purchase Invoice Line", "General Ledger Entry", "Time Registration Entry", "Sales Shipment",
        "Sales Shipment Line", "Purchase Receipt", "Purchase Receipt Line", "Purchase Order", "Purchase Order Line",
        "Purchase Credit Memo", "Purchase Credit Memo Line",
    ),
    "glAccountCategory": (" ", "Assets", "Liabilities", "Equity", "Income", "Cost of Goods Sold", "Expense"),
    "glAccountType": ("Posting", "Heading", "Total", "Begin-Total", "End-Total"),
    "invoiceEntityAggregateStatus": (" ", "Draft", "In Review", "Open", "Paid", "Canceled", "Corrective"),
    "invoiceLineAggLineType": (
        "Comment", "Account", "Item", "Resource", "Fixed Asset", "Charge", "Allocation Account",
    ),
    "itemType": ("Inventory", "Service", "Non-Inventory"),
    "salesCrMemoEntityBufferStatus": ("Draft", "In Review", "Open", "Canceled", "Corrective", "Paid"),
    "taxBufferType": ("Sales Tax", "VAT"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One property. `al` is its name in BC's table, as messages have it; `to` the table it must be found in.

    `max` 0 means no limit. `variable`: shown by the page but in no table, so BC cannot filter or sort by it.
    """

    name: str
    kind: Kind
    al: str = ""
    max: int = 0
    enum: str = ""
    to: str = ""
    read_only: bool = False
    variable: bool = False
    low: int | None = None
    high: int | None = None
    places: int | None = None

    @property
    def edm(self) -> str:
        return f"Microsoft.NAV.{self.enum}" if self.kind == "choice" else EDM[self.kind]

    @property
    def members(self) -> tuple[str, ...]:
        return ENUMS[self.enum]


@dataclass(frozen=True, slots=True)
class Navigation:
    """`via` is our field with the target's id, or, for a collection, the target's field with ours."""

    name: str
    target: str
    via: str
    collection: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity set and its type. `key` is the field that sorts it; `allowed` of I(nsert), M(odify), D(elete)."""

    set_name: str
    name: str
    al: str
    fields: tuple[Field, ...]
    key: str = ""
    allowed: str = ""
    navigation: tuple[Navigation, ...] = ()
    by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.fields})

    def way(self, name: str) -> Navigation | None:
        """The navigation property of that name."""
        return next((one for one in self.navigation if one.name == name), None)


def guid(name: str, al: str = "", *, to: str = "", read_only: bool = False, variable: bool = False) -> Field:
    return Field(name, "guid", al, to=to, read_only=read_only, variable=variable)


def text(name: str, longest: int, al: str = "", *, read_only: bool = False, variable: bool = False) -> Field:
    return Field(name, "text", al, longest, read_only=read_only, variable=variable)


def code(
    name: str, longest: int, al: str = "", *, to: str = "", read_only: bool = False, variable: bool = False
) -> Field:
    """A Code: trimmed and upper-cased by BC."""
    return Field(name, "code", al, longest, to=to, read_only=read_only, variable=variable)


def amount(
    name: str,
    al: str = "",
    *,
    read_only: bool = False,
    variable: bool = False,
    low: int | None = None,
    high: int | None = None,
    places: int | None = None,
) -> Field:
    """A decimal; `low` and `high` are BC's MinValue and MaxValue, `places` the decimals that BC keeps."""
    return Field(
        name, "amount", al, read_only=read_only, variable=variable, low=low, high=high, places=places
    )


def choice(name: str, enum: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "choice", al, enum=enum, read_only=read_only)


def whole(name: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "whole", al, read_only=read_only)


def flag(name: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "flag", al, read_only=read_only)


def day(name: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "day", al, read_only=read_only)


def moment(name: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "moment", al, read_only=read_only)


def stream(name: str, al: str = "", *, read_only: bool = False) -> Field:
    return Field(name, "stream", al, read_only=read_only)


ID = guid("id", "SystemId", read_only=True)
MODIFIED = moment("lastModifiedDateTime", "SystemModifiedAt", read_only=True)
