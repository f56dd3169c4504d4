"""Entra's errors by AADSTS number: the OAuth word, the status, and the shape of the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

# number: (error, status at the token address, suberror, text)
_KNOWN: dict[int, tuple[str, int, str, str]] = {
    7000215: ("invalid_client", 401, "", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'."),
    7000222: ("invalid_client", 401, "", "The provided client secret keys for app '{app}' are expired. Visit the Azure portal to create new keys for your app."),
    7000218: ("invalid_client", 401, "", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."),
    700025: ("invalid_client", 401, "", "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."),
    700016: ("unauthorized_client", 400, "", "Application with identifier '{app}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."),
    7000112: ("unauthorized_client", 400, "", "Application '{app}' is disabled."),
    70001: ("unauthorized_client", 400, "", "The application '{app}' is disabled."),
    90002: ("invalid_request", 400, "", "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."),
    900021: ("invalid_request", 400, "", "Requested tenant identifier '{tenant}' is not valid."),
    50194: ("invalid_request", 400, "", "Application '{app}' is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps."),
    900144: ("invalid_request", 400, "", "The request body must contain the following parameter: '{detail}'."),
    70003: ("unsupported_grant_type", 400, "", "The app requested an unsupported grant type '{detail}'."),
    700054: ("unsupported_response_type", 400, "", "response_type '{detail}' is not enabled for the application."),
    50011: ("invalid_request", 400, "", "The redirect URI '{detail}' specified in the request does not match the redirect URIs configured for the application '{app}'."),
    500112: ("invalid_client", 400, "", "The reply address '{detail}' does not match the reply address provided when requesting the authorization code."),
    50058: ("login_required", 400, "", "A silent sign-in request was sent but no user is signed in."),
    65001: ("invalid_grant", 400, "consent_required", "The user or administrator has not consented to use the application with ID '{app}'. Send an interactive authorization request for this user and resource."),
    65004: ("access_denied", 400, "", "User declined to consent to access the app."),
    90094: ("access_denied", 400, "", "An administrator must grant the permissions that the application '{app}' asks for."),
    90095: ("access_denied", 400, "", "Admin consent is required; a request has been sent to the administrator."),
    650052: ("invalid_client", 400, "", "The app is trying to access a service 'Dynamics 365 Business Central' that your organization '{tenant}' lacks a service principal for."),
    500011: ("invalid_resource", 400, "", "The resource principal named {detail} was not found in the tenant named {tenant}."),
    650057: ("invalid_resource", 400, "", "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: {app}."),
    70011: ("invalid_scope", 400, "", "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {detail} is not valid."),
    70008: ("invalid_grant", 400, "token_expired", "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."),
    700082: ("invalid_grant", 400, "bad_token", "The refresh token has expired due to inactivity. The token was issued on {detail} and was inactive for 90.00:00:00."),
    700084: ("invalid_grant", 400, "bad_token", "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00."),
    50173: ("invalid_grant", 400, "bad_token", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."),
    70000: ("invalid_grant", 400, "bad_token", "Provided grant is invalid or malformed."),
    70043: ("invalid_grant", 400, "bad_token", "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access."),
    54005: ("invalid_grant", 400, "", "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."),
    501481: ("invalid_grant", 400, "", "The Code_Verifier does not match the code_challenge supplied in the authorization request."),
    9002325: ("invalid_request", 400, "", "Proof Key for Code Exchange is required for cross-origin authorization code redemption."),
    50076: ("invalid_grant", 400, "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{app}'."),
    50079: ("invalid_grant", 400, "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '{app}'."),
    50074: ("invalid_grant", 400, "basic_action", "Strong Authentication is required."),
    53003: ("invalid_grant", 400, "message_only", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."),
    53000: ("invalid_grant", 400, "message_only", "Device is not in required device state: compliant."),
    530032: ("invalid_grant", 400, "message_only", "Blocked by security policy."),
    50020: ("invalid_request", 400, "", "User account '{detail}' from identity provider 'live.com' does not exist in tenant '{tenant}' and cannot access the application '{app}' in that tenant."),
    50034: ("invalid_grant", 400, "", "The user account {detail} does not exist in the {tenant} directory."),
    50126: ("invalid_grant", 400, "", "Error validating credentials due to invalid username or password."),
    50057: ("invalid_grant", 400, "", "The user account is disabled."),
    50055: ("invalid_grant", 400, "", "The password is expired."),
    50053: ("invalid_grant", 400, "", "The account is locked, you've tried to sign in too many times with an incorrect user ID or password."),
    50105: ("access_denied", 400, "", "Your administrator has configured the application '{app}' to block users unless they are specifically granted access."),
    50196: ("invalid_grant", 400, "", "The server terminated an operation because it encountered a client request loop."),
    90033: ("temporarily_unavailable", 503, "", "A transient error has occurred. Please try again."),
    90006: ("temporarily_unavailable", 503, "", "The service is temporarily unavailable. Please retry later."),
}  # fmt: skip


@dataclass(eq=False)
class EntraError(Exception):
    """A refusal by number. `error` and `status` override what is usual for it."""

    number: int
    app: str = ""
    tenant: str = ""
    detail: str = ""
    error: str = ""
    status: int = 0

    @property
    def word(self) -> str:
        return self.error or _entry(self.number)[0]

    @property
    def http_status(self) -> int:
        return self.status or _entry(self.number)[1]

    @property
    def text(self) -> str:
        sentence = _entry(self.number)[3].format(app=self.app, tenant=self.tenant, detail=self.detail)
        return f"AADSTS{self.number}: {sentence}"

    def as_json(self, now: datetime, address: str, correlation_id: str = "") -> dict[str, Any]:
        """The body at the token address; `address` is Entra's own."""
        trace, correlation, stamp = str(uuid4()), correlation_id or str(uuid4()), f"{now:%Y-%m-%d %H:%M:%SZ}"
        suberror = _entry(self.number)[2]
        return {
            "error": self.word,
            "error_description": self.described(trace, correlation, stamp),
            "error_codes": [self.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"{address}/error?code={self.number}",
            **({"suberror": suberror} if suberror else {}),
        }

    def as_query(self, now: datetime, address: str) -> dict[str, str]:
        """The parameters of a redirect that says no."""
        return {
            "error": self.word,
            "error_description": self.described(str(uuid4()), str(uuid4()), f"{now:%Y-%m-%d %H:%M:%SZ}"),
            "error_uri": f"{address}/error?code={self.number}",
        }

    def described(self, trace: str, correlation: str, stamp: str) -> str:
        return f"{self.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"


def is_known(number: int) -> bool:
    return number in _KNOWN


def _entry(number: int) -> tuple[str, int, str, str]:
    return _KNOWN.get(number, ("invalid_grant", 400, "", "The request was refused."))
