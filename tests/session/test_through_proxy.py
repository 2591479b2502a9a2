"""Attempts and sessions through a proxy, in virtual time: each step, and what goes wrong in it."""

import dataclasses
from typing import cast

import pytest
import trio

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import AddressesSeen, ResolvedBy
from stresser.model.proxy_login import ProxyAuth
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.net.proxy import ProxyHop
from stresser.net.tls import TlsProfile
from stresser.scenario.plan import Timeouts
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from tests.fakes.certificates import SERVER_NAME, authority_file, server_context
from tests.fakes.path import FarEnd
from tests.fakes.peers import tls_server, websocket_server
from tests.fakes.proxies import OPEN, http_proxy, says, socks_proxy, tls_proxy, until
from tests.fakes.resolver import Zone
from tests.fakes.world import in_virtual_time, seconds, world

MS_100 = pytest.approx(NS_PER_S // 10, abs=1000)
TRUSTED = TlsProfile(require=True, ca_files=(authority_file(),), alpn=("http/1.1",))
HTTP, HTTPS = ProxyScheme.HTTP, ProxyScheme.HTTPS
SOCKS5, SOCKS5H = ProxyScheme.SOCKS5, ProxyScheme.SOCKS5H


def hop(scheme=HTTP, host="192.0.2.9", port=3128, *, tls=None, credentials=(None, None)):
    user, password = credentials
    if scheme is HTTPS and tls is None:
        host, tls = SERVER_NAME, TRUSTED
    auth = (ProxyAuth.BASIC,)
    proxy = Proxy(scheme=scheme, host=host, port=port, user=user, password=password, auth=auth)
    return ProxyHop(proxy=proxy, user_agent="stresser/test", tls=tls)


def endpoint():
    return websocket_server(server_context("1.3"))


def through(program, proxy, *, until_s=10.0, during=None, zone=None, latency_s=0.0, **route):
    """The notebook of one session's life through a proxy."""
    names = {"broker_test": "192.0.2.1", SERVER_NAME.replace(".", "_"): "192.0.2.9"}
    resolver = Zone(**names) if zone is None else zone

    async def story():
        trio.socket.set_custom_hostname_resolver(resolver)
        async with world(program, latency_s=latency_s) as made:
            made.start(dataclasses.replace(made.route(**route), proxy=proxy))
            with trio.move_on_at(until_s):
                if during is not None:
                    await during(made)
                await trio.sleep_forever()
            made.stop()
            await trio.sleep(6)
            return made

    return in_virtual_time(story)


# Phases


CHAINS = [
    (HTTP, http_proxy(endpoint()), ["proxy_connect", "proxy_tunnel"], 1),
    (HTTPS, tls_proxy(server_context("1.3"), http_proxy(endpoint())),
     ["proxy_connect", "proxy_tls", "proxy_tunnel"], 1),
    (SOCKS5, socks_proxy(endpoint()), ["proxy_connect", "proxy_tunnel"], 2),
    (SOCKS5H, socks_proxy(endpoint()), ["proxy_connect", "proxy_tunnel"], 2),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "program", "steps", "trips"), CHAINS)
def test_each_step_is_timed_apart_and_nothing_twice(scheme, program, steps, trips):
    made = through(program, hop(scheme), latency_s=0.05)
    (opened,) = made.notebook.opened
    assert list(opened.phases_ns) == ["resolve", *steps, "tls", "upgrade"]
    assert opened.phases_ns["proxy_connect"] == MS_100
    assert opened.phases_ns.get("proxy_tls", MS_100) == MS_100
    assert opened.phases_ns["proxy_tunnel"] == pytest.approx(trips * NS_PER_S // 10, abs=1000)
    assert (opened.phases_ns["tls"], opened.phases_ns["upgrade"]) == (MS_100, MS_100)
    assert sum(opened.phases_ns.values()) == pytest.approx(opened.t_ns, abs=1000)
    taken = {q: made.notebook.values(q) for q in Quantity}
    assert taken[Quantity.CONNECT] == []
    assert taken[Quantity.PROXY] == [sum(opened.phases_ns[step] for step in steps)]
    assert [q.value for q in Quantity if q in steps and taken[q]] == steps


@pytest.mark.parametrize(("scheme", "program", "steps", "trips"), CHAINS)
def test_a_session_is_held_and_closed_as_any_other(scheme, program, steps, trips):
    del steps, trips
    made = through(program, hop(scheme), until_s=3601.0)
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.planned) == (Kind.PLANNED, True)
    assert ended.pings == ended.pongs == 240
    assert ended.ending.evidence.close == "answered"


