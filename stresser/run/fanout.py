"""Hands every event and sample to each observer of a run."""

from collections.abc import Callable, Sequence

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent
from stresser.model.quantity import Quantity
from stresser.session.internal_errors import BatchObserver


class Fanout:
    """An observer made of observers. Where one of them fails, the others still take the event.

    Raises:
        ExceptionGroup: of what they raised, once all have taken it.
    """

    def __init__(self, observers: Sequence[BatchObserver]) -> None:
        self._observers = tuple(observers)

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        self._tell(lambda observer: observer.event(event))

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """Durations were measured."""
        self._tell(lambda observer: observer.samples(quantity, cohort, values_ns))

    def _tell(self, tell: Callable[[BatchObserver], None]) -> None:
        failures: list[Exception] = []
        for observer in self._observers:
            try:
                tell(observer)
            except Exception as exc:  # noqa: BLE001 - a broken screen must not stop the record
                failures.append(exc)
        if failures:
            raise ExceptionGroup("observers failed", failures)
