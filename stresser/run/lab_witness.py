"""What the lab's middleboxes say they did, as events of the run: the truth beside our findings."""

from stresser.lab.messages import KillRecord, KillsLost
from stresser.model.events import LabKilled, Observer
from stresser.witness.clock import RunClock


class LabWitness:
    """Turns the lab's kill records into events. Before `tell` there are no sessions to kill."""

    def __init__(self) -> None:
        self._observer: Observer | None = None
        self._clock: RunClock | None = None

    def tell(self, observer: Observer, clock: RunClock) -> None:
        """Hand over what the lab says from now on."""
        self._observer, self._clock = observer, clock

    def on_kill(self, record: KillRecord | KillsLost) -> None:
        """One flow was ended on purpose (see `lab.process.running_lab`)."""
        if self._observer is None or self._clock is None or isinstance(record, KillsLost):
            return
        t_ns = max(0, record.at_unix_ns - self._clock.anchor_unix_ns)
        self._observer.event(
            LabKilled(
                t_ns=t_ns,
                utc=self._clock.utc(t_ns),
                endpoint=record.endpoint,
                egress=record.egress,
                kill=record.kill,
                rule=record.rule,
                client_port=record.client_port,
                idle_ns=record.idle_ns,
            )
        )
