"""Checks against a real lab on loopback: what is seen of each way, and how politely."""

import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from stresser.analysis.checkup.conclude import conclude
from stresser.analysis.checkup.finding import Concern
from stresser.analysis.words.hello_fate import HelloFate, hello_fate
from stresser.lab.server import serve
from stresser.model.chain import ChainClass
from stresser.model.checkup_facts import Asked, Checked
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.units import NS_PER_S, Duration
from stresser.model.verdict import Verdict
from stresser.net.dial import Binding
from stresser.net.resolve import Address
from stresser.run.checkup_pass import PACE, Checkup, plans
from stresser.run.lab_plan import lab_listener
from stresser.run.routes import RouteBuilder
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabRoute, Middlebox
from stresser.scenario.plan import Egress, Endpoint, Scenario, Timeouts
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock
from tests.fakes.namespace import in_namespace, ip, needs
from tests.net.certificates import Issuer

BEHAVIOURS = {
    "echo": ("wss", "echo"),
    "raw": ("tls", "echo"),
    "refuse": ("wss", "refuse"),
    "refused": ("wss", "refused"),
    "garbage": ("tls", "garbage-in-tls"),
    "reset": ("tls", "reset-in-tls"),
    "stall": ("tls", "stall-in-tls"),
    "client-cert": ("tls", "needs-client-cert"),
    "expired": ("wss", "expired"),
    "endless": ("wss", "endless-headers"),
}
PLAN = LabPlan(
    endpoints=[
        LabEndpoint(name=name, scheme=scheme, behaviour=behaviour)
        for name, (scheme, behaviour) in BEHAVIOURS.items()
    ],
    middleboxes={"box": Middlebox(intercept=True)},
    routes=[LabRoute(egress="box", endpoint="echo")],
)
SHORT = Duration.parse("500ms")
LONG = Duration.parse("10s")
LIMITS = Timeouts(resolve=LONG, connect=LONG, tls=SHORT, upgrade=LONG)


def checked(names, *, through=None, declares=True, path=None, egresses=("direct",), hellos=False,
            **changes):  # fmt: skip
    """The ways to some of the lab's endpoints, by endpoint."""

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            endpoints = []
            for name in names:
                host, port = lab_listener(ready, name, through)
                url = f"{BEHAVIOURS[name][0]}://{ready.server_name}:{port}"
                ca = ready.ca_file if declares else None
                endpoints.append(Endpoint(name=name, url=url, address=host, ca=ca, **changes))
            found = await look(endpoints, egresses, path, tries_hellos=hellos)
            nursery.cancel_scope.cancel()
        return {way.endpoint: way for way in found.ways}

    return trio.run(main)


async def look(endpoints, egresses, path, headers=None, limits=LIMITS, *, tries_hellos=False):
    scenario = Scenario(name="check", timeouts=limits, endpoints=endpoints,
                        egresses=[Egress(name=name) for name in egresses])  # fmt: skip
    values = {endpoint.name: headers or {} for endpoint in endpoints}
    bindings = {name: Binding() for name in egresses}
    routes = RouteBuilder(scenario, Path("x"), values, bindings, None).build()
    with trio.fail_after(60):
        ways = plans(scenario, routes, {}, path)
        return await Checkup(ways, RunClock(), tries_hellos=tries_hellos).run()


def test_what_is_seen_of_ways_that_are_open():
    found = checked(["echo", "raw"])
    echo, raw = found["echo"], found["raw"]
    assert list(echo.phases_ns) == ["resolve", "connect", "tls", "upgrade"]
    assert (echo.asked, echo.http.status) == (Asked.UPGRADE, 101)
    assert (echo.failed, echo.is_own, echo.leads.to_itself) == (None, True, True)
    assert echo.dialled == echo.remote == f"127.0.0.1:{echo.port}"
    assert (echo.leads.source, echo.local.partition(":")[0]) == ("127.0.0.1", "127.0.0.1")
    assert echo.chain.chain_class is ChainClass.DECLARED
    assert (raw.asked, raw.http) == (Asked.TLS, None)
    assert raw.tls.verified
    assert raw.again_ns == []


