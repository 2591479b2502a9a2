"""A bundle's signature: Ed25519 in OpenSSH's format, so that `ssh-keygen -Y verify` checks it too.

What is signed is `bundle.json`, which has the SHA-256 of every other file. The format is that of
OpenSSH's PROTOCOL.sshsig, version 1, with SHA-512 and a namespace of our own. A private key is
read, used and forgotten; only its public half is in a signature.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from stresser.model.errors import StresserError
from stresser.model.late_module import LateModule
from stresser.model.units import escaped, shown

if TYPE_CHECKING:
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519
else:  # 7 MB, and few bundles are signed
    exceptions = LateModule("cryptography.exceptions")
    serialization = LateModule("cryptography.hazmat.primitives.serialization")
    ed25519 = LateModule("cryptography.hazmat.primitives.asymmetric.ed25519")

NAMESPACE = "stresser-bundle"
LARGEST_SIGNATURE = 4096
_MAGIC, _VERSION = b"SSHSIG", b"\0\0\0\x01"
_HASH = b"sha512"
_TYPE = b"ssh-ed25519"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70
_LARGEST_KEY_FILE = 1 << 20
_ALLOWED = re.compile(
    r"""(?P<who>"[^"]+"|\S+)\s+(?:namespaces="(?P<spaces>[^"]*)"\s+)?ssh-ed25519\s+(?P<key>\S+)"""
)
_PUBLIC_LINE = re.compile(r"ssh-ed25519\s+(?P<key>\S+)(?:\s+(?P<who>.*))?")


class KeyFileError(StresserError):
    """A key cannot be used: one line with the file and why."""


class SignatureError(Exception):
    """It is no signature of these bytes; the text says why."""


class Signer(Struct, frozen=True):
    """Whose signatures are expected."""

    key: bytes
    """As OpenSSH writes it (RFC 8709 section 4)."""
    who: str
    """Principals or comment, as its file has them."""


def read_signing_key(path: Path) -> "ed25519.Ed25519PrivateKey":
    """The Ed25519 key in a PEM (PKCS #8) or OpenSSH private key file without a passphrase.

    Raises:
        KeyFileError: it cannot be read, or is none.
    """
    data = _read(path, "--sign")
    is_openssh = b"OPENSSH PRIVATE KEY" in data
    load = serialization.load_ssh_private_key if is_openssh else serialization.load_pem_private_key
    try:
        key = load(data, None)
    except TypeError:
        raise _unfit("--sign", path, "it has a passphrase; give a copy without one") from None
    except (ValueError, exceptions.UnsupportedAlgorithm):  # whose text may quote the key
        raise _unfit("--sign", path, "no private key in PEM or OpenSSH's format") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise _unfit("--sign", path, "no Ed25519 key; `ssh-keygen -t ed25519` makes one")
    return key


def read_signers(path: Path) -> list[Signer]:
    """The Ed25519 keys of a public key file (PEM, OpenSSH) or a list of allowed signers.

    Of such a list (ssh-keygen(1)) lines count whose only option is `namespaces` with ours in it.

    Raises:
        KeyFileError: it cannot be read, or has none.
    """
    text = _read(path, "--signer").decode("utf-8", "replace")
    if "PRIVATE KEY" in text:
        raise _unfit("--signer", path, "this is a private key; give its public half")
    signers = list(_signers(text))
    if not signers:
        raise _unfit("--signer", path, "no Ed25519 public key in it")
    return signers


def sign_message(key: "ed25519.Ed25519PrivateKey", message: bytes) -> bytes:
    """An armoured signature of a message."""
    public = key.public_key().public_bytes_raw()
    fields = _string(_key_blob(public)) + _string(NAMESPACE.encode()) + _string(b"")
    signed = _string(_TYPE) + _string(key.sign(_to_be_signed(message)))
    blob = _MAGIC + _VERSION + fields + _string(_HASH) + _string(signed)
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text), _COLUMNS)]
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def checked_key(armoured: bytes, message: bytes) -> bytes:
    """Whose signature it is: the key as OpenSSH writes it.

    Raises:
        SignatureError: it is no signature of this message.
    """
    rest = _unarmoured(armoured)
    if not rest.startswith(_MAGIC + _VERSION):
        raise SignatureError("it is no SSH signature of version 1")
    key, namespace, _, algorithm, signed = _strings(rest[len(_MAGIC + _VERSION) :], 5)
    if namespace != NAMESPACE.encode() or algorithm != _HASH:
        raise SignatureError("it was made for something else")
    kind, public = _strings(key, 2)
    signed_kind, raw = _strings(signed, 2)
    if kind != _TYPE or signed_kind != _TYPE:
        raise SignatureError("its key is no Ed25519 key")
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public).verify(raw, _to_be_signed(message))
    except (exceptions.InvalidSignature, ValueError):
        raise SignatureError("it does not belong to this bundle.json") from None
    return key


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` prints it: `SHA256:...`."""
    digest = base64.b64encode(hashlib.sha256(key).digest()).decode()
    return f"SHA256:{digest.rstrip('=')}"


def _signers(text: str) -> Iterator[Signer]:
    if "-----BEGIN PUBLIC KEY-----" in text:
        try:
            key = serialization.load_pem_public_key(text.encode())
        except (ValueError, exceptions.UnsupportedAlgorithm):
            return
        if isinstance(key, ed25519.Ed25519PublicKey):
            yield Signer(_key_blob(key.public_bytes_raw()), "")
        return
    for line in map(str.strip, text.splitlines()):
        found = _PUBLIC_LINE.fullmatch(line)
        if found is None and not line.startswith("#"):
            found = _ALLOWED.match(line)
            if found is not None and not _is_for_us(found["spaces"]):
                continue
        if found is not None and (blob := _decoded(found["key"])) is not None:
            yield Signer(blob, escaped((found["who"] or "").strip('" '), 120))


def _is_for_us(namespaces: str | None) -> bool:
    return namespaces is None or NAMESPACE in namespaces.split(",")


def _decoded(text: str) -> bytes | None:
    try:
        blob = base64.b64decode(text, validate=True)
        kind, public = _strings(blob, 2)
    except (ValueError, SignatureError):
        return None
    return blob if (kind, len(public)) == (_TYPE, 32) else None


def _unarmoured(armoured: bytes) -> bytes:
    lines = armoured.decode("ascii", "replace").split()
    text = " ".join(lines)
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        raise SignatureError("it is no SSH signature")
    try:
        return base64.b64decode(text[len(_BEGIN) : -len(_END)].replace(" ", ""), validate=True)
    except ValueError:
        raise SignatureError("it is no SSH signature") from None


def _to_be_signed(message: bytes) -> bytes:
    hashed = hashlib.sha512(message).digest()
    return _MAGIC + b"".join(map(_string, (NAMESPACE.encode(), b"", _HASH, hashed)))


def _key_blob(public: bytes) -> bytes:
    return _string(_TYPE) + _string(public)


def _string(data: bytes) -> bytes:
    """RFC 4251 section 5."""
    return len(data).to_bytes(4, "big") + data


def _strings(data: bytes, count: int) -> list[bytes]:
    """So many strings, and nothing behind them."""
    found = []
    for _ in range(count):
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise SignatureError("it is cut short")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if data:
        raise SignatureError("something follows it")
    return found


def _read(path: Path, option: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_KEY_FILE + 1)
    except OSError as error:
        raise _unfit(option, path, f"cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST_KEY_FILE:
        raise _unfit(option, path, "too large for a key")
    return data


def _unfit(option: str, path: Path, why: str) -> KeyFileError:
    return KeyFileError(f"{option} {shown(str(path), 300)}: {why}")
