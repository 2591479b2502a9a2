"""`stresser idle` against real boxes: the limit, how it shows, who, what refreshes it, how soon.

The limits are drawn anew in each test and stand in no file that stresser reads. A control egress
without a box has none.
"""

import json
import random
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tests.fakes.starved import ran_and_waited_ns
from tests.netlab import asked_proxies, firewalls, squids
from tests.netlab.conftest import need
from tests.netlab.lab import Lab
from tests.netlab.proxies import CATCHES, start_haproxy, start_nginx, start_stunnel
from tests.netlab.reflected import NAMED, TOKEN, Reflector
from tests.netlab.tester import TLS_PORT, TOP, WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, OTHER, SERVER, SUSPECT
from tests.netlab.tunnels import Ocserv
from tests.netlab.wait import until

QUIET = Heartbeat(name="quiet", every=None)
WAYS = {way: f'interface = "{way}"' for way in (SUSPECT, CONTROL)}
FIRST_PORT = 9001
_PATIENCE_S = 240.0
_SOON_ENOUGH = 2.3
"""Times the limit."""


class Box(NamedTuple):
    """What a box does, and how it is started with a limit and a port of its own."""

    forms: set[str]
    start: Callable[[Lab, int, int], object]
    keepalive: bool = False
    announces: bool = True
    tick_s: float = 0.1
    """How late it may be."""
    is_bare: bool = False
    """Its sessions are of bare TLS: nothing is known that could be sent."""


FRONTS: dict[str, Box] = {
    "haproxy-http": Box({"tls_close_notify"},
                        lambda lab, limit_s, port: start_haproxy(lab, "http", limit_s, port=port)),
    "haproxy-tcp": Box({"tcp_fin"},
                       lambda lab, limit_s, port: start_haproxy(lab, "tcp", limit_s, port=port)),
    "nginx-http": Box({"tls_close_notify"},
                      lambda lab, limit_s, port: start_nginx(lab, "http", limit_s, port=port)),
    "nginx-stream": Box({"tcp_fin"},
                        lambda lab, limit_s, port: start_nginx(lab, "stream", limit_s, port=port)),
    "stunnel": Box({"tcp_reset"},
                   lambda lab, limit_s, port: start_stunnel(lab, limit_s, port=port), tick_s=1),
}  # fmt: skip
SQUID = Box({"tcp_fin"}, lambda *_: None, tick_s=2)
TINYPROXY = Box({"tcp_fin", "tcp_reset"}, lambda *_: None, tick_s=1.5)
DROPS = Box({"silence"}, lambda *_: None, keepalive=True, announces=False, tick_s=1)
RESETS = DROPS._replace(forms={"tcp_reset"})


class Search(NamedTuple):
    """A search that is over."""

    summary: dict[str, Any]
    code: int
    took_s: float
    """The whole command."""
    starved_s: float
    """For so long it was ready to run and others had the CPU."""
    pairs_s: dict[tuple[str, str], float]
    """When the last silent session of each endpoint and egress had ended."""

    def found(self, endpoint: str, egress: str, kind: str = "idle") -> dict[str, Any]:
        """The one entry."""
        [one] = [one for one in self.of(endpoint, egress) if one["kind"] == kind]
        return one

    def of(self, endpoint: str, egress: str) -> list[dict[str, Any]]:
        """All entries of one pair."""
        limits: list[dict[str, Any]] = self.summary["limits"]
        return [one for one in limits if (one["endpoint"], one["egress"]) == (endpoint, egress)]


def drawn(number: int, least_s: int, most_s: int) -> list[int]:
    """Limits in whole seconds, no two alike; a failing assertion shows them."""
    return random.SystemRandom().sample(range(least_s, most_s + 1), number)


