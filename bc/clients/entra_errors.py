"""Microsoft Entra's refusals as data: AADSTS number -> our code, what happened, what to do.

Meanings are Microsoft's (Entra's error reference), the cures are ours. The class says what must happen:
`NeedsAuthorization` a person signs in again, `Refused` somebody changes the app, the tenant or the account,
`Transient` wait and try again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bc.errors import NeedsAuthorization, Refused, SyncError, Transient


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for a refusal. `numbers`: the AADSTS numbers that mean it."""

    numbers: tuple[int, ...]
    code: str
    message: str
    cure: str
    error: type[SyncError] = Refused


_PASTE_VALUE = (
    "In the Microsoft Entra app registration, open Certificates & secrets and paste the secret's value "
    "(not its id) into the connection."
)
_SIGN_IN = "Authorize the connection again and sign in with a Business Central user."

CAUSES: tuple[Cause, ...] = (
    Cause((7000215,), "invalid_client_secret", "Microsoft does not accept the client secret.", _PASTE_VALUE),
    Cause(
        (7000222,),
        "secret_expired",
        "The client secret has expired.",
        "Create a new client secret in the Microsoft Entra app registration and enter its value in the connection.",
    ),
    Cause((7000218,), "secret_missing", "Microsoft received no client secret.", _PASTE_VALUE),
    Cause(
        (700025, 9002325),
        "app_not_confidential",
        "The app registration is set up as a public or single-page app, so it takes no client secret.",
        "In the app registration, open Authentication and register the redirect URI under the platform Web.",
    ),
    Cause(
        (700016,),
        "app_not_found",
        "Microsoft finds no app with this client id in this tenant.",
        "Compare the client id and the tenant id with the app registration's overview page.",
    ),
    Cause(
        (7000112, 70001),
        "app_disabled",
        "The app is disabled in this tenant.",
        "Enable it under Enterprise applications in Microsoft Entra.",
    ),
    Cause(
        (90002, 900021, 50194),
        "tenant_not_found",
        "Microsoft does not know this tenant.",
        "Copy the tenant id (directory id) from the app registration's overview page.",
    ),
    Cause(
        (50011,),
        "redirect_uri_not_registered",
        "The redirect URI is not registered for this app.",
        "Copy the redirect URI from the set-up page into the app registration: Authentication, platform Web.",
    ),
    Cause(
        (65001,),
        "consent_missing",
        "Nobody has consented to the permissions the app asks for.",
        "Authorize the connection again and accept the permissions, or let an administrator grant consent.",
        NeedsAuthorization,
    ),
    Cause(
        (65004,),
        "consent_declined",
        "The permissions were declined.",
        "Authorize the connection again and accept the permissions.",
        NeedsAuthorization,
    ),
    Cause(
        (90094, 90095),
        "admin_consent_needed",
        "An administrator must consent to the permissions the app asks for.",
        "Let an administrator open API permissions in the app registration and grant admin consent, "
        "then authorize again.",
        NeedsAuthorization,
    ),
    Cause(
        (650052, 500011),
        "no_business_central",
        "The tenant has no Business Central service.",
        "Check that the tenant is the right one and that it has a Business Central license.",
    ),
    Cause(
        (650057, 70011),
        "permission_not_registered",
        "The app registration lacks the Business Central permission.",
        "Add the Business Central permissions that the set-up page lists to the app registration, "
        "then authorize again.",
    ),
    Cause(
        (70008, 700082),
        "sign_in_expired",
        "The sign-in has expired because it was not used for long.",
        _SIGN_IN,
        NeedsAuthorization,
    ),
    Cause(
        (50173, 70000, 50089),
        "sign_in_revoked",
        "The sign-in was revoked, for example by a password change.",
        _SIGN_IN,
        NeedsAuthorization,
    ),
    Cause(
        (70043,),
        "sign_in_frequency",
        "A policy of the tenant ends sign-ins after a set time.",
        "Authorize the connection again, or use app mode, which needs no user's sign-in.",
        NeedsAuthorization,
    ),
    Cause(
        (54005,),
        "code_already_used",
        "This sign-in was already used.",
        "Start the authorization again from the connection's page.",
        NeedsAuthorization,
    ),
    Cause(
        (501481, 50148),
        "sign_in_mismatch",
        "The sign-in does not belong to the one that was started here.",
        "Start the authorization again from the connection's page.",
        NeedsAuthorization,
    ),
    Cause(
        (50076, 50079, 50074, 50072),
        "mfa_required",
        "The tenant asks this user for multi-factor authentication.",
        "Authorize the connection again and complete the second factor, or use app mode.",
        NeedsAuthorization,
    ),
    Cause(
        (53003, 53000, 53001, 53002, 530032, 530034),
        "conditional_access",
        "A Conditional Access policy of the tenant blocks this sign-in.",
        "Let an administrator adjust the policy for this app or user, then authorize again; or use app mode.",
        NeedsAuthorization,
    ),
    Cause(
        (50020, 50034, 16000, 90072),
        "wrong_account",
        "The account that signed in does not belong to this tenant.",
        "Authorize the connection again and choose an account of the connection's tenant.",
        NeedsAuthorization,
    ),
    Cause(
        (50057, 50055, 50053, 50105, 50126),
        "account_not_usable",
        "The account cannot sign in: it is disabled, locked, not assigned to the app, or its password expired.",
        "Mend the account in Microsoft Entra or choose another one, then authorize again.",
        NeedsAuthorization,
    ),
    Cause(
        (50196, 90033, 90006, 90055),
        "entra_unavailable",
        "Microsoft's sign-in service asks to wait.",
        "Nothing to do: it is tried again.",
        Transient,
    ),
)

