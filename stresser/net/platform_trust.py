"""What the system's own verifier says where OpenSSL cannot see its roots: macOS. By truststore.

Windows shows OpenSSL its roots (`root_stores.py`) and Linux keeps them in files.
"""

import importlib
import ssl
import sys
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from stresser.net.chain_facts import UNREADABLE, load, quiet

_TEXT_LIMIT = 256


def asks_platform() -> bool:
    """Whether the system's verifier is the only one that knows its roots."""
    return sys.platform == "darwin"


def platform_problem(chain: Sequence[bytes]) -> str | None:
    """What the system's verifier says of a chain, names left aside; None: it trusts it.

    A chain that would have the system fetch an issuer's certificate is not put to it: a verdict
    must not depend on the network, nor wait for it.
    """
    if _names_an_issuer_to_fetch(chain[-1]):
        return "this host's own roots were not asked: it would fetch an issuer's certificate"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        # No public call verifies a chain apart from a handshake.
        implementation = importlib.import_module("truststore._api")
        implementation._verify_peercerts_impl(context, list(chain))  # noqa: SLF001 - see above
    except (OSError, ValueError, NotImplementedError, ImportError, AttributeError) as exc:
        return str(exc)[:_TEXT_LIMIT] or type(exc).__name__
    return None


def _names_an_issuer_to_fetch(der: bytes) -> bool:
    """RFC 5280 section 4.2.2.1: the last certificate served says where its issuer's may be had."""
    try:
        with quiet():
            certificate = load(der)
            if certificate.issuer == certificate.subject:
                return False
            access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except x509.ExtensionNotFound:
        return False
    except UNREADABLE:
        return True
    issuers = AuthorityInformationAccessOID.CA_ISSUERS
    return any(description.access_method == issuers for description in access.value)
