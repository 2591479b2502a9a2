"""`stresser doctor`: what this machine can witness and hold, and how to enable the rest."""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import trio
import typer
from msgspec.structs import replace

from stresser.cli.completion import complete_scenario
from stresser.cli.scenario_file import load_scenario
from stresser.cli.scenario_lab import lab_for
from stresser.cli.streams import tell_stderr
from stresser.model.errors import StresserError
from stresser.model.measured_limits import MeasuredLimits
from stresser.record.folder import shown_path
from stresser.record.limits_file import keep_limits, kept_limits, limits_file
from stresser.report.console import json_text, stdout_console, until_reader_leaves
from stresser.report.doctor_terminal import print_examination
from stresser.run.machine import examine
from stresser.run.preflight import prepare
from stresser.run.scenario_demand import distances

if TYPE_CHECKING:
    from stresser.run.self_measure import SelfMeasurement


def doctor(
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="A scenario: how far it is from what was measured.",
            autocompletion=complete_scenario,
        ),
    ] = None,
    *,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Measure this machine with sessions of its own: half a minute."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what this machine can witness and hold.

    Where something is missing: why, and the command that enables it. What --measure finds is kept:
    summaries name it where a run came within a fifth of it.

    Raises:
        StresserError: the scenario has mistakes, or nothing was measured yet.
    """
    asked = None if scenario is None else load_scenario(scenario, [])[0]
    measured = _measure() if measure else kept_limits()
    if asked is not None and measured is None:
        raise StresserError(f"{scenario}: nothing was measured here yet; add --measure")
    found = examine()
    if measured is not None:
        found = replace(found, measured=measured)
    if asked is not None and measured is not None:
        found = replace(found, scenario=asked.name, distances=distances(asked, measured))
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(json_text(found) + "\n")
        else:
            print_examination(found, console)


def _measure() -> MeasuredLimits:
    # Only here: it loads all that a run needs.
    measurement: SelfMeasurement = import_module("stresser.run.self_measure").SelfMeasurement()
    plan = measurement.scenario
    prepare(replace(plan, egresses=plan.egresses[:1], activities=plan.activities[:1]))
    tell_stderr(f"measuring with {plan.sessions.count} sessions of the lab: half a minute")
    limits = trio.run(_beside_lab, measurement)
    try:
        tell_stderr(f"kept in {shown_path(keep_limits(limits))}")
    except OSError as error:
        tell_stderr(f"{shown_path(limits_file())}: not kept: {error.strerror}")
    return limits


async def _beside_lab(measurement: "SelfMeasurement") -> MeasuredLimits:
    async with lab_for(measurement.scenario, measurement.on_kill) as ready:
        if ready is None:
            raise AssertionError("its scenario names a lab")
        return await measurement.run(ready)
