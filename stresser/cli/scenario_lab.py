"""The loopback lab that a scenario asks for, for as long as a command needs it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from stresser.lab.messages import KillRecord, KillsLost
from stresser.lab.process import running_lab
from stresser.run.lab_plan import lab_plan
from stresser.scenario.lab_table import LabReady
from stresser.scenario.plan import Scenario


def _unheard(_record: KillRecord | KillsLost) -> None:
    pass


@asynccontextmanager
async def lab_for(
    scenario: Scenario,
    on_kill: Callable[[KillRecord | KillsLost], None] = _unheard,
    token: str | None = None,
) -> AsyncIterator[LabReady | None]:
    """A lab process with all that the scenario names; None where it names nothing of a lab.

    With a token its reflectors tell the run what they saw; without one they echo.

    Raises:
        LabError: it did not come up, or died while the block ran.
    """
    plan = lab_plan(scenario, token)
    if plan is None:
        yield None
        return

    module = "stresser.lab" if token is None else "stresser.reflector"
    async with running_lab(plan, on_kill=on_kill, module=module) as ready:
        yield ready
