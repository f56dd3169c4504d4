"""The records of the house: plain, typed, frozen; no I/O.

JSON names are the field names (snake_case). Times are aware UTC, money is `Decimal`, ids are opaque strings.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import msgspec

Entity = Literal["customer", "product", "invoice"]
ENTITIES: tuple[Entity, ...] = ("customer", "product", "invoice")
Operation = Literal["upsert", "delete"]
AuthMode = Literal["delegated", "app"]
ConnectionStatus = Literal["new", "authorized", "ready", "needs_authorization"]
Policy = Literal["create_and_update", "create_only", "update_only"]
ImportKind = Literal["accounts", "countries", "item_categories", "customers", "products"]
IMPORT_KINDS: tuple[ImportKind, ...] = ("accounts", "countries", "item_categories", "customers", "products")
MappingKind = Literal["customers", "products", "invoices", "item_categories"]
LinkSource = Literal["import", "manual", "created", "adopted"]
OutcomeStatus = Literal["synced", "unchanged", "skipped", "failed", "retrying"]
Action = Literal["created", "updated", "deleted", "adopted", "posted", "unlinked", "none"]
ErrorState = Literal["open", "retrying", "resolved", "dismissed"]
JobStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Source = Literal["webhook", "queue", "manual", "sweep", "cure", "import"]
ItemType = Literal["Inventory", "Service", "Non-Inventory"]


# BC's Code fields for numbers hold 20 characters.
NUMBER_LENGTH = 20
NUMBER_PATTERN = re.compile(r"(?P<before>[^{}]*)\{seq(:0?(?P<width>[1-9][0-9]?))?\}(?P<after>[^{}]*)")


class CategoryMapping(msgspec.Struct, frozen=True):
    category_code: str
    group_id: str


class AccountsIdPattern(msgspec.Struct, frozen=True):
    """How new accounts ids look, such as `C{seq:05}` (`NUMBER_PATTERN`); None = no generator of ours."""

    customer: str | None = None
    product: str | None = None


class DeltaImports(msgspec.Struct, frozen=True):
    """Minutes between two scheduled delta imports of a kind; None = never."""

    accounts: int | None = None
    countries: int | None = None
    item_categories: int | None = None
    customers: int | None = None
    products: int | None = None


class HaloConventions(msgspec.Struct, frozen=True):
    """What one Halo tenant does where the API's facts are open; None = found out by itself."""

    time_zone: str | None = None
    item_types: dict[str, ItemType] | None = None
    charge_rate_code_field: str | None = None
    accounts_lookup_id: str | None = None
    countries_lookup_id: str | None = None
    country_code_form: Literal["id", "code"] | None = None
    module_id: int | None = None
    credit_note_types: tuple[int, ...] | None = None


class ConnectionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of one connection, by Halo's own names (GUIDE; public face section 4)."""

    sync_entities: tuple[Entity, ...] = ()
    show_message: bool = False
    default_invoice_item: str | None = None
    sync_inv_groups: bool = False
    sync_credit_notes: bool = True
    payment_terms: dict[str, str] = {}
    group_increment: int = 1000
    line_increment: int = 1
    item_default_group: str | None = None
    item_group_mappings: tuple[CategoryMapping, ...] = ()
    default_sales_account: str | None = None
    default_purchase_account: str | None = None
    client_top_level: str | None = None
    use_advanced_cost_endpoint: bool = False
    customer_policy: Policy = "create_and_update"
    product_policy: Policy = "create_and_update"
    match_before_create: bool = True
    accounts_id_pattern: AccountsIdPattern = AccountsIdPattern()
    sync_invoices_from: date | None = None
    post_invoices: bool = False
    conflict_policy: Literal["halo_wins", "ask"] = "halo_wins"
    delta_imports: DeltaImports = DeltaImports()
    allow_native_sync: bool = False
    halo_conventions: HaloConventions = HaloConventions()


