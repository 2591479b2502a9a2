"""The reflector in the lab: the same server, which tells the run and records nothing."""

import ssl

import trio

from stresser.lab.server import Reflect
from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent
from stresser.model.quantity import Quantity
from stresser.reflector.listener import ReflectorListener
from stresser.reflector.reception import Reception
from stresser.scenario.lab_table import LabPlan
from stresser.scenario.secrets import Secret
from stresser.witness.clock import RunClock


def lab_reflector(plan: LabPlan) -> Reflect | None:
    """What serves the plan's endpoints that reflect; None: nobody would name himself to it."""
    return None if plan.token is None else _LabReflector(Secret("", plan.token)).reflect


class _LabReflector:
    """One for a lab: all its endpoints tell one account."""

    def __init__(self, token: Secret) -> None:
        self._token = token
        self._reception: Reception | None = None

    async def reflect(self, listener: trio.SocketListener, context: ssl.SSLContext) -> None:
        if self._reception is None:  # the clock is the loop's
            self._reception = Reception(self._token, RunClock(), _Unrecorded())
        # A truncation is no orderly close: what is seen here is told.
        context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
        await ReflectorListener(self._reception, context, "", 0).serve_on(listener)


class _Unrecorded:
    """An observer that keeps nothing."""

    def event(self, event: AnyEvent) -> None:
        """As `Observer`."""

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """As `Observer`."""
