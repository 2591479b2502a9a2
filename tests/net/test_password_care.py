"""How often a password that is refused is said, in virtual time."""

import pytest
import trio
from trio.testing import MockClock

from stresser.model.faults import ProxyRefused
from stresser.model.proxy_login import LoginTrouble, ProxyAuth
from stresser.net.http_connect import connect_through_http
from stresser.net.login_talk import LoginMemory
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret

MINUTE = 60


class BasicProxy:
    """Takes any password or none; each answer takes a second. Counts what is said to it."""

    def __init__(self, *, takes):
        self.takes = takes
        self.said, self.at_once, self.most_at_once = 0, 0, 0

    def channel(self):
        return _Channel(self)


class _Channel:
    def __init__(self, proxy):
        self._proxy, self._asked = proxy, b""

    async def send_all(self, data):
        self._asked = data

    async def receive_some(self, _most=None):
        proxy, says = self._proxy, b"Proxy-Authorization: Basic" in self._asked
        proxy.said += says
        proxy.at_once += says
        proxy.most_at_once = max(proxy.most_at_once, proxy.at_once)
        await trio.sleep(1)
        proxy.at_once -= says
        if says and proxy.takes:
            return b"HTTP/1.1 200 ok\r\n\r\n"
        challenge = b'Proxy-Authenticate: Basic realm="r"\r\nContent-Length: 0\r\n\r\n'
        return b"HTTP/1.1 407 who\r\n" + challenge


def memory(auth=(ProxyAuth.BASIC,), *, login=True):
    user, password = (Secret("U", "ann"), Secret("P", "hunter-2")) if login else (None, None)
    proxy = Proxy(
        scheme=ProxyScheme.HTTP, host="p", port=1, user=user, password=password, auth=auth
    )
    return LoginMemory(proxy)


async def opened(proxy, known):
    """None: a tunnel; else why no login came about."""
    try:
        await connect_through_http(proxy.channel(), "h", 443, "x", known.talk("h:443"))
    except ProxyRefused as refused:
        return refused.login and refused.login.trouble
    return None


async def many(proxy, known, count):
    found = []

    async def one():
        found.append(await opened(proxy, known))

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(one)
    return found


def played(story):
    return trio.run(story, clock=MockClock(autojump_threshold=0))


def test_fifty_sessions_say_a_wrong_password_three_times():
    proxy, known = BasicProxy(takes=False), memory()
    found = played(lambda: many(proxy, known, 50))
    assert sorted(found) == [LoginTrouble.KEPT_BACK] * 47 + [LoginTrouble.REFUSED] * 3
    assert (proxy.said, proxy.most_at_once) == (3, 1)


def test_it_is_said_again_after_a_quarter_of_an_hour():
    proxy, known = BasicProxy(takes=False), memory()

    async def story():
        await many(proxy, known, 5)
        await trio.sleep(14 * MINUTE)
        assert await opened(proxy, known) is LoginTrouble.KEPT_BACK
        await trio.sleep(2 * MINUTE)
        assert await many(proxy, known, 2) == [LoginTrouble.REFUSED, LoginTrouble.KEPT_BACK]
        await trio.sleep(16 * MINUTE)
        proxy.takes = True
        assert await many(proxy, known, 9) == [None] * 9

    played(story)
    assert proxy.said == 3 + 1 + 9


def test_a_password_that_is_taken_holds_nobody_up():
    proxy, known = BasicProxy(takes=True), memory()

    async def story():
        began = trio.current_time()
        assert await many(proxy, known, 50) == [None] * 50
        return trio.current_time() - began

    assert played(story) <= 3
    assert proxy.most_at_once > 40


def test_one_that_was_taken_before_is_kept_back_too():
    proxy, known = BasicProxy(takes=True), memory()

    async def story():
        assert await opened(proxy, known) is None
        proxy.takes = False
        first = [await opened(proxy, known) for _ in range(3)]
        assert first == [LoginTrouble.REFUSED] * 3
        return await opened(proxy, known)

    assert played(story) is LoginTrouble.KEPT_BACK
    assert proxy.said == 1 + 3


@pytest.mark.parametrize("auth", [(ProxyAuth.NEGOTIATE,), (ProxyAuth.NEGOTIATE, ProxyAuth.DIGEST)])
def test_without_a_password_nothing_waits(auth):
    known = memory(auth, login=False)

    async def story():
        async with known.talk("h:443").turn(), known.talk("h:443").turn():
            return True

    assert played(story)
