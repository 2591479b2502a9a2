"""What a proxy's 407 asks for: its challenges (RFC 9110 section 11.6.1), from whoever sends them.

Commas stand between challenges and between a challenge's own parameters, and proxies are sloppy:
what is no challenge is passed over. Bounded by the head that it stands in.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stresser.net.http_head import header_fields

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_SCHEME = re.compile(rf"({_WORD}+)(?=[ \t,]|$)")
_TOKEN68 = re.compile(r"([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|$)")
_PARAMETER = re.compile(rf'({_WORD}+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|({_WORD}*))', re.DOTALL)
_GAP, _BLANKS = re.compile(r"[ \t,]*"), re.compile(r"[ \t]*")
_MOST = 16
_NAMES = {
    name.lower(): name for name in ("Negotiate", "Kerberos", "NTLM", "Digest", "Bearer", "Basic")
}
_OTHER = "another scheme"


class Challenge(NamedTuple):
    """One way in that the proxy offers."""

    scheme: str
    """In lower case."""
    token: str = ""
    """Of Negotiate and NTLM: what they go on with, base64."""
    parameters: Mapping[str, str] = {}
    """By names in lower case, unquoted."""


def challenges_in(head: bytes) -> list[Challenge]:
    """Those of all Proxy-Authenticate fields, in their order; no more than 16."""
    found: list[Challenge] = []
    for name, value in header_fields(head):
        if name.lower() == b"proxy-authenticate":
            found += _challenges(value.decode("latin-1"))
    return found[:_MOST]


def offered_by(challenges: Sequence[Challenge]) -> tuple[str, ...]:
    """The schemes' names as a person writes them, each once: seven at the most."""
    return tuple(dict.fromkeys(_NAMES.get(one.scheme, _OTHER) for one in challenges))


def _challenges(value: str) -> Iterator[Challenge]:
    at, end = 0, len(value)
    while (at := _past(_GAP, value, at)) < end:
        scheme = _SCHEME.match(value, at)
        if scheme is None:
            comma = value.find(",", at)
            at = end if comma < 0 else comma
            continue
        at = _past(_BLANKS, value, scheme.end())
        token = _TOKEN68.match(value, at)
        if token is not None:
            yield Challenge(scheme[1].lower(), token[1])
            at = token.end()
            continue
        parameters: dict[str, str] = {}
        while (found := _PARAMETER.match(value, _past(_GAP, value, at))) is not None:
            text = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
            parameters.setdefault(found[1].lower(), text)
            at = found.end()
        yield Challenge(scheme[1].lower(), "", parameters)


def _past(pattern: re.Pattern[str], value: str, at: int) -> int:
    """Both patterns match nothing, too."""
    match = pattern.match(value, at)
    return at if match is None else match.end()
