"""What a verdict rests on, in words. Names in them are a peer's: cut here, escaped where shown."""

from cryptography import x509

from stresser.net.chain_facts import UNREADABLE, leaf_facts, load, name_text, quiet

_NAME_LIMIT = 100


def host_why(chain: tuple[bytes, ...]) -> str:
    """Why a chain that this host trusts is called private."""
    issuer = issuer_of(chain[-1])
    why = (
        f"its root (of {issuer}) is trusted by this host, but it is no public one and not declared"
    )
    scts = leaf_facts(chain).scts
    if scts:
        why += f"; the leaf holds {scts} SCTs as a public CA's does: maybe one that Mozilla lacks"
    return why


def hidden_why(chain: tuple[bytes, ...], below: bytes | None) -> str:
    """Why it is not known whose root a chain leads to. `below`: whose issuer is missing."""
    why = f"the certificate of the issuer {issuer_of(below)} was not served"
    facts = leaf_facts(chain)
    if not facts.claims_to_be_public:
        return f"{why} and is not known here, so neither is the root"
    marks = f"{facts.scts} SCTs" if facts.scts else "a public validation policy"
    return f"the chain is incomplete: {why}; the leaf holds {marks} as a public CA's does"


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