@pytest.mark.parametrize(
    ("name", "phase", "kind"),
    [
        ("refused", Phase.CONNECT, Kind.REFUSED),
        ("garbage", Phase.TLS, Kind.PROTOCOL_ERROR),
        ("reset", Phase.TLS, Kind.TCP_RESET),
        ("stall", Phase.TLS, Kind.TIMEOUT),
        ("client-cert", Phase.TLS, Kind.TLS_ALERT),
        ("refuse", Phase.UPGRADE, Kind.HTTP_REFUSAL),
        ("endless", Phase.UPGRADE, Kind.PROTOCOL_ERROR),
    ],
)
def test_ways_that_fail(name, phase, kind):
    way = checked([name])[name]
    assert (way.failed.ending.phase, way.failed.ending.kind) == (phase, kind)
    if name == "stall":
        assert SHORT <= way.failed.ending.age_ns < SHORT * 20
    if name == "garbage":
        assert way.failed.ending.evidence.first_bytes
    if name == "stall":
        info = way.failed.ending.evidence.tcp_info
        assert (info.unacked, info.bytes_received) == (0, 0)
        assert info.data_segments_received == 0
    if name == "refuse":
        assert (way.http.status, way.http.reason) == (503, "Service Unavailable")
        assert way.tls.verified


def test_a_broken_chain_is_gone_on_with():
    way = checked(["expired"])["expired"]
    assert way.failed is None
    assert way.tls.chain_class is ChainClass.BROKEN


def test_a_get_instead_of_an_upgrade():
    way = checked(["refuse"], path="/health")["refuse"]
    assert (way.asked, way.failed) == (Asked.GET, None)
    assert way.http.status == 503
    assert list(way.phases_ns) == ["resolve", "connect", "tls", "get"]


@pytest.mark.parametrize("trusts", [True, False])
def test_a_middlebox_that_intercepts(trusts, monkeypatch, tmp_path):
    inspector = {}

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            nobody = tmp_path / "nobody.pem"
            nobody.write_bytes(Issuer("Nobody").pem)
            root = ready.inspection_ca_file if trusts else str(nobody)
            monkeypatch.setenv("SSL_CERT_FILE", root)
            monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
            host, port = lab_listener(ready, "echo", "box")
            url = f"wss://{ready.server_name}:{port}"
            found = await look([Endpoint(name="echo", url=url, address=host)], ["direct"], None)
            inspector["way"] = found.ways[0]
            nursery.cancel_scope.cancel()

    trio.run(main)
    way = inspector["way"]
    said = [f.concern for f in conclude(Checked(ways=[way], has_route=True)).findings]
    assert said == [Concern.INTERCEPTION if trusts else Concern.CHAIN]
    assert way.tls.intercepted is trusts
    assert way.tls.verified is trusts
    wanted = ChainClass.PRIVATE_TRUSTED if trusts else ChainClass.PRIVATE_UNTRUSTED
    assert way.chain.chain_class is wanted
    assert way.chain.product == "stresser lab middlebox"


@pytest.mark.parametrize("path", [None, "/private"])
def test_a_secret_is_not_sent_over_a_chain_that_does_not_verify(path):
    headers = {"Authorization": Secret("TOKEN", "hunter2")}

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            host, port = lab_listener(ready, "refuse", None)
            url = f"wss://{ready.server_name}:{port}"
            endpoint = Endpoint(name="refuse", url=url, address=host)
            found = await look([endpoint], ["direct"], path, headers)
            nursery.cancel_scope.cancel()
        return found.ways[0]

    way = trio.run(main)
    assert way.failed.ending.kind is Kind.CERTIFICATE
    assert way.http is None
    assert "hunter2" not in repr(way)


