"""Faults of a session that is established, as its endpoint commits them."""

import os
import zlib
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final, NoReturn

import trio

from stresser.lab.behaviours import Behaviour
from stresser.lab.broker import BrokerConversation
from stresser.lab.conversation import Conversation, WssConversation, listen_until
from stresser.lab.departed import hold_vanished
from stresser.lab.frames import (
    BINARY,
    CLOSE,
    PING,
    RESERVED,
    TEXT,
    close_frame,
    frame,
    frame_header,
    masked_frame,
)
from stresser.lab.tls_faults import drip

_CLOSE_ANSWER_S: Final = 5.0
_GIGABYTE: Final = 1 << 30
_CHUNK: Final = bytes(65_536)
_BOMB_SIZE: Final = 64 << 20
_BURST: Final = 512
_TINY: Final = (frame(TEXT) + frame(PING)) * _BURST
_NO_RECORD: Final = b"\x00\x01\x02 this is no TLS record \xff\xfe\xfd"
_DRIPPED_SIZE: Final = 1000
_HUGE_REASON_SIZE: Final = 1000


async def _reset(session: Conversation, _: Behaviour) -> None:
    session.wire.reset()


async def _fin(session: Conversation, _: Behaviour) -> None:
    await session.wire.fin()


async def _close_notify(session: Conversation, _: Behaviour) -> None:
    await session.tls.aclose()


async def _close_notify_only(session: Conversation, _: Behaviour) -> None:
    await session.tls.close_notify()
    await session.wire.discard()


async def _half_close(session: Conversation, _: Behaviour) -> None:
    session.wire.shut()
    await session.wire.discard()


async def _half_close_notify(session: Conversation, _: Behaviour) -> None:
    await session.tls.close_notify()
    session.wire.shut()
    await session.wire.discard()


async def _alert(session: Conversation, _: Behaviour) -> None:
    await session.tls.fatal_alert()
    await session.wire.fin()


async def _garbage_record(session: Conversation, _: Behaviour) -> None:
    await session.wire.send_all(_NO_RECORD + os.urandom(64))
    await session.wire.discard()


async def _vanish(session: Conversation, _: Behaviour) -> None:
    await hold_vanished(session.wire)


async def _drip(session: Conversation, behaviour: Behaviour) -> None:
    if isinstance(session, WssConversation):
        await drip(session.tls, frame(BINARY, bytes(_DRIPPED_SIZE)), behaviour.number)
    else:
        await drip(session.wire, session.tls.record_of(bytes(_DRIPPED_SIZE)), behaviour.number)
    await session.wire.discard()


async def _deaf(session: Conversation, _: Behaviour) -> None:
    await session.wire.discard()


async def _ws_close(session: Conversation, behaviour: Behaviour) -> None:
    code = None if behaviour.empty else behaviour.number
    await session.tls.send_all(close_frame(code, behaviour.text))
    if isinstance(session, WssConversation):
        with trio.move_on_after(_CLOSE_ANSWER_S):
            await session.wait_for_close()
    await session.tls.aclose()


async def _mqtt_disconnect(session: Conversation, behaviour: Behaviour) -> None:
    if isinstance(session, BrokerConversation):
        await session.disconnect(behaviour.number)
    await session.tls.aclose()


async def _bad_frame(session: Conversation, behaviour: Behaviour) -> None:
    wrong = masked_frame if behaviour.text == "mask" else frame
    opcode = TEXT if behaviour.text == "mask" else RESERVED
    await _send_and_discard(session, wrong(opcode, b"wrong"))


async def _huge_close_reason(session: Conversation, _: Behaviour) -> None:
    reason = (1000).to_bytes(2, "big") + b"r" * _HUGE_REASON_SIZE
    await _send_and_discard(session, frame(CLOSE, reason))


async def _bomb(session: Conversation, _: Behaviour) -> None:
    await _send_and_discard(session, frame(BINARY, _compressed_zeros(), rsv1=True))


async def _send_and_discard(session: Conversation, data: bytes) -> None:
    await session.tls.send_all(data)
    await session.wire.discard()


@cache
def _compressed_zeros() -> bytes:
    """64 MiB of zeros as permessage-deflate sends them (RFC 7692 section 7.2.1): 64 KiB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = b"".join(deflate.compress(_CHUNK) for _ in range(_BOMB_SIZE // len(_CHUNK)))
    data += deflate.flush(zlib.Z_SYNC_FLUSH)
    return data.removesuffix(b"\x00\x00\xff\xff")


async def _gigabyte_frame(session: Conversation, _: Behaviour) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session.wire.discard)
        await session.tls.send_all(frame_header(BINARY, _GIGABYTE))
        for _chunk in range(_GIGABYTE // len(_CHUNK)):
            await session.tls.send_all(_CHUNK)


async def _tiny_flood(session: Conversation, _: Behaviour) -> None:
    async def send() -> NoReturn:
        while True:
            await session.tls.send_all(_TINY)

    await _talk_while_listening(session, send)


async def _flood(session: Conversation, behaviour: Behaviour) -> None:
    await send_messages(session, behaviour.number)


async def send_messages(session: Conversation, rate: int) -> None:
    """Send `rate` small messages a second (0: no limit) and answer the peer, until it leaves.

    The schedule is absolute: a sender that was held up catches up in a burst.
    """

    async def send() -> NoReturn:
        start, sent = trio.current_time(), 0
        while True:
            await session.small_message()
            sent += 1
            if rate:
                await trio.sleep_until(start + sent / rate)

    await _talk_while_listening(session, send)


async def _talk_while_listening(
    session: Conversation, talk: Callable[[], Awaitable[NoReturn]]
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk)
        try:
            await listen_until(session)
        finally:
            nursery.cancel_scope.cancel()


HELD_FAULTS: Final[dict[str, Callable[[Conversation, Behaviour], Awaitable[None]]]] = {
    "reset": _reset,
    "fin": _fin,
    "close-notify": _close_notify,
    "close-notify-only": _close_notify_only,
    "half-close": _half_close,
    "half-close-notify": _half_close_notify,
    "alert": _alert,
    "garbage-record": _garbage_record,
    "vanish": _vanish,
    "drip": _drip,
    "flood": _flood,
    "deaf": _deaf,
    "ws-close": _ws_close,
    "mqtt-disconnect": _mqtt_disconnect,
    "bad-frame": _bad_frame,
    "huge-close-reason": _huge_close_reason,
    "gigabyte-frame": _gigabyte_frame,
    "bomb": _bomb,
    "tiny-flood": _tiny_flood,
}
"""What befalls a session at the moment its behaviour names."""
