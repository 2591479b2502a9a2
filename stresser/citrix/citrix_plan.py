"""Which endpoints an allowlist leads to, in which order, and which of its names are left out."""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, field

from stresser.citrix.allowlist import Allowlist, AllowlistError, Listed
from stresser.citrix.allowlist_entry import TLS_PORT, Name, Wildcard
from stresser.citrix.known_names import Domain, KnownNames, PersistentChannel, Region
from stresser.model.units import escaped

MOST_ENDPOINTS = 1000

_MOST_WILDCARDS = 100
_LONGEST_LABEL = 64


class PlannedEndpoint(Struct, frozen=True, kw_only=True):
    """One endpoint of the scenario to be written."""

    label: str
    """Its name in the scenario: the host, shortened where it is too long."""
    name: Name
    domain: Domain | None
    channel: PersistentChannel | None
    listed: Listed
    """Where the file has it; without terms for a name that stands for a wildcard."""


class CitrixPlan(Struct, kw_only=True):
    """What will be dialled, and what will not."""

    allowlist: Allowlist
    customer: str
    regions: list[Region] = field(default_factory=list)
    """Empty: all."""
    endpoints: list[PlannedEndpoint] = field(default_factory=list)
    wildcards: list[tuple[Listed, list[str]]] = field(default_factory=list)
    """The first of them, each with the names known for it."""
    other_region: list[str] = field(default_factory=list)
    """Names whose region is certain and not wanted."""
    other_ports: list[str] = field(default_factory=list)
    """Names for which the list says ports, and TCP 443 is not among them: is it TLS there?"""
    regionless: int = 0
    """Names that are kept because nothing certain says their region."""
    expanded: int = 0
    """Endpoints that stand for wildcards."""

    @property
    def channels(self) -> int:
        """Endpoints whose connections are kept for hours, as far as is known."""
        return sum(endpoint.channel is not None for endpoint in self.endpoints)


def make_plan(
    allowlist: Allowlist,
    known: KnownNames,
    customer: str,
    *,
    regions: Collection[Region] = (),
    expand: bool = False,
    filename: str = "allowlist",
) -> CitrixPlan:
    """Choose and order the endpoints.

    Args:
        allowlist: as read.
        known: the table of known names.
        customer: checked by `check_customer`.
        regions: those wanted; none, or `ALL` among them, is all.
        expand: also dial the names that are known for the file's wildcards.
        filename: for the messages.

    Raises:
        AllowlistError: nothing is left to dial, or far too much.
    """
    plan = CitrixPlan(allowlist=allowlist, customer=customer, regions=wanted_regions(regions))
    plan.wildcards = [
        (listed, known.names_for(listed.entry, customer))
        for listed in allowlist.wildcards[:_MOST_WILDCARDS]
        if isinstance(listed.entry, Wildcard)
    ]
    listed = _with_tls(_in_regions(allowlist.names, plan, known), plan)
    if expand:
        have = {one.entry for one in allowlist.names}
        stand_ins = [Listed(name) for name in _stand_ins(plan.wildcards) if name not in have]
        more = _in_regions(stand_ins, plan, known)
        plan.expanded = len(more)
        listed += more
    _check_number(len(listed), plan, escaped(filename))
    plan.endpoints = _in_order(_planned(listed, known, customer), known)
    return plan


def wanted_regions(regions: Collection[Region]) -> list[Region]:
    """Those that are asked for; none, or `ALL` among them, is all: an empty list."""
    return [] if Region.ALL in regions else sorted(set(regions))


def _stand_ins(wildcards: Iterable[tuple[Listed, list[str]]]) -> list[Name]:
    return list(dict.fromkeys(Name(host) for _, names in wildcards for host in names))


def _in_regions(listed: Iterable[Listed], plan: CitrixPlan, known: KnownNames) -> list[Listed]:
    if not plan.regions:
        return list(listed)
    kept = []
    for one in listed:
        is_wanted = in_regions(one, plan.regions, known)
        if is_wanted is False:
            plan.other_region.append(one.entry.written)
        else:
            kept.append(one)
            plan.regionless += is_wanted is None
    return kept


def in_regions(listed: Listed, wanted: Sequence[Region], known: KnownNames) -> bool | None:
    """Of one of these regions, or of others alone; None where nothing certain says it.

    What the list says goes before what the name says; no regions wanted: of one of them.
    """
    if not wanted:
        return True
    said = {terms.is_of(wanted) for terms in listed.terms} or {None}
    if said != {None}:
        return True if True in said else None if None in said else False
    name = listed.entry
    region = known.region_of(name.host) if isinstance(name, Name) else None
    return None if region is None else region in wanted


def _with_tls(listed: Iterable[Listed], plan: CitrixPlan) -> list[Listed]:
    """Those that TLS is spoken with, as far as is known."""
    kept = []
    for one in listed:
        has_own_port = isinstance(one.entry, Name) and one.entry.port != TLS_PORT
        if has_own_port or any(terms.has_tls_port for terms in one.terms):
            kept.append(one)
        else:
            plan.other_ports.append(one.written)
    return kept


def _check_number(number: int, plan: CitrixPlan, filename: str) -> None:
    if number > MOST_ENDPOINTS:
        raise AllowlistError(
            f"{filename}: {number} host names; the vendor's list has some hundreds, and "
            f"{MOST_ENDPOINTS} are the most that one scenario is made of"
        )
    if number:
        return
    if plan.other_region:
        raise AllowlistError(f"{filename}: every name is of another region; leave out --region")
    mend = "; --expand dials the names known for them" if any(n for _, n in plan.wildcards) else ""
    ports = ", names on other ports than TCP 443" if plan.other_ports else ""
    raise AllowlistError(
        f"{filename}: no host name that can be dialled: wildcards, networks and inbound "
        f"entries alone{ports}{mend}"
    )


def _planned(listed: Iterable[Listed], known: KnownNames, customer: str) -> list[PlannedEndpoint]:
    taken: set[str] = set()
    planned = []
    for one in listed:
        name = one.entry
        if not isinstance(name, Name):
            continue
        label = _free_label(name, taken)
        taken.add(label)
        planned.append(
            PlannedEndpoint(
                label=label,
                name=name,
                domain=known.domain_of(name.host),
                channel=known.channel_of(name.host, customer),
                listed=one,
            )
        )
    return planned


def _free_label(name: Name, taken: Collection[str]) -> str:
    """A name that a scenario may give: 64 characters at most, and none twice."""
    text = name.host if name.written == name.host else f"{name.host}-{name.port}"
    label = text[:_LONGEST_LABEL]
    number = 2
    while label in taken:
        label = f"{text[: _LONGEST_LABEL - 5]}-{number}"
        number += 1
    return label


def _in_order(planned: Iterable[PlannedEndpoint], known: KnownNames) -> list[PlannedEndpoint]:
    """By domain as the table has them, others last; kept channels first in each."""
    places = {domain.name: place for place, domain in enumerate(known.domains)}

    def place_of(endpoint: PlannedEndpoint) -> tuple[int, bool, str]:
        domain = endpoint.domain
        place = len(places) if domain is None else places[domain.name]
        return place, endpoint.channel is None, endpoint.name.authority

    return sorted(planned, key=place_of)
