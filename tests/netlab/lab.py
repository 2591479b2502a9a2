"""Owns one lab: the streets, the servers, the certificates, the captures, the tester."""

import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.netlab.capture import Capture
from tests.netlab.certificates import Certificates
from tests.netlab.namespaces import Namespace, Namespaces
from tests.netlab.processes import Process
from tests.netlab.recording import Moment, Recording
from tests.netlab.tester import TLS_PORT, WSS_PORT, Plan, Tester
from tests.netlab.topology import (
    CLIENT,
    CONTROL,
    SERVER,
    SERVER6,
    SUSPECT,
    TO_CLIENT,
    TO_SERVER,
    Topology,
)

_FLOW = re.compile(rf"ESTABLISHED src={CLIENT[SUSPECT]} dst=\S+ sport=(\d+)")
_SERVER = Path(__file__).with_name("echo_server.py")
_FORGER = Path(__file__).with_name("forger.py")
_TUNBOX = Path(__file__).with_name("tunbox.py")


class Lab:
    """Everything in it ends with it."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.folder = folder
        self.certificates = certificates
        self.namespaces = Namespaces(folder)
        self.servers: dict[str, Process] = {}
        self._captures: list[Capture] = []

    def __enter__(self) -> Self:
        self.namespaces.__enter__()
        try:
            self.topology = Topology(self.namespaces)
            for address in self.topology.server:
                self.serve(address)
            for server in self.servers.values():
                server.wait_until_says("listening")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.namespaces.__exit__(type_, value, trace)

    @property
    def client(self) -> Namespace:
        return self.topology.client

    @property
    def suspect(self) -> Namespace:
        """The router that the box under test stands in."""
        return self.topology.router[SUSPECT]

    @property
    def control(self) -> Namespace:
        return self.topology.router[CONTROL]

    @property
    def server(self) -> Namespace:
        return self.topology.server[SERVER]

    def serve(
        self, address: str, at: str | None = None, *, big: bool = False, both: Path | None = None
    ) -> None:
        """Serve an address in its own namespace, or in that of another one.

        With a `big` chain the server's first flight fills several packets. `both`: a key and chain
        of its own.
        """
        certificates = self.certificates
        chain, key = certificates.chain, certificates.key
        if big:
            chain = key = certificates.big_chain
        if both is not None:
            chain = key = both
        where = self.topology.server.get(at or address, self.server)
        self.servers[at or address] = where.start(
            f"echo-{len(where.processes)}", sys.executable, str(_SERVER), "--address", address,
            "--chain", str(chain), "--key", str(key), "--ports", str(WSS_PORT), str(TLS_PORT),
        )  # fmt: skip

    def serve_again(self, address: str, *, big: bool = False, both: Path | None = None) -> None:
        """Kill what serves there, and start another."""
        self.servers.pop(address).kill()
        self.serve(address, big=big, both=both)
        self.servers[address].wait_until_says("listening")

    def serve_by_both_families(self) -> None:
        """The server with a big chain, by IPv4 and by IPv6."""
        self.topology.add_ipv6()
        self.serve_again(SERVER, big=True)
        self.serve(SERVER6, big=True)
        self.servers[SERVER6].wait_until_says("listening")

    def plan(self, **changes: Any) -> Plan:
        return Plan(ca=self.certificates.root, **changes)

    def hold(
        self,
        plan: Plan | None = None,
        *,
        opened: int | None = None,
        without: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Tester:
        """A tester, as soon as all its sessions are open."""
        tester = Tester(self.client, plan or self.plan(), without=without, environment=environment)
        tester.wait_until_open(opened)
        return tester

    def run(
        self,
        plan: Plan,
        *,
        environment: Mapping[str, str] | None = None,
        hosts: Mapping[str, Sequence[str]] | None = None,
    ) -> Recording:
        """A run of a plan with a duration, from its beginning to its end."""
        return Tester(self.client, plan, environment=environment, hosts=hosts).wait()

    def start_forger(self) -> Process:
        """In the suspect router, watching its client's side."""
        forger = self.suspect.start("forger", sys.executable, str(_FORGER), TO_CLIENT)
        forger.wait_until_says("watching")
        return forger

    def start_tunbox(self) -> Process:
        """In the suspect router, between its client's side and all others."""
        sides = (TO_CLIENT, *TO_SERVER.values())
        box = self.suspect.start("tunbox", sys.executable, str(_TUNBOX), "box", *sides)
        box.wait_until_says("ready")
        return box

    def forget_at_random(
        self, tester: Tester, *, rate_per_s: float, length_s: float, seed: int
    ) -> dict[int, Moment]:
        """Delete single flows from the suspect router's table; when, by the client's port."""
        chosen, forgotten = random.Random(seed), {}  # noqa: S311 - the same in each run, no secret
        end = time.monotonic() + length_s
        while time.monotonic() < end:
            time.sleep(chosen.expovariate(rate_per_s))  # what is tested is a time
            assert tester.process.ended is None
            flows = _FLOW.findall(self.suspect.run("conntrack", "-L", "-p", "tcp"))
            if live := sorted(int(port) for port in flows if int(port) not in forgotten):
                port = chosen.choice(live)
                command = (
                    "conntrack",
                    "-D",
                    "-p",
                    "tcp",
                    "-s",
                    CLIENT[SUSPECT],
                    "--sport",
                    str(port),
                )
                forgotten[port] = when(partial(self.suspect.run, *command))
        return forgotten

    def capture(self, interface: str = SUSPECT) -> Capture:
        """tcpdump on one of the client's interfaces, as soon as it listens."""
        return Capture(self.client, interface)


def when(change: Callable[[], object]) -> Moment:
    """Change something; between which two moments it was."""
    before = time.time_ns()
    change()
    return Moment(before, time.time_ns())
