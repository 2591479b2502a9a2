"""A scenario as routes: every combination, and what each of them carries."""

from pathlib import Path
from socket import AF_INET, AF_INET6

import pytest
from msgspec.structs import replace

from stresser.model.client_hello import HelloKind
from stresser.model.cohort import Cohort
from stresser.model.errors import ScenarioError
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.net.hello_bytes import HelloNotMadeError, hello_facts
from stresser.run import routes
from stresser.run.routes import USER_AGENT, RouteBuilder
from stresser.scenario.lab_table import LabAddress, LabReady, Middlebox
from stresser.scenario.plan import (
    Activity,
    ActivityKind,
    Egress,
    Endpoint,
    Scenario,
    Timeouts,
    Verify,
)
from stresser.scenario.proxies import ProxyList
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from tests.fakes.certificates import authority_file

HEARTBEAT = Activity(name="heartbeat")
SILENT = Activity(name="silent", kind=ActivityKind.SILENT)
WSS = Endpoint(name="broker", url="wss://broker.example.net/connect?a=b")
DIRECT = (Egress(name="direct"),)
TLS = Endpoint(name="mq", url="tls://mq.example.net:8883")


@pytest.fixture(scope="module", autouse=True)
def _one_root():
    """What this host trusts is no matter here, and to read all of it takes 40 ms a context."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", authority_file())
        yield


def built(
    *endpoints,
    egresses=DIRECT,
    activities=(HEARTBEAT,),
    headers=None,
    bindings=None,
    lab=None,
    file=Path("scenario.toml"),
    proxies=None,
):
    plan = Scenario(
        name="s",
        endpoints=list(endpoints),
        egresses=list(egresses),
        activities=list(activities),
        timeouts=Timeouts(tls=Duration.parse("3s")),
    )
    values = {endpoint.name: {} for endpoint in endpoints} | (headers or {})
    ways = {egress.name: Binding() for egress in egresses} | (bindings or {})
    return RouteBuilder(plan, file, values, ways, lab, proxies).build()


def test_one_route_for_each_endpoint_egress_and_activity():
    egresses = [Egress(name="direct"), Egress(name="vpn", source="192.0.2.10")]
    routes = built(WSS, TLS, egresses=egresses, activities=[HEARTBEAT, SILENT])
    assert [route.cohort for route in routes] == [
        Cohort(endpoint, egress, activity)
        for endpoint in ("broker", "mq")
        for egress in ("direct", "vpn")
        for activity in ("heartbeat", "silent")
    ]
    assert [route.activity is SILENT for route in routes[:2]] == [False, True]


def test_each_egress_has_its_binding():
    egresses = [Egress(name="direct"), Egress(name="vpn")]
    bound = Binding(source="192.0.2.10")
    routes = built(WSS, egresses=egresses, bindings={"vpn": bound})
    assert [Binding(), bound] == [route.binding for route in routes]


def test_a_wss_endpoint():
    (route,) = built(WSS, headers={"broker": {"Origin": "https://x"}})
    assert (route.host, route.port) == ("broker.example.net", 443)
    assert route.server_name == "broker.example.net"
    assert route.request is not None
    assert (route.request.host, route.request.target) == ("broker.example.net", "/connect?a=b")
    assert route.request.headers == {"Origin": "https://x", "User-Agent": USER_AGENT}
    assert route.timeouts.tls == Duration.parse("3s")
    assert route.heartbeat


def test_a_tls_endpoint_has_no_upgrade_and_no_pings():
    (route,) = built(TLS)
    assert (route.host, route.port, route.request) == ("mq.example.net", 8883, None)
    assert not route.heartbeat


def test_another_server_name_and_port():
    endpoint = Endpoint(
        name="b", url="wss://192.0.2.7:8443/", sni="inner.example.net", subprotocols=["mqtt"]
    )
    (route,) = built(endpoint)
    assert (route.host, route.server_name) == ("192.0.2.7", "inner.example.net")
    assert route.request is not None
    assert (route.request.host, route.request.subprotocols) == ("192.0.2.7:8443", ["mqtt"])


def test_routes_of_one_profile_share_a_context_and_a_judge():
    """A context costs 0.85 MB and 18 ms, a judge holds all of the system's roots."""
    twin = Endpoint(name="twin", url="wss://twin.example.net/")
    pinned = Endpoint(name="pinned", url="wss://p.example.net/", ca=authority_file())
    one, two, three = built(WSS, twin, pinned)
    assert one.context is two.context
    assert one.judge is two.judge is not three.judge


