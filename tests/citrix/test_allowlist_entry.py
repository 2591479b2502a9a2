"""One entry of an allowlist, one row a case."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stresser.citrix.allowlist_entry import (
    Name,
    Network,
    Wildcard,
    check_customer,
    read_entry,
)
from stresser.scenario.endpoint import parse_url
from tests.fakes.thoroughness import examples


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("agenthub.citrixworkspacesapi.net", Name("agenthub.citrixworkspacesapi.net")),
        ("  Console.Cloud.COM.  ", Name("console.cloud.com")),
        ("<CUSTOMER_ID>.xendesktop.net", Name("acme1.xendesktop.net")),
        ("<customer_id>.xendesktop.net", Name("acme1.xendesktop.net")),
        ("{CUSTOMER_ID}.xendesktop.net", Name("acme1.xendesktop.net")),
        ("CUSTOMER_ID.xendesktop.net", Name("acme1.xendesktop.net")),
        ("https://a.cloud.com/path?q#f", Name("a.cloud.com")),
        ("wss://a.cloud.com", Name("a.cloud.com")),
        ("a.cloud.com:8443", Name("a.cloud.com", 8443)),
        ("münchen.example", Name("xn--mnchen-3ya.example")),
        ("*.nssvc.net", Wildcard("*.nssvc.net")),
        ("https://*.Cloud.com", Wildcard("*.cloud.com")),
        ("messaging-*.citrixworkspacesapi.net", Wildcard("messaging-*.citrixworkspacesapi.net")),
        ("192.0.2.0/24", Network("192.0.2.0/24")),
        ("192.0.2.9/24", Network("192.0.2.0/24")),
        ("192.0.2.9", Network("192.0.2.9/32")),
        ("2001:db8::/32", Network("2001:db8::/32")),
        ("", None),
        (" \t\n", None),
    ],
)
def test_what_an_entry_says(text, entry):
    assert read_entry(text, "AcMe1") == entry


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("localhost", "is not the full name of a host"),
        ("two words.example", "is not a host name"),
        ("<REGION>.cloud.com", "is not a host name"),
        ("-x.cloud.com", "is not a host name"),
        ("a..cloud.com", "is not a host name"),
        ("version.1.2", "is not a host name: its last part is a number"),
        ("x.c", "is not the full name of a host"),
        ("http://crl.example.com/x.crl", "is not TLS"),
        ("a.cloud.com:0", "a port is a number from 1 to 65535"),
        ("a.cloud.com:70000", "a port is a number from 1 to 65535"),
        ("user:pass@a.cloud.com", "is neither a host name nor a network"),
        ("a.cloud.com/path", "is not a host name"),
        ("*", "is not a wildcard of host names"),
        ("foo.*", "is not a wildcard of host names"),
        ("*.x\x1b[31m.net", "is not a wildcard of host names"),
        ("192.0.2.0/33", "is not a host name"),
        ("a" * 64 + ".example", "is not a host name"),
        ("x" * 5000, "has 5000 characters"),
        ('a.example"\nname = "b', "is not a host name"),
    ],
)
def test_what_is_no_entry_is_one_printable_sentence(text, why):
    with pytest.raises(ValueError, match=r".+") as told:
        read_entry(text, "acme1")
    assert why in str(told.value)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("customer", ["a", "Acme1", "123456789012"])
def test_customer_ids(customer):
    assert check_customer(customer) == customer


@pytest.mark.parametrize(
    "customer", ["", "1234567890123", "ac me", "acme.", "acme\n", "äcme", "-x", "<CUSTOMER_ID>"]
)
def test_what_is_no_customer_id(customer):
    with pytest.raises(ValueError, match="1 to 12 letters and digits") as told:
        check_customer(customer)
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("pattern", "domain"),
    [
        ("*.nssvc.net", "nssvc.net"),
        ("a-*-b.cloud.com", "cloud.com"),
        ("x.*.cloud.com", "cloud.com"),
        ("*.com", "com"),
    ],
)
def test_the_domain_of_a_wildcard(pattern, domain):
    assert Wildcard(pattern).domain == domain


@settings(max_examples=examples(400), deadline=None, derandomize=True)
@given(
    st.one_of(
        st.text(max_size=80),
        st.from_regex(r"[a-z0-9.*:/_<>-]{0,60}", fullmatch=True),
        st.text(alphabet=".-*ab1é\u3002", max_size=40),
    )
)
def test_whatever_the_text_is_a_name_can_be_dialled(text):
    try:
        entry = read_entry(text, "acme1")
    except ValueError as error:
        entry, told = None, str(error)
    else:
        told = ""
    assert told.isprintable()
    if isinstance(entry, Name):
        address = parse_url(f"tls://{entry.authority}")
        assert (address.host, address.port) == (entry.host, entry.port)
    elif entry is not None:
        assert entry.written.isascii()
        assert entry.written.isprintable()
