"""What to do about a handshake that failed after TCP stood: TLS, the upgrade, a proxy's refusal.

Whom to ask for what, by what was seen. What fits several causes names the likeliest first.
"""

import ipaddress
from collections.abc import Sequence

from stresser.analysis.checkup.finding import destinations, hosts, listed
from stresser.analysis.checkup.hello_fate import HelloFate, hello_fate
from stresser.model.checkup_facts import Asked, WayChecked
from stresser.model.events import AttemptFailed
from stresser.model.units import escaped

_TEXT = 200
_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 401, 403, 404
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTAL = 511
_UPGRADE_LOST = frozenset({200, 400, 426})
"""What a server answers that was asked for a page, because `Upgrade` was not passed on."""
_PROXY_AUTHENTICATION = 407
_SPOKEN_SCHEMES = frozenset({"basic"})
_PLAIN_HTTP = ("HTTP/1.", "<html", "<HTML", "<!DOC", "<!doc")
_LOWER_MTU = "lower the MTU of this host's interface to 1280 and check again"
_BIG_PACKETS = (
    "ask the network team for MSS clamping, and for ICMP 'fragmentation needed' (IPv6: 'packet too"
    " big') to be let through"
)


def after_hello(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """TLS had no answer, or a cut for one."""
    fate, whom = hello_fate(failed.ending), hosts(ways)
    if fate is HelloFate.ANSWER_TORN:
        return (
            "Big packets towards this host are lost: later parts of the answer came, one before"
            f" them did not. To be sure, {_LOWER_MTU}; then {_BIG_PACKETS}, on the path to: {whom}."
        )
    if fate is HelloFate.ANSWER_MISSING and ways[0].proxy is None:
        return (
            "The ClientHello was acknowledged and its answer is missing. Most often its big packets"
            f" are lost: {_LOWER_MTU}; if that helps, {_BIG_PACKETS}. If not, ask whether a filter"
            f" holds the answer back, on the path to: {whom}."
        )
    if fate is HelloFate.UNACKNOWLEDGED:
        return (
            f"TCP stood and the ClientHello was dropped ({_name_sent(ways)}): something on the path"
            " drops it for what it says, or for its size. Try another egress; else ask the network"
            f" team whether a filter lets these names through: {whom}."
        )
    return (
        f"TCP stood and TLS did not ({_name_sent(ways)}): the name in the ClientHello may be"
        " filtered on the path. Try another egress; else ask the network team for these names to be"
        f" let through: {whom}."
    )


def _name_sent(ways: Sequence[WayChecked]) -> str:
    if all(_is_address(way.host) for way in ways):
        return "it carried no name: an address was asked for"
    return f"it carried the name {hosts(way for way in ways if not _is_address(way.host))}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def no_tls(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """Something else than TLS answered."""
    seen = failed.ending.evidence.first_bytes or ""
    if seen.startswith(_PLAIN_HTTP):
        return (
            "Plain HTTP answers where TLS was asked for: a login portal, a block page or a proxy."
            " Log in to this network with a browser, or ask the network team who answers for:"
            f" {destinations(ways)}."
        )
    return (
        "What answers speaks no TLS, or not ours: check the port; a block page or a login portal"
        f" answers like that, too. It answers for: {destinations(ways)}."
    )


_ALERTS = {
    40: "it finds no cipher, curve or signature that both know, or wants a client certificate",
    42: "it does not take the client certificate",
    43: "it does not take the client certificate's kind",
    44: "the client certificate was revoked",
    45: "the client certificate has expired",
    46: "it does not take the client certificate",
    48: "it does not know the CA of the client certificate",
    49: "it knows who asks, and forbids it",
    70: "it speaks no TLS version that is offered (leave tls_version out, or change it)",
    71: "it wants stronger ciphers than are offered",
    80: "it had an error of its own",
    112: "it has no such name (sni)",
    116: "it wants a client certificate (certificate_required), which stresser cannot give",
    120: "no common application protocol (leave alpn out, or offer what it speaks)",
}
"""What an alert of the other end means for who gets it (RFC 8446 section 6.2)."""


def alert(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """The other end refused by a TLS alert, which its words name by number."""
    means = _ALERTS.get(failed.ending.alert or 0, "it says no more than that")
    number = "?" if failed.ending.alert is None else failed.ending.alert
    return f"The other end refuses with TLS alert {number}: {means}. Ask who runs: {hosts(ways)}."


def refused_by_proxy(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """The proxy wants a login, or will not open the tunnel."""
    if failed.ending.status != _PROXY_AUTHENTICATION:
        return f"Ask the proxy team to allow CONNECT to: {destinations(ways)}."
    offered = failed.ending.evidence.headers.get("proxy-authenticate", "")
    schemes = [scheme for scheme in _schemes(offered) if scheme]
    if schemes and _SPOKEN_SCHEMES.isdisjoint(scheme.lower() for scheme in schemes):
        return (
            f"The proxy takes no login but {listed(schemes)}, which stresser does not speak, and a"
            " password must not be sent to it otherwise. Ask the proxy team to let this host"
            f" through by its address, to: {destinations(ways)}."
        )
    return (
        "The proxy wants credentials: give the egress proxy_user and proxy_password in a"
        " scenario, or put them into HTTPS_PROXY."
    )


def _schemes(offered: str) -> list[str]:
    """The schemes of a list of challenges (RFC 9110 section 11.6.1): words with no `=` in them."""
    words = (part.strip().split(" ", 1)[0] for part in offered.split(","))
    return list(dict.fromkeys(word for word in words if "=" not in word))


def refused_upgrade(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """An answer that is no WebSocket."""
    status, headers = failed.ending.status, failed.ending.evidence.headers
    if status in _REDIRECTS or status == _PORTAL:
        place = escaped(headers.get("location", ""), _TEXT)
        leads = f" (it leads to {place})" if place else ""
        return (
            f"Somebody answers with HTTP {status}{leads}: a login portal, where the place is not"
            f" the endpoint's own. Log in to this network with a browser; else ask who runs:"
            f" {hosts(ways)}."
        )
    if status == _UNAUTHORIZED and ways[0].carries_token:
        return (
            "The endpoint refuses the token that was sent: it may have expired, or be of another"
            f" account. Get a new one from who runs: {hosts(ways)}."
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return (
            "TLS and HTTP work; the answer wants credentials or forbids the path: give the"
            ' endpoint headers = { Authorization = "env:NAME" } in a scenario, or check the path.'
        )
    if status in _UPGRADE_LOST and ways[0].asked is Asked.UPGRADE:
        return (
            f"TLS and HTTP work; the answer (HTTP {status}) is that to a plain page: a reverse"
            " proxy does not pass Upgrade and Connection on. Ask who runs it for WebSocket support,"
            f" before: {hosts(ways)}."
        )
    return (
        "TLS and HTTP work; no WebSocket was given: check the path (its page: --get PATH), then"
        f" ask who runs: {hosts(ways)}."
    )


def broken_upgrade(failed: AttemptFailed, ways: Sequence[WayChecked]) -> str:
    """TLS stood, and HTTP had no answer, or one that is none."""
    alpn = None if ways[0].tls is None else ways[0].tls.alpn
    if alpn not in {None, "http/1.1"}:
        return (
            f"ALPN {escaped(alpn or '', 20)} was agreed, and stresser speaks HTTP/1.1: leave it out"
            f" of alpn for: {hosts(ways)}."
        )
    if ways[0].asked is Asked.GET:
        targets = listed(f"tls://{way.host or way.endpoint}:{way.port}" for way in ways)
        return (
            "TLS stood and the GET had no good answer. Where no HTTP is spoken, check TLS alone"
            f" ({targets}); else ask who runs: {hosts(ways)}."
        )
    seen = " What came instead is shown." if failed.ending.evidence.first_bytes else ""
    return (
        "TLS stood and HTTP had no good answer: something that inspects HTTP may not let"
        f" WebSockets pass.{seen} Ask for a bypass of: {hosts(ways)}."
    )
