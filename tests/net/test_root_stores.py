"""Stores of roots: what is in them, and what they say of a chain."""

import ssl
import sys
from types import SimpleNamespace

import certifi
import pytest
from cryptography import x509

from stresser.net.root_stores import (
    NO_ISSUER,
    SELF_SIGNED_LEAF,
    SELF_SIGNED_ROOT,
    RootStore,
    former_keys,
    host_store,
    leads_to,
    mozilla_keys,
    mozilla_store,
    parse,
    trusted_here,
)
from tests.net.certificates import DAY, NOW, Issuer

ROOT = Issuer("Root")
MIDDLE = Issuer("Middle", ROOT)
OTHER = Issuer("Other")
NAME = x509.DNSName("a.example.net")


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(ROOT.pem)
    return str(path)


@pytest.fixture
def store(pem):
    return RootStore((pem,))


@pytest.mark.parametrize(
    ("chain", "codes"),
    [
        ((ROOT.leaf(NAME),), (0,)),
        ((MIDDLE.leaf(NAME), MIDDLE.der), (0,)),
        ((MIDDLE.leaf(NAME),), NO_ISSUER),
        ((OTHER.leaf(NAME),), NO_ISSUER),
        ((OTHER.leaf(NAME), OTHER.der), (SELF_SIGNED_ROOT,)),
        ((OTHER.der,), (SELF_SIGNED_LEAF,)),
        ((ROOT.leaf(NAME, start=NOW - 2 * DAY, end=NOW - DAY),), (10,)),
    ],
    ids=["leaf", "middle", "middle missing", "other", "other's root", "self-signed", "expired"],
)
def test_what_a_store_says(store, chain, codes):
    outcome = store.verify(parse(chain))
    assert outcome.code in codes
    assert (outcome.problem is None) == (outcome.code == 0)


def test_dates_left_aside(store):
    old = parse((ROOT.leaf(NAME, start=NOW - 2 * DAY, end=NOW - DAY),))
    assert store.verify(old).problem == "certificate has expired"
    assert store.leads_from(old).problem is None


def test_the_certificate_at_fault_is_named(store):
    leaf = MIDDLE.leaf(NAME)
    assert store.verify(parse((leaf,))).at == leaf
    assert store.verify(parse((OTHER.leaf(NAME), OTHER.der))).at == OTHER.der


def test_a_certificate_that_was_not_served_is_borrowed(pem, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(ROOT.pem + MIDDLE.pem)
    leaf = MIDDLE.leaf(NAME)
    knowing = RootStore((str(both),))
    assert knowing.verify(parse((leaf,))).is_borrowed
    assert not knowing.verify(parse((leaf, MIDDLE.der))).is_borrowed


def test_one_root_trusted_for_once():
    assert leads_to(OTHER.der, parse((OTHER.leaf(NAME),))).problem is None
    copy = Issuer("Other")
    assert leads_to(OTHER.der, parse((copy.leaf(NAME),))).problem == "certificate signature failure"
    assert leads_to(b"junk", parse((copy.leaf(NAME),))).problem


def test_a_root_is_added(store):
    chain = parse((OTHER.leaf(NAME),))
    assert store.verify(chain).problem
    store.add(OTHER.der)
    assert store.verify(chain).problem is None


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_a_certificate_is_an_error(tmp_path, content):
    path = tmp_path / "bad.pem"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no certificate in PEM form"):
        RootStore((str(path),))


@pytest.mark.parametrize("chain", [(), (b"",), (b"junk",), (ROOT.der, b"junk")])
def test_what_is_no_chain_is_a_value_error(chain):
    with pytest.raises(ValueError, match=r"no certificate|cannot be decoded"):
        parse(chain)


def test_mozillas_roots_and_former_ones_are_apart():
    assert len(mozilla_keys()) > 100
    assert len(former_keys()) > 100
    assert all(len(key) == 64 for key in former_keys())
    assert mozilla_store() is mozilla_store()


def test_few_former_roots_are_back_among_mozillas():
    """The list was made by taking the current ones out; certifi goes on, and so may overlap."""
    assert len(mozilla_keys() & former_keys()) < 10


def test_this_hosts_roots_are_those_of_ssl_cert_file(pem, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", pem)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert ssl.get_default_verify_paths().cafile == pem
    host = host_store()
    assert host is not None
    chain = parse((ROOT.leaf(NAME),))
    assert host.verify(chain).problem is None
    assert mozilla_store().verify(chain).problem
    assert trusted_here(()).verify(chain).problem is None


def test_the_endpoints_own_ca_is_trusted_here_too(pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    chain = parse((ROOT.leaf(NAME),))
    assert trusted_here((pem,)).verify(chain).problem is None
    with pytest.raises(ValueError, match="PEM"):
        trusted_here(("/nowhere.pem",))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system itself is asked")
def test_a_system_without_roots_trusts_what_certifi_carries(pem, monkeypatch):
    nothing = SimpleNamespace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    assert host_store() is None
    chain = parse((ROOT.leaf(NAME),))
    assert trusted_here(()).verify(chain).problem
    assert trusted_here((pem,)).verify(chain).problem is None
