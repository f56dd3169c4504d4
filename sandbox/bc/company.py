"""The companies of the simulated Business Central, built from the seeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sandbox.bc import seeding
from sandbox.bc.errors import Refusal
from sandbox.bc.sales import BY_LINES
from sandbox.bc.store import Journal, Row, Table
from sandbox.bc.types import TABLES, TYPES
from sandbox.clock import Clock
from sandbox.data import bc as seeds


@dataclass(slots=True)
class Company:
    """One company: its tables by entity set, and its posting set-up."""

    seed: seeds.Company
    journal: Journal
    tables: dict[str, Table]
    series: Table
    vat: dict[tuple[str, str], seeds.VatSetup]
    sales_accounts: dict[tuple[str, str], str]
    tax_details: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    jurisdictions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    recurring: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.seed.id

    @property
    def name(self) -> str:
        return self.seed.name

    @property
    def currency(self) -> str:
        """The local currency's code, which documents and customers carry as a blank."""
        return self.seed.currency

    @property
    def vat_in_use(self) -> bool:
        """False: sales tax (tax areas and tax groups in place of VAT posting groups)."""
        return self.seed.vat_in_use

    def tax_rates(self, area_id: str, group: str) -> list[Decimal]:
        """The percents of a tax area's jurisdictions for a tax group; none without an area."""
        found = (
            self.tax_details.get((jurisdiction, group), self.tax_details.get((jurisdiction, "")))
            for jurisdiction in self.jurisdictions.get(area_id, ())
        )
        return [rate for rate in found if rate is not None]

    def __getitem__(self, set_name: str) -> Table:
        return self.tables[set_name]

    def related(self, table: str, value: str) -> Row | None:
        """The row of BC's `table` with this id or code; None also where the sandbox has no such table."""
        if table.startswith("Dimension Value "):
            return self.dimension_value(self.global_dimension(int(table[-1])), value)
        if table not in TABLES or (table == "Tax Group" and self.vat_in_use):
            return None
        rows = self.tables[TABLES[table]]
        return rows.get(value) or rows.by_key(value)

    def global_dimension(self, number: int) -> str:
        """The id of BC's global dimension 1 or 2, blank where the set-up names none."""
        dimensions = self.seed.dimensions
        return dimensions[number - 1].id if number <= len(dimensions) else ""

    def dimension_value(self, dimension_id: str, code: str) -> Row | None:
        """A dimension's value by its code."""
        values = self["dimensionValues"]
        return values.first(lambda row: row["dimensionId"] == dimension_id and row["code"] == code)

    def next_number(self, series: str, taken: str = "") -> str:
        """The next number of a series; numbers that `taken` (an entity set) already has are passed over."""
        while True:
            row = self.series.by_key(series)
            if row is None:
                raise Refusal(400, "Internal_RecordNotFound", f"The No. Series does not exist. {series}")
            number = f"{row['prefix']}{row['next']:0{row['digits']}d}"
            self.series.update(row.id, {"next": row["next"] + row["step"]}, touch=False)
            if not taken or self[taken].by_key(number) is None:
                return number

    def rate(self, currency: str, day: date) -> Decimal | None:
        """Local price of one unit of a foreign currency on `day`; 1 for the local one, None where there is none."""
        if not currency:
            return Decimal(1)
        row = self["currencies"].by_key(currency)
        rates = row.get("rates", ()) if row else ()
        found = [value for start, value in rates if start <= day]
        return found[-1] if found else None


@dataclass(slots=True)
class Environment:
    """One environment: companies by id; their journal is common, since one batch may touch several.

    `gone` are companies that were deleted, kept for whoever wants them back.
    """

    seed: seeds.Environment
    journal: Journal
    companies: dict[str, Company]
    list: Table
    gone: dict[str, Company] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.seed.name

    def company(self, name_or_id: str) -> Company | None:
        wanted = name_or_id.casefold()
        return next((one for one in self.companies.values() if wanted in (one.id, one.name.casefold())), None)


def build_environments(data: seeds.BusinessCentral, clock: Clock) -> dict[str, Environment]:
    """All environments by lower-case name."""
    return {one.name.casefold(): _environment(one, clock) for one in data.environments}


def _environment(seed: seeds.Environment, clock: Clock) -> Environment:
    journal = Journal(clock)
    listed = Table(journal, key="name")
    companies = {}
    for one in seed.companies:
        companies[one.id] = _company(one, journal)
        listed.insert(seeding.company_row(one), one.id, one.created)
    journal.commit()
    return Environment(seed, journal, companies, listed)


def _company(seed: seeds.Company, journal: Journal) -> Company:
    tables = {
        name: Table(journal, kind.key, _parent_field(name))
        for name, kind in TYPES.items()
        if name != "companies"
    }
    tables["dimensionValues"] = Table(journal)
    company = Company(
        seed=seed,
        journal=journal,
        tables=tables,
        series=Table(journal, "code"),
        vat={(one.business_group, one.product_group): one for one in seed.vat_setup},
        sales_accounts={
            (one.business_group, one.product_group): one.sales_account for one in seed.sales_setup
        },
        tax_details={(one.jurisdiction, one.group): one.percent for one in seed.tax_details},
        jurisdictions={one.id: one.jurisdictions for one in seed.tax_areas},
    )
    for name, row_id, values, modified in seeding.rows(seed):
        tables[name].insert(values, row_id, modified)
    for series in seed.number_series:
        company.series.insert(seeding.series_row(series), at=seed.created)
    return company


def _parent_field(set_name: str) -> str:
    if set_name in BY_LINES:
        return "documentId"
    return "parentId" if set_name == "defaultDimensions" else ""


def as_of(stamp: datetime) -> date:
    """BC's work date."""
    return stamp.date()
