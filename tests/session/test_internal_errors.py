"""A bug of ours in one session is told as its ending, counted, and touches no other session."""

import errno

import pytest
import trio

from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.events import HostSlept
from stresser.model.faults import PeerFin
from stresser.model.packet import FlowPackets
from stresser.model.quantity import Quantity
from stresser.model.units import NS_PER_S
from stresser.scenario.plan import Reconnect
from stresser.session.internal_errors import Bugs, Guarded, InternalError
from tests.fakes.certificates import server_context
from tests.fakes.notebook import Notebook
from tests.fakes.peers import websocket_server
from tests.fakes.world import in_virtual_time, seconds, silent, world

RECONNECT = Reconnect(initial=seconds(10), max=seconds(10), jitter=0)
EVENT = HostSlept(t_ns=0, utc="", slept_ns=1)


def raised(exc):
    """With the frames that a bug of the product would have."""
    try:
        raise exc
    except type(exc) as caught:
        return caught


# What is a bug


@pytest.mark.parametrize("exc", [PeerFin(), ConnectionResetError(), trio.BrokenResourceError()])
def test_what_the_world_does_is_no_bug(exc):
    bugs = Bugs()
    assert bugs.blame(exc) is exc
    assert bugs.count == 0


def test_no_memory_is_a_limit_and_no_bug():
    bugs = Bugs()
    blamed = bugs.blame(MemoryError())
    assert isinstance(blamed, OSError)
    assert (blamed.errno, bugs.count) == (errno.ENOMEM, 0)


def test_a_bug_says_what_and_where():
    bugs = Bugs()
    blamed = bugs.blame(raised(KeyError("x")))
    assert isinstance(blamed, InternalError)
    assert blamed.failure == "internal_error: KeyError"
    assert blamed.last_lines.startswith("KeyError: 'x' < ")
    assert "test_internal_errors.py" in blamed.last_lines
    assert "raised" in blamed.last_lines
    assert blamed.__traceback__ is None
    assert (bugs.count, len(bugs.reports)) == (1, 1)
    assert "Traceback" in bugs.reports[0]


def test_a_bug_a_second_for_a_night_stays_small():
    bugs = Bugs()
    for _ in range(1000):
        blamed = bugs.blame(raised(ValueError("x" * 100_000)))
        assert isinstance(blamed, InternalError)
        assert len(blamed.last_lines) <= 512
        assert (
            "test_internal_errors.py" in blamed.last_lines
        )  # a long message does not hide the place
    assert bugs.count == 1000
    assert sum(len(report) for report in bugs.reports) < 200_000


def test_a_group_of_exceptions_is_a_bug_like_any_other():
    bugs = Bugs()
    blamed = bugs.blame(raised(ExceptionGroup("two", [KeyError(1), ValueError(2)])))
    assert isinstance(blamed, InternalError)
    assert blamed.failure == "internal_error: ExceptionGroup"


def test_contained_stops_bugs_and_nothing_else():
    bugs = Bugs()
    with bugs.contained():
        Saboteur(KeyError())()
    with pytest.raises(KeyboardInterrupt), bugs.contained():
        Saboteur(KeyboardInterrupt())()

    async def cancelled():
        with trio.CancelScope() as scope:
            scope.cancel()
            with bugs.contained():
                await trio.sleep_forever()
        return scope.cancelled_caught

    assert trio.run(cancelled)
    assert bugs.count == 1


# Observers


class Broken(Notebook):
    def event(self, event):
        super().event(event)
        raise ZeroDivisionError

    def sample(self, quantity, cohort, value_ns):
        super().sample(quantity, cohort, value_ns)
        raise ZeroDivisionError


def test_an_observers_bug_does_not_reach_who_tells_it():
    bugs, broken = Bugs(), Broken()
    guarded = Guarded(broken, bugs)
    guarded.event(EVENT)
    guarded.sample(Quantity.RTT, None, 1)
    assert broken.sampled == []
    guarded.hand_on()
    assert (len(broken.events), len(broken.sampled), bugs.count) == (1, 1, 2)


# In the life of a session: the seat goes on, others notice nothing


class Saboteur:
    """A stand-in for a bug: any attribute of ours that is called raises."""

    def __init__(self, exc):
        self.exc = exc
        self.calls = 0

    def __call__(self, *_args, **_kwargs):
        self.calls += 1
        raise self.exc


def lives_with(sabotage, monkeypatch, **route):
    """Two seats for an hour; `sabotage(world)` puts a bug into the product at 100 s."""

    async def story():
        async with world(websocket_server(server_context())) as made:
            for _ in range(2):
                made.start(made.route(**route), reconnect=RECONNECT)
            await trio.sleep(100.5)
            with monkeypatch.context() as patch:
                sabotage(made, patch)
                await trio.sleep(25)
            await trio.sleep(3000)
            made.stop()
            await trio.sleep(6)
            return made

    return in_virtual_time(story)


def accounted_for(made):
    notebook = made.notebook
    assert len(notebook.opened) == len(notebook.ended)
    assert {e.session for e in notebook.opened} == {e.session for e in notebook.ended}
    attempts = [e.attempt for e in (*notebook.opened, *notebook.failed)]
    assert len(attempts) == len(set(attempts))


def unplanned(made):
    return [e for e in made.notebook.ended if not e.ending.planned]


def first_session(made):
    return next(iter(made.heartbeats._sessions.values()))


