"""How people really type names and tax numbers."""

from __future__ import annotations

import random


def messy_name(rng: random.Random, name: str) -> str:
    """The same company in another spelling; a normaliser for names must find them equal."""
    variants = (
        lambda text: text,
        lambda text: (
            text.replace(" Ltd", " Limited") if text.endswith(" Ltd") else text.replace(" Limited", " Ltd")
        ),
        lambda text: text.upper(),
        lambda text: f" {text} ",
        lambda text: text.replace(" & ", " and "),
        lambda text: text.replace(" ", "  ", 1),
        lambda text: text + "." if text.endswith("Ltd") else text,
    )
    return rng.choice(variants)(name)


def messy_vat_number(rng: random.Random, number: str) -> str:
    """The same VAT number with blanks, dots, in lower case, or without its country."""
    country, digits = number[:2], number[2:]
    return rng.choice(
        (
            number,
            f"{country} {digits[:3]} {digits[3:7]} {digits[7:]}",
            f"{country.lower()}{digits}",
            f"{country}-{digits[:3]}.{digits[3:6]}.{digits[6:]}",
            digits,
        )
    )
