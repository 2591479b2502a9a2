"""From what was seen to what to ask whom, as data: `check`, `run` and `explain` read the same rows.

What fits several causes names the likeliest first. Who is at fault is another question, and left to
the evidence.
"""

import re
from collections.abc import Mapping

from stresser.analysis.words.endings import ALERT_NAMES
from stresser.analysis.words.hello_remedies import HELLO_ROWS
from stresser.analysis.words.login_remedies import LOGIN_ROWS, login_facts
from stresser.analysis.words.obstacles import Obstacle, schemes
from stresser.analysis.words.remedy_row import Addressee, RemedyRow
from stresser.model.chain import TlsFacts
from stresser.model.ending import Ending, Kind
from stresser.model.proxy_login import ProxyLogin
from stresser.model.units import escaped, shown

_TEXT = 120


_O, _A = Obstacle, Addressee
_LOWER_MTU = "Lower the MTU of this host's interface to 1280 and try again."
_BIG_PACKETS = (
    "Check the MTU on the path to {hosts}: clamp the MSS there, or let ICMP 'fragmentation needed'"
    " (IPv6: 'packet too big') through."
)
_IS_IT_SIZE = (
    "Whether it is the size: `stresser check --handshakes` finds it out, or an MTU of 1280 on this"
    " host's interface."
)
_OTHER_NAME = "Whether the name decides: `stresser check --handshakes` finds it out."
_LOG_IN = "Log in to this network with a browser."
ROWS: tuple[RemedyRow, ...] = (
    RemedyRow(
        _O.NAME_UNKNOWN, "the name does not exist where it was looked up",
        _A.DNS, "Let {names} resolve.", first="Check the spelling.",
    ),
    RemedyRow(
        _O.NAME_UNANSWERED, "the look-up of the name had no answer",
        _A.DNS, "Find out why there is no answer for {names}.",
    ),
    RemedyRow(
        _O.PORT_REFUSED, "the connection was refused by a RST in answer to the SYN",
        _A.NETWORK, "Allow outbound TCP to {destinations}.",
        first="Somebody rejects the connection: check the port.",
    ),
    RemedyRow(
        _O.ACCEPT_CUT, "the connection was accepted, and ended at once",
        _A.OWNER, "Find out who accepts connections to {destinations} and ends them: the service,"
        " or what accepts for one that is dead.",
    ),
    RemedyRow(
        _O.NO_CONNECTION, "no TCP connection was made",
        _A.NETWORK, "Allow outbound TCP to {destinations}.",
        first="If only a proxy leads out, check with --proxy.",
    ),
    RemedyRow(
        _O.NOTHING_LEFT, "no packet left this host",
        _A.READER, "Check this host's addresses and routes, and whether the VPN is up.",
    ),
    RemedyRow(
        _O.PROXY_UNREACHED, "the proxy did not take the connection",
        _A.READER, "Check the proxy's address and port, and whether it can be reached from here.",
    ),
    *LOGIN_ROWS,
    RemedyRow(
        _O.PROXY_FORBIDS, "the proxy refused{status}",
        _A.PROXY, "Allow CONNECT to {destinations}.",
    ),
    RemedyRow(
        _O.PROXY_REPORTS, "the proxy reported that it did not reach the endpoint{status}",
        _A.PROXY, "Find out why it does not reach {destinations}: a dead endpoint looks like this.",
        first="Check past the proxy whether the endpoint lives (--direct).",
    ),
    RemedyRow(
        _O.HELLO_CUT, "the connection was cut when the ClientHello had been sent",
        _A.NETWORK, "Let {hosts} pass the filter ({sent}).",
        first="Try another egress.", unproved=_OTHER_NAME,
    ),
    RemedyRow(
        _O.HELLO_DROPPED, "the ClientHello was never acknowledged",
        _A.NETWORK, "Find out what drops the ClientHello to {hosts} ({sent}): a filter on names, or"
        " one that does not bear its size.",
        first="Try another egress.", unproved=_OTHER_NAME,
    ),
    RemedyRow(
        _O.ANSWER_TORN, "the big packets of the answer to the ClientHello were lost",
        _A.NETWORK, _BIG_PACKETS,
        first=f"Later parts came and one before them did not. {_LOWER_MTU}",
    ),
    RemedyRow(
        _O.ANSWER_MISSING, "the ClientHello was acknowledged and its answer did not come",
        _A.NETWORK, f"{_BIG_PACKETS} If that is not it: find out whether a filter holds the answer"
        " back.",
        first=f"Most often big packets are lost. {_LOWER_MTU}", unproved=_IS_IT_SIZE,
    ),
    RemedyRow(
        _O.HELLO_UNANSWERED, "the ClientHello had no answer",
        _A.NETWORK, "Check the MTU of the path to {hosts}, and whether a filter stops the"
        " ClientHello ({sent}).",
        first="Try another egress.", unproved=_IS_IT_SIZE,
    ),
    RemedyRow(
        _O.TUNNEL_SILENT, "the ClientHello went through the proxy and had no answer",
        _A.PROXY, "Find out whether {hosts} answers the proxy, and whether the proxy lets it pass"
        " ({sent}).",
        first="Check past the proxy whether the endpoint answers (--direct).",
    ),
    *HELLO_ROWS,
    RemedyRow(
        _O.PLAIN_HTTP, "something answered in plain HTTP",
        _A.NETWORK, "Say who answers for {destinations}: a login portal, a block page or a proxy.",
        first=_LOG_IN,
    ),
    RemedyRow(
        _O.NO_TLS, "what answers speaks no TLS",
        _A.NETWORK, "Say who answers for {destinations}: a block page or a login portal does so,"
        " too.",
        first="Check the port.",
    ),
    RemedyRow(
        _O.ALERT_CLIENT, "TLS alert {alert}: a client certificate is wanted ({alert_name})",
        _A.OWNER, "Let {hosts} be reached without a client certificate: stresser cannot give one.",
    ),
    RemedyRow(
        _O.ALERT_ALPN, "TLS alert {alert}: no common application protocol (ALPN)",
        _A.READER, "Leave alpn out of the scenario, or offer what {hosts} speaks.",
    ),
    RemedyRow(
        _O.ALERT_NAME, "TLS alert {alert}: it has no such name ({alert_name})",
        _A.READER, "Check sni: {hosts} does not know the name that was sent ({sent}).",
    ),
    RemedyRow(
        _O.ALERT, "TLS alert {alert} ({alert_name})",
        _A.OWNER, "Say why {hosts} refuses with this alert{alert_means}.",
    ),
    RemedyRow(
        _O.CHAIN_REFUSED, "its certificate chain does not verify",
        _A.OWNER, "Put the chain of {hosts} right; if its CA is the endpoint's own, declare it with"
        ' ca = "FILE" in the scenario.',
    ),
    RemedyRow(
        _O.CHAIN_INCOMPLETE, "its chain lacks the certificate of {issuer}",
        _A.OWNER, "Send the certificate of {issuer} along with the chain of {hosts}: Windows"
        " (Schannel){fetch} it from {url}, where the network lets them; OpenSSL, Go on Linux, Java"
        " and Node.js refuse the chain.",
    ),
    RemedyRow(
        _O.UPGRADE_DROPPED, "the WebSocket upgrade was never acknowledged",
        _A.NETWORK, _BIG_PACKETS,
        first=f"Most often big packets from this host are lost. {_LOWER_MTU}", unproved=_IS_IT_SIZE,
    ),
    RemedyRow(
        _O.UPGRADE_UNANSWERED, "the upgrade had no answer",
        _A.OWNER, "Find out why {hosts} does not answer the upgrade; a proxy before it may wait for"
        " a service that hangs.",
    ),
    RemedyRow(
        _O.UPGRADE_CUT, "the connection was closed at the upgrade",
        _A.OWNER, "Find out who closes at the upgrade to {hosts}: something that inspects HTTP may"
        " not let WebSockets pass.",
    ),
    RemedyRow(
        _O.UPGRADE_STRIPPED, "the upgrade was answered like a plain page (HTTP {code})",
        _A.OWNER, "Give WebSocket support (Upgrade and Connection passed on) on the reverse proxy"
        " before {hosts}.",
    ),
    RemedyRow(
        _O.REDIRECTED, "the endpoint itself answered with HTTP {code}{place}",
        _A.READER, "Put the place that {hosts} names into url, or give its login in headers.",
    ),
    RemedyRow(
        _O.SENT_AWAY, "somebody answered for the endpoint with HTTP {code}{place}",
        _A.NETWORK, "Exempt this host from the login portal on the path to {hosts}.", first=_LOG_IN,
    ),
    RemedyRow(
        _O.PORTAL, "a login portal answered with HTTP {code}",
        _A.NETWORK, "Exempt this host from the login portal on the path to {hosts}.", first=_LOG_IN,
    ),
    RemedyRow(
        _O.LOGIN_WANTED, "the endpoint wants a login (HTTP {code}){login}",
        _A.OWNER, "Give this host a login for {hosts}.",
        first='Put a login into headers = { Authorization = "env:NAME" } of the endpoint.',
    ),
    RemedyRow(
        _O.TOKEN_REFUSED, "the endpoint refused the token that was sent (HTTP {code}){login}",
        _A.OWNER, "Give a new token for {hosts}: this one may have expired, or be of another"
        " account.",
    ),
    RemedyRow(
        _O.FORBIDDEN, "the endpoint forbids it (HTTP {code})",
        _A.OWNER, "Say who may use this path of {hosts}.",
        first="Check the path and the login.",
    ),
    RemedyRow(
        _O.NOT_FOUND, "the request was answered with HTTP {code}",
        _A.OWNER, "Say where {hosts} serves its WebSocket.",
        first="HTTP works: check the path (its page: --get PATH).",
    ),
    RemedyRow(
        _O.HTTP_REFUSED, "the request was answered with HTTP {code}",
        _A.OWNER, "Say why {hosts} answers so.",
        first="HTTP works: check the path.",
    ),
    RemedyRow(
        _O.ALPN_NOT_SPOKEN, "ALPN {alpn} was agreed, and stresser speaks HTTP/1.1",
        _A.READER, "Leave {alpn} out of alpn for {hosts}.",
    ),
    RemedyRow(
        _O.NO_HTTP, "the answer to the upgrade was no HTTP",
        _A.NETWORK, "Say what inspects HTTP on the path to {hosts}, and let WebSockets pass it.",
    ),
    RemedyRow(
        _O.BEFORE_REFUSED, "the request before the session was answered with HTTP {code}{login}",
        _A.OWNER, "Say why it refuses the request that comes before sessions to {hosts}.",
        first="Check `before` of the endpoint: its place, and the login in it.",
    ),
    RemedyRow(
        _O.BEFORE_LACKS, "the answer to the request before the session lacks what is taken of it",
        _A.READER, "Check `take` in `before` of {hosts}: what it names is not in the answer.",
    ),
    RemedyRow(
        _O.BEFORE_FAILED, "the request before the session did not come to its answer",
        _A.READER, "See what `stresser check` says of the place that `before` of {hosts} names.",
    ),
    RemedyRow(
        _O.OPEN_REFUSED, "the endpoint did not answer the first messages as wanted{answer}",
        _A.OWNER, "Say what {hosts} wants of the first messages: it lives, and does not answer as"
        " expected.",
        first="Check `open` of the endpoint, and the token in it.",
    ),
    RemedyRow(
        _O.BROKER_REFUSED, "the broker refused the login{answer}",
        _A.OWNER, "Say why the broker {hosts} refuses this client: its user, its client id, or the"
        " version of MQTT.",
        first="Check `mqtt` of the endpoint: user, password, client_id, version.",
    ),
    RemedyRow(
        _O.OPEN_DROPPED, "the first message was never acknowledged",
        _A.NETWORK, _BIG_PACKETS,
        first=f"Most often big packets from this host are lost. {_LOWER_MTU}", unproved=_IS_IT_SIZE,
    ),
    RemedyRow(
        _O.OPEN_UNANSWERED, "the first messages had no answer",
        _A.OWNER, "Find out why {hosts} does not answer the first messages; a proxy before it may"
        " wait for a service that hangs.",
        first="Check `open` of the endpoint: it may wait for something else.",
    ),
    RemedyRow(
        _O.OPEN_CUT, "the connection was closed at the first messages",
        _A.OWNER, "Find out who closes at the first messages to {hosts}: the service, or something"
        " that inspects them.",
    ),
    RemedyRow(
        _O.GET_UNANSWERED, "the GET had no good answer",
        _A.OWNER, "Say why {hosts} gives no page.",
        first="Where no HTTP is spoken, check without it ({bare}).",
    ),
    RemedyRow(
        _O.TOOL_LIMIT, "a limit of this machine, or a bug of stresser",
        _A.READER, "See what `stresser doctor` says.",
    ),
    RemedyRow(
        _O.UNNAMED, "nothing that has a name here",
        _A.READER, "Hold sessions for a while (`stresser run`) to see more of {hosts}.",
    ),
)  # fmt: skip
BY_OBSTACLE: Mapping[Obstacle, RemedyRow] = {row.obstacle: row for row in ROWS}