@pytest.mark.parametrize(
    ("says", "headers", "withheld"),
    [
        (False, {}, False),
        (False, {"Origin": "https://x"}, False),
        (False, {"Authorization": Secret("TOKEN", "hunter2")}, True),
        (True, {"Authorization": Secret("TOKEN", "hunter2")}, False),
    ],
)
def test_a_secret_is_withheld_unless_the_scenario_says_otherwise(says, headers, withheld):
    endpoint = Endpoint(
        name="b", url="wss://b.example.net/", send_secrets_over_unverified_chain=says
    )
    (route,) = built(endpoint, headers={"b": headers})
    assert route.withhold_secret is withheld
    assert "hunter2" not in repr(route)


def test_a_pinned_address_is_dialled_and_the_name_stays():
    endpoint = Endpoint(name="b", url="wss://b.example.net:8443/", address="192.0.2.7")
    (route,) = built(endpoint)
    assert (route.host, route.port, route.server_name) == ("192.0.2.7", 8443, "b.example.net")
    assert route.request is not None
    assert route.request.host == "b.example.net:8443"


@pytest.mark.parametrize("name", ["User-Agent", "user-agent"])
def test_the_tool_is_named_unless_the_scenario_says_otherwise(name):
    (route,) = built(WSS)
    assert route.request is not None
    assert route.request.headers == {"User-Agent": USER_AGENT}
    assert USER_AGENT.startswith("stresser/")
    (route,) = built(WSS, headers={"broker": {name: "Mine/1"}})
    assert route.request is not None
    assert route.request.headers == {name: "Mine/1"}


# Proxies


def proxy(scheme=ProxyScheme.HTTP):
    return ProxyList(entries=(Proxy(scheme=scheme, host="proxy.example.net", port=3128),))


def test_each_way_goes_through_its_proxy_and_no_other():
    egresses = [Egress(name="direct"), Egress(name="proxy")]
    found = built(WSS, TLS, egresses=egresses, proxies={("broker", "proxy"): proxy()})
    assert [None if route.proxy is None else str(route.proxy.proxy) for route in found] == [
        None,
        "http://proxy.example.net:3128",
        None,
        None,
    ]
    assert {route.host for route in found} == {"broker.example.net", "mq.example.net"}


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, USER_AGENT),
        ({"user-agent": "Mine/1"}, "Mine/1"),
        ({"User-Agent": Secret("UA", "hunter2")}, USER_AGENT),
    ],
)
def test_what_a_proxy_is_told_of_us(headers, sent):
    """A secret is the endpoint's alone."""
    egresses = [Egress(name="p")]
    proxies = {("broker", "p"): proxy()}
    (route,) = built(WSS, egresses=egresses, proxies=proxies, headers={"broker": headers})
    assert route.proxy is not None
    assert (route.proxy.user_agent, route.proxy.tls) == (sent, None)


def test_the_chain_of_a_proxy_on_tls_has_to_verify():
    egresses = [Egress(name="p", proxy_ca=authority_file())]
    proxies = {("broker", "p"): proxy(ProxyScheme.HTTPS)}
    (route,) = built(WSS, egresses=egresses, proxies=proxies)
    assert route.proxy is not None
    assert route.proxy.tls is not None
    assert (route.proxy.tls.require, route.proxy.tls.ca_files) == (True, (authority_file(),))


def test_roots_for_a_proxy_that_cannot_be_used_are_one_line(tmp_path):
    (tmp_path / "bad.pem").write_text("not PEM")
    egresses = [Egress(name="a", proxy_ca="bad.pem"), Egress(name="b", proxy_ca="none.pem")]
    with pytest.raises(ScenarioError) as refused:
        built(WSS, egresses=egresses, file=tmp_path / "s.toml")
    one, two = refused.value.lines
    assert one.startswith(f"{tmp_path / 's.toml'}: egresses.a.proxy_ca: bad.pem cannot be used")
    assert "No such file" in two


