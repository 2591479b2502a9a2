import trio

from stresser.model.ending import Initiator, Kind
from stresser.model.events import HostSlept, SessionEnded
from stresser.model.units import NS_PER_S
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import in_virtual_time, world


def test_sessions_that_die_at_the_waking_are_told_after_the_sleep(monkeypatch):
    """They are the first to ask: the sleep must not be lost in their answer."""
    suspended = [0]
    monkeypatch.setattr("stresser.witness.clock.suspended_ns", lambda: suspended[0])

    async def story():
        async with world(websocket_server(server_context())) as made:
            for _ in range(3):
                made.start(made.route())
            await trio.sleep(1000)
            suspended[0] = 8 * 3600 * NS_PER_S
            for path in made.paths:
                path.reset()
            await trio.sleep(100)
            made.start(made.route())
            await trio.sleep(100)
            made.paths[-1].reset()
            await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    told = [e for e in made.notebook.events if isinstance(e, HostSlept | SessionEnded)]
    slept, *ended = told
    assert isinstance(slept, HostSlept)
    assert (slept.t_ns, slept.slept_ns) == (1000 * NS_PER_S, 8 * 3600 * NS_PER_S)
    kinds = [(e.kind, e.initiator) for e in ended if isinstance(e, SessionEnded)]
    assert kinds[:3] == [(Kind.HOST_SLEPT, Initiator.HOST)] * 3
    assert kinds[3] == (Kind.TCP_RESET, Initiator.UNKNOWN)  # opened after the waking
    assert made.clock.utc(slept.t_ns) == slept.utc == ended[0].utc
