import pytest

from stresser.bundle.pseudonyms import GENERIC, Pseudonyms


def test_the_same_text_has_the_same_stand_in():
    pseudonyms = Pseudonyms()
    first, second = pseudonyms.name("endpoint", "acme"), pseudonyms.name("endpoint", "other")
    assert (first, second) == ("endpoint-1", "endpoint-2")
    assert pseudonyms.name("endpoint", "acme") == first
    assert pseudonyms.of == {"acme": "endpoint-1", "other": "endpoint-2"}


def test_what_stands_beside_a_search_keeps_its_part_of_the_name():
    pseudonyms = Pseudonyms()
    assert pseudonyms.name("activity", "nights-tcp_keepalive") == "activity-1-tcp_keepalive"
    assert pseudonyms.name("activity", "nights") == "activity-1"
    assert pseudonyms.name("activity", "idle_search-busy") == "idle_search-busy"
    assert pseudonyms.name("egress", "nights-busy") == "egress-1"


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


def test_one_text_that_names_things_of_two_kinds_has_two_stand_ins():
    pseudonyms = Pseudonyms()
    pseudonyms.learn("endpoint", ["a", "A"])
    pseudonyms.learn("egress", ["a"])
    assert pseudonyms.name("endpoint", "A") == "endpoint-1"
    assert pseudonyms.name("endpoint", "a") == "endpoint-2"
    assert pseudonyms.name("egress", "a") == "egress-1"
    assert pseudonyms.of == {"A": "endpoint-1", "a": "endpoint-2", "a (egress)": "egress-1"}


def test_stand_ins_keep_the_order_of_names():
    pseudonyms = Pseudonyms()
    names = [f"n{number:02}" for number in range(12)]
    pseudonyms.learn("egress", reversed(names))
    stand_ins = [pseudonyms.name("egress", name) for name in names]
    assert stand_ins == sorted(stand_ins)


def test_a_name_that_is_part_of_a_word_is_no_name():
    pseudonyms = Pseudonyms()
    pseudonyms.learn("egress", ["reset", "env", "1"])
    text = "tcp_reset, env:NAME, reset-by-peer, 1.5 s, 127.0.0.1; reset."
    changed = pseudonyms.text(text)
    assert changed == "tcp_reset, egress-2:NAME, reset-by-peer, 1.5 s, 127.0.0.1; egress-3."


def test_hosts_of_one_domain_stay_hosts_of_one_domain():
    pseudonyms = Pseudonyms()
    hosts = [
        pseudonyms.host(host) for host in ("a.acme.example", "b.acme.example", "c.other.example")
    ]
    domains = [host.split(".")[-2:] for host in hosts]
    assert domains[0] == domains[1] != domains[2]
    assert "." not in pseudonyms.host("broker01")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "wss://eve:p@ss@acme.example:8443/path?token=hush#x",
            "wss://host-1.domain-1.invalid:8443",
        ),
        ("https://[2001:db8::1]:443/x", "https://address-1:443"),
        ("lab+wss://refuse/503", "lab+wss://refuse/503"),
        ("lab+wss://echo", "lab+wss://echo"),
        ("environment", "environment"),
        ("direct", "direct"),
        ("pac:acme.pac", "pac:text-1"),
        ("pac:http://acme.example/wpad.dat", "pac:text-1"),
        ("acme", "text-1"),
    ],
)
def test_of_a_url_scheme_and_port_are_kept(url, expected):
    assert Pseudonyms().url(url) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("[2001:db8::7]:443", "[address-1]:443"),
        ("192.0.2.7:443", "address-1:443"),
        ("broker.acme.example:443", "host-1.domain-1.invalid:443"),
        ("[::1]:80", "[::1]:80"),
        ("", ""),
    ],
)
def test_a_place_keeps_its_port(place, expected):
    assert Pseudonyms().place(place) == expected
