"""Roots by owner: what is in them, and what is left out."""

import ssl
import sys
from types import SimpleNamespace

import pytest

from stresser.net.root_stores import (
    Roots,
    declared_roots,
    former_keys,
    host_roots,
    mozilla_roots,
)
from tests.net.certificates import Issuer

ROOT = Issuer("Root")
NAMESAKE = Issuer("Root")
OTHER = Issuer("Other")


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_bytes(b"# a word before\n" + ROOT.pem + b"\nand between\n" + OTHER.pem)
    return str(path)


def test_they_are_found_by_their_name():
    roots = Roots([ROOT.der, NAMESAKE.der, OTHER.der, b"junk"])
    assert set(roots.named(ROOT.name)) == {ROOT.der, NAMESAKE.der}
    assert roots.named(OTHER.name) == [OTHER.der]
    assert roots.named(Issuer("Nobody").name) == ()
    assert ROOT.der in roots
    assert len(roots.keys) == 3


def test_a_file_is_read_as_openssl_reads_it(pem, tmp_path):
    assert len(declared_roots((pem,))) == 2
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(
        ROOT.pem.replace(b"BEGIN ", b"BEGIN TRUSTED ").replace(b"END ", b"END TRUSTED ")
    )
    assert ROOT.der in declared_roots((str(trusted),))


@pytest.mark.parametrize("content", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_a_certificate_is_an_error(tmp_path, content):
    path = tmp_path / "bad.pem"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no certificate in PEM form"):
        declared_roots((str(path),))


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="PEM"):
        declared_roots(("/nowhere.pem",))


def test_one_bad_certificate_does_not_spoil_a_host(pem, tmp_path, monkeypatch):
    bundle = tmp_path / "bundle.pem"
    spoiled = OTHER.pem.replace(b"M", b"A", 3)
    bundle.write_bytes(spoiled + ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    host = host_roots()
    assert host is not None
    assert ROOT.der in host


def test_mozillas_roots_and_former_ones_are_apart():
    assert len(mozilla_roots().keys) > 100
    assert len(former_keys()) > 100
    assert all(len(key) == 64 for key in former_keys())
    assert mozilla_roots() is mozilla_roots()


def test_few_former_roots_are_back_among_mozillas():
    """The list was made by taking the current ones out; certifi goes on, and so may overlap."""
    assert len(mozilla_roots().keys & former_keys()) < 10


def test_this_hosts_roots_are_those_of_ssl_cert_file(pem, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", pem)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert ssl.get_default_verify_paths().cafile == pem
    host = host_roots()
    assert host is not None
    assert ROOT.der in host
    assert ROOT.der not in mozilla_roots()


def test_a_folder_is_read_by_its_hashed_names(monkeypatch, tmp_path):
    folder = tmp_path / "certs"
    folder.mkdir()
    (folder / "0123abcd.0").write_bytes(ROOT.pem)
    (folder / "0123abcd.1").symlink_to(folder / "gone.pem")
    (folder / "other.pem").write_bytes(OTHER.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    host = host_roots()
    assert host is not None
    assert ROOT.der in host
    assert OTHER.der not in host


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system itself is asked")
def test_a_system_without_roots_has_none(monkeypatch):
    nothing = SimpleNamespace(cafile=None, capath=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nothing)
    assert host_roots() is None
