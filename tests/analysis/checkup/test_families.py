"""One address fails where another works."""

from stresser.analysis.checkup.families import broken_families
from stresser.analysis.checkup.finding import Concern
from stresser.model.ending import Initiator, Kind, Phase
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


def test_a_family_fails_only_where_all_of_its_addresses_do():
    caught = [failed(phase=Phase.TLS, remote=bad) for bad in (V6, "[2001:db8::2]:443")]
    (whole,) = broken_families([way(earlier=caught, dialled=V4)])
    assert whole.says.endswith(": IPv6 fails, IPv4 works.")
    assert [line.partition("]")[0] for line in whole.evidence[:2]] == [
        "[2001:db8::1",
        "[2001:db8::2",
    ]
    some = broken_families([way(earlier=caught[:1], dialled=V4, also_open=["[2001:db8::2]:443"])])
    (one,) = some
    assert one.says == (
        "broker through direct: the address [2001:db8::1]:443 fails, 198.41.0.4:443,"
        " [2001:db8::2]:443 works."
    )


def test_a_host_that_has_no_ipv6_is_no_broken_path():
    mine = failed(phase=Phase.CONNECT, kind=Kind.UNREACHABLE, initiator=Initiator.HOST, remote=V6)
    assert list(broken_families([way(earlier=[mine], dialled=V4)])) == []


def test_what_failed_altogether_is_no_matter_of_an_address():
    assert found(Phase.CONNECT, failed=failed()) == []
    assert list(broken_families([way()])) == []
