"""This host's own route for a session: whether, since its last proof of life, it changed.

Events are not matched by name: an unused default route, another family or another table concern
no session. The kernel is asked how it sends to this destination from this source by this device.
What its answer does not show is that the link has lost its carrier: the events show that.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stresser.model.events import PathChanged
from stresser.model.evidence import MOST_ROUTE_CHANGES
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_MS
from stresser.net.dial import Binding
from stresser.net.resolve import Address
from stresser.witness.kernel_route import RouteAnswer, RouteQuestion
from stresser.witness.path import PathWitness

_LINK_GOES = frozenset({PathChange.LINK_DOWN, PathChange.LINK_REMOVED})
_MOST = 1000
_AT_ONCE_NS = 10 * NS_PER_MS
"""Sessions that open so close together were let through by the same route."""


class LocalRoutes:
    """How this host sends for the run's sessions, as it was when they opened."""

    def __init__(self, path: PathWitness | None = None) -> None:
        self._path = path
        self._interfaces: dict[str, str] = {}
        self._worked: dict[RouteQuestion, RouteAnswer] = {}

    def learn(self, local: str, address: Address, binding: Binding) -> None:
        """A session has opened from this `address:port`."""
        if self._path is None:
            return
        host = _host(local)
        if host not in self._interfaces:
            interface = self._path.interface_with(host)
            if interface is not None and len(self._interfaces) < _MOST:
                self._interfaces[host] = interface
        for question in (_of_flow(local, address, binding), _of_binding(address, binding)):
            answer = self._path.routes.watch(question, _AT_ONCE_NS)
            if answer is not None and (question in self._worked or len(self._worked) < _MOST):
                self._worked[question] = answer

    def behind_gateway(self, address: Address, binding: Binding) -> bool:
        """This host sends there by a gateway: the address is not on a link of ours."""
        answer = self._worked.get(_of_binding(address, binding))
        return answer is not None and answer.gateway is not None

    def changed_for_session(
        self, local: str, address: Address, binding: Binding, window: tuple[int, int]
    ) -> list[str]:
        """How the kernel's answer for an open connection changed in a window, in words."""
        if self._path is None:
            return []
        self._path.look()
        question = _of_flow(local, address, binding)
        self._path.routes.watch(question)
        changes = self._path.routes.changes(question, *window)
        return [_words(address, one.before, one.after) for one in changes][-MOST_ROUTE_CHANGES:]

    def own_changes(
        self,
        local: str,
        address: Address,
        binding: Binding,
        window: tuple[int, int],
        changes: Iterable[PathChanged],
    ) -> tuple[list[str], int | None]:
        """All that changed for an open connection in a window, of `changes` only what is its own.

        In words; and when its interface or its address went last, None: neither has.
        """
        since = [one for one in changes if one.t_ns >= window[0]]
        gone = list(self.gone_with_link(since, local, binding.device))
        words = [one.words for one in gone]
        words += self.changed_for_session(local, address, binding, window)
        return words[:MOST_ROUTE_CHANGES], gone[-1].at_ns if gone else None

    def changed_for_attempt(self, address: Address, binding: Binding) -> list[str]:
        """How the kernel's answer differs from that with which the last session opened there."""
        question = _of_binding(address, binding)
        before = self._worked.get(question)
        if self._path is None or before is None:
            return []
        now = self._path.routes.ask(question)
        return [] if now is None or now == before else [_words(address, before, now)]

    def gone_with_link(
        self, changes: Iterable[PathChanged], local: str, device: str | None
    ) -> "Iterator[Gone]":
        """The changes that took the session's own interface, or its address there, from it."""
        host = _host(local)
        interface = device or self._interfaces.get(host)
        for change in changes:
            if interface is None or change.interface != interface:
                continue
            lost_address = change.change is PathChange.ADDRESS_REMOVED
            if change.change in _LINK_GOES or (lost_address and _is_of(host, change)):
                words = f"{change.change.value.replace('_', ' ')} {interface}: {change.detail}"
                yield Gone(words, change.t_ns)


class Gone(NamedTuple):
    """What took its interface or address from a session, and when."""

    words: str
    at_ns: int


def _of_flow(local: str, address: Address, binding: Binding) -> RouteQuestion:
    return RouteQuestion(address.host, address.sockaddr[1], _host(local), binding.device)


def _of_binding(address: Address, binding: Binding) -> RouteQuestion:
    return RouteQuestion(address.host, address.sockaddr[1], binding.source, binding.device)


def _words(address: Address, before: RouteAnswer, after: RouteAnswer) -> str:
    return f"to {address.host}: {before.words} -> {after.words}"


def _is_of(host: str, change: PathChanged) -> bool:
    return host in change.detail.replace("/", " ").split()


def _host(local: str) -> str:
    return local.rpartition(":")[0].strip("[]")
