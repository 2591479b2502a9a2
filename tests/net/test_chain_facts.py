"""What certificates say of themselves: read, bounded, and never believed."""

import ipaddress

from cryptography import x509
from cryptography.x509.oid import NameOID

from stresser.net.chain_facts import describe_chain
from tests.net.certificates import DAY, NOW, Issuer, der

NAME = "echo.lab.test"
LOCAL = ipaddress.ip_address("127.0.0.1")
ROOT = Issuer("Private Root")
MIDDLE = Issuer("Private Intermediate", ROOT)


def dns(name):
    return x509.DNSName(name)


def check_bounds(described):
    for facts in described:
        for value in facts.values():
            assert isinstance(value, list) or len(value) <= 256
        assert len(facts.get("names", [])) <= 50


def test_huge_names_are_cut():
    attribute = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "x" * 60_000, _validate=False)
    names = [dns(f"{'a' * 300}{number}.test") for number in range(500)]
    leaf = ROOT.leaf(*names, subject=x509.Name([attribute]))
    [facts] = describe_chain((leaf,))
    check_bounds([facts])
    assert facts["subject"].startswith("O=xxx")
    assert len(facts["names"]) == 50
    assert len(facts["names"][0]) == 256


def test_a_certificate_tells_of_itself():
    [facts] = describe_chain((MIDDLE.leaf(dns(NAME), x509.IPAddress(LOCAL)),))
    assert facts["issuer"] == "CN=Private Intermediate"
    assert facts["subject"] == ""
    assert facts["names"] == [NAME, "127.0.0.1"]
    assert facts["not_before"] == (NOW - DAY).isoformat()
    assert facts["not_after"] == (NOW + DAY).isoformat()
    [root] = describe_chain((der(ROOT.certificate),))
    assert root["names"] == []
    assert "problem" not in root


def test_a_name_without_a_common_one_is_told_all_the_same():
    country = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CH")])
    [facts] = describe_chain((ROOT.leaf(dns(NAME), subject=country),))
    assert facts["subject"] == "C=CH"
