"""HTTP Digest with a proxy (RFC 7616): the answer to its challenge, and its nonce used again.

MD5 and SHA-256, their `-sess` forms, and `qop=auth` or, of proxies from before it (RFC 2069), none.
SHA-512/256 is left out: Python's hashlib has it by OpenSSL's leave alone, and no proxy offers it.
"""

import hashlib
import secrets
from collections.abc import Sequence

from stresser.net.challenges import Challenge
from stresser.scenario.secrets import Secret

_HASHES = {"md5": "md5", "sha-256": "sha256"}
_STRONGEST_FIRST = ("sha-256-sess", "sha-256", "md5-sess", "md5")
_SESSION = "-sess"
_CLIENT_NONCE_BYTES = 16
_LATIN_1 = "latin-1"


class DigestNonce:
    """One challenge that can be answered, again and again until the proxy calls it stale.

    Shared by all connections: each answer has its own count.
    """

    def __init__(self, challenge: Challenge) -> None:
        self._parameters = challenge.parameters
        self._algorithm = _algorithm(challenge)
        self._count = 0
        # Of the session forms, the first client nonce is a part of the key (section 3.4.2).
        self._session_nonce = secrets.token_hex(_CLIENT_NONCE_BYTES)

    def answer(self, user: Secret, password: Secret, method: str, target: str) -> str:
        """The value of Proxy-Authorization."""
        self._count += 1
        given, algorithm = self._parameters, self._algorithm
        name, realm, nonce = _octets(user), given.get("realm", ""), given.get("nonce", "")
        is_session = algorithm.endswith(_SESSION)
        client_nonce = self._session_nonce if is_session else secrets.token_hex(_CLIENT_NONCE_BYTES)
        has_qop = "qop" in given
        key = self._hash(f"{name}:{realm}:{_octets(password)}")
        if is_session:
            key = self._hash(f"{key}:{nonce}:{client_nonce}")
        asked = self._hash(f"{method}:{target}")
        count = f"{self._count:08x}"
        middle = f"{nonce}:{count}:{client_nonce}:auth" if has_qop else nonce
        fields = [
            f'username="{_quoted(name)}"', f'realm="{_quoted(realm)}"', f'nonce="{_quoted(nonce)}"',
            f'uri="{target}"', f'response="{self._hash(f"{key}:{middle}:{asked}")}"',
        ]  # fmt: skip
        if "algorithm" in given:
            fields.append(f"algorithm={given['algorithm']}")
        if "opaque" in given:
            fields.append(f'opaque="{_quoted(given["opaque"])}"')
        if has_qop:
            fields += ["qop=auth", f"nc={count}", f'cnonce="{client_nonce}"']
        elif is_session:
            fields.append(f'cnonce="{client_nonce}"')
        return f"Digest {', '.join(fields)}"

    def _hash(self, text: str) -> str:
        kind = _HASHES[self._algorithm.removesuffix(_SESSION)]
        # The scheme's own hash: it is no choice of ours.
        return hashlib.new(kind, text.encode(_LATIN_1), usedforsecurity=False).hexdigest()


def strongest(challenges: Sequence[Challenge]) -> Challenge | None:
    """Of Digest challenges the one to answer; None: no algorithm or qop of theirs is spoken."""
    able = [one for one in challenges if _is_spoken(one)]
    return min(able, key=lambda one: _STRONGEST_FIRST.index(_algorithm(one)), default=None)


def is_stale(challenge: Challenge) -> bool:
    """The nonce was too old, and the login right."""
    return challenge.parameters.get("stale", "").lower() == "true"


def _is_spoken(challenge: Challenge) -> bool:
    given = challenge.parameters
    qops = {one.strip().lower() for one in given.get("qop", "auth").split(",")}
    texts = (given.get("realm", ""), given.get("nonce", ""), given.get("opaque", ""))
    return (
        challenge.scheme == "digest"
        and _algorithm(challenge) in _STRONGEST_FIRST
        and "auth" in qops
        and "nonce" in given
        and all(text.isprintable() for text in texts)
    )


def _algorithm(challenge: Challenge) -> str:
    return challenge.parameters.get("algorithm", "MD5").lower()


def _octets(secret: Secret) -> str:
    """In UTF-8, as curl sends them, each octet a letter like those of the proxy's own texts."""
    return secret.reveal().encode().decode(_LATIN_1)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
