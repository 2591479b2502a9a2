"""The lab's good endpoints: WebSocket by trio-websocket, an engine that is not ours; TLS bytes."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)

from stresser.lab.conversation import TlsConversation, listen_until, read_upgrade_request
from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import GONE, Wire
from stresser.model.sized_messages import sized_answer

_LONGEST_MESSAGE: Final = 1 << 20
_UPGRADE_S: Final = 10.0
_log = logging.getLogger(__name__)

# Its reader logs each peer that goes; here they all go on purpose.
logging.getLogger("trio-websocket").setLevel(logging.CRITICAL)


async def echo_bytes(wire: Wire, tls: TlsSession) -> None:
    """Send back what comes, until the peer leaves; then say goodbye."""
    try:
        await listen_until(TlsConversation(wire, tls))
    finally:
        await tls.aclose()


Talk = Callable[[WebSocketConnection], Awaitable[None]]
"""What an endpoint says to a client, for ever."""


def _upgraded(_: bytes) -> bytes | None:
    return None


async def talk_to(
    wire: Wire,
    tls: TlsSession,
    talk: Talk,
    answer: Callable[[bytes], bytes | None] = _upgraded,
) -> None:
    """Upgrade, talk, answer pings, until the peer leaves or the talk ends.

    `answer`: what a request's head gets in the place of the upgrade; None: it is upgraded.
    """
    try:
        request = await read_upgrade_request(tls)
        other = None if request is None else answer(request)
        if other is not None:
            await tls.send_all(other)
            await tls.aclose()
        elif request is not None:
            tls.unread(request)
            await _serve(tls, talk)
    except* GONE:
        pass
    except* Exception:  # noqa: BLE001 - one session's bug in a library must not end the others
        # trio-websocket issue 184: a ping during its closing handshake raises out of its reader.
        _log.warning("session ended by the WebSocket engine", exc_info=True)
    finally:
        wire.close()


async def _serve(tls: TlsSession, talk: Talk) -> None:
    async with trio.open_nursery() as nursery:
        # With a request that it rejects, the engine neither returns nor raises: hence the limit.
        with trio.move_on_after(_UPGRADE_S):
            request = await wrap_server_stream(nursery, tls, max_message_size=_LONGEST_MESSAGE)
            nursery.start_soon(_accept, request, talk)
            return
        nursery.cancel_scope.cancel()


async def _accept(request: WebSocketRequest, talk: Talk) -> None:
    chosen = request.proposed_subprotocols[0] if request.proposed_subprotocols else None
    try:
        await talk(await request.accept(subprotocol=chosen))
    except* (ConnectionClosed, *GONE):
        pass  # the peer's way to leave; the engine's reader ends with it


async def echo_messages(connection: WebSocketConnection) -> None:
    """Send back each message, or one of the size that it asks for."""
    while True:
        await connection.send_message(sized_answer(await connection.get_message()))