def searched(
    lab: Lab,
    up_to: str,
    egresses: Mapping[str, str] = WAYS,
    endpoints: Mapping[str, str] | None = None,
    *,
    options: Sequence[str] = (),
    **changes: Any,
) -> Search:
    """`stresser idle`, to its end."""
    plan = lab.plan(
        activities=(QUIET,), egresses=egresses, timeouts='connect = "3s"\nclose = "4s"',
        endpoints=endpoints or {"server": f"wss://{SERVER}:{WSS_PORT}/"}, **changes,
    )  # fmt: skip
    file, results = lab.folder / "search.toml", lab.folder / "results"
    file.write_text(plan.toml())
    begun, waited_ns = time.monotonic(), 0
    process = lab.client.start(
        "idle", sys.executable, "-m", "stresser", "idle", str(file), "--up-to", up_to,
        "--out", str(results), "--quiet", *options, environment={"PYTHONPATH": str(TOP)} | TOKEN,
    )  # fmt: skip

    def is_over() -> bool:
        nonlocal waited_ns
        waited_ns = max(waited_ns, ran_and_waited_ns(process.pid)[1])
        return process.ended is not None

    until(is_over, "the end of the search", _PATIENCE_S)
    took_s = time.monotonic() - begun
    assert process.ended in {0, 1, 3}, process.said()[-40:]
    [folder] = results.iterdir()
    ends: dict[tuple[str, str], float] = {}
    for line in (folder / "events.jsonl").read_text().splitlines():
        one = json.loads(line)
        if one["event"] == "session_ended" and one["activity"] == "idle_search":
            ends[one["endpoint"], one["egress"]] = one["t_ns"] / 1e9
    summary = json.loads((folder / "summary.json").read_text())
    return Search(summary, process.ended, took_s, waited_ns / 1e9, ends)


def judge(search: Search, box: Box, limit_s: int, endpoint: str, egress: str) -> None:
    """What was found of a box whose limit is known here alone."""
    found, soon_s = search.found(endpoint, egress), search.pairs_s[endpoint, egress]
    about = (limit_s, soon_s, search.starved_s, found)
    assert found["low"] is not None, about
    assert found["low"] <= (limit_s + box.tick_s) * 1e9, about
    assert limit_s * 1e9 <= found["high"] + 1e7, about
    assert found["high"] - found["low"] <= (1.05 + box.tick_s) * 1e9, about
    assert found["form"] in box.forms, about
    assert found["at_expiry"] is box.announces, about
    assert (found["who"], found["where"]) in {("middlebox", "egress"), ("unknown", "egress")}, about
    assert found["confirmed"], about
    refreshed = found["refreshed_by"]
    assert refreshed["tcp_keepalive"] is box.keepalive, about
    pings = refreshed["ping"], refreshed["unanswered_ping"], refreshed["up"]
    assert pings == (None if box.is_bare else True,) * 3, about
    others = [one for one in search.of(endpoint, egress) if one["kind"] != "idle"]
    assert {one["kind"] for one in others} == (set() if box.is_bare else {"age", "bytes"})
    assert all(one["high"] is None for one in others), others
    assert soon_s <= _SOON_ENOUGH * (limit_s + box.tick_s) + search.starved_s, about


def nothing_found(search: Search, endpoint: str, egress: str, up_to_s: float) -> None:
    control = search.found(endpoint, egress)
    assert (control["low"], control["high"], control["dead"]) == (None, None, 0), control
    assert control["survived"] >= (up_to_s - 0.5) * 1e9, control


def test_the_limits_of_five_fronts_are_found_at_once(lab):
    need("haproxy", "nginx", "stunnel4")
    limits = dict(zip(FRONTS, drawn(len(FRONTS), 8, 20), strict=True))
    ports = {name: FIRST_PORT + number for number, name in enumerate(FRONTS)}
    for number, (name, box) in enumerate(FRONTS.items()):
        box.start(lab, limits[name], CATCHES + 1 + number)
        lab.suspect.nft(firewalls.redirect(ports[name], CATCHES + 1 + number))
    all_ = range(FIRST_PORT, FIRST_PORT + len(ports))
    lab.server.nft(firewalls.serve_also_at(all_, CONTROL, SERVER, WSS_PORT))
    endpoints = {name: f"wss://{SERVER}:{port}/" for name, port in ports.items()}
    search = searched(lab, "22s", endpoints=endpoints)
    assert search.code == 1, search.summary["limits"]
    for name, box in FRONTS.items():
        judge(search, box, limits[name], name, SUSPECT)
        nothing_found(search, name, CONTROL, 22)


