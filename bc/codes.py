"""Every code that the app gives, in an admin's words: what it means and what to do.

The one home of these texts: `make docs` writes the tables of docs/operations.md from here, and an error that was raised
without a cure of its own is told with the one of its code. A sentence that names the record is said where the error is
raised. Not imported at start.

A row is `codes | meaning | cure`; codes that share a row stand beside each other. ↻: records that were skipped for it are
queued again by themselves when the cure arrives. The words are Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple


class Row(NamedTuple):
    """Codes that mean the same to whom they are told; `cells` by the section's columns, without the first."""

    codes: tuple[str, ...]
    queued: bool
    cells: tuple[str, str]


class Section(NamedTuple):
    title: str
    intro: str
    text: str
    columns: tuple[str, str, str] = ("code", "meaning", "cure")

    def rows(self) -> Iterator[Row]:
        """The rows in their order. Raises `ValueError` for a line that is none."""
        for line in self.text.strip().splitlines():
            names, first, second = (cell.strip() for cell in line.split("|"))
            codes = tuple(names.removesuffix("↻").split())
            yield Row(codes, names.endswith("↻"), (first, second))


def cure_of(code: str) -> str:
    """What to do about a code, as plain text; "" for one that asks for nothing or is not known."""
    return _cures().get(code, "")


@cache
def _cures() -> dict[str, str]:
    return {
        code: _sentence(row.cells[1])
        for section in SECTIONS
        if section.columns[2] == "cure"
        for row in section.rows()
        for code in row.codes
    }


def _sentence(markdown: str) -> str:
    text = re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", markdown)
    text = re.sub(r"[`*]", "", text)
    return f"{text[:1].upper()}{text[1:]}."