# What the OAuth `error` alone says, where the number is unknown or absent.
BY_ERROR: Mapping[str, Cause] = {
    "invalid_grant": Cause(
        (), "needs_authorization", "The sign-in is no longer valid.", _SIGN_IN, NeedsAuthorization
    ),
    "interaction_required": Cause(
        (), "needs_authorization", "Microsoft wants the user to sign in again.", _SIGN_IN, NeedsAuthorization
    ),
    "login_required": Cause(
        (), "needs_authorization", "Microsoft wants the user to sign in again.", _SIGN_IN, NeedsAuthorization
    ),
    "consent_required": Cause(
        (),
        "consent_missing",
        "Nobody has consented to the permissions the app asks for.",
        "Authorize the connection again and accept the permissions.",
        NeedsAuthorization,
    ),
    "access_denied": Cause(
        (),
        "consent_declined",
        "The sign-in was cancelled or the permissions were declined.",
        "Authorize the connection again and accept the permissions.",
        NeedsAuthorization,
    ),
    "invalid_client": Cause(
        (), "invalid_client_secret", "Microsoft does not accept the client id or its secret.", _PASTE_VALUE
    ),
    "unauthorized_client": Cause(
        (),
        "app_not_allowed",
        "The app may not sign in this way in this tenant.",
        "Check the client id, the tenant id and the app registration's Authentication page.",
    ),
    "temporarily_unavailable": Cause(
        (),
        "entra_unavailable",
        "Microsoft's sign-in service is busy.",
        "Nothing to do: it is tried again.",
        Transient,
    ),
    "server_error": Cause(
        (),
        "entra_unavailable",
        "Microsoft's sign-in service has an error of its own.",
        "Nothing to do: it is tried again.",
        Transient,
    ),
}

_BY_NUMBER = {number: cause for cause in CAUSES for number in cause.numbers}
_NUMBER = re.compile(r"AADSTS(\d{4,8})")
# Codes that a new client secret cures.
SECRET_CODES = frozenset({"invalid_client_secret", "secret_expired", "secret_missing"})


def entra_error(
    answer: Mapping[str, Any], *, status: int | None = None, retry_after: timedelta | None = None
) -> SyncError:
    """Entra's token error, discovery error or redirect (`error`, `error_description`, `error_codes`) in our words."""
    error = str(answer.get("error") or "")
    description = str(answer.get("error_description") or "")
    number = _number(answer, description)
    remote_code = f"AADSTS{number}" if number else error[:60]
    correlation = str(answer.get("correlation_id") or _tail(description, "Correlation ID"))[:60]
    cause = _BY_NUMBER.get(number) or BY_ERROR.get(error)
    if cause is None and (status == 429 or (status or 0) >= 500):
        cause = BY_ERROR["temporarily_unavailable"]
    if cause is None:
        first_line = description.splitlines()[0][:300] if description else error[:60] or "no reason given"
        cause = Cause(
            (),
            "sign_in_refused",
            f"Microsoft refuses the sign-in: {first_line}",
            "Check the app registration.",
        )
    if issubclass(cause.error, Transient):
        return Transient(
            cause.code,
            cause.message,
            cure=cause.cure,
            retry_after=retry_after,
            correlation_id=correlation,
            status=status,
            remote_code=remote_code,
        )
    return cause.error(
        cause.code,
        cause.message,
        cure=cause.cure,
        correlation_id=correlation,
        status=status,
        remote_code=remote_code,
    )


def _number(answer: Mapping[str, Any], description: str) -> int:
    numbers = answer.get("error_codes")
    if isinstance(numbers, list):
        known = [n for n in numbers if isinstance(n, int)]
        if known:
            return next((n for n in known if n in _BY_NUMBER), known[0])
    found = _NUMBER.search(description)
    return int(found.group(1)) if found else 0


def _tail(description: str, label: str) -> str:
    found = re.search(rf"{label}: ([0-9a-fA-F-]{{36}})", description)
    return found.group(1) if found else ""
