"""Which name servers this host asks: the resolver's files, looked at again and again.

A look costs a stat each (two microseconds); a file is read only when it is another one. Other
ways to change a resolver (nsswitch.conf, a daemon with no file, macOS and Windows) are not seen.
"""

from pathlib import Path
from typing import NamedTuple

from stresser.model.path_change import PathChange
from stresser.model.units import escaped
from stresser.witness.known_path import Change

RESOLVER_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second holds the servers behind systemd-resolved's stub, 127.0.0.53
(systemd-resolved(8)): the first then stays as it is when a VPN brings its own."""
_LARGEST = 64 * 1024
_MOST_WORDS = 12
_LONGEST_WORD = 100


class ResolverFacts(NamedTuple):
    """What a resolv.conf(5) says that decides who is asked for what."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()

    def __str__(self) -> str:
        servers = ", ".join(self.servers) or "no server"
        return f"{servers}; search {' '.join(self.search)}" if self.search else servers


def parse_resolver(text: str) -> ResolverFacts:
    """The servers in their order, and the search list (the last one counts, resolv.conf(5))."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    for line in text.splitlines():
        match line.split():
            case ["nameserver", server, *_] if len(servers) < _MOST_WORDS:
                servers.append(escaped(server, _LONGEST_WORD))
            case ["search" | "domain", *names]:
                search = tuple(escaped(name, _LONGEST_WORD) for name in names[:_MOST_WORDS])
    return ResolverFacts(tuple(servers), search)


class ResolverWatch:
    """Remembers what the files said when it last looked."""

    def __init__(self, files: tuple[Path, ...] = RESOLVER_FILES) -> None:
        self._known = {path: (_stamp(path), _read(path)) for path in files}

    @property
    def is_available(self) -> bool:
        """Whether there is a file to look at."""
        return any(facts is not None for _, facts in self._known.values())

    def look(self) -> list[Change]:
        """What is another than at the last look."""
        changes = []
        for path, (stamp, before) in self._known.items():
            now = _stamp(path)
            if now == stamp:
                continue
            facts = _read(path)
            self._known[path] = (now, facts)
            if facts != before:
                detail = f"{path}: {before or 'no file'} -> {facts or 'no file'}"
                changes.append(Change(PathChange.RESOLVER_CHANGED, None, False, detail))  # noqa: FBT003 - a field
        return changes


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> ResolverFacts | None:
    try:
        with path.open("rb") as file:
            return parse_resolver(file.read(_LARGEST).decode("utf-8", "replace"))
    except OSError:
        return None
