"""The path as a witness: links, addresses, routes and resolvers of this host, as they change.

Linux reports by netlink, in the network namespace that the process is in (rtnetlink(7)); the
socket needs no right. Elsewhere only the resolver's file is watched.

A notice is read as soon as the loop wakes, and whenever somebody asks for the changes of a
window: the ending that a change caused may be worked up before the change's own turn comes.
"""

import errno
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import trio

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange
from stresser.model.units import NS_PER_MS, NS_PER_S, escaped
from stresser.witness.clock import RunClock
from stresser.witness.flood import Counted, Flood
from stresser.witness.kernel_route import KernelRoutes
from stresser.witness.known_path import Change, KnownPath
from stresser.witness.netlink import (
    GET_ADDRESS,
    GET_LINK,
    GET_ROUTE,
    GROUPS,
    DumpEnd,
    KernelAddress,
    KernelRoute,
    Link,
    decode,
    dump_request,
)
from stresser.witness.resolver import ResolverWatch

PATH_WINDOW_NS = 2 * NS_PER_S
"""An ending is reported together with a path change from this long before its last proof of life
on, until its proof of the end: a change is felt at the next packet, and the last proof of life
may be a byte that was on its way when the path went."""
_READ_LATE_NS = 100 * NS_PER_MS
"""A change is dated when its notice was read; an ending that it caused may be seen before that."""
REMEMBERED = 1000
"""So many changes can be asked for by their time; all are recorded."""
_RECEIVE_BYTES = 1 << 16
_BUFFER_BYTES = 4 << 20
_DATAGRAMS_A_LOOK = 64
"""As many as take about a millisecond: then the loop may look at its sessions again."""
_LOOKS_AT_START = 64
_DUMP_AGAIN_AFTER_NS = NS_PER_S
_DUMPS_AGAIN = 5
"""A dump that a change broke into is asked for again, so often at most."""
_ROUTES_AGAIN_AFTER_NS = 20 * NS_PER_MS
"""In a flood of changes the kernel is asked so seldom how it sends."""
_TICK_S = 1.0
_LONGEST_DETAIL = 300
_LONGEST_NAME = 64
_IN_FLOODS = frozenset(
    {
        PathChange.ADDRESS_ADDED,
        PathChange.ADDRESS_REMOVED,
        PathChange.ROUTE_ADDED,
        PathChange.ROUTE_REMOVED,
        PathChange.ROUTE_CHANGED,
        PathChange.RULE_ADDED,
        PathChange.RULE_REMOVED,
    }
)
"""These come in floods, and must not hide a link or a default route that goes meanwhile."""
_ALL_DUMPS: tuple[tuple[int, type], ...] = (
    (GET_LINK, Link),
    (GET_ADDRESS, KernelAddress),
    (GET_ROUTE, KernelRoute),
)