def test_another_address_is_tried_where_the_first_takes_no_connection(monkeypatch):
    async def two_addresses(host, port, _family):
        return [Address(10, ("::1", port, 0, 0)), Address(2, ("127.0.0.1", port))]

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            _, port = lab_listener(ready, "echo", None)
            monkeypatch.setattr("stresser.session.attempt.resolve", two_addresses)
            endpoint = Endpoint(name="echo", url=f"wss://echo.example.net:{port}")
            found = await look([endpoint], ["direct"], None)
            nursery.cancel_scope.cancel()
        return found

    found = trio.run(main)
    (way,) = found.ways
    assert way.failed is None
    assert way.dialled.startswith("127.0.0.1:")
    # Its name is nobody's on this host, and yet it leads here.
    local = [f for f in conclude(found).findings if f.concern is Concern.LOCAL]
    assert "a loopback address" in local[0].evidence[0]
    assert way.addresses == ["::1", "127.0.0.1"]
    (earlier,) = way.earlier
    assert (earlier.ending.phase, earlier.remote.partition("]")[0]) == (Phase.CONNECT, "[::1")


@pytest.mark.parametrize("broken", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_every_address_is_tried_and_the_one_that_stalls_is_named(monkeypatch, broken):
    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            _, good = lab_listener(ready, "echo", None)
            _, bad = lab_listener(ready, "stall", None)

            async def several(_host, _port, _family):
                ports = [bad if n == broken else good for n in range(3)]
                return [Address(2, ("127.0.0.1", port)) for port in ports]

            monkeypatch.setattr("stresser.session.attempt.resolve", several)
            endpoint = Endpoint(name="echo", url=f"wss://{ready.server_name}:{good}")
            found = await look([endpoint], ["direct"], None)
            nursery.cancel_scope.cancel()
        return found, bad, good

    found, bad, good = trio.run(main)
    (way,) = found.ways
    assert way.failed is None
    assert [one.remote for one in way.earlier] == [f"127.0.0.1:{bad}"]
    assert way.also_open == [f"127.0.0.1:{good}"]
    (finding,) = [f for f in conclude(found).findings if f.concern is Concern.ADDRESS]
    assert f"the address 127.0.0.1:{bad} fails" in finding.says


@pytest.mark.slow
def test_addresses_that_all_stall_take_three_deadlines_and_no_more(monkeypatch):
    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            _, bad = lab_listener(ready, "stall", None)

            async def several(_host, _port, _family):
                return [Address(2, ("127.0.0.1", bad)) for _ in range(9)]

            monkeypatch.setattr("stresser.session.attempt.resolve", several)
            endpoint = Endpoint(name="stall", url=f"wss://{ready.server_name}:{bad}")
            found = await look([endpoint], ["direct"], None)
            nursery.cancel_scope.cancel()
        return found.ways[0]

    way = trio.run(main)
    assert way.failed is not None
    assert len(way.earlier) == 2


@pytest.mark.slow
def test_ways_are_tried_at_once_and_each_endpoint_politely():
    egresses = [f"e{number}" for number in range(6)]
    found = []

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            host, port = lab_listener(ready, "stall", None)
            url = f"tls://{ready.server_name}:{port}"
            endpoints = [Endpoint(name=f"s{n}", url=url, address=host) for n in range(8)]
            found.extend((await look(endpoints, egresses, None)).ways)
            nursery.cancel_scope.cancel()

    trio.run(main)
    assert [(way.endpoint, way.egress) for way in found] == [
        (f"s{n}", egress) for n in range(8) for egress in egresses
    ]
    begun: dict[str, list[int]] = {}
    for way in found:
        started = way.failed.ending.detected_at_ns - way.failed.ending.age_ns
        begun.setdefault(way.endpoint, []).append(started)
    spacing = NS_PER_S / PACE.attempts_per_second_per_endpoint
    for starts in begun.values():
        assert max(starts) - min(starts) > 0.9 * spacing * (len(egresses) - 1)
    # Each takes its whole deadline: one after the other they would take that 48 times.
    first = min(map(min, begun.values()))
    whole = max(way.failed.ending.detected_at_ns for way in found) - first
    assert whole < SHORT * len(found) / 2


def test_a_check_that_is_cancelled_leaves_no_socket():
    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            host, port = lab_listener(ready, "stall", None)
            url = f"tls://{ready.server_name}:{port}"
            checkup_over = False
            with trio.move_on_after(0.2):
                await look([Endpoint(name="stall", url=url, address=host)], ["direct"], None)
                checkup_over = True
            nursery.cancel_scope.cancel()
        return checkup_over

    # Warnings are errors here: a socket that is left open fails this test.
    assert trio.run(main) is False


ROOT_SERVER = "198.41.0.4"
"""A public address: nobody answers for it in a namespace of its own."""


def looked_at_in_a_namespace(*commands):
    async def story():
        ip("link set lo up")
        for command in commands:
            ip(command)
        endpoint = Endpoint(name="far", url=f"tls://{ROOT_SERVER}")
        quick = Timeouts(connect=SHORT)
        return await look([endpoint], ["direct"], None, limits=quick)

    return in_namespace(story)


def test_a_host_with_no_route_says_nothing_of_others():
    found = looked_at_in_a_namespace()
    assert not found.has_route
    assert found.ways[0].failed.ending.initiator is Initiator.HOST
    assert conclude(found).verdict is Verdict.INCONCLUSIVE


def test_a_way_through_a_tunnel_is_seen():
    needs(Path("/dev/net/tun").exists(), "needs /dev/net/tun")
    found = looked_at_in_a_namespace(
        "tuntap add tun0 mode tun",
        "addr add 10.8.0.2/24 dev tun0",
        "link set tun0 up",
        "route add default dev tun0",
    )
    leads = found.ways[0].leads
    assert (leads.source, leads.interface, leads.is_tunnel) == ("10.8.0.2", "tun0", True)
    assert found.has_route
    concerns = [finding.concern for finding in conclude(found).findings]
    assert concerns == [Concern.FAILURE, Concern.TUNNEL]


def command(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


TOWARDS_US = "tcp sport {port} meta length > 590 drop"
TOWARDS_THEM = "tcp dport {port} meta length > 200 drop"
CUT = "tcp dport {port} meta length > 200 reject with tcp reset"


@pytest.mark.parametrize(
    ("rule", "mtu", "fate", "asked"),
    [
        (TOWARDS_US, 65536, HelloFate.ANSWER_MISSING, "Most often big packets are lost"),
        (TOWARDS_US, 600, HelloFate.ANSWER_TORN, "Later parts came and one before them did not"),
        (TOWARDS_THEM, 65536, HelloFate.UNACKNOWLEDGED, "what drops the ClientHello to"),
        (CUT, 65536, HelloFate.CUT, "pass the filter (it carried the name"),
        ("tcp sport {port} meta length > 65000 drop", 65536, None, None),
    ],
    ids=["answer lost", "answer torn", "hello dropped", "hello cut", "control"],
)
def test_what_became_of_the_hello(rule, mtu, fate, asked):
    for tool in ("nft", "ethtool"):
        needs(shutil.which(tool) is not None, f"needs {tool}")

    async def story():
        ip("link set lo up")
        ip(f"link set lo mtu {mtu}")
        command("ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off")
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            host, port = lab_listener(ready, "raw", None)
            ruled = f"chain i {{ type filter hook input priority 0; {rule.format(port=port)}; }}"
            command("nft", f"table ip t {{ {ruled}; }};")
            url = f"tls://{ready.server_name}:{port}"
            endpoint = Endpoint(name="raw", url=url, address=host, ca=ready.ca_file)
            found = await look([endpoint], ["direct"], None)
            nursery.cancel_scope.cancel()
        return found

    found = in_namespace(story)
    (way,) = found.ways
    assert (way.failed is None) == (fate is None)
    if way.failed is not None:
        assert hello_fate(way.failed.ending) is fate
        (finding,) = conclude(found).findings
        assert asked in finding.remedy
