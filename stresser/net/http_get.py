"""HTTP GET over a session's stream: one request, and no more read than the head of the answer.

What a check needs (RFC 9112). Redirects are reported, not followed; a body is left unread.
"""

import re

from stresser.model.checkup_facts import HttpAnswer
from stresser.model.faults import ProtocolViolation
from stresser.net.http_head import (
    TELLING,
    header_fields,
    read_head,
    reason_phrase,
    status_line,
    telling_headers,
)
from stresser.net.plain_stream import SessionStream
from stresser.net.websocket import UpgradeRequest
from stresser.scenario.endpoint import TOKENS
from stresser.scenario.secrets import Secret

_STATUS = re.compile(rb"HTTP/1\.[01] ([2-9][0-9]{2})(?: |$)")
_OWN = frozenset({"host", "accept", "connection"})


async def get(
    stream: SessionStream, request: UpgradeRequest, *, head_only: bool = False
) -> HttpAnswer:
    """Ask for a page; `head_only`: for its head, in the name of nobody (RFC 9110 section 9.3.2).

    Raises:
        ProtocolViolation: an answer that is not HTTP/1, or whose head is too long.
        and what `TlsStream.receive_some` raises.
    """
    method = "HEAD" if head_only else "GET"
    lines = [f"{method} {request.target} HTTP/1.1", f"Host: {request.host}", "Accept: */*"]
    lines += [
        f"{name}: {value.reveal() if isinstance(value, Secret) else value}"
        for name, value in request.headers.items()
        if name.lower() not in _OWN and not (head_only and _names_us(name, value))
    ]
    lines += ["Connection: close", "", ""]
    await stream.send_all("\r\n".join(lines).encode("latin-1"))
    head, _ = await read_head(stream.receive_some)
    status = _STATUS.match(status_line(head))
    if status is None:
        detail = f"no status that HTTP allows: {status_line(head)[:80]!r}"
        raise ProtocolViolation("http", detail, head)
    return HttpAnswer(
        status=int(status[1]),
        reason=reason_phrase(head),
        headers=telling_headers(header_fields(head), TELLING),
    )


def _names_us(name: str, value: str | Secret) -> bool:
    return isinstance(value, Secret) or name.lower() in TOKENS