class PathWitness:
    """Watches from `open` to `close`; `run` is its task."""

    def __init__(
        self,
        clock: RunClock,
        report: Callable[[PathChanged], None],
        resolver: ResolverWatch | None = None,
    ) -> None:
        self._clock = clock
        self._report = report
        self._resolver = ResolverWatch() if resolver is None else resolver
        self._known = KnownPath()
        self.routes = KernelRoutes(clock)
        """How the kernel sends to where sessions go, and since when."""
        self._told: deque[PathChanged] = deque(maxlen=REMEMBERED)
        self._floods = {True: Flood(), False: Flood()}
        self._socket: socket.socket | None = None
        self._dumps: deque[tuple[int, type]] = deque()
        self._asked = 0
        self._asking: tuple[int, type] | None = None
        self._again = 0
        self._dumped_ns = -_DUMP_AGAIN_AFTER_NS
        self._overran_ns: int | None = None
        self.trouble: str | None = None
        """Why the kernel's notices are not read, in words; None while they are."""

    def open(self) -> None:
        """Take in what there is now; from here on changes are recorded. Never raises."""
        if not self._begin():
            return
        self.routes.open()
        for _ in range(_LOOKS_AT_START):
            if self._known.is_settled:
                break
            self._read()

    def _begin(self) -> bool:
        try:
            self._socket = open_netlink()
        except OSError as error:
            self.trouble = error.strerror or str(error)
            return False
        self._dumps = deque(_ALL_DUMPS)
        self._again = 0
        self._ask_next()
        return True

    def close(self) -> None:
        """Stop watching; what was held back is recorded."""
        for flood in self._floods.values():
            self._tell_counted(flood.flush())
        self._release()
        self.routes.close()

    async def run(self) -> None:
        """Read notices as they come, look at the resolver's files each second, for ever."""
        while True:
            with trio.move_on_after(_TICK_S):
                await self._until_readable()
            self.look()

    def look(self) -> None:
        """Read what the kernel has said, and tell what is due."""
        self._read()
        now = self._clock.now_ns()
        for flood in self._floods.values():
            self._tell_counted(flood.overdue(now))
        if now >= self._resolver_due_ns:
            self._resolver_due_ns = now + NS_PER_S
            self._tell(self._resolver.look())
        self._dump_routes_in_doubt(now)

    _resolver_due_ns = 0

    def interface_with(self, address: str) -> str | None:
        """The name of the interface that holds an address of this host; None: none known."""
        self._read()
        return self._known.interface_with(address)

    def link_with(self, address: str) -> Link | None:
        """The interface that holds an address of this host; None: none known."""
        self._read()
        return self._known.link_with(address)

    def link_named(self, name: str) -> Link | None:
        """The interface of a name; None: none known."""
        self._read()
        return self._known.link_named(name)

    def changes_between(self, from_ns: int, until_ns: int) -> list[PathChanged]:
        """The changes of a window (run clock), oldest first, of the last thousand.

        What is held back in a flood is among them, as it will be summed up.
        """
        self._read()
        held = [self._summed_up(flood.held_back) for flood in self._floods.values()]
        return [
            event
            for event in (*self._told, *(one for one in held if one is not None))
            if _since(event) <= until_ns and event.t_ns >= from_ns
        ]

    def changes_near(self, alive_at_ns: int, dead_by_ns: int) -> list[PathChanged]:
        """The changes that an ending with this bracket is reported together with."""
        return self.changes_between(alive_at_ns - PATH_WINDOW_NS, dead_by_ns + _READ_LATE_NS)

    # Reading

    async def _until_readable(self) -> None:
        if self._socket is None:
            await trio.sleep_forever()
        else:
            # Closed meanwhile: it ran over, and there is a new one.
            with suppress(trio.ClosedResourceError):
                await trio.lowlevel.wait_readable(self._socket)

    def _read(self) -> None:
        self._take_all()
        now = self._clock.now_ns()
        if self._has_changed and now >= self._routes_due_ns:
            self._has_changed, self._routes_due_ns = False, now + _ROUTES_AGAIN_AFTER_NS
            self.routes.look()

    _has_changed = False
    _routes_due_ns = 0

    def _take_all(self) -> None:
        if self._socket is None:
            return
        for _ in range(_DATAGRAMS_A_LOOK):
            try:
                data, sender = self._socket.recvfrom(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if not self._recover(error):
                    return
                continue
            if sender[0] == 0:  # the kernel; any process may send to a netlink socket
                self._take(data)

    def _take(self, data: bytes) -> None:
        for message in decode(data):
            if isinstance(message, DumpEnd):
                self._end_dump(message)
            else:
                self._tell(self._known.apply(message))

    def _recover(self, error: OSError) -> bool:
        if error.errno != errno.ENOBUFS:
            self.trouble = error.strerror or str(error)
            self._release()
            return False
        # netlink(7): notices were thrown away. A new socket has no rest of the old ones in it, and
        # no dump half answered; it is asked for the whole state, and what differs is told.
        if self._overran_ns is None:
            self._overran_ns = self._clock.now_ns()
        self._release()
        return self._begin()

    def _release(self) -> None:
        if self._socket is not None:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()
            self._socket = None

    # Dumps: one at a time, the kernel refuses a second one

    def _ask_next(self) -> None:
        if self._socket is None or not self._dumps:
            return
        kind, thing = self._asking = self._dumps.popleft()
        self._asked += 1
        self._dumped_ns = self._clock.now_ns()
        self._known.begin_dump(self._asked, thing)
        try:
            self._socket.sendto(dump_request(kind, self._asked), (0, 0))
        except OSError as error:
            self._end_dump(DumpEnd(self._asked, interrupted=False, error=error.errno or 1))

    def _end_dump(self, end: DumpEnd) -> None:
        changes = self._known.end_dump(end)
        if changes is None:
            return
        asked, self._asking = self._asking, None
        self._tell(changes)
        if end.interrupted and asked is not None and self._again < _DUMPS_AGAIN:
            self._again += 1
            self._dumps.appendleft(asked)
        if self._dumps:
            self._ask_next()
            return
        self._known.is_settled = True
        if self._overran_ns is not None:
            self._tell_overrun(self._overran_ns)
            self._overran_ns = None

    def _dump_routes_in_doubt(self, now_ns: int) -> None:
        is_due = now_ns >= self._dumped_ns + _DUMP_AGAIN_AFTER_NS
        if self._known.routes_in_doubt and is_due and self._asking is None:
            self._dumps.append((GET_ROUTE, KernelRoute))
            self._again = 0
            self._ask_next()
            self._read()

    # Telling

    def _tell(self, changes: list[Change]) -> None:
        self._has_changed = self._has_changed or bool(changes)
        for change in changes:
            now = self._clock.now_ns()
            flood = self._floods[change.change in _IN_FLOODS]
            self._tell_counted(flood.overdue(now))
            if flood.admit(change.change, now):
                self._record(self._event(change, now))

    def _event(self, change: Change, now_ns: int) -> PathChanged:
        name = change.interface
        return PathChanged(
            t_ns=now_ns,
            utc=self._clock.utc(now_ns),
            change=change.change,
            interface=None if name is None else escaped(name, _LONGEST_NAME),
            is_tunnel=change.is_tunnel,
            detail=escaped(change.detail, _LONGEST_DETAIL),
        )

    def _record(self, event: PathChanged) -> None:
        self._told.append(event)
        self._report(event)

    def _tell_counted(self, counted: Counted | None) -> None:
        event = self._summed_up(counted)
        if event is not None:
            self._record(event)

    def _summed_up(self, counted: Counted | None) -> PathChanged | None:
        if counted is None:
            return None
        counts = {change.value: number for change, number in counted.counts.most_common()}
        words = ", ".join(f"{number:,} {name}" for name, number in counts.items())
        return PathChanged(
            t_ns=counted.until_ns,
            utc=self._clock.utc(counted.until_ns),
            change=PathChange.MANY,
            detail=f"{counted.total:,} more: {words}",
            since_ns=counted.since_ns,
            counts=counts,
        )

    def _tell_overrun(self, since_ns: int) -> None:
        now = self._clock.now_ns()
        self._record(
            PathChanged(
                t_ns=now,
                utc=self._clock.utc(now),
                change=PathChange.OVERRUN,
                detail="the kernel lost notices and was asked again: what differs is recorded,"
                " what came and went meanwhile is not",
                since_ns=since_ns,
            )
        )


def open_netlink() -> socket.socket:
    """A socket that hears of every change of the path, non-blocking.

    Raises:
        OSError: not Linux, or the kernel does not let us.
    """
    if sys.platform != "linux":
        raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        _enlarge(sock)
        sock.bind((0, GROUPS))
    except OSError:
        sock.close()
        raise
    return sock


def _enlarge(sock: socket.socket) -> None:
    """Room for ten thousand notices (socket(7)); without the right as much as is allowed."""
    so_rcvbufforce = 33
    for option in (so_rcvbufforce, socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        except OSError:
            continue
        return


def _since(event: PathChanged) -> int:
    return event.t_ns if event.since_ns is None else event.since_ns
