"""Version 2 of the allowlist (Connectivity AllowList API), read by its keys.

`format=zscaler` has the shape of Microsoft 365's web service of addresses: a list of objects with
`serviceArea`, `urls`, `ips`, `tcpPorts`, `udpPorts`, `required` and `notes`. The shape of
`format=json` stands in no page of the vendor's that we could read. So one reading serves both:
lists or objects of services, at any depth, whose keys say which text is an entry, and what holds
for all entries below: direction, ports, region, date. What a key does not say is not guessed, but
reported.
"""

import re
from typing import Any, NamedTuple

import msgspec

from stresser.citrix.allowlist import Collector
from stresser.citrix.allowlist_terms import (
    LONGEST_TEXT,
    PortRange,
    Terms,
    Traffic,
    date_said,
    direction_said,
    protocols_said,
    read_ports,
    region_said,
    region_text,
)
from stresser.model.units import escaped, shown
from stresser.scenario.mistakes import Path

_DEEPEST = 32
_MOST_OF_EACH = 8
"""Regions and dates that are kept of one place."""
_NAMING_KEY = re.compile(
    r"(?:allowlist|fqdn|domain(?:name)?|host(?:name)?|url|endpoint|destination|addresse?"
    r"|ip(?:v4|v6)?(?:addresse?|range)?|cidr(?:range|block)?|subnet)s?"
)
"""What stands under one of these says that it is an entry. All keys: plain, as `plain_key` has."""
_TELLS_OTHERWISE = ("change", "remov", "deprecat", "exclu", "block", "deny")
"""Under a key with one of these in it, a name is not one that must be reached."""
_DIRECTION_KEY = re.compile(r"(?:traffic)?directions?")
_PORTS_KEY = re.compile(r"(tcp|udp)?(?:destination)?ports?")
_PROTOCOL_KEY = re.compile(r"protocols?")
_REGION_KEY = re.compile(r"(?:geo(?:graph(?:y|ie))?|region(?:code)?)s?")
_DATE_KEY = re.compile(
    r".*(?:date|timestamp)|(?:last)?(?:added|updated|modified|generated)(?:at|on)?"
    r"|valid(?:from|until|to)"
)
_SECTION_KEYS = ("serviceareadisplayname", "servicearea", "servicename", "service", "name")
_NOTES_KEY = re.compile(r"notes?|description|comments?")
_CONTAINER_KEY = re.compile(
    r"services?|data|items|results?|values?|allowlists?|entries|regions?|geos?|geographies"
)
"""As a key of an object it names no service."""


class JsonObject(NamedTuple):
    """A JSON object with all its members: a key that stands twice is no reason to lose names."""

    members: list[tuple[str, Any]]


def plain_key(key: str) -> str:
    """Lower case, without `_`, `-` and blanks."""
    return re.sub(r"[ _-]", "", key.lower())


def has_zscaler_form(tree: object) -> bool:
    """A list of objects as the web service of Microsoft 365 gives them."""
    return isinstance(tree, list) and any(
        isinstance(one, JsonObject)
        and bool({"urls", "ips"} & (keys := {key for key, _ in one.members}))
        and bool({"serviceArea", "tcpPorts", "udpPorts"} & keys)
        for one in tree
    )


def walk_version_2(tree: object, collector: Collector) -> None:
    """Take all that is plainly an entry.

    Raises:
        AllowlistError: it holds too many values.
    """
    _walk(tree, (), Terms(), collector)


def _walk(value: object, path: Path, terms: Terms, collector: Collector) -> None:
    collector.count()
    if len(path) > _DEEPEST:
        collector.not_understood(path[:3], "is nested too deeply")
    elif isinstance(value, JsonObject):
        _walk_object(value, path, terms, collector)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _walk(inner, (*path, place), terms, collector)
    else:
        _leaf(value, path, terms, collector)


