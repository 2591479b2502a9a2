"""An observer that keeps all it is told."""

from collections.abc import Sequence

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, AttemptFailed, SessionEnded, SessionOpened
from stresser.model.quantity import Quantity


class Notebook:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []
        self.sampled: list[tuple[Quantity, Cohort | None, int]] = []

    def event(self, event: AnyEvent) -> None:
        self.events.append(event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        self.sampled.append((quantity, cohort, value_ns))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        for value_ns in values_ns:
            self.sample(quantity, cohort, value_ns)

    def values(self, quantity: Quantity) -> list[int]:
        return [value for kept, _, value in self.sampled if kept is quantity]

    @property
    def opened(self) -> list[SessionOpened]:
        return [event for event in self.events if isinstance(event, SessionOpened)]

    @property
    def ended(self) -> list[SessionEnded]:
        return [event for event in self.events if isinstance(event, SessionEnded)]

    @property
    def failed(self) -> list[AttemptFailed]:
        return [event for event in self.events if isinstance(event, AttemptFailed)]

    def only_ended(self) -> SessionEnded:
        (event,) = self.ended
        return event

    def only_failed(self) -> AttemptFailed:
        (event,) = self.failed
        return event
