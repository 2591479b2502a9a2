"""What to do about each failure: a table."""

import msgspec
import pytest

from stresser.analysis.checkup.remedies import remedy
from stresser.model.checkup_facts import Asked
from stresser.model.ending import Initiator, Kind, Phase
from tests.fakes.checked import failed, failed_way


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
        (Phase.UPGRADE, Kind.TCP_RESET, {}, "check TLS alone (tls://broker.example.net:443)"),
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


def test_the_name_that_did_not_resolve_may_be_the_proxys():
    ending = failed(
        phase=Phase.RESOLVE, kind=Kind.RESOLVE_ERROR, evidence={"name": "proxy.example.net"}
    )
    assert remedy(ending, [failed_way()]).endswith(" proxy.example.net.")


def test_an_upgrade_that_broke_is_no_get():
    way = msgspec.structs.replace(failed_way(), asked=Asked.UPGRADE)
    assert "WebSockets" in remedy(failed(phase=Phase.UPGRADE, kind=Kind.TCP_RESET), [way])
