"""The lab as a whole: binds what a plan asks for, says where, serves until it is cancelled."""

import os
import socket
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import trio

from stresser.lab.behaviours import Behaviour, parse_behaviour
from stresser.lab.certificates import SERVER_NAME
from stresser.lab.connect_faults import blackhole_port, refused_port
from stresser.lab.credentials import Credentials
from stresser.lab.messages import FOLDER_PREFIX, KillRecord
from stresser.lab.middlebox import LabMiddlebox
from stresser.lab.served_endpoint import ServedEndpoint
from stresser.lab.wire import LOOPBACK, accept_forever, listen_loopback
from stresser.model.errors import LabError
from stresser.scenario.lab_table import LabAddress, LabEndpoint, LabPlan, LabReady, LabRoute

Reflect = Callable[[trio.SocketListener, ssl.SSLContext], Awaitable[None]]
"""Serves one endpoint as a reflector, for ever."""


def _discard(_: KillRecord) -> None:
    pass


async def serve(
    plan: LabPlan,
    *,
    on_kill: Callable[[KillRecord], None] = _discard,
    reflect: Reflect | None = None,
    task_status: trio.TaskStatus[LabReady] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `plan` on 127.0.0.1 until cancelled; `LabReady` is the started value.

    `on_kill` is called for each flow that a middlebox ends, and must not block. `reflect` serves
    the endpoints that are to reflect; without it they echo.

    Raises:
        LabError: the plan asks for something the lab does not know.
    """
    behaviours = check_plan(plan)
    with ExitStack() as stack:
        # Mode 0700; nobody else may plant certificates.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX))
        async with trio.open_nursery() as nursery:
            lab = _Lab(
                plan, behaviours, Credentials(Path(folder)), on_kill, reflect, nursery, stack
            )
            lab.start_endpoints()
            lab.start_routes()
            task_status.started(lab.ready())


def check_plan(plan: LabPlan) -> dict[str, Behaviour]:
    """Each endpoint's behaviour by its name.

    Raises:
        LabError: one line for each mistake.
    """
    behaviours: dict[str, Behaviour] = {}
    mistakes = []
    names = [one.name for one in plan.endpoints]
    mistakes += [f"endpoint {name}: named twice" for name in set(names) if names.count(name) > 1]
    for one in plan.endpoints:
        try:
            behaviours[one.name] = parse_behaviour(one.scheme, one.behaviour, one.argument)
        except ValueError as error:
            mistakes.append(f"endpoint {one.name}: {error}")
        if one.tls_version not in {None, "1.2", "1.3"}:
            mistakes.append(f"endpoint {one.name}: tls_version must be 1.2 or 1.3")
    for route in plan.routes:
        if route.egress not in plan.middleboxes:
            mistakes.append(f"route {route.egress}: there is no such middlebox")
        if route.endpoint not in names and None in {route.upstream_host, route.upstream_port}:
            mistakes.append(f"route to {route.endpoint}: neither a lab endpoint nor an upstream")
    if mistakes:
        raise LabError(*mistakes)
    return behaviours


class _Lab:
    """The listeners of one plan while they come up."""

    def __init__(
        self,
        plan: LabPlan,
        behaviours: dict[str, Behaviour],
        credentials: Credentials,
        on_kill: Callable[[KillRecord], None],
        reflect: Reflect | None,
        nursery: trio.Nursery,
        stack: ExitStack,
    ) -> None:
        self._plan = plan
        self._behaviours = behaviours
        self._credentials = credentials
        self._reflect = reflect
        self._nursery = nursery
        self._stack = stack
        self._start = trio.current_time()
        self._addresses: list[LabAddress] = []
        self._ports: dict[str, int] = {}
        self._endpoints: list[ServedEndpoint] = []
        self._boxes = {
            egress: LabMiddlebox(egress, rules, credentials, on_kill)
            for egress, rules in plan.middleboxes.items()
        }

    def start_endpoints(self) -> None:
        for one in self._plan.endpoints:
            port = self._start_endpoint(one, self._behaviours[one.name])
            self._ports[one.name] = port
            self._add_address(one.name, None, port)

    def start_routes(self) -> None:
        for route in self._plan.routes:
            listener = self._listen()
            box = self._boxes[route.egress]
            box.listeners.append(listener)
            self._nursery.start_soon(box.forward, listener, route.endpoint, self._upstream(route))
            self._add_address(route.endpoint, route.egress, listener.getsockname()[1])

    def ready(self) -> LabReady:
        """All listeners wait: the lab's time begins."""
        self._start = trio.current_time()
        for endpoint in self._endpoints:
            self._nursery.start_soon(endpoint.reset_together)
        for box in self._boxes.values():
            box.start_black_hole(self._nursery)
        return LabReady(
            pid=os.getpid(),
            ca_file=self._credentials.ca_file,
            inspection_ca_file=self._credentials.inspection_ca_file,
            server_name=SERVER_NAME,
            addresses=self._addresses,
        )

    def _start_endpoint(self, one: LabEndpoint, behaviour: Behaviour) -> int:
        if behaviour.name == "refused":
            return self._keep([refused_port()])
        if behaviour.name == "blackhole-connect":
            return self._keep(blackhole_port())
        context = self._credentials.context(behaviour.name, one.tls_version)
        if behaviour.name == "reflect" and self._reflect is not None:
            listener = self._listen()
            self._nursery.start_soon(self._reflect, trio.SocketListener(listener), context)
            return int(listener.getsockname()[1])
        endpoint = ServedEndpoint(one.scheme, behaviour, context, lambda: self._start)
        self._endpoints.append(endpoint)
        listener = self._listen()
        self._nursery.start_soon(partial(accept_forever, listener, endpoint.serve))
        return int(listener.getsockname()[1])

    def _listen(self) -> trio.socket.SocketType:
        listener = listen_loopback()
        self._stack.callback(listener.close)
        return listener

    def _keep(self, sockets: list[socket.socket]) -> int:
        for sock in sockets:
            self._stack.callback(sock.close)
        return int(sockets[0].getsockname()[1])

    def _upstream(self, route: LabRoute) -> tuple[str, int]:
        if route.upstream_host is not None and route.upstream_port is not None:
            return route.upstream_host, route.upstream_port
        return LOOPBACK, self._ports[route.endpoint]

    def _add_address(self, endpoint: str, egress: str | None, port: int) -> None:
        address = LabAddress(endpoint=endpoint, egress=egress, host=LOOPBACK, port=port)
        self._addresses.append(address)
