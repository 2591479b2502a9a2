"""Sessions through a squid that wants Kerberos, with MIT's KDC: tickets, and their troubles."""

import socket
from functools import partial

import pytest

from stresser.model.faults import ProxyRefused
from stresser.model.proxy_login import UNNAMED_AUTH, LoginTrouble, ProxyAuth
from stresser.net.proxy import ProxyHop
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from tests.fakes.daemons import digest_login, free_ports, kerberos_login, squid
from tests.fakes.kerberos import SERVICE, realm
from tests.fakes.tools import missing
from tests.session.test_proxy_logins import fifty, opened, refusal, through

USER, PASSWORD = "ann", "a distinct word"
NEGOTIATE = ProxyAuth.NEGOTIATE


@pytest.fixture(scope="module")
def kdc():
    (port,) = free_ports(1)
    with realm(port, {USER: PASSWORD}) as made:
        yield made


@pytest.fixture(scope="module")
def proxies(kdc):
    """One that wants Kerberos alone, one that takes Digest as well."""
    kerberos = partial(kerberos_login, kdc)
    with squid(kerberos) as alone, squid(kerberos, digest_login) as both:
        yield alone.http, both.http


@pytest.fixture
def here(kdc, proxies, monkeypatch, tmp_path):
    """This process in that realm, without a ticket."""
    try:
        import gssapi  # noqa: F401 - is it there?
        import krb5  # noqa: F401 - is it there?
    except ImportError:
        missing("gssapi and krb5 are not installed (the extra stresser[kerberos])")
    tickets = f"FILE:{tmp_path}/tickets"
    for name, value in (kdc.environment | {"KRB5CCNAME": tickets}).items():
        monkeypatch.setenv(name, value)
    kdc.environment["KRB5CCNAME"] = tickets
    kdc.set_kdc(kdc.port)
    return kdc


def hop(port, host="localhost", user=None, password=PASSWORD, auth=UNNAMED_AUTH):
    proxy = Proxy(
        scheme=ProxyScheme.HTTP,
        host=host,
        port=port,
        user=None if user is None else Secret("U", user),
        password=None if user is None else Secret("P", password),
        auth=auth,
    )
    return ProxyHop(proxy=proxy, user_agent="stresser/test")


def trouble_of(refused):
    return refused.login.trouble


async def twice(route):
    await fifty(route)
    await fifty(route)


def test_fifty_sessions_ask_the_kdc_once(here, proxies):
    here.log_in(USER, PASSWORD)
    proxy, before = hop(proxies[0]), here.asked_for(SERVICE)
    through(proxy, twice)
    assert proxy.login.known is NEGOTIATE
    assert here.asked_for(SERVICE) - before == 1


def test_a_user_and_a_password_get_a_ticket(here, proxies):
    proxy, before = hop(proxies[0], user=USER), here.asked_for(SERVICE)
    through(proxy, twice)
    assert here.asked_for(SERVICE) - before == 1
    here.do("sh", "-c", "! klist")  # in memory alone


def test_a_keytab_gets_a_ticket(here, proxies, monkeypatch, tmp_path):
    keytab = tmp_path / "user.keytab"
    here.admin(f"ktadd -norandkey -k {keytab} {USER}")
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(keytab))
    through(hop(proxies[0]), fifty)


def test_no_ticket(here, proxies):
    login = refusal(hop(proxies[0])).login
    assert (login.trouble, login.tried) == (LoginTrouble.NO_TICKET, NEGOTIATE)
    assert (login.service, login.offered) == ("HTTP/localhost", ("Negotiate",))
    assert login.said.startswith("No Kerberos credentials available")


def test_a_ticket_that_has_expired(here, proxies):
    here.log_in(USER, PASSWORD, "-s", "-2h", "-l", "1h")
    assert refusal(hop(proxies[0])).login.trouble is LoginTrouble.TICKET_EXPIRED


def test_a_proxy_that_the_kdc_does_not_know(here, proxies):
    here.log_in(USER, PASSWORD)
    login = refusal(hop(proxies[0], host="127.0.0.1")).login
    assert (login.trouble, login.service) == (LoginTrouble.SERVICE_UNKNOWN, "HTTP/127.0.0.1")


def test_clocks_that_differ(here, proxies):
    (port,) = free_ports(1)
    with realm(port, {USER: PASSWORD}, ahead="+15m") as other:
        here.set_kdc(other.port)
        login = refusal(hop(proxies[0], user=USER)).login
    assert login.trouble is LoginTrouble.CLOCK_SKEW


def test_no_kdc_is_asked_once_and_then_left_alone(here, proxies):
    (nobody,) = free_ports(1)
    here.log_in(USER, PASSWORD)
    here.set_kdc(nobody)
    proxy = hop(proxies[0])

    async def story(route):
        for _ in range(3):
            with pytest.raises(ProxyRefused) as refused:
                await opened(route, 1)
            assert trouble_of(refused.value) is LoginTrouble.NO_KDC
        here.set_kdc(here.port)
        with pytest.raises(ProxyRefused):  # that is not asked again for some seconds
            await opened(route, 1)

    through(proxy, story)


@pytest.mark.slow
def test_a_kdc_that_says_nothing_is_not_laid_at_the_proxys_door(here, proxies):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        here.set_kdc(silent.getsockname()[1])
        login = refusal(hop(proxies[0], user=USER)).login
    assert (login.trouble, login.service) == (LoginTrouble.NO_KDC, "HTTP/localhost")
    assert login.said.startswith("no answer within")


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "wrong"), ("nemo", PASSWORD)], ids=["word", "user"]
)
def test_a_password_that_the_kdc_does_not_take(here, proxies, user, password):
    login = refusal(hop(proxies[0], user=user, password=password)).login
    assert login.trouble is LoginTrouble.PASSWORD_WRONG
    assert password not in login.said


def test_without_a_ticket_the_next_scheme_is_taken(here, proxies):
    from tests.fakes.daemons import PASSWORD as OF_DIGEST

    proxy = hop(proxies[1], user=USER, password=OF_DIGEST)
    through(proxy, fifty)
    assert proxy.login.known is ProxyAuth.DIGEST


def test_a_run_goes_on_when_a_ticket_comes_in_time(here, proxies):
    """407 amid a run: sessions that come back say why, and open once there is a ticket again."""
    here.log_in(USER, PASSWORD)
    proxy = hop(proxies[0])

    async def story(route):
        await fifty(route)
        here.do("kdestroy")
        with pytest.raises(ProxyRefused) as refused:
            await opened(route, 1)
        assert trouble_of(refused.value) is LoginTrouble.NO_TICKET
        here.log_in(USER, PASSWORD)
        await fifty(route)

    through(proxy, story)
