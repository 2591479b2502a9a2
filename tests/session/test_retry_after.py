"""What a refusal may ask for, and what it gets."""

from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise

import pytest
import trio

from stresser.model.faults import HttpRefused, PeerFin, ProxyRefused
from stresser.model.units import NS_PER_S, Duration
from stresser.scenario.plan import Reconnect
from stresser.session.retry_after import LONGEST_S, retry_after_s
from tests.fakes.certificates import server_context
from tests.fakes.peers import TlsPeer
from tests.fakes.world import in_virtual_time, world


def asked(headers):
    """Seconds, on a clock that was anchored at one o'clock."""

    async def story():
        async with world(nobody) as made:
            made.clock.anchor_unix_ns = at("13:00:00") * NS_PER_S
            await trio.sleep(60)
            return [
                retry_after_s(fault, made.clock)
                for fault in (
                    HttpRefused(503, "busy", headers),
                    ProxyRefused("proxy_http_503", 503, "busy", headers),
                )
            ]

    one, other = in_virtual_time(story)
    assert one == other
    return one


async def nobody(far):
    del far
    await trio.lowlevel.checkpoint()


def at(time):
    return int(datetime.fromisoformat(f"2026-11-23T{time}+00:00").timestamp())


def date(time):
    return format_datetime(datetime.fromtimestamp(at(time), UTC), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("86400", LONGEST_S),
        ("999999999", LONGEST_S),
        ("9" * 400, 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("", 0),
        (date("13:01:30"), 30),  # the run is a minute old
        (date("13:00:30"), 0),
        (date("23:00:00"), LONGEST_S),
        ("Mon, 23 Nov 99999 13:00:00 GMT", 0),
        ("Mon, 99 Nov 2026 99:00:00 GMT", 0),
        ("\x00\x1b[2J", 0),
        (", , ,", 0),
    ],
)
def test_seconds_or_a_date_up_to_a_bound(value, seconds):
    assert asked({"retry-after": value}) == pytest.approx(seconds, abs=0.01)


def test_nothing_was_asked_for():
    assert asked({}) == 0


def test_only_a_refusal_can_ask():
    async def story():
        async with world(nobody) as made:
            return retry_after_s(PeerFin(), made.clock)

    assert in_virtual_time(story) == 0


def test_a_session_stays_away_as_long_as_it_is_asked_and_then_no_longer():
    """Refused once with a wait of 90 s, once with none: the back-off alone is a second or two."""
    answers = [
        b"HTTP/1.1 503 Busy\r\nRetry-After: 90\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
    ]
    came: list[float] = []
    over = trio.Event()

    async def refuse(far):
        came.append(trio.current_time())
        tls = TlsPeer(far, server_context("1.3"))
        await tls.handshake()
        await tls.read()
        await tls.write(answers.pop(0))
        if not answers:
            over.set()

    async def story():
        async with world(refuse) as made:
            second = Duration.parse("1s")
            calm = Reconnect(initial=second, max=Duration.parse("60s"), jitter=0.0)
            made.start(made.route(), reconnect=calm)
            await over.wait()
            made.stop()

    in_virtual_time(story)
    waits = [later - earlier for earlier, later in pairwise(came)]
    assert waits == pytest.approx([90, 2], abs=0.01)
