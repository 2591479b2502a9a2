"""A command line's check, from what was asked to the exit code."""

import os
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import trio
from msgspec.structs import replace

from stresser.analysis.checkup.conclude import CheckReport, conclude
from stresser.cli.scenario_lab import lab_for
from stresser.cli.streams import tell_stderr
from stresser.model.checkup_facts import Checked
from stresser.model.errors import ExitCode, ScenarioError, StresserError
from stresser.model.units import shown
from stresser.record.atomic_write import why_not
from stresser.report.checkup_terminal import check_json, print_check
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.run.checkup_pass import MOST_WAYS, Checkup, plans
from stresser.run.preflight import prepare
from stresser.run.proxy_choice import choose_proxies
from stresser.run.routes import RouteBuilder
from stresser.scenario.message_rules import resolve_gaps
from stresser.scenario.plan import Reconnect, Scenario, Sessions
from stresser.scenario.proxies import Proxies
from stresser.scenario.secrets import resolve_headers
from stresser.witness.clock import RunClock


def run_check(
    scenario: Scenario,
    file: Path,
    name: str,
    paths: Mapping[str, str],
    path: str | None,
    out: Path | None,
    as_json: bool,  # noqa: FBT001 - one caller, which hands its options on
    *,
    tries_hellos: bool = False,
) -> ExitCode:
    """Look at every way of a scenario once, and print what was found.

    Raises:
        StresserError: before anything was dialled, or where `out` cannot be written.
    """
    scenario = _once(scenario)
    proxies = choose_proxies(scenario, os.environ, file, name)
    checking = partial(
        _check, scenario, file, name, proxies, paths, path, tries_hellos=tries_hellos
    )
    checked = trio.run(checking)
    if checked is None:
        tell_stderr("stopped: a check that was cut short has no result")
        return ExitCode.FORCED
    report = conclude(checked)
    if out is not None:
        _write(out, report)
    _print(report, as_json=as_json)
    if checked.bugs:
        tell_stderr(f"stresser met {checked.bugs} bugs of its own")
        return ExitCode.BUG
    return report.verdict.exit_code


def _once(scenario: Scenario) -> Scenario:
    """One session for each way, whatever the scenario holds: preflight asks for no more."""
    ways = len(scenario.endpoints) * len(scenario.egresses)
    if ways > MOST_WAYS:
        raise ScenarioError(
            f"{ways} pairs of endpoint and egress are too many for one check; at most {MOST_WAYS}"
        )
    sessions = Sessions(count=1, reconnect=Reconnect())
    return replace(scenario, sessions=sessions, activities=scenario.activities[:1])


async def _check(
    scenario: Scenario,
    file: Path,
    name: str,
    proxies: Proxies,
    paths: Mapping[str, str],
    path: str | None,
    *,
    tries_hellos: bool,
) -> Checked | None:
    """None: a signal ended it."""
    headers = resolve_headers(scenario, os.environ, name)
    gaps = resolve_gaps(scenario, os.environ, name)
    readiness = prepare(scenario, proxies)
    tell_stderr(*readiness.notes)
    checked: Checked | None = None
    mistake: StresserError | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(_obey_signals, nursery.cancel_scope)
        try:
            async with lab_for(scenario) as ready:
                builder = RouteBuilder(
                    scenario, file, headers, readiness.bindings, ready, proxies, gaps=gaps
                )
                ways = plans(scenario, builder.build(), paths, path)
                checked = await Checkup(ways, RunClock(), tries_hellos=tries_hellos).run()
        except StresserError as error:  # a nursery would hand it on in a group
            mistake = error
        nursery.cancel_scope.cancel()
    if mistake is not None:
        raise mistake
    return checked


async def _obey_signals(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


def _write(out: Path, report: CheckReport) -> None:
    try:
        out.write_text(check_json(report) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = why_not(error)
        raise ScenarioError(f"--out: {shown(str(out))} cannot be written: {why}") from None


def _print(report: CheckReport, *, as_json: bool) -> None:
    console = stdout_console()
    with until_reader_leaves(console):
        if as_json:
            console.file.write(check_json(report) + "\n")
        else:
            print_check(report, console)