class LastAuthorization(msgspec.Struct, frozen=True):
    at: datetime
    ok: bool
    code: str = ""
    message: str = ""
    cure: str = ""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One connected BC company. Its client secret is not here: the store keeps it sealed, by id.

    `principal` names whose limits its BC calls count against (signed-in user or app); empty until authorized.
    """

    id: str
    name: str
    tenant_id: str
    client_id: str
    has_secret: bool
    secret_expires_on: date | None = None
    auth_mode: AuthMode = "delegated"
    status: ConnectionStatus = "new"
    paused: bool = False
    environment_name: str | None = None
    environment_type: str | None = None
    country: str | None = None
    company_id: str | None = None
    company_name: str | None = None
    is_default: bool = False
    authorized_by: str | None = None
    last_authorization: LastAuthorization | None = None
    granted_permissions: tuple[str, ...] = ()
    settings: ConnectionSettings = ConnectionSettings()
    created_at: datetime
    updated_at: datetime
    principal: str = ""


class LinkedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a linked BC invoice as BC last answered it, and the Halo line it came from.

    `halo_line_id` is empty for a line we did not send. `payload` is what we last sent for it (canonical JSON text),
    the base of the next diff; `cost` is the unit cost last sent, None for none.
    """

    bc_id: str
    sequence: int
    etag: str
    halo_line_id: str = ""
    payload: str = ""
    tax_amount: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(0)
    net_amount: Decimal = Decimal(0)
    cost: Decimal | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What we were about to do when we may have died. Present = look before you act again.

    `numbers` maps the key of each planned invoice line to its `sequence`, so that lines found in BC afterwards can be
    told apart even when the Halo invoice has changed since.
    """

    operation_id: str
    action: Literal["create", "update", "delete", "post"]
    payload_hash: str
    started_at: datetime
    numbers: dict[str, int] = {}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A Halo record and its BC record in one connection; `bc_id` is empty while a create is only intended.

    `payload` is the header last sent (canonical JSON). `unreported` names an action that BC carried out and no
    outcome tells of yet, so that a crash in between still ends in a true outcome, under the id `unreported_id`.
    `bc_type` is the type of a BC item, or what kind of document an invoice became
    (`bc.entities.document_kind`).
    `halo_stamp` is the Halo record's modification time as of our last look or write, `echo_until` bounds how long
    an event without other change counts as the echo of our own write. `bc_cost` is the cost BC held when a product was
    linked or created, `foreign` whether an invoice is in a foreign currency of its company, `dimensions` are the default
    dimensions last sent (canonical JSON); `import_hash` tells whether the BC record moved since it was last imported,
    `import_job` by which job it was linked. `posted` is kept apart from `bc_status`, since BC calls a released draft
    `Open` as well; `unposted_etag` is the version of a draft that was to be posted and could not be. `offered` is what
    was last written to Halo and over what, in short; `halo_digest` is what Halo's invoice said when BC had last taken
    all of it (`bc.entities.invoice_columns`).
    """

    connection_id: str
    entity: str
    halo_id: str
    bc_id: str = ""
    bc_number: str = ""
    bc_name: str = ""
    halo_name: str = ""
    source: LinkSource = "created"
    state: Literal["ok", "broken"] = "ok"
    linked_at: datetime
    payload_hash: str = ""
    payload: str = ""
    etag: str = ""
    bc_type: str = ""
    bc_status: str = ""
    posted: bool = False
    unposted_etag: str = ""
    bc_account: str = ""
    tax_total: Decimal | None = None
    total: Decimal | None = None
    lines: tuple[LinkedLine, ...] = ()
    intent: Intent | None = None
    halo_stamp: str = ""
    echo_until: datetime | None = None
    offered: str = ""
    halo_digest: str = ""
    unreported: Action = "none"
    unreported_id: str = ""
    bc_cost: Decimal | None = None
    foreign: bool = False
    dimensions: str = ""
    import_hash: str = ""
    import_job: str = ""

    @property
    def exists(self) -> bool:
        return bool(self.bc_id)


class OutcomeWarning(msgspec.Struct, frozen=True):
    code: str
    message: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one push; updated in place from `retrying` to its end.

    `record_kind` is what a person calls such a record where that is not its entity: a "credit note".
    """

    id: str
    connection_id: str | None
    entity: str
    halo_id: str
    operation: Operation = "upsert"
    status: OutcomeStatus
    action: Action = "none"
    code: str = ""
    message: str = ""
    cure: str = ""
    bc_id: str = ""
    bc_number: str = ""
    at: datetime
    attempts: int = 0
    requests: int = 0
    correlation_id: str = ""
    halo_url: str = ""
    bc_url: str = ""
    warnings: tuple[OutcomeWarning, ...] = ()
    record_name: str = ""
    record_kind: str = ""


class ErrorRow(Outcome, frozen=True, kw_only=True):
    """A failed outcome that waits for a person. `text` keeps a message that could not be understood (<= 8 KiB)."""

    state: ErrorState = "open"
    text: str = ""


class Dirty(msgspec.Struct, frozen=True, kw_only=True):
    """A Halo record that changed and is not yet pushed: one row however many changes (coalescing).

    `generation` grows with each new change; the row goes away only if it has not moved since the push read Halo.
    `routed_to` is the connection that the last try was for, `traceparent` the trace of the latest change.
    """

    entity: Entity
    halo_id: str
    generation: int = 1
    operation: Operation = "upsert"
    requested_at: datetime
    first_requested_at: datetime
    source: Source = "queue"
    connection_id: str | None = None
    origin: str = ""
    not_before: datetime | None = None
    attempts: int = 0
    outcome_id: str = ""
    last_code: str = ""
    routed_to: str = ""
    traceparent: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    connection_id: str | None
    kind: str
    status: JobStatus = "queued"
    total: int | None = None
    done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    detail: str = ""


class JobFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why one record of a job failed or was skipped."""

    record: str
    name: str
    code: str
    message: str
    cure: str = ""


class SyncMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The `entity-sync` queue message: which record changed, never its data."""

    entity: Entity
    halo_id: str
    operation: Operation = "upsert"
    connection_id: str | None = None
    requested_at: datetime | None = None


class ImportPageMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The `import-pages` queue message: one page of one job. `page` counts from 0; `cursor` is BC's nextLink, or empty."""

    job_id: str
    page: int = 0
    cursor: str = ""


class Blocked(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was skipped or refused until a cure arrives; `key` names the cure.

    Keys: `connection:{id}` (ready, unpaused), `entity:{connection_id}:{entity}` (switched on),
    `native:{connection_id}` (allowed beside Halo's own sync), `go_live:{connection_id}` (an earlier first date),
    `link:{connection_id}:{entity}:{halo_id}` (linked), `posted:{connection_id}:{halo_id}` (an invoice posted in BC),
    `credit_notes:{connection_id}` (switched on), `numbers:{connection_id}:{entity}` (accounts ids are drawn),
    `default` (a default connection exists).
    """

    key: str
    entity: Entity
    halo_id: str
    operation: Operation = "upsert"
    connection_id: str | None = None