IN_GENERAL = {
    "hosts": "the endpoint",
    "destinations": "the endpoint's address and port",
    "names": "the name",
    "bare": "tls://HOST:PORT",
    "sent": "with the name that it carried",
    "alert": "N",
    "alert_name": "its name",
    "alert_means": "",
    "alpn": "h2",
    "answer": "",
    "code": "N",
    "login": "",
    "place": "",
    "schemes": "a login by SCHEMES",
    "status": "",
    **login_facts(None),
    "to_mss": " to N",
    "issuer": "the issuer",
    "fetch": ", macOS and Chrome fetch",
    "url": "the place that it names",
}
"""What stands in the braces where no ending is at hand."""


_BRACES = re.compile(r"\{([a-z_]+)\}")


def filled(text: str, facts: Mapping[str, str]) -> str:
    """A sentence with its facts; what is not known stays in its braces for who knows it later."""
    return _BRACES.sub(lambda found: facts.get(found[1], found[0]), text)


def seen_words(row: RemedyRow, facts: Mapping[str, str]) -> str:
    """What was seen, with the facts of an ending."""
    return filled(row.seen, facts)


def asked_words(row: RemedyRow, facts: Mapping[str, str]) -> str:
    """All that is to be done: one's own part first, then what to ask whom."""
    ask = row.ask if not row.whom else f"Ask {row.whom}: {row.ask[:1].lower()}{row.ask[1:]}"
    return filled(" ".join(text for text in (row.first, ask) if text), facts)


