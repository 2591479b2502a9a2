"""Hands every event and sample to each observer of a run."""

from collections.abc import Sequence

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, Observer
from stresser.model.quantity import Quantity


class Fanout:
    """An observer made of observers."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        for observer in self._observers:
            observer.event(event)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        for observer in self._observers:
            observer.sample(quantity, cohort, value_ns)