def _walk_object(found: JsonObject, path: Path, terms: Terms, collector: Collector) -> None:
    facts = _Facts(found, path, terms, collector)
    for key, inner in facts.others:
        here = (*path, key)
        if any(word in key.lower() for word in _TELLS_OTHERWISE):
            collector.ignore(key)
        elif isinstance(inner, JsonObject | list):
            _walk(inner, here, _under_key(key, inner, facts.terms), collector)
        else:
            _walk(inner, here, facts.terms, collector)


def _under_key(key: str, inner: object, terms: Terms) -> Terms:
    """A key may itself be a direction, a region, or a service's name."""
    direction, region = direction_said(key), region_said(key)
    if direction is not None and plain_key(key) != "all":
        return msgspec.structs.replace(terms, direction=direction)
    if region is not None:
        return msgspec.structs.replace(terms, regions=(region.value,))
    plain = plain_key(key)
    if isinstance(inner, list) or _CONTAINER_KEY.fullmatch(plain) or _NAMING_KEY.fullmatch(plain):
        return terms
    return msgspec.structs.replace(terms, section=escaped(key, LONGEST_TEXT))


class _Facts:
    """What an object says of all that stands below it, and its other members."""

    def __init__(self, found: JsonObject, path: Path, outer: Terms, collector: Collector) -> None:
        self._path = path
        self._collector = collector
        self._protocols: tuple[str, ...] = ()
        self._ports: list[PortRange] = []
        self._regions: list[str] = []
        self._dates: list[str] = []
        self.others: list[tuple[str, Any]] = []
        self.terms = outer
        members = [(key, plain_key(key), value) for key, value in found.members]
        for _, plain, value in members:
            if _PROTOCOL_KEY.fullmatch(plain):
                self._protocols = protocols_said(value)
        names: dict[str, str] = {}
        for key, plain, value in members:
            if plain in _SECTION_KEYS and isinstance(value, str) and value.strip():
                names.setdefault(plain, self._name(key, value))
            elif self._is_fact(key, plain, value):
                collector.count()
            else:
                self.others.append((key, value))
        section = next((names[key] for key in _SECTION_KEYS if key in names), "")
        if region_said(section) is not None and _stands_under_regions(path):
            self._regions.append(region_text(section))
            section = ""
        self.terms = msgspec.structs.replace(
            self.terms,
            section=section or outer.section,
            ports=tuple(dict.fromkeys(self._ports)) or outer.ports,
            regions=self._kept_regions() or outer.regions,
            dates=(*outer.dates, *self._dates)[:_MOST_OF_EACH] if path else (),
        )

    def _name(self, key: str, value: str) -> str:
        """A service's; one that looks like a host's may be an entry, and is reported."""
        self._collector.report_entry((*self._path, key), value)
        return escaped(value.strip(), LONGEST_TEXT)

    def _kept_regions(self) -> tuple[str, ...]:
        """The vendor's first: those decide."""
        regions = sorted(dict.fromkeys(self._regions), key=lambda one: region_said(one) is None)
        if len(regions) > _MOST_OF_EACH:
            why = f"names {len(regions)} regions; {_MOST_OF_EACH} are kept"
            self._collector.not_understood(self._path, why)
        return tuple(regions[:_MOST_OF_EACH])

    def _is_fact(self, key: str, plain: str, value: object) -> bool:
        """It says something of the entries below, and was read."""
        ports = _PORTS_KEY.fullmatch(plain)
        if ports is not None:
            protocols = (ports[1].upper(),) if ports[1] else self._protocols
            self._read_ports((*self._path, key), value, protocols)
        elif _DIRECTION_KEY.fullmatch(plain):
            self._read_direction(key, value)
        elif _REGION_KEY.fullmatch(plain) and not _holds_objects(value):
            self._read_regions(key, value)
        elif _PROTOCOL_KEY.fullmatch(plain) and self._protocols:
            pass
        elif plain == "required" and isinstance(value, bool):
            self.terms = msgspec.structs.replace(self.terms, required=value)
        elif _NOTES_KEY.fullmatch(plain) and isinstance(value, str):
            notes = self._name(key, value)
            self.terms = msgspec.structs.replace(self.terms, notes=notes)
        else:
            return self._is_date(key, plain, value)
        return True

    def _read_ports(self, path: Path, value: object, protocols: tuple[str, ...]) -> None:
        self._collector.count()
        if len(path) > _DEEPEST:
            self._collector.not_understood(path[:3], "is nested too deeply")
            return
        if isinstance(value, JsonObject):
            for key, inner in value.members:
                self._read_ports((*path, key), inner, protocols_said(key) or protocols)
            return
        if isinstance(value, list) and any(isinstance(one, JsonObject) for one in value):
            for place, one in enumerate(value):
                self._read_ports((*path, place), *_port_and_protocols(one, protocols))
            return
        try:
            self._ports += read_ports(value, protocols)
        except ValueError as error:
            self._collector.not_understood(path, str(error))

    def _read_direction(self, key: str, value: object) -> None:
        words = value if isinstance(value, list) else [value]
        said = {direction_said(word) for word in words if isinstance(word, str)}
        if len(said) != len(words) or None in said or not said:
            self._collector.not_understood(
                (*self._path, key),
                "is neither inbound nor outbound; what stands with it is taken as "
                + self.terms.direction,
            )
            return
        direction = said.pop() if len(said) == 1 else Traffic.BOTH
        if direction is not None:
            self.terms = msgspec.structs.replace(self.terms, direction=direction)

    def _read_regions(self, key: str, value: object) -> None:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str) and one.strip():
                self._regions += map(region_text, one.split(","))
            elif one is not None:
                self._collector.not_understood((*self._path, key), "is no region")

    def _is_date(self, key: str, plain: str, value: object) -> bool:
        if not isinstance(value, str) or _NAMING_KEY.fullmatch(plain):
            return False
        day = date_said(value)
        if day is not None:
            self._collector.date((*self._path, key), day)
            self._dates.append(f"{escaped(key, LONGEST_TEXT)} {day}")
        elif _DATE_KEY.fullmatch(plain) and value.strip():
            why = f"{shown(value)} is no date such as 2026-11-30"
            self._collector.not_understood((*self._path, key), why)
        else:
            return False
        return True


