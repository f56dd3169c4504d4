"""The certificates we trust, for every outgoing call."""

from __future__ import annotations

import os
import ssl
from functools import cache

import certifi

from bc.errors import NotConfigured

CA_SETTINGS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def ssl_context() -> ssl.SSLContext:
    """One cached context that trusts what `SSL_CERT_FILE` and `REQUESTS_CA_BUNDLE` name, else the public authorities.

    Either may be a file of PEM certificates or a hashed directory of them; where both are set, both count.
    Raises `NotConfigured` (`ca_certificates_unusable`) where one names nothing usable.
    """
    return _context(tuple((name, path) for name in CA_SETTINGS if (path := os.environ.get(name, "").strip())))


@cache
def _context(sources: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not sources:
        context.load_verify_locations(cafile=certifi.where())
    for name, path in sources:
        try:
            if os.path.isdir(path):
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise NotConfigured(
                "ca_certificates_unusable",
                f"{name} names {path}, which cannot be read as certificates.",
                cure=f"Set {name} to a file of PEM certificates, or remove it.",
            ) from error
    return context
