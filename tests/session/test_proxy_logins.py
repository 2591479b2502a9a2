"""Sessions through a squid that asks for a login: each scheme opens, holds and re-opens fifty."""

import dataclasses

import pytest
import trio
from msgspec.structs import replace

from stresser.model.faults import ProxyRefused
from stresser.model.proxy_login import UNNAMED_AUTH, LoginTrouble, ProxyAuth
from stresser.net.proxy import ProxyHop
from stresser.net.tls import TlsProfile
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from stresser.session.attempt import Attempt
from stresser.witness.clock import RunClock
from tests.fakes.certificates import authority_file
from tests.fakes.daemons import (
    PASSWORD,
    USER,
    basic_login,
    digest_login,
    fake_ntlm_login,
    ntlm_checker,
    squid,
)
from tests.fakes.loopback import loopback_route, loopback_server
from tests.session.test_real_proxies import ping

_, NTLM, DIGEST, BASIC = ProxyAuth
COUNT = 50


@pytest.fixture(scope="module")
def both():
    with squid(digest_login, basic_login) as ports:
        yield ports.http


@pytest.fixture(scope="module")
def forgetful():
    """It takes a nonce ten times, then calls it stale."""
    with squid(digest_login, more="auth_param digest nonce_max_count 10\n") as ports:
        yield ports.http


@pytest.fixture(scope="module")
def basic_alone():
    with squid(basic_login) as ports:
        yield ports.http


@pytest.fixture(scope="module")
def fake_ntlm():
    with squid(fake_ntlm_login, digest_login) as ports:
        yield ports.http


@pytest.fixture(scope="module")
def ntlm():
    with ntlm_checker() as checks, squid(checks) as ports:
        yield ports.http


def hop(port, auth=UNNAMED_AUTH, password=PASSWORD, user=USER):
    proxy = Proxy(
        scheme=ProxyScheme.HTTP,
        host="127.0.0.1",
        port=port,
        user=None if user is None else Secret("U", user),
        password=None if user is None else Secret("P", password),
        auth=auth,
    )
    return ProxyHop(proxy=proxy, user_agent="stresser/test")


async def opened(route, number):
    attempt = Attempt(number, route, RunClock())
    try:
        await attempt.establish(0)
    except ProxyRefused:
        assert attempt.tap is not None
        attempt.tap.close()
        raise
    return attempt


async def fifty(route):
    """Fifty at once, each with a pong; then all are closed."""
    attempts = []

    async def one(number):
        attempts.append(attempt := await opened(route, number))
        assert await ping(attempt) == [b"ping"]

    async with trio.open_nursery() as nursery:
        for number in range(COUNT):
            nursery.start_soon(one, number)
    for attempt in attempts:
        assert await ping(attempt) == [b"ping"]
        attempt.tap.close()
    assert len(attempts) == COUNT


def through(proxy, story):
    async def main():
        with trio.fail_after(60):
            async with loopback_server() as served:
                route = dataclasses.replace(loopback_route(served), host="127.0.0.1", proxy=proxy)
                return await story(route)

    return trio.run(main)


def refusal(proxy):
    async def story(route):
        with pytest.raises(ProxyRefused) as refused:
            await opened(route, 1)
        return refused.value

    return through(proxy, story)


@pytest.mark.parametrize(
    ("squid_of", "auth", "known"),
    [
        ("both", UNNAMED_AUTH, DIGEST),
        ("both", (DIGEST, BASIC), DIGEST),
        ("both", (BASIC,), BASIC),
        ("forgetful", (DIGEST,), DIGEST),
        ("fake_ntlm", (BASIC, NTLM, DIGEST), NTLM),
        ("fake_ntlm", UNNAMED_AUTH, DIGEST),
        ("ntlm", (NTLM,), NTLM),
    ],
)
def test_fifty_sessions_open_and_are_held_and_open_again(request, squid_of, auth, known):
    # A domain is a part of the user's name for NTLM, and of its secret.
    user = f"DOMAIN\\{USER}" if squid_of == "ntlm" else USER
    proxy = hop(request.getfixturevalue(squid_of), auth, user=user)

    async def story(route):
        await fifty(route)
        await fifty(route)

    through(proxy, story)
    assert proxy.login.known is known


@pytest.fixture(scope="module")
def ntlm_in_tls():
    with ntlm_checker() as checks, squid(checks) as ports:
        yield ports.https


def test_a_proxy_that_looks_for_no_binding_takes_a_login_that_is_bound(ntlm_in_tls):
    bare = hop(ntlm_in_tls, (NTLM,), user=f"DOMAIN\\{USER}")
    proxy = ProxyHop(
        proxy=replace(bare.proxy, scheme=ProxyScheme.HTTPS),
        user_agent="stresser/test",
        tls=TlsProfile(require=True, ca_files=(authority_file(),), alpn=("http/1.1",)),
    )
    through(proxy, fifty)
    assert proxy.login.known is NTLM


@pytest.mark.parametrize(
    ("squid_of", "changes", "trouble", "offered", "tried"),
    [
        ("both", {"password": "wrong"}, LoginTrouble.REFUSED, ["Digest", "Basic"], DIGEST),
        ("both", {"user": "nemo"}, LoginTrouble.REFUSED, ["Digest", "Basic"], DIGEST),
        ("both", {"password": "wrong", "auth": (BASIC,)}, LoginTrouble.REFUSED,
         ["Digest", "Basic"], BASIC),
        ("both", {"user": None}, LoginTrouble.NO_LOGIN, ["Digest", "Basic"], DIGEST),
        ("basic_alone", {}, LoginTrouble.NOT_ALLOWED, ["Basic"], None),
        ("basic_alone", {"user": None}, LoginTrouble.NO_LOGIN, ["Basic"], None),
        ("ntlm", {}, LoginTrouble.NOT_ALLOWED, ["NTLM"], None),
        ("ntlm", {"auth": (NTLM,), "user": "DOMAIN\\ann", "password": "wrong"},
         LoginTrouble.REFUSED, ["NTLM"], NTLM),
        ("ntlm", {"auth": (NTLM,), "user": None}, LoginTrouble.NO_LOGIN, ["NTLM"], NTLM),
        ("forgetful", {"auth": (BASIC,)}, LoginTrouble.NOT_ALLOWED, ["Digest"], None),
    ],
)  # fmt: skip
def test_a_refusal_says_what_the_proxy_offers_and_what_was_tried(
    request, squid_of, changes, trouble, offered, tried
):
    fault = refusal(hop(request.getfixturevalue(squid_of), **changes))
    assert (fault.failure, fault.status) == ("proxy_http_407", 407)
    login = fault.login
    assert (login.trouble, [*login.offered], login.tried) == (trouble, offered, tried)
    assert PASSWORD not in repr(fault.__dict__)
