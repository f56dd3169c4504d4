"""When a connection's client secret runs out, and how loudly to say so (F69)."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from bc.model import Connection

# Days before the end at which the word becomes a stronger one.
STEPS = (60, 30, 7, 1)


class SecretExpiry(Struct, frozen=True):
    """`days_left` is negative once it ran out, None where the date is not known.

    `warning`: the smallest of 60, 30, 7 and 1 days that is reached, 0 once it ran out, None while all is well.
    """

    days_left: int | None
    warning: int | None
    detail: str
    cure: str = ""


def secret_expiry(connection: Connection, today: date) -> SecretExpiry:
    ends = connection.secret_expires_on
    if ends is None:
        return SecretExpiry(
            None,
            None,
            "It is not known when the client secret expires.",
            "Enter the date that Microsoft Entra shows beside the secret, to be warned in time.",
        )
    left = (ends - today).days
    warning = 0 if left < 0 else min((step for step in STEPS if left <= step), default=None)
    if warning is None:
        return SecretExpiry(left, None, f"The client secret is good until {ends}.")
    if left < 0:
        words = f"The client secret expired on {ends}."
    elif left == 0:
        words = "The client secret expires today."
    else:
        words = f"The client secret expires in {left} day{'' if left == 1 else 's'}, on {ends}."
    return SecretExpiry(
        left,
        warning,
        words,
        "Add a second secret to the app registration in Microsoft Entra and enter it here with its date; the old one "
        "works until then. No new sign-in is needed.",
    )
