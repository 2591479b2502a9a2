"""The login that an HTTP proxy asks for by 407: the ways to give it, and what came of it."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

MOST_OFFERED = 8
LONGEST_SAID = 200


class ProxyAuth(StrEnum):
    """How a login is given to an HTTP proxy, the strongest first."""

    NEGOTIATE = "negotiate"
    """A Kerberos ticket (RFC 4559)."""
    NTLM = "ntlm"
    """A hash of the password and of what the proxy sent (MS-NTHT, MS-NLMP)."""
    DIGEST = "digest"
    """Likewise, without a domain (RFC 7616)."""
    BASIC = "basic"
    """The password itself (RFC 7617)."""


UNNAMED_AUTH = (ProxyAuth.NEGOTIATE, ProxyAuth.DIGEST)
"""What a plan without `proxy_auth` allows: the others may cost the password."""


class LoginTrouble(StrEnum):
    """Why a login did not come about (closed list)."""

    NOT_SPOKEN = "not_spoken"
    """The proxy offers no scheme that is spoken here."""
    NOT_ALLOWED = "not_allowed"
    """It offers none that the plan allows."""
    NO_LOGIN = "no_login"
    """Of those it offers, each needs a user and a password, and none were given."""
    REFUSED = "refused"
    """A login was given, and the proxy does not take it."""
    KEPT_BACK = "kept_back"
    """It was refused before: it is not given again for a while, lest its user be locked out."""
    CUT = "cut"
    """The proxy ends the connection in the middle of a login that is bound to it."""
    NO_LIBRARY = "no_library"
    """Kerberos is not installed."""
    NO_TICKET = "no_ticket"
    TICKET_EXPIRED = "ticket_expired"
    CLOCK_SKEW = "clock_skew"
    """This host's clock and the KDC's differ by more than Kerberos bears."""
    SERVICE_UNKNOWN = "service_unknown"
    """The KDC knows no such service: the proxy's name is another there, or it has no account."""
    NO_KDC = "no_kdc"
    """No KDC answers, or none is known."""
    PASSWORD_WRONG = "password_wrong"  # noqa: S105 - no secret: what the KDC said
    """The KDC does not take the user or the password."""
    FAILED = "failed"
    """What the library says."""


class LoginFailed(Exception):
    """No login can be given, or the one given was refused."""

    def __init__(
        self, trouble: LoginTrouble, *, service: str | None = None, said: str | None = None
    ) -> None:
        super().__init__(trouble)
        self.trouble = trouble
        self.tried: ProxyAuth | None = None
        self.service = service
        self.said = said


class ProxyLogin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the login that a proxy asked for."""

    trouble: LoginTrouble
    offered: Annotated[tuple[str, ...], Meta(max_length=MOST_OFFERED)]
    """The schemes of the proxy's challenges, in its own words."""
    tried: ProxyAuth | None = None
    """Which was to be given; None: none."""
    service: str | None = None
    """Of Kerberos: `HTTP/proxy.example.net`."""
    said: str | None = None
    """What the library said of it."""
