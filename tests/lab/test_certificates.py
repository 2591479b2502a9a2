from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import crypto

from stresser.lab.certificates import (
    make_expired_leaf,
    make_inspection_authority,
    make_lab_root,
    make_leaf,
    make_self_signed_leaf,
    make_wrong_name_leaf,
)


@pytest.fixture(scope="module")
def root():
    return make_lab_root()


def verify(leaf, root):
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    store.set_flags(crypto.X509StoreFlags.X509_STRICT)
    leaf = crypto.X509.from_cryptography(leaf.certificate)
    crypto.X509StoreContext(store, leaf).verify_certificate()


@pytest.mark.parametrize("make", [make_leaf, make_wrong_name_leaf])
def test_leaves_pass_openssls_strict_checks(root, make):
    verify(make(root), root)


@pytest.mark.parametrize(
    ("make", "said"),
    [(make_expired_leaf, "expired"), (lambda _: make_self_signed_leaf(), "self.signed")],
)
def test_bad_leaves_do_not(root, make, said):
    with pytest.raises(crypto.X509StoreContextError, match=said):
        verify(make(root), root)


def test_the_inspection_ca_is_another(root):
    with pytest.raises(crypto.X509StoreContextError):
        verify(make_leaf(make_inspection_authority()), root)


def test_names_and_key(root):
    leaf = make_leaf(root).certificate
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["echo.lab.test", "localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    key = leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    wrong = make_wrong_name_leaf(root).certificate
    names = wrong.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "echo.lab.test" not in names.get_values_for_type(x509.DNSName)


def test_expired_means_yesterday_and_good_means_a_long_run(root):
    now = datetime.now(UTC)
    age = now - make_expired_leaf(root).certificate.not_valid_after_utc
    assert 23 < age.total_seconds() / 3600 < 25
    assert (make_leaf(root).certificate.not_valid_after_utc - now).days > 30


def test_self_signed_is_its_own_issuer_and_no_ca():
    leaf = make_self_signed_leaf().certificate
    assert leaf.issuer == leaf.subject
    leaf.verify_directly_issued_by(leaf)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
