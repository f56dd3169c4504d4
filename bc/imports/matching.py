"""Which Halo record is the twin of a BC record: by number, tax number, e-mail, then name. Pure, index-based.

Nothing here decides for a person: what more than one record could mean is ambiguous, with its candidates. Each BC
record costs a few dictionary lookups, whatever the size of Halo.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bc.entities.fields import addresses

MatchState = Literal["linked", "matched", "ambiguous", "new"]
MatchKey = Literal["number", "tax_number", "email", "name"]
KEY_ORDER: tuple[MatchKey, ...] = ("number", "tax_number", "email", "name")

# Legal forms as they read without punctuation and accents. Only stripped at the end of a name.
_LEGAL_WORDS = (
    "ltd limited plc llp llc lp inc incorporated corp corporation co company pty gmbh mbh ag kg kgaa ug ohg gbr ek "
    "bv nv vof cv sa sas sarl sasu eurl snc srl spa sl slu lda ltda ab as asa aps oy oyj kft zrt sro doo dd se ev "
    "sp zoo oo bvba sprl cic cio"
)
_LEGAL_FORMS = frozenset(_LEGAL_WORDS.split())
_JOINING = frozenset(("and", "the", "z"))
_LEAST_TAX_SIGNS = 4


@dataclass(frozen=True, slots=True)
class HaloKeys:
    """What a Halo row can be matched by. None = the row does not say (absent is not empty)."""

    halo_id: str
    name: str
    number: str = ""
    tax_number: str | None = None
    email: str | None = None
    company_id: str = ""
    top_level: str = ""

    @property
    def complete(self) -> bool:
        return self.tax_number is not None and self.email is not None


@dataclass(frozen=True, slots=True)
class BcKeys:
    bc_id: str
    number: str
    name: str
    tax_number: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """`halo_id` for linked and matched, `candidates` (Halo ids) for ambiguous, `matched_by` for both of the latter."""

    state: MatchState
    halo_id: str = ""
    matched_by: MatchKey | None = None
    candidates: tuple[str, ...] = ()


def number_key(value: str) -> str:
    """BC keeps codes trimmed and in upper case."""
    return value.strip().upper()


def tax_key(value: str) -> str:
    """Letters and digits only, in upper case; "" for what is too short to be one ("0", "n/a")."""
    signs = "".join(sign for sign in unicodedata.normalize("NFKC", value) if sign.isalnum()).upper()
    return signs if len(signs) >= _LEAST_TAX_SIGNS and any(sign.isdigit() for sign in signs) else ""


def _bare_tax(key: str) -> str:
    """A tax key without its country (GB123456789 -> 123456789); "" where it names none."""
    return key[2:] if key[:2].isalpha() and key[:2].isascii() and len(key) - 2 >= _LEAST_TAX_SIGNS else ""


def same_tax_number(left: str, right: str) -> bool:
    """Whether two tax numbers are one; a country that only one of them names does not tell them apart."""
    one, two = tax_key(left), tax_key(right)
    return bool(one and two) and (one == two or one == _bare_tax(two) or two == _bare_tax(one))


def _halo_tax(value: str) -> list[str]:
    """What a Halo tax number is found under: itself, and marked, without its country."""
    key = tax_key(value)
    bare = _bare_tax(key)
    return [key, f"*{bare}"] if bare else _some(key)


def _bc_tax(value: str) -> list[str]:
    """What a BC tax number looks for: itself, and the same with the country on one side only."""
    key = tax_key(value)
    if not key:
        return []
    bare = _bare_tax(key)
    return [key, bare] if bare else [key, f"*{key}"]


def email_keys(value: str) -> frozenset[str]:
    """Each address of a list, case folded."""
    return frozenset(address.casefold() for address in addresses(value) if "@" in address)


def name_key(value: str) -> str:
    """A name without case, spaces, punctuation, accents and legal form (Ltd, GmbH, Inc ...).

    Never empty for a name that has a letter or digit: a name made of legal forms alone keeps its words.
    """
    folded = unicodedata.normalize("NFKD", value.replace("&", " and ")).casefold()
    # Folding can compose what decomposing took apart, so it is decomposed once more.
    letters = (sign for sign in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(sign))
    words = "".join(_letter_or_space(sign) for sign in letters).split()
    kept = list(words)
    while kept and (kept[-1] in _LEGAL_FORMS or (len(kept) < len(words) and kept[-1] in _JOINING)):
        kept.pop()
    if kept and len(kept) > 1 and kept[0] == "the":
        kept = kept[1:]
    return "".join(kept) or "".join(words)


def _letter_or_space(sign: str) -> str:
    if sign.isalnum():
        return sign
    return "" if sign in ".'’`´" else " "


@dataclass(slots=True)
class Index:
    """Halo records by their keys, with what is known of existing links.

    `links`: BC id -> Halo id. `linked`: Halo ids that have a link (they match nobody else). `held_by_job`: those of
    them that the running import matched itself, so that a second claimant is shown as ambiguous and not as new.
    `company_id`: records of another BC company never match. `top_level`: a Halo top level that the company is limited to;
    a record that stands under another one is for a person to judge, unless it names the company itself.
    """

    company_id: str = ""
    top_level: str = ""
    links: dict[str, str] = field(default_factory=dict)
    linked: set[str] = field(default_factory=set)
    held_by_job: set[str] = field(default_factory=set)
    rows: dict[str, HaloKeys] = field(default_factory=dict)
    # By far most values are held by one record: a set for each would be most of an import's memory.
    _by_key: dict[MatchKey, dict[str, str | frozenset[str]]] = field(
        default_factory=lambda: {key: {} for key in KEY_ORDER}
    )

    def add(self, row: HaloKeys) -> None:
        """Put a row in, or replace what was known of it."""
        self.remove(row.halo_id)
        self.rows[row.halo_id] = row
        for key, value in _halo_values(row):
            others = self.holders(key, value)
            self._by_key[key][value] = others | {row.halo_id} if others else row.halo_id

    def remove(self, halo_id: str) -> None:
        known = self.rows.pop(halo_id, None)
        if known is None:
            return
        for key, value in _halo_values(known):
            others = self.holders(key, value) - {halo_id}
            if not others:
                self._by_key[key].pop(value, None)
            else:
                self._by_key[key][value] = others if len(others) > 1 else next(iter(others))

    def holders(self, key: MatchKey, value: str) -> frozenset[str]:
        """The Halo ids that are found under a value of a key."""
        found = self._by_key[key].get(value)
        if found is None:
            return frozenset()
        return frozenset((found,)) if isinstance(found, str) else found

    def link(self, bc_id: str, halo_id: str, *, by_job: bool = False) -> None:
        self.links[bc_id] = halo_id
        self.linked.add(halo_id)
        if by_job:
            self.held_by_job.add(halo_id)

    def candidates(self, row: BcKeys) -> list[tuple[MatchKey, frozenset[str]]]:
        """For each key that finds anybody, whom: free records of this company or of none."""
        found = []
        for key, values in _bc_values(row):
            ids = frozenset(
                halo_id for value in values for halo_id in self.holders(key, value) if self._free(halo_id)
            )
            if ids:
                found.append((key, ids))
        return found

    def is_elsewhere(self, halo_id: str) -> bool:
        """Whether the record stands under another top level than the one that the company is limited to."""
        row = self.rows[halo_id]
        return bool(
            self.top_level and row.top_level and row.top_level != self.top_level and not row.company_id
        )

    def _free(self, halo_id: str) -> bool:
        if halo_id in self.linked and halo_id not in self.held_by_job:
            return False
        owner = self.rows[halo_id].company_id
        return not owner or owner.casefold() == self.company_id.casefold()


def _halo_values(row: HaloKeys) -> list[tuple[MatchKey, str]]:
    values: list[tuple[MatchKey, str]] = [("number", number_key(row.number)), ("name", name_key(row.name))]
    if row.tax_number is not None:
        values += [("tax_number", value) for value in _halo_tax(row.tax_number)]
    if row.email is not None:
        values += [("email", address) for address in email_keys(row.email)]
    return [(key, value) for key, value in values if value]


def _bc_values(row: BcKeys) -> list[tuple[MatchKey, list[str]]]:
    return [
        ("number", _some(number_key(row.number))),
        ("tax_number", _bc_tax(row.tax_number)),
        ("email", sorted(email_keys(row.email))),
        ("name", _some(name_key(row.name))),
    ]


def _some(value: str) -> list[str]:
    return [value] if value else []


def match(row: BcKeys, index: Index) -> Match:
    """The proposal for one BC record, without regard to what other BC records claim (see `match_all`).

    The first key that finds anybody counts. One record found by it is the match, unless a later key finds others
    only and no later key confirms it; then, and when the first key finds several, it is ambiguous. So is a mere
    namesake with another tax number.
    """
    known = index.links.get(row.bc_id)
    if known is not None:
        return Match("linked", known)
    found = index.candidates(row)
    if not found:
        return Match("new")
    first_key, first = found[0]
    others = [ids for _, ids in found[1:]]
    if len(first) == 1:
        (halo_id,) = first
        if halo_id in index.held_by_job:
            return Match("ambiguous", matched_by=first_key, candidates=(halo_id,))
        confirmed = any(halo_id in ids for ids in others)
        contradicted = any(halo_id not in ids for ids in others)
        other_firm = first_key == "name" and _other_tax_number(row, index.rows[halo_id])
        if (confirmed or not contradicted) and not other_firm and not index.is_elsewhere(halo_id):
            return Match("matched", halo_id, first_key)
    return Match("ambiguous", matched_by=first_key, candidates=_ordered(first.union(*others)))


def _other_tax_number(row: BcKeys, halo: HaloKeys) -> bool:
    known = bool(tax_key(row.tax_number) and tax_key(halo.tax_number or ""))
    return known and not same_tax_number(row.tax_number, halo.tax_number or "")


def match_all(rows: Sequence[BcKeys], index: Index) -> list[Match]:
    """One proposal for each BC record, in their order. A Halo record that two claim is ambiguous for both."""
    found = [match(row, index) for row in rows]
    claims = Counter(result.halo_id for result in found if result.state == "matched")
    return [
        Match("ambiguous", matched_by=result.matched_by, candidates=(result.halo_id,))
        if result.state == "matched" and claims[result.halo_id] > 1
        else result
        for result in found
    ]


def undecided(rows: Sequence[BcKeys], results: Sequence[Match], index: Index) -> list[str]:
    """Halo ids whose missing tax number or e-mail could still decide something, the likeliest first.

    Those are namesakes (their tax number may be another), candidates of ambiguous rows; and, while a BC record with a tax number or e-mail found nobody, every
    free record without a number of its own.
    """
    wanted: dict[str, None] = {}
    open_rows = False
    for row, result in zip(rows, results, strict=True):
        telling = bool(tax_key(row.tax_number) or email_keys(row.email))
        if result.state == "ambiguous" and result.matched_by != "number" and telling:
            wanted |= dict.fromkeys(result.candidates)
        if result.state == "matched" and result.matched_by == "name" and telling:
            wanted[result.halo_id] = None
        open_rows = open_rows or (telling and result.state in ("new", "ambiguous"))
    if open_rows:
        matched = {result.halo_id for result in results if result.state in ("linked", "matched")}
        wanted |= dict.fromkeys(
            halo_id
            for halo_id, row in index.rows.items()
            if halo_id not in matched and halo_id not in index.linked and not row.company_id
        )
    return [halo_id for halo_id in wanted if not index.rows[halo_id].complete]


def _ordered(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda halo_id: (len(halo_id), halo_id)))


def index_of(
    rows: Iterable[HaloKeys], *, company_id: str = "", links: Mapping[str, str] | None = None
) -> Index:
    """An index over Halo's rows. `links`: BC id -> Halo id."""
    index = Index(company_id=company_id)
    for row in rows:
        index.add(row)
    for bc_id, halo_id in (links or {}).items():
        index.link(bc_id, halo_id)
    return index
