"""What is kept of a `Location`: scheme, host and path. The rest may be a password or a token."""

import re

_URL = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?P<slashes>[/\\]{2})?(?P<rest>.*)", re.DOTALL
)
_IN_A_HEAD = re.compile(
    r"(?P<name>\\nlocation: *)(?P<url>.*?)(?P<end>\\r|\\n|\\x0[ad]|$)", re.IGNORECASE
)


def place_of(url: str) -> str:
    """Scheme, host, port and path of a URL or a reference (RFC 3986): no login, query, fragment.

    Path parameters (`;jsessionid=...`) are left out, and of schemes without a host all but their
    name.
    """
    found = _URL.fullmatch(url)
    assert found is not None  # noqa: S101 - every text matches
    scheme = f"{found['scheme']}:" if found["scheme"] else ""
    rest = re.split(r"[?#;]", found["rest"], maxsplit=1)[0]
    if found["slashes"] is None:
        return scheme or rest
    host, slash, path = re.sub(r"\\", "/", rest).partition("/")
    return f"{scheme}//{host.rpartition('@')[2]}{slash}{path}"


def head_with_place(text: str) -> str:
    """The escaped beginning of an HTTP head, with what is kept of its `Location`.

    Where it is cut within the host, that may be a user's name: it is left out.
    """
    return _IN_A_HEAD.sub(_shortened, text)


def _shortened(found: re.Match[str]) -> str:
    url = found["url"]
    if not found["end"] and "/" not in url.partition("//")[2]:
        url = f"{url.partition('//')[0]}//" if "//" in url else ""
    return f"{found['name']}{place_of(url)}{found['end']}"
