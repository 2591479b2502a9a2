"""Attempts through squid and dante: proxies that others wrote, and their own words of refusal."""

import dataclasses

import pytest
import trio

from stresser.model.ending import Phase
from stresser.model.events import ResolvedBy
from stresser.model.faults import CertificateRejected, ProxyRefused
from stresser.model.proxy_login import ProxyAuth
from stresser.net.fair_share import FairShare, Turns
from stresser.net.proxy import ProxyHop
from stresser.net.tls import TlsProfile
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from stresser.session.attempt import Attempt
from stresser.witness.clock import RunClock
from tests.fakes.certificates import authority_file
from tests.fakes.daemons import PASSWORD, USER, danted, free_ports, squid
from tests.fakes.loopback import loopback_route, loopback_server

HTTP, HTTPS = ProxyScheme.HTTP, ProxyScheme.HTTPS
SOCKS5, SOCKS5H = ProxyScheme.SOCKS5, ProxyScheme.SOCKS5H
GOOD = (USER, PASSWORD)


@pytest.fixture(scope="module")
def squid_ports():
    with squid() as ports:
        yield ports


@pytest.fixture(scope="module")
def dante_port(tmp_path_factory):
    with danted(tmp_path_factory.mktemp("dante"), login=True) as port:
        yield port


@pytest.fixture(scope="module")
def open_dante_port(tmp_path_factory):
    with danted(tmp_path_factory.mktemp("open-dante"), login=False) as port:
        yield port


def hop(scheme, port, credentials=GOOD, *, trusts=True):
    user, password = (None, None) if credentials is None else credentials
    proxy = Proxy(
        scheme=scheme,
        host="127.0.0.1",
        port=port,
        user=None if user is None else Secret("U", user),
        password=None if password is None else Secret("P", password),
        auth=(ProxyAuth.BASIC,),
    )
    roots = (authority_file(),) if trusts else ()
    tls = TlsProfile(require=True, ca_files=roots, alpn=("http/1.1",)) if scheme is HTTPS else None
    return ProxyHop(proxy=proxy, user_agent="stresser/test", tls=tls)


def attempted(proxy, *, host="127.0.0.1", port=None):
    """An attempt to a real WebSocket server; what stopped it, or a pong that came back."""

    async def story():
        with trio.fail_after(30):
            async with loopback_server() as served:
                route = loopback_route(served if port is None else port)
                route = dataclasses.replace(route, host=host, proxy=proxy)
                attempt = Attempt(1, route, RunClock())
                try:
                    await attempt.establish(0)
                    return attempt, await ping(attempt)
                except (ProxyRefused, CertificateRejected) as exc:
                    return attempt, exc
                finally:
                    if attempt.tap is not None:
                        attempt.tap.close()

    return trio.run(story)


async def ping(attempt):
    came: list[bytes] = []

    async with trio.open_nursery() as nursery:

        def on_pong(payload):
            came.append(payload)
            nursery.cancel_scope.cancel()

        nursery.start_soon(attempt.websocket.drain, on_pong, FairShare(Turns(), attempt.clock))
        attempt.websocket.ping_nowait(b"ping")
    return came


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", [HTTP, HTTPS])
def test_a_session_through_squid(squid_ports, scheme, host):
    port = squid_ports.http if scheme is HTTP else squid_ports.https
    attempt, outcome = attempted(hop(scheme, port), host=host)
    assert outcome == [b"ping"]
    steps = ["proxy_connect", *(["proxy_tls"] if scheme is HTTPS else []), "proxy_tunnel"]
    assert list(attempt.phases_ns) == ["resolve", *steps, "tls", "upgrade"]
    assert attempt.proxy == f"{scheme}://127.0.0.1:{port}"
    assert attempt.remote == f"{host}:{attempt.route.port}"
    assert attempt.resolved_by is (ResolvedBy.PROXY if host == "localhost" else None)
    assert attempt.tls.verified


@pytest.mark.parametrize("credentials", [None, (USER, "wrong"), ("nobody", PASSWORD)])
@pytest.mark.parametrize("scheme", [HTTP, HTTPS])
def test_squid_wants_to_know_who_we_are(squid_ports, scheme, credentials):
    port = squid_ports.http if scheme is HTTP else squid_ports.https
    attempt, refused = attempted(hop(scheme, port, credentials))
    assert isinstance(refused, ProxyRefused)
    assert (refused.failure, refused.status) == ("proxy_http_407", 407)
    assert refused.reason == "Proxy Authentication Required"
    assert refused.headers["proxy-authenticate"].startswith("Basic realm=")
    assert refused.headers["x-squid-error"] == "ERR_CACHE_ACCESS_DENIED 0"
    assert refused.headers["server"].startswith("squid")
    assert "via" in refused.headers
    assert (attempt.phase, attempt.proxy_step) == (Phase.PROXY, "proxy_tunnel")


def test_squid_does_not_let_us_there(squid_ports):
    _, refused = attempted(hop(HTTP, squid_ports.http), port=1)
    assert isinstance(refused, ProxyRefused)
    assert (refused.status, refused.headers["x-squid-error"]) == (403, "ERR_ACCESS_DENIED 0")


def test_squid_finds_nobody_there(squid_ports):
    (nobody,) = free_ports(1)
    _, refused = attempted(hop(HTTP, squid_ports.http), port=nobody)
    assert isinstance(refused, ProxyRefused)
    assert (refused.status, refused.headers["x-squid-error"]) == (503, "ERR_CONNECT_FAIL 111")


def test_squids_chain_has_to_verify(squid_ports):
    attempt, rejected = attempted(hop(HTTPS, squid_ports.https, trusts=False))
    assert isinstance(rejected, CertificateRejected)
    assert attempt.proxy_step == "proxy_tls"


@pytest.mark.netlab
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", [SOCKS5, SOCKS5H])
def test_a_session_through_dante(dante_port, scheme, host):
    attempt, outcome = attempted(hop(scheme, dante_port), host=host)
    assert outcome == [b"ping"]
    assert list(attempt.phases_ns) == ["resolve", "proxy_connect", "proxy_tunnel", "tls", "upgrade"]
    resolver = ResolvedBy.HOST if scheme is SOCKS5 else ResolvedBy.PROXY
    assert attempt.resolved_by is (resolver if host == "localhost" else None)


@pytest.mark.netlab
def test_a_session_through_dante_without_login(open_dante_port):
    _, outcome = attempted(hop(SOCKS5H, open_dante_port, None), host="localhost")
    assert outcome == [b"ping"]


@pytest.mark.netlab
@pytest.mark.parametrize(
    ("credentials", "failure"),
    [
        (None, "socks_authentication_required"),
        ((USER, "wrong"), "socks_authentication_failed"),
        (("nobody", PASSWORD), "socks_authentication_failed"),
    ],
)
def test_dante_wants_to_know_who_we_are(dante_port, credentials, failure):
    attempt, refused = attempted(hop(SOCKS5H, dante_port, credentials))
    assert isinstance(refused, ProxyRefused)
    assert refused.failure == failure
    assert (attempt.phase, attempt.proxy_step) == (Phase.PROXY, "proxy_tunnel")


@pytest.mark.netlab
def test_dante_does_not_let_us_there_or_finds_nobody(dante_port):
    (nobody,) = free_ports(1)
    refusals = [attempted(hop(SOCKS5, dante_port), port=port)[1] for port in (1, nobody)]
    assert [(refused.failure, refused.status) for refused in refusals] == [
        ("socks_connection_not_allowed", 2),
        ("socks_connection_refused", 5),
    ]