SECTIONS = (
    Section(
        "Skipped on purpose",
        "No error; the outcome says why. Those marked ↻ are queued again by themselves when the cure arrives.",
        """
not_enabled ↻ | this kind of record is not switched on for the connection | switch it on under entities to sync
no_connection ↻ | its company is not connected, or it names none and there is no default connection (↻ for the latter) | connect the company, correct it in Halo, or choose a default
connection_not_ready ↻ | the connection's set-up is not finished | authorize it, choose environment and company
native_sync_enabled | Halo's built-in sync is on and would send the same | switch it off, then sync again
before_go_live | the invoice is older than *Sync invoices from* | change that date if it must be booked, then sync again
opted_out | an opt-out in Halo: customer excluded, product ignored, invoice marked, or posted invoices only | clear it in Halo
no_accounts_id ↻ | the customer or product has no accounts id, and none is made up for it (↻ once a number pattern is set) | fill it in in Halo, let Halo generate them, or set a number pattern on the connection
customer_not_linked ↻ | the invoice's customer is not linked | import, link or sync the customer
no_lines | nothing on the invoice to book | add a line with a product or an account
credit_note_not_supported ↻ | credit notes are switched off on the connection (`sync_credit_notes`) | switch them on, or enter the credit memo in Business Central
create_only update_only | the connection's policy for this kind | change the policy, or link the record
inactive | inactive in Halo and not linked | make it active
not_linked | deleted in Halo, and linked to nothing: it was never sent, or was unlinked | nothing to do; a draft that was unlinked is deleted in Business Central by hand. In an import: choose *link* or *create* for it
        """,
    ),
    Section(
        "Warnings",
        "The push succeeded, with a remark.",
        """
default_item_used | a line was booked on the default product | link its product, if that matters
posted_otherwise | its links or the connection's settings changed since it was posted; Halo's invoice did not | nothing: it stays as it was posted
halo_tax_differs | Halo works tax out anew: it holds another tax than Business Central computed | set Halo's taxes to zero (*Halo taxes*), so that Business Central's stand; its tax is the one that is booked
total_differs | Business Central's net total is not Halo's | compare the lines; rounding or a discount set in Business Central
original_customer_not_linked | the invoice is for a customer whose bills another one gets; only the payer is linked, so it is booked on that one alone | link the customer as well, if it is to stand on the invoice
costs_not_sent | the costs of the lines were refused, or the invoice is not in the company's own currency | what the warning says; a cost in Business Central can be set there by hand
cost_extension_missing | costs are to be sent, and the extension or its permission set is missing | install [the extension](../extension/README.md), assign `HBC LINE COSTS`; or switch the setting off
extra_lines_in_bc | the draft has lines that Halo did not send | they are left alone; remove them in Business Central if they are wrong
credit_note_not_applied | the credit memo stands alone: the invoice that it credits is not in Business Central, not posted, or settled | pushed again by itself once the invoice is there or posted; apply it to a settled one in Business Central by hand
not_posted | the invoice was to be posted in Business Central and stays a draft, since its net total is not Halo's, or the costs of its lines are not there (they cannot come once it is posted) | make both agree, on the draft or in Halo, or mend what `costs_not_sent` and `cost_extension_missing` name, then sync it again; or post it in Business Central
cancelled_in_bc corrective_in_bc | a posted invoice was cancelled in Business Central, or corrects another there | void or credit it in Halo too; nothing
cost_not_updatable | Business Central keeps the cost itself once the item exists | change it there
type_fixed | the product's type differs, and is fixed in Business Central | set it back in Halo, or make a new product
number_to_draw | only in explain: it has no accounts id, and the next number would be drawn for it | nothing to do
number_differs | the accounts id differs from the linked record's number | correct it in Halo; numbers are never changed in Business Central
payment_terms_stay | Halo or the connection names other payment terms than the document was posted with | nothing to do; posted ones stay
country_unknown | the country's code is not known, so it was not sent | import countries, choose one of them on the main site
        """,
    ),
    Section(
        "Refused: the record",
        "",
        """
product_not_linked | a line names no product that Business Central has | link or import it, correct its code, or choose a default product
product_of_other_company | a line's product belongs to another company | choose one of the customer's company, or of none
account_unknown | a line's account code is not in Business Central | correct it on the line
lines_unknown | Halo sent the invoice without its lines | check the API application's permissions
line_number_overflow | the increments make numbers that Business Central cannot hold | choose smaller increments
field_too_long | a text is longer than Business Central takes | shorten it in Halo
negative_amount | a price or cost is below zero | correct it in Halo
name_missing | the record has no name | give it one
item_type_unknown | the number of the product's type is not known | name the types under *Halo conventions*
currency_unknown | Halo names no ISO code for the currency, or Business Central lacks it or its exchange rate | mend the currency where the message says
payment_terms_unknown | the connection names payment terms that Business Central does not have | create them there, or correct *Payment terms* in the settings
prices_include_tax | the customer's prices include tax in Business Central; the draft was removed | untick *Prices Including VAT* on the customer
dimension_unknown | a dimension of the customer or product, or its value, is not in Business Central | create it there, or correct it in Halo
dimension_twice | the record has two values of one dimension | leave one of them
ambiguous_match | several records could be meant, only the name or only the e-mail is the same, or the number belongs to another name or to a record that is linked already | link by hand, or correct number or name
doubled_in_bc | two documents in Business Central carry the key of one Halo invoice: a copy, or one that arrived long after its request was given up | delete the draft that is not linked, or clear the external document number of a copy that is meant
invoice_not_posted | the invoice that a credit memo is to be applied to is not posted | post it in Business Central
document_kind_changed | an invoice became a credit note in Halo, or the other way round, after it was sent | set it back in Halo; or delete the draft, unlink it and retry
invoice_posted | posted in Business Central: only its due date can still change, and it is never deleted. The reason says under which number, and whether it is paid | make a credit memo there, or set the invoice in Halo back; a posted credit memo is cancelled there
accounts_ids_used_up | the next number of the pattern is longer than Business Central's 20 characters | choose a shorter pattern
accounts_id_unusable | Halo made up no accounts id, or one that cannot be used | fill it in by hand, or set a number pattern
deleted_in_bc | the linked record is gone from Business Central | unlink it and sync again, or link another
not_found_in_halo | Halo has no such record | check the id; dismiss it if it was deleted
mass_delete_held | many invoices seem deleted in Halo at once; nothing was deleted | check Halo's permissions; where they are truly gone, retry
bad_message | a message on the queue is not understood; its text is kept | correct the sender, retry or dismiss
        """,
    ),
    Section(
        "Refused: by Business Central",
        "",
        """
bc_rejected | refused, in Business Central's own words | change what the message names
customer_blocked item_blocked | blocked there | remove the block, then retry
posting_group_missing | a posting group is missing on the card named. As a warning: the new product has none yet | fill it in; so that new records get it, use *Config. Template Selection Rules*
posting_date_not_allowed | the date is outside the allowed posting dates | widen them, or change the invoice's date
invoice_released | the draft is released or waits for approval: it is neither changed nor deleted | reopen it
approval_needed | the draft must be approved before it is posted | send it for approval; once it is approved it is posted by itself
item_type_fixed | the item's type cannot change any more | set it back in Halo
manual_numbers_off | the number series takes no numbers from outside | tick *Manual Nos.* on it
already_exists | the number is taken, and its record could not be found | search for it in Business Central, link it
not_found_in_bc | the record addressed is not there | sync it again
company_gone | company or environment was deleted or renamed; one error for the connection, its records wait | set its name right again in the admin center and retry that error; or connect the new one as a new connection
changed_in_bc | somebody edited it at the same moment, twice | retry
changed_in_both | the same field was changed in Halo and in Business Central, and the connection asks a person | make both the same, or let Halo win on the connection; then retry
company_changed | Halo now names another company for an invoice that is in this one | set the company back; or delete the draft, unlink it and retry
sequence_taken sequence_refused | a line number was refused. As a warning: this Business Central (22.0) takes no numbers of ours, so the new lines have its own, in order | retry; update Business Central
batch_too_large request_too_large | the request exceeded a limit | report it
skip_token_expired | a list changed while it was read | it is read from its start
bad_id bad_filter_value request_malformed address_refused | a value or an address that is not sent as it is | correct the value; an address outside the configured host: check the setting
        """,
    ),
    Section(
        "Trying again by itself",
        "Status `retrying`; a person is needed only where the cure says so.",
        """
bc_unavailable halo_unavailable entra_unavailable | no answer, or a temporary one | nothing; if it lasts, check the address and the network
throttled | asked to wait, or all places are taken | nothing; see [when things stop](#when-things-stop)
halo_refused_us | Halo refuses the app's credentials or rights. For an unposted invoice also: Halo never let us read its settings (Control), so whether it sends posted ones only is not known | check credentials, the API application's permissions and its agent's
answer_too_large | an answer over 64 MiB was cut off | report it
drawn_number_taken numbers_busy | the accounts id that was drawn is taken, or no free one was found yet | nothing; if it stays, choose another number pattern
partly_applied | not every line was there afterwards | nothing: compared and completed
found_after_all | Business Central had a document with this key already, so the second one was taken back | nothing: compared and linked by itself
paused | the connection is paused | resume it
needs_authorization | the connection cannot sign in. As an error of a record: the user or app lacks a permission set | authorize again; give the user or app the permission set the message asks for
token_busy storage_busy | another worker was quicker | nothing
storage_unavailable | the storage account does not answer | check its network rules
internal_error | a fault of ours; failed after five tries | report it with the time; the log has it
        """,
    ),
    Section(
        "Signing in",
        "On the connection (`last_authorization`) and as its one open error. Microsoft's own number (`AADSTS…`) is in an API answer's `remote_code`.",
        """
invalid_client_secret secret_missing | the secret is wrong, or its id was pasted | paste the secret's *Value*
secret_expired | it ran out | create another and enter it
app_not_found app_disabled app_not_allowed app_not_confidential | the app registration: not in this tenant, disabled, not allowed to sign in so, or registered as a public app | compare client and tenant id; enable it; register the redirect URI under *Web*
tenant_not_found wrong_tenant wrong_account | tenant unknown, or the account is another tenant's | correct the tenant id in a new connection; sign in with an account of it
redirect_uri_not_registered | the redirect URI is missing in the app registration | copy it from the set-up page
consent_missing consent_declined admin_consent_needed | permissions were not granted | accept them, or let an administrator grant consent
permission_not_registered no_business_central | the Business Central permission, or Business Central itself, is missing in the tenant | add the permissions listed in the set-up; check tenant and licence
sign_in_expired sign_in_revoked sign_in_frequency | the sign-in ended: unused, password changed, or a policy | authorize again; app mode needs no person
mfa_required conditional_access account_not_usable | a policy or the account's state | complete the second factor, adjust the policy, mend the account; or app mode
code_already_used sign_in_mismatch nonce_mismatch id_token_missing id_token_refused | the answer does not belong to the sign-in that was started | start again from the connection's page; check the server's clock if it repeats
sign_in_refused | refused for a reason that is not in our list | the message repeats Microsoft's words
connection_removed | the connection was removed meanwhile | use another
        """,
    ),
    Section(
        "Imports, links and lists",
        "",
        """
import_running job_running | one of this kind runs already | wait, or cancel it
no_match | nothing matches, and *link* was asked for | name the Halo record, or choose *create*
number_taken duplicate_number | the number is used twice, in Halo or in Business Central | correct the accounts id or the link
bc_record_already_linked halo_record_already_linked | one end has a link already | unlink it first
no_main_site | the Halo customer has no main site for its address | give it one
bad_record | Business Central gave a record without id or number, or an unreadable value | look at it there
bc_paging_loop halo_list_endless | a list does not end | try again; report it if it stays
halo_rejected | Halo refused to save | change what the message names
halo_answer_unclear | Halo did not say what it saved | nothing: read again before anything is repeated
accounts_module_off | Halo's account-code module is off | turn it on in Halo
account_code_unknown | an account in the connection's settings is not among Halo's codes | import the account codes, or choose another
category_not_mapped | the item's category has no product group, and there is no default | map it, or choose a default group
halo_list_missing halo_list_ambiguous | Halo's list of that kind: not shown, or several could be it | name it under *Halo conventions*
charge_column_unknown unknown_in_bc | where charge rates keep their code cannot be told; Business Central has no item of that code | name the column under *Halo conventions*; correct the code
code_taken lookup_in_use use_unknown | the code is another's; the code is in use, or that cannot be told | choose another; give its users another code first
tax_changed_meanwhile | somebody changed a record's tax in Halo since it was set to zero: it is left alone | check it in Halo, set it by hand
no_zero_tax several_zero_taxes not_a_zero_tax taxes_hidden | the tax of 0 % in Halo: none, several, the one named is none, or not shown to the app | create one, or say which; give the API application the right to read taxes
still_reading | a preview of a large company is being worked out beside the request; it says how far it is | ask again in a few seconds; the console does
sweep_running | a sweep is under way | nothing
        """,
    ),
    Section(
        "The app itself",
        "",
        """
encryption_keys_missing | `ENCRYPTION_KEYS` is not set | `make key`, and set it
encryption_key_unknown | a secret is sealed with a key that is not in the setting | see [keys and secrets](#keys-and-secrets)
newer_rows | the tables hold rows of a newer version | deploy that version again
storage_refused storage_setting | storage refuses the app, or its setting cannot be read | roles of the identity; copy the connection string again
public_url_missing halo_not_configured bc_not_configured entra_not_configured authority_not_https ca_certificates_unusable | a setting is missing or unusable | set what the message names
company_not_chosen | the connection has no company yet | choose it
        """,
    ),
    Section(
        "Answers of the API",
        "`application/problem+json`, with the code in `code` and what to do in `detail`.",
        """
unauthorized too_many_failures | 401, 429 | sign in; ten wrong keys in a minute
cross_site_request | 403 | the browser sent it from another site
not_found environment_not_found method_not_allowed | 404, 404, 405 | no such address, record or environment; the address answers other methods
company_is_fixed confirm_mismatch | 409 | the company cannot change; repeat the connection's name to remove it
too_large unsupported_media_type validation_failed | 413, 415, 422 | over 1 MiB; not JSON; `errors` names the fields
not_understood queue_unavailable | 400, 503 | webhook: nothing in it was understood; the queue does not take it now, send it again
        """,
        columns=("code", "status", "meaning"),
    ),
)
