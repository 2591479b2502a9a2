"""Signatures of bundles: ours by OpenSSH's eyes, OpenSSH's by ours, and what is refused."""

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stresser.bundle.signature import (
    NAMESPACE,
    KeyFileError,
    SignatureError,
    checked_key,
    fingerprint,
    read_signers,
    read_signing_key,
    sign_message,
)
from tests.fakes.tools import tool

UNSIGNED = "import stresser.cli.report, sys; sys.exit('cryptography' in sys.modules)"
MESSAGE = b'{"schema": 1}'
PEM, OPENSSH = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
PKCS8, NOTHING = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
SECRET = serialization.BestAvailableEncryption(b"pass")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LINE = KEY.public_key().public_bytes(
    serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
).decode()  # fmt: skip
PUBLIC_PEM = KEY.public_key().public_bytes(
    PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip


def ssh_keygen(*arguments, stdin=b""):
    done = subprocess.run(
        [tool("ssh-keygen"), *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture
def allowed(tmp_path):
    path = tmp_path / "allowed"
    path.write_text(f"# whom we know\nanna@example.net {LINE} comment\n")
    return path


@pytest.mark.parametrize("form", [OPENSSH, PKCS8])
def test_a_key_of_either_form_signs(tmp_path, form):
    (tmp_path / "key").write_bytes(KEY.private_bytes(PEM, form, NOTHING))
    signature = sign_message(read_signing_key(tmp_path / "key"), MESSAGE)
    assert checked_key(signature, MESSAGE) == read_signers_of(tmp_path, LINE)[0].key


def read_signers_of(tmp_path, text):
    (tmp_path / "signers").write_text(text)
    return read_signers(tmp_path / "signers")


def test_openssh_finds_our_signature_good(tmp_path, allowed):
    (tmp_path / "sig").write_bytes(sign_message(KEY, MESSAGE))
    check = ("-Y", "verify", "-f", allowed, "-I", "anna@example.net", "-n", NAMESPACE)
    assert ssh_keygen(*check, "-s", tmp_path / "sig", stdin=MESSAGE)[0] == 0
    assert ssh_keygen(*check, "-s", tmp_path / "sig", stdin=MESSAGE + b" ")[0] != 0


def test_we_find_openssh_s_signature_good_and_name_the_key_alike(tmp_path):
    key = tmp_path / "id"
    assert ssh_keygen("-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", key)[0] == 0
    (tmp_path / "message").write_bytes(MESSAGE)
    assert ssh_keygen("-Y", "sign", "-f", key, "-n", NAMESPACE, tmp_path / "message")[0] == 0
    found = checked_key((tmp_path / "message.sig").read_bytes(), MESSAGE)
    (signer,) = read_signers(key.with_suffix(".pub"))
    assert (found, signer.who) == (signer.key, "bob")
    assert fingerprint(found) in ssh_keygen("-l", "-f", key.with_suffix(".pub"))[1]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        (LINE, ""),
        (PUBLIC_PEM, ""),
        (f'"anna, bob" namespaces="git,{NAMESPACE}" {LINE}', "anna, bob"),
        (f"x ssh-rsa AAAA\n\nanna {LINE}", "anna"),
    ],
)
def test_signers(tmp_path, text, who):
    assert [signer.who for signer in read_signers_of(tmp_path, text)] == [who]


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"# {LINE}",
        f'anna namespaces="git" {LINE}',
        f"anna cert-authority {LINE}",
        f'anna valid-before="20200101" {LINE}',
        "anna ssh-ed25519 AAAA",
        "anna ssh-ed25519 ????",
        "ssh-rsa AAAAB3NzaC1yc2E=",
        "-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----",
    ],
)  # fmt: skip
def test_who_is_no_signer(tmp_path, text):
    with pytest.raises(KeyFileError, match="no Ed25519 public key"):
        read_signers_of(tmp_path, text)


def test_a_private_key_is_not_taken_for_a_signer(tmp_path):
    text = KEY.private_bytes(PEM, OPENSSH, NOTHING).decode()
    with pytest.raises(KeyFileError, match="public half"):
        read_signers_of(tmp_path, text)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no private key"),
        (LINE.encode(), "no private key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----", "no"),
        (KEY.private_bytes(PEM, PKCS8, SECRET), "has a passphrase"),
        (ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, NOTHING), "no Ed25519"),
        (bytes(2 << 20), "too large"),
    ],
)  # fmt: skip
def test_what_signs_nothing_is_one_line(tmp_path, data, why):
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(KeyFileError, match=why) as told:
        read_signing_key(tmp_path / "key")
    assert "\n" not in str(told.value)


def test_an_openssh_key_with_a_passphrase_is_one_line(tmp_path):
    assert ssh_keygen("-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "id")[0] == 0
    with pytest.raises(KeyFileError, match="has a passphrase"):
        read_signing_key(tmp_path / "id")


def test_a_missing_key_is_one_line(tmp_path):
    with pytest.raises(KeyFileError, match="No such file"):
        read_signing_key(tmp_path / "none")


def test_a_signature_of_something_else_is_none():
    with pytest.raises(SignatureError, match="does not belong"):
        checked_key(sign_message(KEY, MESSAGE + b" "), MESSAGE)


def test_a_signature_for_another_purpose_is_none(tmp_path):
    (tmp_path / "id").write_bytes(KEY.private_bytes(PEM, OPENSSH, NOTHING))
    (tmp_path / "id").chmod(0o600)
    (tmp_path / "message").write_bytes(MESSAGE)
    assert (
        ssh_keygen("-Y", "sign", "-f", tmp_path / "id", "-n", "git", tmp_path / "message")[0] == 0
    )
    with pytest.raises(SignatureError, match="something else"):
        checked_key((tmp_path / "message.sig").read_bytes(), MESSAGE)


@given(st.data())
def test_no_changed_signature_is_good_and_none_is_a_traceback(data):
    good = sign_message(KEY, MESSAGE)
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(st.binary(max_size=3)) + good[at + 1 :]
    if changed.split() == good.split():
        return
    try:
        assert checked_key(changed, MESSAGE) == checked_key(good, MESSAGE)
    except SignatureError:
        return
    # base64 has spare bits, armour has spaces: the same signature written in another way.
    assert len(b"".join(changed.split())) == len(b"".join(good.split()))


@given(st.binary(max_size=600))
def test_no_bytes_at_all_are_a_traceback(data):
    with pytest.raises(SignatureError):
        checked_key(data, MESSAGE)


def test_who_signs_nothing_does_not_pay_for_it():
    """7 MB. In a process of its own: here it has long since been imported."""
    subprocess.run([sys.executable, "-c", UNSIGNED], check=True)
