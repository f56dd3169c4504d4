"""Secrets at rest: sealed with Fernet; the first key seals, all keys open (rotation)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from bc.errors import NotConfigured
from bc.settings import Secret


class Vault:
    """Seals and opens texts. Without keys it refuses with `NotConfigured`, so nothing is ever stored plainly."""

    def __init__(self, keys: Sequence[Secret]) -> None:
        self._ciphers = [Fernet(key.reveal()) for key in keys]
        self._cipher = MultiFernet(self._ciphers) if keys else None

    def seal(self, text: str) -> str:
        """The text as an authenticated cipher text. Raises `NotConfigured` without a key."""
        return self._ready().encrypt(_plain(text).encode("utf-8", "surrogatepass")).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text of a cipher text. Raises `NotConfigured` where none of the keys fits."""
        try:
            return self._ready().decrypt(sealed).decode("utf-8", "surrogatepass")
        except InvalidToken:
            raise NotConfigured(
                "encryption_key_unknown",
                "A stored secret was sealed with a key that is not in ENCRYPTION_KEYS.",
                cure="Put the former key back behind the new one, or enter the secret again and sign in again.",
            ) from None

    def state_of(self, sealed: str) -> Literal["current", "older", "unreadable"]:
        """Whether the first key opens it, one behind it, or none. Raises `NotConfigured` without a key."""
        self._ready()
        for number, cipher in enumerate(self._ciphers):
            try:
                cipher.decrypt(sealed)
            except InvalidToken:
                continue
            return "older" if number else "current"
        return "unreadable"

    def _ready(self) -> MultiFernet:
        if self._cipher is None:
            raise NotConfigured(
                "encryption_keys_missing",
                "No secret can be stored or read while ENCRYPTION_KEYS is not set.",
                cure="Make a key with `make key` and set it as ENCRYPTION_KEYS.",
            )
        return self._cipher


def _plain(text: str) -> str:
    return text.reveal() if isinstance(text, Secret) else text
