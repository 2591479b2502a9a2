"""Hands every event and sample to each observer of a run."""

from collections.abc import Sequence

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, Observer
from stresser.model.quantity import Quantity


class Fanout:
    """An observer made of observers. Where one of them fails, the others still take the event.

    Raises:
        ExceptionGroup: of what they raised, once all have taken it.
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)
        self._samples = tuple(observer.sample for observer in observers)

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        failures: list[Exception] = []
        for observer in self._observers:
            try:
                observer.event(event)
            except Exception as exc:  # noqa: BLE001 - a broken screen must not stop the record
                failures.append(exc)
        if failures:
            raise ExceptionGroup("observers failed", failures)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        failures: list[Exception] | None = None  # twice a ping: nothing is made for nothing
        for sample in self._samples:
            try:
                sample(quantity, cohort, value_ns)
            except Exception as exc:  # noqa: BLE001 - as above
                failures = [*(failures or ()), exc]
        if failures:
            raise ExceptionGroup("observers failed", failures)
