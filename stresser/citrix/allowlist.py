"""What a vendor's allowlist file says: names, wildcards, networks, and all that was left aside."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct, field

from stresser.citrix.allowlist_entry import Entry, Name, Wildcard, read_entry
from stresser.citrix.allowlist_terms import PortRange, Terms
from stresser.model.errors import StresserError
from stresser.model.units import escaped, shown
from stresser.scenario.mistakes import Path, shown_key

MOST_VALUES = 50_000
"""Values looked at in one file; the vendor's has a few hundred."""

_FEW_PLACES = 3
_MOST_TOLD = 200
_LONGEST_KEY = 40
_LONGEST_LINE = 200


class AllowlistError(StresserError):
    """The allowlist cannot be used at all: the file, what is wrong, the correction."""


class Form(StrEnum):
    """Which of the vendor's forms a file has, as its content shows."""

    VERSION_1 = "version 1"
    JSON = "version 2, read as format=json"
    """What that form is, is documented nowhere: read by its keys."""
    ZSCALER = "version 2, format=zscaler"


class Listed(Struct):
    """An entry of the list, and each place where it stands."""

    entry: Entry
    terms: list[Terms] = field(default_factory=list)
    """Those that differ; one at least."""

    @property
    def sections(self) -> list[str]:
        """Services, or keys of the file, escaped; none twice."""
        return list(dict.fromkeys(one.section for one in self.terms))

    @property
    def ports(self) -> list[PortRange]:
        """All ports that the list says; none where it says none."""
        return sorted({port for one in self.terms for port in one.ports})

    @property
    def written(self) -> str:
        """For a person: the entry, and what the list says of it."""
        said = said_of(self.terms)
        return f"{self.entry.written} ({said})" if said else self.entry.written


def said_of(terms: Iterable[Terms]) -> str:
    """What the places of an entry say, the first few of them; empty where they say nothing."""
    said = list(dict.fromkeys(filter(None, (one.written for one in terms))))
    more = [f"and {len(said) - _FEW_PLACES} more"] if len(said) > _FEW_PLACES else []
    return " | ".join(said[:_FEW_PLACES] + more)


class Allowlist(Struct):
    """What a file says. Each text in it is escaped and short; each list is bounded."""

    form: Form
    names: list[Listed] = field(default_factory=list)
    wildcards: list[Listed] = field(default_factory=list)
    networks: list[Listed] = field(default_factory=list)
    inbound: list[Listed] = field(default_factory=list)
    """Names and networks that connect to the customer: nothing to dial."""
    dates: list[str] = field(default_factory=list)
    """`place: date`, the list's own and those of its services and regions; the first of them."""
    sections: int = 0
    duplicates: int = 0
    blanks: int = 0
    without_list: list[str] = field(default_factory=list)
    """Sections of version 1 that have no list."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Other keys, and how many values stand under them."""
    not_understood: list[str] = field(default_factory=list)
    """`place: why`, the first of them."""
    not_understood_count: int = 0

    @property
    def is_empty(self) -> bool:
        """No entry at all."""
        return not (self.names or self.wildcards or self.networks or self.inbound)


class Collector:
    """Takes a file's entries one by one and keeps count of what it leaves aside."""

    def __init__(self, form: Form, customer: str, filename: str) -> None:
        self.found = Allowlist(form=form)
        self._customer = customer
        self._filename = filename
        self._listed: dict[tuple[bool, Entry], Listed] = {}
        self._seen: set[tuple[bool, Entry, Terms]] = set()
        self._values = 0

    def read(self, text: str) -> Entry | None:
        """What a text says, with the customer's ID in it.

        Raises:
            ValueError: it is no entry; one sentence.
        """
        return read_entry(text, self._customer)

    def take(self, text: str, path: Path, terms: Terms) -> None:
        """A text that must be an entry."""
        try:
            entry = self.read(text)
        except ValueError as error:
            self.not_understood(path, str(error))
            return
        if entry is None:
            self.found.blanks += 1
        else:
            self.keep(entry, terms)

    def keep(self, entry: Entry, terms: Terms) -> None:
        """An entry, which may have been there before."""
        sides = {True: terms.direction.is_inbound, False: terms.direction.is_outbound}
        is_new = [
            self._put(entry, terms, is_inbound=is_inbound)
            for is_inbound, has_it in sides.items()
            if has_it
        ]
        self.found.duplicates += not any(is_new)

    def _put(self, entry: Entry, terms: Terms, *, is_inbound: bool) -> bool:
        """Whether the entry is new on this side."""
        listed = self._listed.get((is_inbound, entry))
        is_new = listed is None
        if listed is None:
            listed = self._listed[is_inbound, entry] = Listed(entry)
            (self.found.inbound if is_inbound else self._list_for(entry)).append(listed)
        if (is_inbound, entry, terms) not in self._seen:
            self._seen.add((is_inbound, entry, terms))
            listed.terms.append(terms)
        return is_new

    def _list_for(self, entry: Entry) -> list[Listed]:
        if isinstance(entry, Name):
            return self.found.names
        return self.found.wildcards if isinstance(entry, Wildcard) else self.found.networks

    def date(self, path: Path, day: str) -> None:
        """A date of the list, or of a part of it."""
        if len(self.found.dates) < _MOST_TOLD:
            self.found.dates.append(escaped(f"{shown_key(path)}: {day}", _LONGEST_LINE))

    def blank(self) -> None:
        """An entry that says nothing."""
        self.found.blanks += 1

    def section_without_list(self, key: str) -> None:
        """A section of version 1 that has no list."""
        if len(self.found.without_list) < _MOST_TOLD:
            self.found.without_list.append(escaped(key, _LONGEST_KEY))

    def ignore(self, key: str) -> None:
        """A value that is no entry and need not be one."""
        text = escaped(key, _LONGEST_KEY)
        if text in self.found.ignored or len(self.found.ignored) < _MOST_TOLD:
            self.found.ignored[text] = self.found.ignored.get(text, 0) + 1

    def not_understood(self, path: Path, why: str) -> None:
        """A value that should be an entry, or looks like one, and was not taken."""
        self.found.not_understood_count += 1
        if len(self.found.not_understood) < _MOST_TOLD:
            line = f"{shown_key(path)}: {why}" if path else why
            self.found.not_understood.append(escaped(line, _LONGEST_LINE))

    def report_entry(self, path: Path, text: str) -> bool:
        """Whether a text that is taken for no entry looks like one: that is reported."""
        try:
            entry = self.read(text)
        except ValueError:
            return False
        if entry is None:
            return False
        why = f"{shown(text)} looks like an entry, but its key does not say that it is one"
        self.not_understood(path, why)
        return True

    def count(self) -> None:
        """One more value was looked at.

        Raises:
            AllowlistError: too many for any allowlist.
        """
        self._values += 1
        if self._values > MOST_VALUES:
            raise AllowlistError(
                f"{self._filename}: holds more than {MOST_VALUES} values; that is no allowlist"
            )
