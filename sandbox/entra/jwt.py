"""JSON Web Tokens signed with RS256: made, and checked, with one key pair for each process."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

KEY_ID = "sandbox-key-1"


def encode(claims: dict[str, Any]) -> str:
    """A signed token of these claims."""
    header = {"typ": "JWT", "alg": "RS256", "kid": KEY_ID, "x5t": KEY_ID}
    signed = f"{_part(header)}.{_part(claims)}"
    return f"{signed}.{b64(_key().sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def decode(token: str) -> dict[str, Any] | None:
    """The claims of a token that we signed; None for anything else. Times are not looked at."""
    try:
        head, body, signature = token.split(".")
        if json.loads(unb64(head)).get("alg") != "RS256":
            return None
        _key().public_key().verify(unb64(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), SHA256())
        claims = json.loads(unb64(body))
    except (ValueError, AttributeError, InvalidSignature):
        return None
    return claims if isinstance(claims, dict) else None


def public_keys() -> dict[str, Any]:
    """The key set that clients check signatures with."""
    numbers = _key().public_key().public_numbers()
    key = {
        "kty": "RSA",
        "use": "sig",
        "kid": KEY_ID,
        "x5t": KEY_ID,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
    }
    return {"keys": [key]}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _part(value: dict[str, Any]) -> str:
    return b64(json.dumps(value, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8))