def test_a_bug_in_a_beat_ends_that_session_alone(monkeypatch):
    def sabotage(made, patch):
        session = first_session(made)
        broken = Saboteur(RuntimeError("beat"))
        patch.setattr(type(session.websocket), "ping_nowait", only_for(session.websocket, broken))

    def only_for(victim, broken):
        original = type(victim).ping_nowait

        def ping(self, payload):
            return broken() if self is victim else original(self, payload)

        return ping

    made = lives_with(sabotage, monkeypatch)
    (ended,) = unplanned(made)
    assert (
        ended.ending.kind,
        ended.ending.initiator,
        ended.ending.failure,
        ended.ending.phase,
    ) == (Kind.TOOL, Initiator.TOOL, "internal_error: RuntimeError", Phase.HELD)
    assert ended.ending.raw.startswith("RuntimeError: beat < ")
    assert made.around.bugs.count == 1
    assert len(made.notebook.opened) == 3  # the seat went on
    accounted_for(made)


class BrokenCapture:
    """A packet witness that fails whenever it is asked for the last packets of a flow."""

    async def settle(self, *_):
        await trio.lowlevel.checkpoint()

    def seen(self, *_):
        return FlowPackets()

    def last(self, *_):
        raise OverflowError("interface")

    def forget(self, *_):
        pass

    expect = watch = forget


def test_where_the_packets_are_the_bug_a_session_still_gets_its_ending(monkeypatch):
    def sabotage(made, patch):
        patch.setattr(made.around, "packets", BrokenCapture())
        made.paths[0].reset()

    made = lives_with(sabotage, monkeypatch)
    (ended,) = unplanned(made)
    assert (ended.ending.kind, ended.ending.failure) == (Kind.TOOL, "internal_error: OverflowError")
    assert made.around.bugs.count == 1
    accounted_for(made)


def test_a_bug_while_draining_ends_the_session(monkeypatch):
    def sabotage(_made, patch):
        from stresser.net.websocket import WebSocket

        patch.setattr(WebSocket, "_take", Saboteur(ExceptionGroup("g", [KeyError(1)])))

    made = lives_with(sabotage, monkeypatch)
    assert {e.ending.failure for e in unplanned(made)} == {"internal_error: ExceptionGroup"}
    # At 105 s, with the pongs that are due then. Those that replace them are sent nothing until
    # the bug is gone at 125.5 s.
    assert (len(unplanned(made)), len(made.notebook.opened)) == (2, 4)
    assert {105} == {e.t_ns // NS_PER_S for e in unplanned(made)}
    accounted_for(made)


def test_a_bug_in_an_attempt_is_its_failure(monkeypatch):
    def sabotage(made, patch):
        import stresser.session.attempt

        async def broken(*_):
            await trio.lowlevel.checkpoint()
            raise TypeError("upgrade")

        patch.setattr(stresser.session.attempt, "upgrade", broken)
        for path in made.paths:
            path.reset()

    made = lives_with(sabotage, monkeypatch)
    assert {(e.ending.failure, e.ending.phase, e.ending.kind) for e in made.notebook.failed} == {
        ("internal_error: TypeError", Phase.UPGRADE, Kind.TOOL)
    }
    assert made.around.bugs.count == len(made.notebook.failed) == 4
    assert all(not path.kernel.open for path in made.paths)
    accounted_for(made)


def test_a_bug_after_the_handshakes_is_a_failed_attempt_and_no_drop(monkeypatch):
    def sabotage(made, patch):
        patch.setattr(type(made.around), "tell_chain", Saboteur(IndexError()))
        for path in made.paths:
            path.reset()

    made = lives_with(sabotage, monkeypatch)
    failed = made.notebook.failed
    assert {(e.ending.failure, e.ending.phase) for e in failed} == {
        ("internal_error: IndexError", Phase.UPGRADE)
    }
    assert not any(e.ending.is_drop for e in failed)
    accounted_for(made)


def test_a_bug_in_the_classifier_is_the_ending(monkeypatch):
    def sabotage(made, patch):
        import stresser.session.ending_event

        patch.setattr(stresser.session.ending_event, "classify", Saboteur(KeyError("rule")))
        for path in made.paths:
            path.reset()

    made = lives_with(sabotage, monkeypatch)
    assert {e.ending.failure for e in unplanned(made)} == {"internal_error: KeyError"}
    accounted_for(made)


def test_a_bug_while_closing_still_leaves_a_planned_ending(monkeypatch):
    async def story():
        async with world(websocket_server(server_context())) as made:
            made.start(made.route(activity=silent()))
            await trio.sleep(100)
            from stresser.session.held import HeldSession

            with monkeypatch.context() as patch:
                patch.setattr(HeldSession, "begin_close", Saboteur(OSError("?")))
                patch.setattr(HeldSession, "answer_to_close", Saboteur(KeyError("close")))
                made.stop()
                await trio.sleep(1)
            return made

    made = in_virtual_time(story)
    ended = made.notebook.only_ended()
    assert (ended.ending.kind, ended.ending.evidence.close) == (Kind.PLANNED, "unanswered")
    assert made.around.bugs.count == 2
    assert made.finished == 1
    assert not made.paths[0].kernel.open


def test_memory_that_runs_out_is_told_as_such(monkeypatch):
    def sabotage(made, patch):
        import stresser.session.attempt

        patch.setattr(stresser.session.attempt, "TlsStream", Saboteur(MemoryError()))
        for path in made.paths:
            path.reset()

    made = lives_with(sabotage, monkeypatch)
    assert {
        (e.ending.failure, e.ending.kind, e.ending.initiator) for e in made.notebook.failed
    } == {("out_of_memory", Kind.TOOL, Initiator.TOOL)}
    assert made.around.bugs.count == 0
    accounted_for(made)
