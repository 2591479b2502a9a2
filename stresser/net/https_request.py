"""One HTTPS request over our own stream, with its whole answer; h11 reads it (RFC 9112).

For what comes before a session: a token, the place of a socket. Redirects are refusals; the answer
is bounded, and nothing of it stands in what is raised.
"""

from collections.abc import Mapping

import h11
from msgspec import Struct

from stresser.model.faults import HttpRefused, PeerCloseNotify, PeerFin, ProtocolViolation
from stresser.net.http_head import HEAD_LIMIT, TELLING, telling_headers
from stresser.net.plain_stream import SessionStream
from stresser.scenario.secrets import Secret

LONGEST_ANSWER = 1 << 20
"""Bytes of a body."""
_OWN = frozenset({"host", "connection", "content-length", "accept", "accept-encoding"})


class HttpsRequest(Struct, frozen=True, kw_only=True):
    """What is asked."""

    method: str
    host: str
    """The Host header."""
    target: str
    headers: Mapping[str, str | Secret]
    body: bytes = b""


class HttpsAnswer(Struct, frozen=True, kw_only=True):
    """What came, of status 2xx. It may hold secrets: it is for no file and no screen."""

    headers: dict[str, str]
    """By lower-case name; the last of several."""
    body: bytes

    def __repr__(self) -> str:
        return f"<HttpsAnswer of {len(self.body)} bytes>"


async def ask_https(stream: SessionStream, request: HttpsRequest) -> HttpsAnswer:
    """Ask, and hear the answer to its end.

    Raises:
        HttpRefused: an answer other than 2xx.
        ProtocolViolation: an answer that HTTP does not allow, or that is too long.
        and what `stream.receive_some` raises, before the answer is whole.
    """
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    await stream.send_all(_written(peer, request))
    head, body = None, bytearray()
    while True:
        event = await _next_event(peer, stream)
        if isinstance(event, h11.Response):
            head = event
            if not 200 <= event.status_code < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
                raise _refusal(event)
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > LONGEST_ANSWER:
                raise ProtocolViolation("http", f"the answer is longer than {LONGEST_ANSWER} bytes")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return HttpsAnswer(headers=_headers(head), body=bytes(body))
        elif isinstance(event, h11.ConnectionClosed):
            raise PeerFin


async def _next_event(peer: h11.Connection, stream: SessionStream) -> object:
    try:
        while (event := peer.next_event()) is h11.NEED_DATA:
            try:
                data = await stream.receive_some()
            except (PeerCloseNotify, PeerFin):
                if peer.their_state is not h11.SEND_BODY:
                    raise
                data = b""  # an answer may end with its connection (RFC 9112 section 6.3)
            peer.receive_data(data)
    except h11.RemoteProtocolError:  # its words hold what came
        raise ProtocolViolation("http", "the answer is none that HTTP allows") from None
    return event


def _written(peer: h11.Connection, request: HttpsRequest) -> bytes:
    own = [("Host", request.host), ("Accept", "*/*"), ("Connection", "close")]
    if request.body or request.method == "POST":
        own.append(("Content-Length", str(len(request.body))))
    given = [
        (name, value.reveal() if isinstance(value, Secret) else value)
        for name, value in request.headers.items()
        if name.lower() not in _OWN
    ]
    fields = [(name.encode(), value.encode("latin-1")) for name, value in (*own, *given)]
    head = h11.Request(method=request.method, target=request.target, headers=fields)
    sent = peer.send(head) or b""
    if request.body:
        sent += peer.send(h11.Data(data=request.body)) or b""
    return sent + (peer.send(h11.EndOfMessage()) or b"")


def _refusal(head: h11.Response) -> HttpRefused:
    telling = telling_headers(head.headers, TELLING)
    return HttpRefused(head.status_code, head.reason.decode("latin-1")[:256], telling)


def _headers(head: h11.Response) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
