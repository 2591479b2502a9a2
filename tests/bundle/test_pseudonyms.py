import pytest

from stresser.bundle.pseudonyms import GENERIC, Pseudonyms


def test_the_same_text_has_the_same_stand_in():
    pseudonyms = Pseudonyms()
    first, second = pseudonyms.name("endpoint", "acme"), pseudonyms.name("endpoint", "other")
    assert (first, second) == ("endpoint-1", "endpoint-2")
    assert pseudonyms.name("endpoint", "acme") == first
    assert pseudonyms.of == {"acme": "endpoint-1", "other": "endpoint-2"}


@pytest.mark.parametrize("name", ["direct", "vpn", "heartbeat"])
def test_generic_names_stay(name):
    assert name in GENERIC
    assert Pseudonyms().name("egress", name) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to 192.0.2.7:443", "to address-1:443"),
        ("to [2001:db8::7]:443", "to [address-1]:443"),
        ("fe80::1%eth0 is gone", "address-1 is gone"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("not valid for 'broker.acme.example'", "not valid for 'host-1.domain-1.invalid'"),
        ("*.acme.example", "host-1.domain-1.invalid"),
        ("ConnectionResetError: [Errno 104] reset", "ConnectionResetError: [Errno 104] reset"),
        ("lasted 12:30:05", "lasted 12:30:05"),
    ],
)
def test_addresses_and_hosts_in_texts(text, expected):
    assert Pseudonyms().text(text) == expected


def test_learnt_names_are_found_in_texts_as_whole_words():
    pseudonyms = Pseudonyms()
    pseudonyms.learn("endpoint", ["acme"])
    pseudonyms.learn("egress", ["acme-vpn"])
    assert (
        pseudonyms.text("Acme through acme-vpn, not acmeland")
        == "endpoint-1 through egress-1, not acmeland"
    )


def test_a_hash_stays_as_long():
    assert Pseudonyms().hexadecimal("deadbeefdeadbeef", 16) == "0000000000000001"
