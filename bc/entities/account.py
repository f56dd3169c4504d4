"""General-ledger accounts of BC, as account codes in Halo. No I/O."""

from __future__ import annotations

from bc.entities.values import Record, text

ENDPOINT = "accounts"
SELECT = "id,number,displayName,blocked,accountType,directPosting,lastModifiedDateTime"
# An invoice line can be booked only to posting accounts that allow it (GUIDE G10).
FILTER = "accountType eq 'Posting' and directPosting eq true and blocked eq false"
MAX_CODE = 20


def can_be_booked(bc_row: Record) -> bool:
    """Whether lines may name this account: looked at again, since BC leaves out filters that it does not like."""
    return (
        text(bc_row, "accountType") in ("", "Posting")
        and bc_row.get("directPosting") is not False
        and not bc_row.get("blocked")
    )
