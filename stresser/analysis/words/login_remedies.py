"""What to ask whom where a proxy asks for a login and gets none that it takes."""

from stresser.analysis.words.obstacles import Obstacle
from stresser.analysis.words.remedy_row import Addressee, RemedyRow
from stresser.model.proxy_login import ProxyAuth, ProxyLogin
from stresser.model.units import escaped

_TEXT = 120
_O, _A = Obstacle, Addressee
LOGIN_ROWS: tuple[RemedyRow, ...] = (
    RemedyRow(
        _O.PROXY_LOGIN, "the proxy asked for {schemes} (407)",
        _A.PROXY, "Give this host a login for {destinations}.",
        first="Put a login into proxy_user and proxy_password of the egress in a scenario, or into"
        " HTTPS_PROXY, and write how it may be given: proxy_auth = {allow}.",
    ),
    RemedyRow(
        _O.PROXY_LOGIN_NOT_SPOKEN, "the proxy asked for {schemes} (407)",
        _A.PROXY, "Let this host (by its address) through to {destinations} without {schemes}:"
        " stresser does not speak it.",
        first="Send it no password: it takes no other login.",
    ),
    RemedyRow(
        _O.PROXY_LOGIN_NOT_ALLOWED,
        "the proxy asked for {schemes} (407), and proxy_auth allows none of that",
        _A.READER, "Write proxy_auth = {allow} in the egress (check and idle: --proxy-auth); of"
        " Basic the password itself goes out.",
    ),
    RemedyRow(
        _O.PROXY_LOGIN_REFUSED, "the proxy did not take the login by {tried} (407)",
        _A.READER, "Check proxy_user and proxy_password, or whose the ticket is (klist); where they"
        " are right, ask the proxy team why this login does not get to {destinations}.",
    ),
    RemedyRow(
        _O.PROXY_LOGIN_CUT,
        "the proxy closed the connection in the middle of the login by {tried}, again and again",
        _A.PROXY, "Keep the connection open between the messages of {tried}: a login of several"
        " messages cannot move to another one.",
    ),
    RemedyRow(
        _O.NO_KERBEROS,
        "the proxy asked for {schemes} (407), and this Python cannot speak Kerberos",
        _A.READER, "Install it with pip install 'stresser[kerberos]'"
        " (it needs gcc and the headers of MIT Kerberos: libkrb5-dev, krb5-devel).",
    ),
    RemedyRow(
        _O.NO_TICKET, "the proxy asked for {schemes} (407), and there is no ticket for {service}",
        _A.READER, "Log in with kinit as the user of the run, or name a keytab in"
        " KRB5_CLIENT_KTNAME{library_said}.",
    ),
    RemedyRow(
        _O.TICKET_EXPIRED, "the proxy asked for {schemes} (407), and the ticket has expired",
        _A.READER, "Log in again with kinit; for a long run name a keytab in KRB5_CLIENT_KTNAME, or"
        " let k5start renew the ticket.",
    ),
    RemedyRow(
        _O.CLOCK_SKEW,
        "the KDC's clock and this host's differ by more than Kerberos bears (5 minutes)",
        _A.READER, "Set this host's clock by NTP, and check the KDC's.",
    ),
    RemedyRow(
        _O.SERVICE_UNKNOWN, "the KDC knows no service {service}",
        _A.PROXY, "Give {service} an account (setspn, or addprinc and a keytab), or say by which"
        " name the KDC knows the proxy.",
        first="Write the proxy's full name in proxy, not an address or an alias.",
    ),
    RemedyRow(
        _O.NO_KDC, "no KDC answered for a ticket for {service}",
        _A.NETWORK, "Let this host reach the KDC (port 88, TCP and UDP).",
        first="Check /etc/krb5.conf, or the DNS names under _kerberos{library_said}.",
    ),
    RemedyRow(
        _O.KDC_REFUSES, "the KDC did not take the user or the password",
        _A.READER, "Check proxy_user (as name@REALM) and proxy_password{library_said}.",
    ),
    RemedyRow(
        _O.PROXY_LOGIN_FAILED, "the login by {tried} came to nothing on this host",
        _A.READER, "Try the same with curl --proxy-anyauth or kvno {service}{library_said}.",
    ),
)  # fmt: skip


def login_facts(login: ProxyLogin | None) -> dict[str, str]:
    """What these rows need of an ending; None: what stands there in general."""
    if login is None:
        return {
            "allow": '["SCHEME"]',
            "tried": "SCHEME",
            "service": "HTTP/PROXY",
            "library_said": "",
        }
    offered = {name.lower() for name in login.offered}
    spoken = ", ".join(f'"{one}"' for one in ProxyAuth if one in offered)
    facts = {
        "allow": f"[{spoken}]",
        "tried": "its scheme" if login.tried is None else login.tried,
        "service": "the proxy" if login.service is None else escaped(login.service, _TEXT),
        "library_said": f" (Kerberos says: {escaped(login.said, _TEXT)})" if login.said else "",
    }
    return facts | ({"schemes": ", ".join(login.offered)} if login.offered else {})
