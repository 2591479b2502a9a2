"""One address fails where another works."""

import pytest

from stresser.analysis.checkup.families import broken_families, family_of
from stresser.analysis.checkup.finding import Concern
from stresser.model.ending import Kind, Phase
from tests.fakes.checked import failed, way

V6, V4 = "[2001:db8::1]:443", "198.41.0.4:443"


def found(phase, kind=Kind.TIMEOUT, bad=V6, **changes):
    earlier = failed(phase=phase, kind=kind, remote=bad)
    return list(broken_families([way(earlier=[earlier], dialled=V4, **changes)]))


def test_a_family_whose_tls_hangs_while_the_other_works():
    (finding,) = found(Phase.TLS)
    assert finding.concern is Concern.ADDRESS
    assert finding.says == "broker through direct: IPv6 fails, IPv4 works."
    assert finding.evidence[0].startswith("[2001:db8::1]:443: no answer within our deadline")
    assert "loses big packets" in finding.remedy
    assert "'packet too big'" in finding.remedy
    assert "name" not in finding.remedy


def test_a_family_that_takes_no_connection():
    (finding,) = found(Phase.CONNECT, Kind.REFUSED)
    assert finding.remedy.startswith("Clients that try one address only fail by chance.")
    assert "for IPv6 to be let through to broker.example.net" in finding.remedy


def test_two_addresses_of_one_family():
    (finding,) = found(Phase.CONNECT, bad="198.41.0.9:443")
    assert finding.says == (
        "broker through direct: the address 198.41.0.9:443 fails, 198.41.0.4:443 works."
    )


def test_what_failed_altogether_is_no_matter_of_an_address():
    assert found(Phase.CONNECT, failed=failed()) == []
    assert list(broken_families([way()])) == []


@pytest.mark.parametrize(
    ("address", "family"),
    [(V6, "IPv6"), (V4, "IPv4"), ("[fe80::1%eth0]:443", "IPv6"), ("broker:443", None), ("", None)],
)
def test_families(address, family):
    assert family_of(address) == family