def sent_words(names: str) -> str:
    """Which name a ClientHello carried; empty: none."""
    return (
        f"it carried the name {names}" if names else "it carried no name: an address was asked for"
    )


def facts_of_ending(ending: Ending, tls: TlsFacts | None) -> dict[str, str]:
    """What an ending puts into its row."""
    alpn = None if tls is None else tls.alpn
    evidence = ending.evidence
    facts = row_facts(ending.alert, ending.status, evidence.headers, alpn, evidence.login)
    answer = answer_words(evidence.last_text or "", ending.code, ending.reason or "", ending.kind)
    return facts | {"answer": answer}


def answer_words(text: str, code: int | None, reason: str, kind: Kind | None = None) -> str:
    """What came in answer to the first messages: a text that is escaped already, a code."""
    is_brokers = kind is Kind.MQTT_REFUSAL
    close = "" if code is None else f"{'CONNACK' if is_brokers else 'WebSocket close'} {code}"
    said = f"{close} {shown(reason, _TEXT)}" if close and reason else close
    parts = [one for one in (f'"{text[:_TEXT]}"' if text else "", said) if one]
    return f"{'' if is_brokers else ', but'} with {' and '.join(parts)}" if parts else ""


def row_facts(
    alert: int | None,
    status: int | None,
    headers: Mapping[str, str],
    alpn: str | None,
    login: ProxyLogin | None = None,
) -> dict[str, str]:
    """What a row needs of an ending. Texts of a peer's are cut and escaped."""
    fields = {name.lower(): value for name, value in headers.items()}
    wanted, place = fields.get("www-authenticate", ""), fields.get("location", "")
    return {
        "alert": "?" if alert is None else str(alert),
        "alert_name": ALERT_NAMES.get(alert or 0, "of no known name"),
        "alert_means": f": {_ALERT_MEANS[alert]}" if alert in _ALERT_MEANS else "",
        "alpn": escaped(alpn or "?", 20),
        "code": "?" if status is None else str(status),
        "login": f", and asks for {escaped(wanted, 60)}" if wanted else "",
        "place": f", which leads to {escaped(place, _TEXT)}" if place else "",
        "schemes": escaped(", ".join(schemes(fields)), 60) or "a login",
        "status": "" if status is None else f" ({status})",
        **login_facts(login),
    }


def missing_facts(issuer: str | None, url: str | None) -> dict[str, str]:
    """What the row of an incomplete chain needs: whose certificate it lacks, and its place."""
    is_web = (url or "").lower().startswith("http")
    return {
        "issuer": escaped(issuer or "?", _TEXT),
        "url": escaped(url or "?", _TEXT),
        "fetch": ", macOS and Chrome fetch" if is_web else " alone fetches",
    }


_ALERT_MEANS = {
    40: "no cipher, curve or signature that both know, or a client certificate is wanted",
    49: "it knows who asks, and forbids it",
    70: "no TLS version that both speak (leave tls_version out, or change it)",
    71: "it wants stronger ciphers than are offered",
    80: "it had an error of its own",
}
