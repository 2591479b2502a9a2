"""What to do about each failure: a table."""

import msgspec
import pytest

from stresser.analysis.checkup.remedies import remedy, seen_on
from stresser.model.checkup_facts import Asked
from stresser.model.ending import Initiator, Kind, Phase
from tests.fakes.checked import failed, failed_way, way

OF_TLS = {Kind.TLS_ALERT, Kind.CERTIFICATE}


@pytest.mark.parametrize(
    ("phase", "kind", "changes", "said"),
    [
        (Phase.RESOLVE, Kind.RESOLVE_ERROR, {"failure": "dns_nxdomain_error"}, "spelling"),
        (Phase.RESOLVE, Kind.RESOLVE_ERROR, {"failure": "dns_temporary_failure"}, "DNS"),
        (Phase.RESOLVE, Kind.TIMEOUT, {}, "DNS"),
        (Phase.CONNECT, Kind.REFUSED, {}, "rejects"),
        (Phase.CONNECT, Kind.TIMEOUT, {}, "allow outbound TCP to broker.example.net:443"),
        (Phase.CONNECT, Kind.UNREACHABLE, {"initiator": Initiator.HOST}, "this host's addresses"),
        (Phase.PROXY, Kind.PROXY_ERROR, {"status": 407}, "proxy_password"),
        (
            Phase.PROXY,
            Kind.PROXY_ERROR,
            {"status": 403, "failure": "proxy_http_403"},
            "allow CONNECT to broker.example.net",
        ),
        (Phase.PROXY, Kind.REFUSED, {}, "the proxy's address"),
        (Phase.PROXY, Kind.RESOLVE_ERROR, {}, "the proxy's address"),
        (Phase.PROXY, Kind.TOOL, {}, "stresser doctor"),
        (Phase.TLS, Kind.TCP_RESET, {}, "(it carried the name broker.example.net)"),
        (Phase.TLS, Kind.TIMEOUT, {}, "ClientHello"),
        (Phase.TLS, Kind.PROTOCOL_ERROR, {}, "login portal"),
        (Phase.TLS, Kind.TLS_ALERT, {"alert": 116}, "client certificate"),
        (Phase.TLS, Kind.CERTIFICATE, {}, "chain of broker.example.net"),
        (Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 401}, "Authorization"),
        (Phase.UPGRADE, Kind.HTTP_REFUSAL, {"status": 503}, "check the path"),
        (Phase.UPGRADE, Kind.TCP_RESET, {}, "check without it (tcp://broker.example.net:443)"),
        (Phase.HELD, Kind.UNKNOWN, {}, "stresser run"),
    ],
)
def test_each_failure_has_its_remedy(phase, kind, changes, said):
    way = failed_way(phase=phase, kind=kind, **changes)
    assert said in remedy(failed(phase=phase, kind=kind, **changes), [way])


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("kind", Kind)
def test_every_failure_has_one(phase, kind):
    way = failed_way(phase=phase, kind=kind)
    assert remedy(failed(phase=phase, kind=kind), [way]).endswith(".")


@pytest.mark.parametrize("phase", [Phase.CONNECT, Phase.UPGRADE, Phase.OPEN])
@pytest.mark.parametrize("kind", [one for one in Kind if one not in OF_TLS])
@pytest.mark.parametrize("asked", Asked)
def test_without_tls_none_is_spoken_of(phase, kind, asked):
    one = failed(phase=phase, kind=kind, in_clear=True)
    ways = [way(tls=None, http=None, failed=one, asked=asked)]
    assert "TLS" not in f"{seen_on(ways[0], one)} {remedy(one, ways)}"


def test_where_tls_stood_the_bare_check_has_it():
    one = failed(phase=Phase.UPGRADE, kind=Kind.TCP_RESET)
    assert "check without it (tls://broker.example.net:443)" in remedy(one, [way(failed=one)])


def test_the_name_that_did_not_resolve_may_be_the_proxys():
    ending = failed(
        phase=Phase.RESOLVE, kind=Kind.RESOLVE_ERROR, evidence={"name": "proxy.example.net"}
    )
    assert remedy(ending, [failed_way()]).endswith(" proxy.example.net.")


def test_an_upgrade_that_broke_is_no_get():
    way = msgspec.structs.replace(failed_way(), asked=Asked.UPGRADE)
    assert "WebSockets" in remedy(failed(phase=Phase.UPGRADE, kind=Kind.TCP_RESET), [way])
