"""What a vendor's allowlist file says: names, wildcards, networks, and all that was left aside."""

from msgspec import Struct, field

from stresser.citrix.allowlist_entry import Entry, Name, Network, Wildcard, read_entry
from stresser.model.errors import StresserError
from stresser.model.units import escaped
from stresser.scenario.mistakes import Path, shown_key

MOST_VALUES = 50_000
"""Values looked at in one file; the vendor's has a few hundred."""

_MOST_SECTIONS = 8
_MOST_TOLD = 200
_LONGEST_KEY = 40
_LONGEST_LINE = 200


class AllowlistError(StresserError):
    """The allowlist cannot be used at all: the file, what is wrong, the correction."""


class Listed(Struct):
    """A name of the list and where it stands."""

    name: Name
    sections: list[str] = field(default_factory=list)
    """Keys of the file, escaped; the first few."""


class Allowlist(Struct):
    """What a file says. Each text in it is escaped and short; each list is bounded."""

    version: int
    """1 or 2."""
    names: list[Listed] = field(default_factory=list)
    wildcards: list[Wildcard] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    inbound: list[str] = field(default_factory=list)
    """Names and networks that connect to the customer: nothing to dial."""
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

    def __init__(self, version: int, customer: str, filename: str) -> None:
        self.found = Allowlist(version=version)
        self._customer = customer
        self._filename = filename
        self._by_name: dict[Name, Listed] = {}
        self._seen: set[tuple[Entry, bool]] = set()
        self._values = 0

    def read(self, text: str) -> Entry | None:
        """What a text says, with the customer's ID in it.

        Raises:
            ValueError: it is no entry; one sentence.
        """
        return read_entry(text, self._customer)

    def take(self, text: str, path: Path, section: str, *, is_inbound: bool = False) -> None:
        """A text that must be an entry."""
        try:
            entry = self.read(text)
        except ValueError as error:
            self.not_understood(path, str(error))
            return
        if entry is None:
            self.found.blanks += 1
        else:
            self.keep(entry, section, is_inbound=is_inbound)

    def keep(self, entry: Entry, section: str, *, is_inbound: bool = False) -> None:
        """An entry, which may have been there before."""
        is_new = (entry, is_inbound) not in self._seen
        self._seen.add((entry, is_inbound))
        self.found.duplicates += not is_new
        if isinstance(entry, Name) and not is_inbound:
            self._keep_name(entry, section)
        elif is_new and is_inbound:
            self.found.inbound.append(entry.written)
        elif is_new and isinstance(entry, Wildcard):
            self.found.wildcards.append(entry)
        elif is_new and isinstance(entry, Network):
            self.found.networks.append(entry.cidr)

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

    def _keep_name(self, name: Name, section: str) -> None:
        listed = self._by_name.get(name)
        if listed is None:
            listed = self._by_name[name] = Listed(name)
            self.found.names.append(listed)
        text = escaped(section, _LONGEST_KEY)
        if text not in listed.sections and len(listed.sections) < _MOST_SECTIONS:
            listed.sections.append(text)
