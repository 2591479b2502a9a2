"""This host's own way out for a session: which of the host's path changes are about it."""

from collections.abc import Iterable, Iterator

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.witness.path import PathWitness

_LINK_GOES = frozenset({PathChange.LINK_DOWN, PathChange.LINK_REMOVED})
_MOST_ADDRESSES = 1000


class WaysOut:
    """The interfaces that hold the run's own addresses, as they were when sessions opened."""

    def __init__(self, path: PathWitness | None = None) -> None:
        self._path = path
        self._interfaces: dict[str, str] = {}

    def learn(self, local: str) -> None:
        """A session has opened from this `address:port`."""
        host = _host(local)
        if host not in self._interfaces and self._path is not None:
            interface = self._path.interface_with(host)
            if interface is not None and len(self._interfaces) < _MOST_ADDRESSES:
                self._interfaces[host] = interface

    def concerning(
        self, changes: Iterable[PathChanged], local: str, device: str | None
    ) -> Iterator[PathChanged]:
        """The changes that took this session's own way out from it.

        Its interface, or its address there; and the default route, where no device is chosen.
        A change of any other route or interface is told, and proves nothing.
        """
        host = _host(local)
        interface = device or self._interfaces.get(host)
        for change in changes:
            is_own = interface is not None and change.interface == interface
            if change.change in _LINK_GOES and is_own:
                yield change
            elif change.change is PathChange.ADDRESS_REMOVED and is_own:
                if host in change.detail.replace("/", " ").split():
                    yield change
            elif change.change is PathChange.DEFAULT_ROUTE_CHANGED and device is None:
                yield change


def _host(local: str) -> str:
    return local.rpartition(":")[0].strip("[]")
