"""The doubts about Business Central that only a tenant settles, one switch each; the default is the awkward way."""

from __future__ import annotations

from typing import Any

from sandbox.world import World

_SWITCHES: tuple[tuple[str, Any, str], ...] = (
    (
        "app_registered",
        True,
        "the app is registered in the environments: true, false, or a list of their names",
    ),
    ("environments_for_apps", False, "app-only tokens may list the environments"),
    ("permission_missing_for", "", "entity set for which the user's permission sets lack the rights"),
    ("enum_encoding", "encoded", "enum members on the wire: 'encoded' (_x0020_) or 'plain'"),
    (
        "deep_insert_totals",
        "stale",
        "header of a deep insert's answer: 'stale' totals, 'stale_etag' too, or 'fresh'",
    ),
    ("template_rules", False, "config. template rules give new customers and items their posting groups"),
    ("manual_customer_numbers", True, "the customers' number series allows typed numbers"),
    ("manual_item_numbers", True, "the items' number series allows typed numbers"),
    ("duplicate_key_status", 400, "status for a number that exists: 400 or 409"),
    ("page_variable_filters", False, "filters and sorting by page variables work instead of failing"),
    ("wildcard_filters", True, "operators of AL filters act inside of string values"),
    ("delete_needs_if_match", True, "DELETE without If-Match is refused"),
    ("missing_before_if_match", True, "a record that is gone answers 404 before If-Match is looked at"),
    ("quantity_reprices", True, "a change of quantity puts the item's price back (price lists)"),
    (
        "dimensions_before_lines",
        True,
        "a deep insert takes a header's dimensions before its lines, which then carry them (old versions: after)",
    ),
    ("line_cost_extension", False, "our extension is installed: the API halobc/sync/v1.0 is there"),
    ("recurring_lines", "before", "a customer's recurring lines are added 'before' or 'after' those sent"),
    ("sequence_bug", False, "lines of a deep insert with a sequence are refused, as BC 22.0 did"),
    (
        "commits_in_batch",
        "",
        "kind of batch part behind which AL code commits, such as 'PATCH salesInvoiceLines': no snapshot takes it back",
    ),
    ("external_number_mandatory", False, "posting needs an external document number"),
    ("batch_needs_accept", True, "$batch without Accept: application/json answers multipart, not JSON"),
    (
        "blocked_invoice_stops_credit_memos",
        True,
        "a customer blocked with type Invoice gets no credit memo either",
    ),
    ("prevent_negative_inventory", False, "posting refuses more than is in stock"),
    ("allow_posting_from", "", "first allowed posting date (YYYY-MM-DD); blank: any"),
    ("allow_document_deletion_before", "", "posted invoices older than this day (YYYY-MM-DD) may be deleted"),
    (
        "unknown_company_code",
        "Internal_RecordNotFound",
        "404 for a company that is gone: Internal_RecordNotFound or Internal_CompanyNotFound",
    ),
    ("unknown_environment", 401, "an environment that is gone: 401 with an empty body (the gateway), or 404"),
    (
        "limits",
        False,
        "enforce 5 running, 95 queued, 6,000 requests in 5 minutes for each user",
    ),
    ("limit_running", 5, "requests of one user that run at once"),
    ("limit_queued", 95, "requests of one user that wait"),
    ("limit_rate", 6000, "requests of one user in any 5 minutes"),
    ("limit_rate_seconds", 300.0, "how long a request counts against limit_rate"),
    ("limit_wait_seconds", 480, "longest wait in the queue, then 503"),
    ("retry_after", "", "Retry-After of a 429: blank for none, seconds, or 'date' for an HTTP date"),
    ("seconds_per_request", 0.0, "how long each request keeps one of the running places"),
)


def register(world: World) -> None:
    for name, default, meaning in _SWITCHES:
        world.register_switch(f"bc.{name}", default, meaning)