# The lab


def ready(*addresses):
    return LabReady(
        pid=1,
        ca_file=authority_file(),
        inspection_ca_file=authority_file(),
        server_name="lab.test",
        addresses=[
            LabAddress(endpoint=endpoint, egress=egress, host="127.0.0.1", port=port)
            for endpoint, egress, port in addresses
        ],
    )


def test_a_lab_endpoint_directly_and_behind_a_middlebox():
    echo = Endpoint(name="echo", url="lab+wss://echo")
    egresses = [Egress(name="direct"), Egress(name="vpn", lab=Middlebox())]
    lab = ready(("echo", None, 4001), ("echo", "vpn", 4002))
    direct, through = built(echo, egresses=egresses, lab=lab)
    assert [(r.host, r.port) for r in (direct, through)] == [
        ("127.0.0.1", 4001),
        ("127.0.0.1", 4002),
    ]
    assert {"lab.test"} == {direct.server_name, through.server_name}
    assert direct.request is not None
    assert direct.request.host == "lab.test"


def test_a_real_endpoint_behind_a_lab_middlebox_keeps_its_name():
    egresses = [Egress(name="direct"), Egress(name="vpn", lab=Middlebox())]
    direct, through = built(WSS, egresses=egresses, lab=ready(("broker", "vpn", 4003)))
    assert (direct.host, direct.port) == ("broker.example.net", 443)
    assert (through.host, through.port) == ("127.0.0.1", 4003)
    assert through.server_name == "broker.example.net"
    assert through.request == direct.request


# Files of roots


@pytest.mark.parametrize("verify", list(Verify))
@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text("not PEM"), "PEM"),
        (lambda path: path.write_bytes(bytes(100_000)), "PEM"),
        (Path.absolute, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
    ],
    ids=["text", "zeros", "missing", "folder"],
)
def test_a_file_of_roots_that_cannot_be_used_is_one_line(tmp_path, verify, make, says):
    make(tmp_path / "roots.pem")
    endpoints = [
        Endpoint(name=name, url="wss://b.example.net/", ca="roots.pem", verify=verify)
        for name in ("one", "two")
    ]
    with pytest.raises(ScenarioError) as refused:
        built(*endpoints, file=tmp_path / "scenario.toml")
    assert len(refused.value.lines) == 2
    for name, line in zip(("one", "two"), refused.value.lines, strict=True):
        assert line.startswith(f"{tmp_path / 'scenario.toml'}: endpoints.{name}.ca: roots.pem ")
        assert says in line
        assert "\n" not in line


def test_roots_are_found_beside_the_scenario_file(tmp_path):
    (tmp_path / "roots.pem").write_bytes(Path(authority_file()).read_bytes())
    endpoint = Endpoint(name="b", url="wss://b.example.net/", ca="roots.pem")
    (route,) = built(endpoint, file=tmp_path / "scenario.toml")
    assert route.judge is not None


@pytest.mark.parametrize(("family", "of"), [("ipv4", AF_INET), ("ipv6", AF_INET6), (None, None)])
def test_a_family(family, of):
    (route,) = built(replace(WSS, family=family))
    assert route.family == of


@pytest.mark.parametrize("kind", HelloKind)
def test_a_kind_of_hello_is_the_clients_and_known_before_it_is_sent(kind):
    (route,) = built(replace(WSS, hello=kind))
    assert route.hello.kind is kind
    assert route.hello == hello_facts(route.context, "broker.example.net")


def test_a_hello_that_no_library_makes_is_one_line(monkeypatch):
    def none(_profile):
        raise HelloNotMadeError("OpenSSL 3.0.19 makes no key share of ML-KEM")

    monkeypatch.setattr(routes, "client_context", none)
    with pytest.raises(ScenarioError) as caught:
        built(replace(WSS, hello=HelloKind.HYBRID))
    (line,) = caught.value.lines
    assert line == (
        "scenario.toml: endpoints.broker.hello: OpenSSL 3.0.19 makes no key share of ML-KEM; leave"
        " it out, or install cryptography 45 or later from PyPI, which brings an OpenSSL that does"
    )
