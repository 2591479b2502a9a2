"""The lab's kill records become events of the run."""

import trio

from stresser.lab.messages import KillRecord, KillsLost
from stresser.model import events
from stresser.model.kill import Kill
from stresser.run.lab_witness import LabWitness
from stresser.witness.clock import RunClock


class Events:
    def __init__(self):
        self.seen = []

    def event(self, event):
        self.seen.append(event)

    def sample(self, quantity, cohort, value_ns):
        raise AssertionError("a kill is no sample")


def record_at(unix_ns: int) -> KillRecord:
    return KillRecord(
        kill=Kill.FIN,
        rule="age_limit",
        egress="box",
        endpoint="echo",
        client_port=4711,
        at_unix_ns=unix_ns,
        idle_ns=5,
    )


def test_a_kill_is_an_event_at_its_own_time():
    async def main():
        clock, observer, witness = RunClock(), Events(), LabWitness()
        witness.tell(observer, clock)
        witness.on_kill(record_at(clock.anchor_unix_ns + 1_500_000_000))
        return observer.seen, clock.utc(1_500_000_000)

    [event], utc = trio.run(main)

    assert isinstance(event, events.LabKilled)
    assert (1_500_000_000, utc) == (event.t_ns, event.utc)
    assert (event.kill, event.rule, event.client_port) == (Kill.FIN, "age_limit", 4711)


def test_before_the_run_began_and_what_was_lost_is_no_event():
    async def main():
        clock, observer, witness = RunClock(), Events(), LabWitness()
        witness.on_kill(record_at(clock.anchor_unix_ns))
        witness.tell(observer, clock)
        witness.on_kill(KillsLost(kills_lost=3))
        return observer.seen

    assert trio.run(main) == []