def test_the_limits_of_two_asked_proxies_are_found_at_once(lab):
    need("squid", "tinyproxy")
    of_squid, of_tinyproxy = drawn(2, 8, 20)
    port = asked_proxies.PORT + 10
    asked_proxies.start_tinyproxy(lab, of_tinyproxy, port=port)
    egresses = asked_proxies.egresses()
    egresses["tinyproxy"] = asked_proxies.egresses(port=port)[SUSPECT]
    with squids.squid(lab, bumps=False, idle_s=of_squid):
        search = searched(lab, "22s", egresses)
    assert search.code == 1, search.summary["limits"]
    judge(search, SQUID, of_squid, "server", SUSPECT)
    judge(search, TINYPROXY, of_tinyproxy, "server", "tinyproxy")
    swept = search.found("server", SUSPECT)
    assert 0.3e9 <= swept["tick"] <= 3e9, swept  # squid looks at its timers once a second
    nothing_found(search, "server", CONTROL, 22)


def test_a_firewall_that_forgets_is_found_by_its_drops_and_by_its_resets(lab):
    """To one server what it has forgotten is dropped, to the other one reset."""
    [limit_s] = drawn(1, 30, 58)
    lab.suspect.nft(firewalls.STATEFUL_RESET_TO.format(server=OTHER))
    lab.suspect.sysctl(*firewalls.settings(limit_s))
    boxes = {"drops": DROPS, "resets": RESETS,
             "bare-drops": DROPS._replace(is_bare=True),
             "bare-resets": RESETS._replace(is_bare=True)}  # fmt: skip
    endpoints = {
        name: f"tls://{address}:{TLS_PORT}" if box.is_bare else f"wss://{address}:{WSS_PORT}/"
        for (name, box), address in zip(boxes.items(), (SERVER, OTHER) * 2, strict=True)
    }
    search = searched(lab, "62s", endpoints=endpoints)
    assert search.code == 1, search.summary["limits"]
    for name, box in boxes.items():
        judge(search, box, limit_s, name, SUSPECT)
        nothing_found(search, name, CONTROL, 62)


def test_the_whole_command_takes_not_much_longer_than_the_limit(lab):
    """Through the box alone, up to two hours; the far end is a reflector, which sends as well."""
    need("nginx")
    [limit_s] = drawn(1, 9, 16)
    reflector = Reflector(lab)
    start_nginx(lab, "stream", limit_s)
    search = searched(
        lab, "2h", {SUSPECT: f'interface = "{SUSPECT}"'}, each_endpoint=NAMED,
    )  # fmt: skip
    reflector.stop()
    found = search.found("server", SUSPECT)
    about = (limit_s, search.took_s, search.starved_s, found)
    assert found["low"] <= (limit_s + 0.1) * 1e9, about
    assert limit_s * 1e9 <= found["high"] + 1e7, about
    assert found["refreshed_by"] == {
        "tcp_keepalive": False, "ping": True, "unanswered_ping": True, "up": True, "down": True,
        "one_byte": True, "big_message": True,
    }, about  # fmt: skip
    assert search.took_s <= _SOON_ENOUGH * limit_s + search.starved_s, about


def test_where_nothing_is_wrong_no_limit_is_found(lab):
    search = searched(lab, "8s")
    assert search.code == 0, search.summary["limits"]
    for way in WAYS:
        nothing_found(search, "server", way, 8)
    assert not search.summary["total"]["drops"]


_OCSERV_LOOKS_S = 41
"""At its timers, at the latest; first some ten seconds after a tunnel was made."""


