"""The events of one place in a cohort, in their order, though evidence is awaited beside it.

A place is filled again while witnesses are still awaited for the session that ended there. A reader
of the events must not see two sessions open in one place, so what happens after an ending is
written after it.
"""

from stresser.model.events import AnyEvent, Observer


class LateEvent:
    """The place of an event that is not written yet."""

    __slots__ = ("event", "is_known")

    def __init__(self) -> None:
        self.event: AnyEvent | None = None
        self.is_known = False


class SeatEvents:
    """Tells an observer what happens at one place."""

    __slots__ = ("_observer", "_waiting")

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._waiting: list[LateEvent] = []

    def event(self, event: AnyEvent | None) -> None:
        """Tell this now, or behind those that are awaited; None: it could not be written."""
        if self._waiting:
            self.settle(self.reserve(), event)
        elif event is not None:
            self._observer.event(event)

    def reserve(self) -> LateEvent:
        """Keep a place for an event; all later ones wait until `settle` is told what it is."""
        late = LateEvent()
        self._waiting.append(late)
        return late

    def settle(self, late: LateEvent, event: AnyEvent | None) -> None:
        """Tell an event at its place."""
        late.event, late.is_known = event, True
        while self._waiting and self._waiting[0].is_known:
            told = self._waiting.pop(0).event
            if told is not None:
                self._observer.event(told)