def _stands_under_regions(path: Path) -> bool:
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return _REGION_KEY.fullmatch(plain_key(key)) is not None


def _holds_objects(value: object) -> bool:
    """Regions that are objects hold entries, and are walked."""
    return isinstance(value, JsonObject) or (
        isinstance(value, list) and any(isinstance(one, JsonObject | list) for one in value)
    )


def _port_and_protocols(
    value: object, protocols: tuple[str, ...]
) -> tuple[object, tuple[str, ...]]:
    """Of `{"port": 443, "protocol": "TCP"}`."""
    if not isinstance(value, JsonObject):
        return value, protocols
    members = {plain_key(key): inner for key, inner in value.members}
    said = protocols_said(members.get("protocol", members.get("protocols"))) or protocols
    for key in ("port", "ports", "number", "range", "portrange"):
        if key in members and not isinstance(members[key], JsonObject):
            return members[key], said
    return False, said


def _leaf(value: object, path: Path, terms: Terms, collector: Collector) -> None:
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    is_named = _NAMING_KEY.fullmatch(plain_key(key)) is not None
    if not terms.section:
        terms = msgspec.structs.replace(terms, section=escaped(key, LONGEST_TEXT))
    if is_named and isinstance(value, str):
        collector.take(value, path, terms)
    elif is_named and value is not None:
        collector.not_understood(path, "is not text")
    elif isinstance(value, str):
        _unnamed_text(value, path, key, terms, collector)
    else:
        collector.ignore(key)


def _unnamed_text(text: str, path: Path, key: str, terms: Terms, collector: Collector) -> None:
    """A text whose key does not say what it is: an item of a list is taken if it is plain."""
    if not (path and isinstance(path[-1], int)):
        if not collector.report_entry(path, text):
            collector.ignore(key)
        return
    try:
        entry = collector.read(text)
    except ValueError:
        entry = None
    if entry is None:
        collector.ignore(key)
    else:
        collector.keep(entry, terms)