def test_a_tls_endpoint_through_a_proxy():
    made = through(http_proxy(tls_server(server_context())), hop(), scheme="tls")
    assert list(made.notebook.opened[0].phases_ns)[-1] == "tls"
    assert made.notebook.only_ended().ending.planned


# Who is who


@pytest.mark.parametrize(
    ("scheme", "host", "remote", "resolved_by", "asked"),
    [
        (HTTP, "broker.test", "broker.test:443", ResolvedBy.PROXY, []),
        (HTTPS, "broker.test", "broker.test:443", ResolvedBy.PROXY, [SERVER_NAME]),
        (SOCKS5H, "broker.test", "broker.test:443", ResolvedBy.PROXY, []),
        (SOCKS5, "broker.test", "192.0.2.1:443", ResolvedBy.HOST, ["broker.test"]),
        (HTTP, "192.0.2.1", "192.0.2.1:443", None, []),
        (SOCKS5H, "192.0.2.1", "192.0.2.1:443", None, []),
        (SOCKS5, "192.0.2.1", "192.0.2.1:443", None, []),
    ],
)
def test_who_looked_the_name_up_and_where_it_leads(scheme, host, remote, resolved_by, asked):
    (program,) = [program for known, program, *_ in CHAINS if known is scheme]
    zone = Zone(broker_test="192.0.2.1", broker_example_net="192.0.2.9")
    made = through(program, hop(scheme), zone=zone, host=host)
    (opened,) = made.notebook.opened
    assert (opened.remote, opened.resolved_by) == (remote, resolved_by)
    assert opened.proxy == f"{scheme}://192.0.2.9:3128"
    assert [str(address) for address in made.dialled] == ["192.0.2.9:3128"]
    assert zone.asked == asked
    ended = made.notebook.only_ended()
    assert (ended.remote, ended.proxy) == (remote, opened.proxy)
    seen = [event for event in made.notebook.events if isinstance(event, AddressesSeen)]
    expected = [("broker.test", ["192.0.2.1"])] if resolved_by is ResolvedBy.HOST else []
    assert [(event.name, event.addresses) for event in seen] == expected


def test_what_the_proxy_is_asked_for():
    heard: list[bytes] = []
    through(http_proxy(endpoint(), heard), hop(), host="broker.test")
    through(socks_proxy(endpoint(), heard), hop(SOCKS5H), host="broker.test")
    through(socks_proxy(endpoint(), heard), hop(SOCKS5), host="broker.test")
    assert heard[0].startswith(b"CONNECT broker.test:443 HTTP/1.1\r\n")
    assert b"User-Agent: stresser/test\r\n" in heard[0]
    assert heard[1] == b"\x05\x01\x00\x03\x0bbroker.test\x01\xbb"
    assert heard[2] == b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"


def test_credentials_reach_the_proxy_and_no_event():
    heard: list[bytes] = []
    proxy = hop(credentials=(Secret("U", "ann"), Secret("P", "hunter2")))
    made = through(http_proxy(endpoint(), heard), proxy)
    assert b"Proxy-Authorization: Basic YW5uOmh1bnRlcjI=\r\n" in heard[0]
    assert "hunter2" not in repr(made.notebook.events)
    assert "YW5uOmh1" not in repr(made.notebook.events)


def test_a_proxys_name_that_does_not_resolve():
    made = through(endpoint(), hop(host="nowhere.test"), zone=Zone())
    failed = made.notebook.only_failed()
    assert (failed.ending.kind, failed.ending.phase) == (Kind.RESOLVE_ERROR, Phase.RESOLVE)
    assert failed.ending.evidence.name == "nowhere.test"
    assert (failed.remote, failed.proxy, failed.resolved_by) == (None, None, None)


def test_an_endpoints_name_that_does_not_resolve_here():
    made = through(endpoint(), hop(SOCKS5), zone=Zone(), host="nowhere.test")
    assert made.notebook.only_failed().ending.evidence.name == "nowhere.test"


# What can go wrong


