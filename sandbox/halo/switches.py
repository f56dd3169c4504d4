"""Halo's open questions, one named switch each; the default is what its facts say, or the less convenient way."""

from __future__ import annotations

from typing import Any

from sandbox.world import World

SWITCHES: tuple[tuple[str, Any, str], ...] = (
    ("authinfo", True, "GET /api/authinfo exists"),
    ("auth_url_form", "absolute", "what authinfo names: absolute, or path (/auth)"),
    ("tenant_required", False, "a token request without a tenant fails as one with a wrong tenant does"),
    ("token_seconds", 3600, "lifetime of access tokens"),
    ("time_zone", "UTC", "zone in which times are written and read"),
    ("time_suffix", "", "text after each time, such as Z"),
    ("ids_as_double", True, "ids typed double are written 12.0"),
    ("numbers_as_strings", False, "a number may be sent as a JSON string"),
    ("thin_rows", True, "list rows lack most columns"),
    ("full_invoice_rows", False, "list rows of Invoice with includelines=true are whole, as their details are"),
    ("lines_need_details", True, "GET Invoice/{id} has lines only with includedetails"),
    ("envelopes", True, "lists of clients, items ... stand under their name; False: bare arrays"),
    ("default_count", 50, "rows of a list without pageinate and count"),
    ("list_credits_by_default", False, "credit notes are listed without includecredits=true"),
    ("ignored_filters", [], "names of query parameters that this tenant ignores"),
    ("array_partial", False, "an array with a refused element: the others are saved (True: 201 with them; error: 400)"),
    ("unknown_id", 404, "update of an unknown id: 404, 400, or create"),
    ("post_status", 201, "status of a successful POST"),
    ("one_as_object", True, "a one-element array is answered with one object"),
    ("lines_replace", True, "lines in an update replace all lines; False: merged by id"),
    ("nested_replace", True, "sent dbc_dimensions and popup_notes replace those there; False: merged by id"),
    ("credit_quantities", "negative", "what turns the sign in a credit note: negative quantity, negative_price, or positive (nothing)"),
    ("recompute_tax", False, "a sent tax_amount is overwritten by net x rate; False: kept"),
    ("updatelines_stamps", True, "updatelines moves last_modified"),
    ("updatelines_totals", True, "updatelines works the header's totals out anew"),
    ("updatelines_webhook", True, "updatelines fires the invoice's webhook"),
    ("new_accounts_id_saves", False, "NewAccountsId also saves the number it returns"),
    ("dont_fire_automations", False, "_dont_fire_automations is honoured"),
    ("client_address_writable", False, "an address sent with a client is written to its main site"),
    ("error_shape", "mixed", "body of refusals: mixed, dotnet, Message, message, result or plain"),
    ("rate_limit", False, "more than rate_limit_requests in rate_limit_seconds get 429"),
    ("rate_limit_requests", 450, "see rate_limit"),
    ("rate_limit_seconds", 300, "see rate_limit"),
    ("retry_after", None, "seconds in Retry-After of a 429; None: no such header"),
    ("site_fires_customer", False, "a saved site also fires its customer's webhook"),
    ("native_module_id", 0, "module_id of links and an error that Halo's own integration left; 0: it left none"),
    ("event_numbers", {}, "event numbers of API-registered webhooks: {\"invoice\": [..]}; none is established"),
    ("webhook_delay", 0.2, "seconds from a save to its delivery"),
    ("webhook_jitter", 0.0, "up to so many seconds more, so that deliveries overtake each other"),
    ("webhook_duplicates", 0, "how many more times each delivery is sent"),
    ("webhook_loss", 0, "n: every nth delivery is lost; a share below 1: so many, by chance"),
    ("webhook_batch_seconds", 1.0, "how long a batching webhook collects"),
    ("webhook_retries", 0, "tries after a failed delivery"),
    ("webhook_retry_seconds", 1.0, "wait before such a try"),
    ("webhook_timeout", 30.0, "seconds a delivery may take"),
)  # fmt: skip


def register_switches(world: World) -> None:
    for name, default, meaning in SWITCHES:
        world.register_switch(f"halo.{name}", default, meaning)
