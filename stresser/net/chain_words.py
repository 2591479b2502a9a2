"""What a verdict rests on, in words. Names in them are a peer's: cut here, escaped where shown."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from stresser.net.chain_facts import UNREADABLE, leaf_facts, load, name_text, quiet

_NAME_LIMIT = 100
_URL_LIMIT = 120
_FETCHERS = (
    "Windows (Schannel), macOS and Chrome fetch it from there, OpenSSL, Go on Linux, Java and"
    " Node.js do not"
)
"""Who looks up RFC 5280's authority information access for a certificate that was not served."""


def _fetchers(url: str) -> str:
    if url.lower().startswith("http"):
        return _FETCHERS
    return "Windows (Schannel) fetches it from there in its own domain, no one else does"


def host_why(root: bytes | None, chain: Sequence[bytes]) -> str:
    """Why a chain that this host trusts is called private."""
    name = "" if root is None else f" {subject_of(root)}"
    why = f"its root{name} is trusted by this host, but it is no public one and not declared"
    scts = leaf_facts(tuple(chain)).scts
    if scts:
        why += f"; the leaf holds {scts} SCTs as a public CA's does: maybe one that Mozilla lacks"
    return why


def hidden_why(chain: Sequence[bytes], below: bytes | None) -> str:
    """Why it is not known whose root a chain leads to. `below`: whose issuer is missing."""
    why = f"the certificate of the issuer {issuer_of(below)} was not served"
    facts, url = leaf_facts(tuple(chain)), issuer_url(below or b"")
    fetched = "" if url is None else f"; it names {url}: {_fetchers(url)}"
    if not facts.claims_to_be_public:
        return f"{why} and is not known here, so neither is the root{fetched}"
    marks = f"{facts.scts} SCTs" if facts.scts else "a public validation policy"
    return f"the chain is incomplete: {why}; the leaf holds {marks} as a public CA's does{fetched}"


def namesake_why(below: bytes | None, where: str, *, is_readable: bool) -> str:
    """The same where a certificate of that issuer's name is at hand and has not signed."""
    key = "another key" if is_readable else "a key that cannot be read"
    return (
        f"the certificate of the issuer {issuer_of(below)} was not served;"
        f" {where} has that name and {key}"
    )


def issuer_url(der: bytes) -> str | None:
    """Where a certificate says its issuer's may be fetched (RFC 5280 section 4.2.2.1)."""
    try:
        with quiet():
            extensions = load(der).extensions
            access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return None
    places = [
        str(one.access_location.value)
        for one in access
        if isinstance(one.access_location, x509.UniformResourceIdentifier)
        and one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
    ]
    # A company's CA names its directory first, and all but Windows ask by HTTP alone.
    by_http = [place for place in places if place.lower().startswith("http")]
    return next((place[:_URL_LIMIT] for place in (*by_http, *places)), None)


def subject_of(der: bytes | None) -> str:
    """Whom a certificate names."""
    try:
        with quiet():
            return _shortened(load(der or b"").subject)
    except UNREADABLE:
        return "of an unreadable name"


def issuer_of(der: bytes | None) -> str:
    """Who a certificate says has issued it."""
    try:
        with quiet():
            return _shortened(load(der or b"").issuer)
    except UNREADABLE:
        return "of an unreadable name"


def _shortened(name: x509.Name) -> str:
    return name_text(name)[:_NAME_LIMIT] or "without a name"


def validity_of(der: bytes | None) -> str:
    """`, valid from 2026-11-01 00:00 to 2026-11-20 00:00 UTC`; empty where it cannot be read."""
    try:
        with quiet():
            certificate = load(der or b"")
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE:
        return ""
    return f", valid from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