REFUSAL = b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: NTLM\r\nVia: px\r\n\r\n"
GARBAGE = b"SSH-2.0-x\r\n"
ALERT = b"\x15\x03\x03\x00\x02\x02\x28"
MISDEEDS = [
    # scheme, what the proxy does, then: kind, failure, step, initiator
    (HTTP, ["hear", REFUSAL], "proxy_error", "proxy_http_407", "proxy_tunnel", "middlebox"),
    (HTTP, ["hear", "hang up"], "tcp_fin", "eof_error", "proxy_tunnel", "unknown"),
    (HTTP, ["hear", OPEN[:9], "hang up"], "tcp_fin", "eof_error", "proxy_tunnel", "unknown"),
    (HTTP, ["hear", "reset"], "tcp_reset", "connection_reset", "proxy_tunnel", "middlebox"),
    (HTTP, ["reset"], "tcp_reset", "connection_reset", "proxy_tunnel", "middlebox"),
    (HTTP, ["hear", OPEN[:9], "reset"], "tcp_reset", "connection_reset", "proxy_tunnel",
     "middlebox"),
    (HTTP, ["stall"], "timeout", "generic_timeout_error", "proxy_tunnel", "unknown"),
    (HTTP, ["hear", GARBAGE], "protocol_error", "proxy_http_protocol_error", "proxy_tunnel",
     "unknown"),
    (HTTPS, ["stall"], "timeout", "generic_timeout_error", "proxy_tls", "unknown"),
    (HTTPS, ["hear", "reset"], "tcp_reset", "connection_reset", "proxy_tls", "middlebox"),
    (HTTPS, ["hear", "hang up"], "tcp_fin", "eof_error", "proxy_tls", "unknown"),
    (HTTPS, ["hear", ALERT], "tls_alert", "proxy_tls_alert", "proxy_tls", "unknown"),
    (HTTPS, ["hear", GARBAGE], "protocol_error", "proxy_tls_protocol_error", "proxy_tls",
     "unknown"),
    (SOCKS5H, ["stall"], "timeout", "generic_timeout_error", "proxy_tunnel", "unknown"),
    (SOCKS5H, ["hear", b"\x05\xff"], "proxy_error", "socks_authentication_required",
     "proxy_tunnel", "middlebox"),
    (SOCKS5H, ["hear", b"\x05\x00", "hear", b"\x05\x05\x00\x01" + bytes(6)], "proxy_error",
     "socks_connection_refused", "proxy_tunnel", "unknown"),
    (SOCKS5H, ["hear", b"\x05\x00", "hear", "hang up"], "tcp_fin", "eof_error", "proxy_tunnel",
     "unknown"),
    (SOCKS5H, ["hear", b"\x05\x00", "hear", b"\x05", "reset"], "tcp_reset", "connection_reset",
     "proxy_tunnel", "middlebox"),
    (SOCKS5H, ["hear", GARBAGE], "protocol_error", "socks_protocol_error", "proxy_tunnel",
     "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "steps", "kind", "failure", "step", "initiator"), MISDEEDS)
def test_a_misdeed_keeps_its_kind_and_is_told_of_its_step(
    scheme, steps, kind, failure, step, initiator
):
    made = through(says(*steps), hop(scheme), until_s=30.0)
    failed = made.notebook.only_failed()
    assert (failed.ending.kind, failed.ending.failure, failed.ending.initiator) == (
        kind,
        failure,
        initiator,
    )
    assert failed.ending.phase is Phase.PROXY
    assert failed.ending.evidence.proxy_step == step
    assert failed.proxy == f"{scheme}://192.0.2.9:3128"
    assert Phase.TLS not in failed.phases_ns
    assert step not in failed.phases_ns


def test_what_a_refusal_tells():
    failed = through(says("hear", REFUSAL), hop()).notebook.only_failed()
    assert (failed.ending.status, failed.ending.reason) == (407, "Who are you")
    assert failed.ending.evidence.headers == {"proxy-authenticate": "NTLM", "via": "px"}


def test_a_proxys_chain_has_to_verify():
    strange = hop(HTTPS, SERVER_NAME, tls=TlsProfile(require=True))
    program = tls_proxy(server_context("1.3"), http_proxy(endpoint()))

    async def shrug(far):
        with pytest.raises(trio.BrokenResourceError):
            await program(far)

    failed = through(shrug, strange).notebook.only_failed()
    assert (failed.ending.kind, failed.ending.phase) == (Kind.CERTIFICATE, Phase.PROXY)
    assert failed.ending.evidence.proxy_step == "proxy_tls"
    assert failed.tls is None


def test_one_deadline_for_all_steps_together():
    """Each of three steps takes 4 s, and 10 s are allowed."""

    async def slow(far):
        await trio.sleep(4)
        await tls_proxy(server_context("1.3"), slow_answer)(far)

    async def slow_answer(stream):
        await until(stream, b"\r\n\r\n")
        await trio.sleep(4)
        await stream.send_all(OPEN)

    async def story():
        trio.socket.set_custom_hostname_resolver(Zone(broker_example_net="192.0.2.9"))
        async with world(slow) as made:

            async def connect(*args):
                await trio.sleep(4)
                return await made.connect(*args)

            route = made.route(connect=connect, timeouts=Timeouts(proxy=seconds(10)))
            made.start(dataclasses.replace(route, proxy=hop(HTTPS)))
            await trio.sleep(60)
            return made.notebook.only_failed()

    failed = in_virtual_time(story)
    assert (failed.ending.kind, failed.ending.phase) == (Kind.TIMEOUT, Phase.PROXY)
    assert failed.ending.evidence.proxy_step == "proxy_tunnel"
    assert failed.ending.age_ns == 10 * NS_PER_S
    assert failed.phases_ns == {
        "resolve": 0, "proxy_connect": 4 * NS_PER_S, "proxy_tls": 4 * NS_PER_S
    }  # fmt: skip


def test_a_proxy_that_answers_a_byte_a_second_meets_the_deadline():
    async def dripping(far):
        await until(far, b"\r\n\r\n")
        for byte in OPEN:
            await far.send_all(bytes((byte,)))
            await trio.sleep(1)

    failed = through(dripping, hop(), until_s=60.0).notebook.only_failed()
    assert (failed.ending.kind, failed.ending.phase, failed.ending.age_ns) == (
        Kind.TIMEOUT,
        Phase.PROXY,
        10 * NS_PER_S,
    )


def test_a_connection_that_the_proxy_refuses_is_no_word_of_the_proxy():
    async def story():
        async with world(endpoint()) as made:

            async def refused(*_):
                await trio.lowlevel.checkpoint()
                raise ConnectionRefusedError(111, "Connection refused")

            made.start(dataclasses.replace(made.route(connect=refused), proxy=hop()))
            await trio.sleep(1)
            return made.notebook.only_failed()

    failed = in_virtual_time(story)
    assert (failed.ending.kind, failed.ending.phase) == (Kind.REFUSED, Phase.PROXY)
    assert failed.ending.evidence.proxy_step == "proxy_connect"


def test_the_stop_of_the_run_in_the_middle_of_a_tunnel():
    failed = through(says("stall"), hop(), until_s=2.0).notebook.only_failed()
    assert (failed.ending.kind, failed.ending.planned) == (Kind.PLANNED, True)


def test_what_comes_with_the_answer_is_heard_by_the_endpoints_tls():
    """An alert behind the 200, in one segment: it is not lost."""
    failed = through(http_proxy(says(), answer=OPEN + ALERT), hop()).notebook.only_failed()
    assert (failed.ending.kind, failed.ending.phase, failed.ending.alert) == (
        Kind.TLS_ALERT,
        Phase.TLS,
        40,
    )
    assert failed.ending.failure == "ssl_failed_handshake"


# Endings of held sessions, through TLS with the proxy


class Cut:
    """A proxy on TLS that does one thing to the open tunnel."""

    def __init__(self, misdeed):
        self.misdeed = misdeed

    async def program(self, far):
        stream = trio.SSLStream(far, server_context("1.3"), server_side=True)
        await stream.do_handshake()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(http_proxy(endpoint()), cast("FarEnd", stream))
            await trio.sleep(61)
            await self.misdeed(far, stream)
            await trio.sleep_forever()


async def reset(far, stream):
    del stream
    await trio.lowlevel.checkpoint()
    far.path.reset()


async def fin(far, stream):
    del stream
    await far.aclose()


async def close_notify(far, stream):
    del far
    await stream.aclose()


async def garbage(far, stream):
    del stream
    await far.send_all(b"\x17\x03\x03\x00\x20" + bytes(32))


async def black_hole(far, stream):
    del stream
    await trio.lowlevel.checkpoint()
    far.path.go_dark()


@pytest.mark.parametrize(
    ("misdeed", "kind", "failure", "raw"),
    [
        (reset, Kind.TCP_RESET, "connection_reset", "ConnectionResetError"),
        (fin, Kind.TCP_FIN, "eof_error", "PeerFin"),
        (close_notify, Kind.TCP_FIN, "eof_error", "the proxy ended its own TLS with close_notify"),
        (garbage, Kind.PROTOCOL_ERROR, "proxy_tls_protocol_error", "BAD_RECORD_MAC"),
        (black_hole, Kind.SILENCE, "generic_timeout_error", "no pong"),
    ],
)
def test_endings_of_a_session_in_a_tunnel_of_tls(misdeed, kind, failure, raw):
    made = through(Cut(misdeed).program, hop(HTTPS), until_s=300.0)
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.failure, ended.ending.phase) == (
        kind,
        failure,
        Phase.HELD,
    )
    # A proxy may pass a FIN on, but no endpoint's reset.
    proxy_did_it = kind is Kind.TCP_RESET
    assert ended.ending.initiator is (Initiator.MIDDLEBOX if proxy_did_it else Initiator.UNKNOWN)
    assert raw.lower() in (ended.ending.raw or "").lower()
    assert ended.pongs >= 3