@pytest.mark.timeout(200)
def test_a_tunnel_that_its_gateway_ends_when_nothing_passes_is_found(lab):
    """ocserv's idle timeout is the tunnel's: one event for all sessions, no timer of theirs."""
    need("ocserv", "openconnect")
    [limit_s] = drawn(1, 8, 12)
    tunnel = Ocserv(lab, limit_s)
    endpoints = {"framed": f"wss://{SERVER}:{WSS_PORT}/", "bare": f"tls://{SERVER}:{TLS_PORT}"}
    search = searched(lab, "55s", tunnel.egresses(), endpoints, options=["--together"])
    assert tunnel.has_timed_out
    assert search.code == 3, "it was seen once"
    for name in endpoints:
        found = search.found(name, SUSPECT)
        about = (limit_s, search.took_s, search.starved_s, found)
        assert (found["of_egress"], found["where"], found["form"]) == (True, "egress", "silence")
        assert found["low"] <= limit_s * 1e9 <= found["high"], about
        assert found["high"] <= (limit_s + _OCSERV_LOOKS_S) * 1e9, about
        assert not found["confirmed"], about
        nothing_found(search, name, CONTROL, 55)
    assert search.found("framed", SUSPECT)["refreshed_by"]["ping"] is True
    [told] = search.summary["diagnoses"]
    assert (told["mechanism"], told["drops"]) == ("path_change", len(endpoints))
    slowest_s = _SOON_ENOUGH * (limit_s + _OCSERV_LOOKS_S)
    assert search.took_s <= slowest_s + search.starved_s


_HEADERS = 20 + 20 + 12
"""Bytes of a segment of IPv4 with timestamps."""
_COUNTED = re.compile(r"\bpackets=(\d+) bytes=(\d+)")


def test_a_firewall_that_lets_each_flow_carry_so_much_is_found(lab):
    """At one port what is beyond is dropped, at the other one reset; the far end is a reflector."""
    [thousands] = drawn(1, 150, 280)
    verdicts = {FIRST_PORT: "drop", FIRST_PORT + 1: "reject with tcp reset"}
    reflector = Reflector(lab)
    lab.suspect.sysctl(*firewalls.COUNTS_BYTES)
    for port, verdict in verdicts.items():
        lab.suspect.nft(firewalls.carries_so_much(1000 * thousands, port, verdict))
    ports = range(FIRST_PORT, FIRST_PORT + 2)
    for side in (SUSPECT, CONTROL):
        lab.server.nft(firewalls.serve_also_at(ports, side, SERVER, WSS_PORT))
    endpoints = {f"at-{port}": f"wss://{SERVER}:{port}/" for port in ports}
    search = searched(lab, "28s", endpoints=endpoints, each_endpoint=NAMED)
    reflector.stop()
    assert search.code == 1, search.summary["limits"]
    for (name, port), form in zip(
        zip(endpoints, ports, strict=True), ("silence", "tcp_reset"), strict=True
    ):
        found, limit = search.found(name, SUSPECT, "bytes"), carried(lab, port, 1000 * thousands)
        about = (thousands, limit, found)
        assert found["low"] is not None, about
        assert found["low"] <= limit <= 1.01 * found["high"], about
        assert found["high"] <= 1.12 * found["low"], about
        assert (found["unit"], found["form"], found["confirmed"]) == ("bytes", form, True), about
        assert found["who"] in {"middlebox", "unknown"}, about
        for kind in ("idle", "age"):
            assert search.found(name, SUSPECT, kind)["high"] is None, search.summary["limits"]
        assert search.found(name, CONTROL, "bytes")["high"] is None, search.summary["limits"]
        nothing_found(search, name, CONTROL, 28)


def carried(lab: Lab, port: int, number: int) -> float:
    """Of so many bytes of a flow to a port, those that are no headers, as the box counted both."""
    shares = []
    for line in lab.suspect.run("conntrack", "-L", "-p", "tcp", "--dport", str(port)).splitlines():
        counted = [(int(packets), int(bytes_)) for packets, bytes_ in _COUNTED.findall(line)]
        bytes_ = sum(one[1] for one in counted)
        if bytes_ > number:
            shares.append(1 - _HEADERS * sum(one[0] for one in counted) / bytes_)
    assert shares
    return number * sum(shares) / len(shares)
