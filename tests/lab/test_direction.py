import ssl
from typing import Any

import pytest
import trio
import trio.testing

from stresser.lab.direction import Direction

DELAY_S = 3.0


class Script:
    """A source that gives what it is told, when it is told; then it ends as it is told."""

    def __init__(self, *pieces, ending=b"", notified=False):
        self.pieces = [*pieces, (0.0, ending)]
        self.close_notified = notified

    async def send_all(self, _):
        raise AssertionError("nobody writes to a source")

    async def end(self, **_):
        raise AssertionError("nobody ends a source")

    async def receive_some(self):
        pause, piece = self.pieces.pop(0)
        await trio.sleep(pause)
        if isinstance(piece, Exception):
            raise piece
        return piece


class Ledger:
    """A sink that remembers what came, and when."""

    close_notified = False

    def __init__(self):
        self.entries: list[Any] = []

    async def receive_some(self):
        raise AssertionError("nobody reads from a sink")

    async def send_all(self, data):
        self.entries.append((trio.current_time(), data))

    async def end(self, *, notify):
        self.entries.append((trio.current_time(), "notify" if notify else "fin"))


def relay(source: Any, *, admitted=lambda: True, delay_s=0.0, entries=None):
    sink, sent = Ledger(), []

    async def admit():
        return admitted()

    async def main():
        start = trio.current_time()
        direction = Direction(
            source,
            sink,
            admit=admit,
            sent=lambda: sent.append(1),
            delay_ns=int(delay_s * 1_000_000_000),
        )
        try:
            await direction.run()
        finally:
            sink.entries = [(round(at - start, 6), what) for at, what in sink.entries]
            if entries is not None:
                entries.extend(sink.entries)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return sink.entries


@pytest.mark.parametrize("delay_s", [0.0, DELAY_S])
@pytest.mark.parametrize("notified", [False, True])
def test_data_and_end_are_passed_on_in_order_and_in_time(delay_s, notified):
    source = Script((1.0, b"a"), (1.0, b"b"), (0.0, b"c"), notified=notified)
    ending = "notify" if notified else "fin"
    expected = [(1.0, b"a"), (2.0, b"b"), (2.0, b"c"), (2.0, ending)]
    assert [(at + delay_s, what) for at, what in expected] == relay(source, delay_s=delay_s)


@pytest.mark.parametrize("delay_s", [0.0, DELAY_S])
def test_a_reset_is_raised_after_the_data_before_it(delay_s):
    reset = trio.BrokenResourceError()
    reset.__cause__ = ConnectionResetError()
    entries: list[Any] = []
    with pytest.raises((trio.BrokenResourceError, ExceptionGroup)):
        relay(Script((1.0, b"a"), ending=reset), entries=entries, delay_s=delay_s)
    assert entries == [(1.0 + delay_s, b"a")]


def test_a_truncation_of_tls_is_a_fin_without_close_notify():
    cut = trio.BrokenResourceError()
    cut.__cause__ = ssl.SSLEOFError()
    assert relay(Script((1.0, b"a"), ending=cut)) == [(1.0, b"a"), (1.0, "fin")]


@pytest.mark.parametrize("delay_s", [0.0, DELAY_S])
def test_what_is_not_admitted_is_lost_the_end_included(delay_s):
    source = Script((1.0, b"a"), (1.0, b"b"))
    assert relay(source, admitted=lambda: trio.current_time() < 0, delay_s=delay_s) == []


def test_a_full_delay_line_stops_reading_and_loses_nothing():
    source = Script(*((0.0, bytes((n,))) for n in range(200)))
    entries = relay(source, delay_s=DELAY_S)
    assert [what for _, what in entries] == [*(bytes((n,)) for n in range(200)), "fin"]
    assert entries[0][0] == DELAY_S
    assert entries[-1][0] >= 2 * DELAY_S  # the line is shorter than that
