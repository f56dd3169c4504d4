"""Whether an environment takes line numbers of ours. Business Central 22.0 refused them, with lines as in a deep insert (F57)."""

from __future__ import annotations

from bc.errors import Refused
from bc.sync.adapter import Otherwise, Partly
from bc.sync.context import Push

CODE = "sequence_refused"
# It may be updated meanwhile; to ask again costs one refused request.
REMEMBERED_SECONDS = 24 * 3600.0


def are_refused(push: Push) -> bool:
    hit, refused = push.services.known_in_bc.get(_environment(push), "environment", CODE)
    return hit and bool(refused)


def refused(push: Push, error: Refused, *, ordered: bool) -> Refused:
    """The error, or `Otherwise` where it says that this environment takes no numbers. `ordered`: it was sent none."""
    if error.code != CODE or isinstance(error, Partly) or ordered:
        return error
    push.services.known_in_bc.put(_environment(push), "environment", CODE, True, seconds=REMEMBERED_SECONDS)
    return Otherwise(error.code, error.message, cure=error.cure, correlation_id=error.correlation_id)


def _environment(push: Push) -> str:
    return f"{push.connection.tenant_id}/{push.connection.environment_name}".lower()
