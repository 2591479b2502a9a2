"""`stresser run`: reads the scenario, asks preflight, runs, prints the summary, gives the code."""

import dataclasses
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import trio
import typer

from stresser.cli.completion import complete_run, complete_scenario
from stresser.cli.execution import Execution, RunRequest
from stresser.cli.scenario_file import load_scenario
from stresser.cli.streams import tell_stderr
from stresser.cli.templates import refuse_untouched
from stresser.model.errors import ExitCode, RunFolderError, StresserError
from stresser.model.units import shown
from stresser.record.folder import RESULTS
from stresser.record.reader import resolve_run
from stresser.record.resumption import Earlier, StillRunningError, what_was_left
from stresser.report.console import stderr_console
from stresser.run.preflight import prepare
from stresser.run.proxy_choice import choose_proxies
from stresser.run.stop import StopSignals
from stresser.scenario.message_rules import resolve_gaps
from stresser.scenario.plan import Scenario
from stresser.scenario.secrets import resolve_headers, resolve_tokens

if TYPE_CHECKING:
    from stresser.analysis.summary.summary import Summary
    from stresser.cli.conclusion import Show

_AUTO = "auto"


def run(
    scenario: Annotated[
        str,
        typer.Argument(
            help="A TOML file, or the name of a shipped one.", autocompletion=complete_scenario
        ),
    ],
    duration: Annotated[
        str | None,
        typer.Option(help="How long to run: 90s, 45m, 8h. Default: as the scenario says."),
    ] = None,
    sessions: Annotated[
        str | None, typer.Option(help="Sessions for each endpoint and egress.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a scenario key; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the run folder is made.")] = RESULTS,
    label: Annotated[str | None, typer.Option(help="Added to the run folder's name.")] = None,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve figures for Prometheus there while it runs, as in 127.0.0.1:9464.",
        ),
    ] = None,
    *,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on in the folder of a run that crashed or was stopped; `auto`: with the"
            " last one where that is possible, else begin a new one.",
            autocompletion=complete_run,
        ),
    ] = None,
    fail_fast: Annotated[
        bool,
        typer.Option("--fail-fast", help="End the run where fewer sessions open than asked."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result alone.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Hold the sessions of a scenario and record every ending.

    Prints a summary and the verdict, which is the exit code. The first Ctrl-C ends the run as
    planned, a second one at once.
    """
    overrides = list(assignments or [])
    overrides += [f'duration="{duration}"'] if duration is not None else []
    overrides += [f"sessions.count={sessions}"] if sessions is not None else []
    found, file = refuse_untouched(load_scenario(scenario, overrides))
    earlier = None if resume is None else _earlier(resume, found, out, label)
    asked = checked_request(found, file, out, label, fail_fast=fail_fast, earlier=earlier)
    if metrics is not None:  # what a run without them has no need of is not even loaded
        served = import_module("stresser.cli.served_metrics")
        asked = dataclasses.replace(asked, metrics=served.MetricsPort(metrics))
    raise typer.Exit(execute(asked, quiet=quiet or json, as_json=json))


def _earlier(name: str, scenario: Scenario, out: Path, label: str | None) -> Earlier | None:
    if label is not None:
        raise StresserError("--label: names a new folder, and --resume goes on in an old one")
    if name.endswith(".zip"):
        raise RunFolderError(f"{shown(name)}: is a bundle: the run itself is what goes on")
    try:
        path = resolve_run("last" if name == _AUTO else name, out)
        return what_was_left(path, scenario)
    except StillRunningError:
        raise
    except RunFolderError as why:
        if name != _AUTO:
            raise
        tell_stderr(f"a new run begins, for there is none to go on with: {why}")
        return None


def checked_request(
    scenario: Scenario,
    file: Path,
    out: Path,
    label: str | None,
    *,
    fail_fast: bool = False,
    earlier: Earlier | None = None,
) -> RunRequest:
    """What is to be run, with its secrets, proxies and this machine's limits looked up.

    Raises:
        StresserError: one line for each thing that is missing.
    """
    proxies = choose_proxies(scenario, os.environ, file, str(file))
    return RunRequest(
        scenario=scenario,
        file=file,
        headers=resolve_headers(scenario, os.environ, str(file)),
        tokens=resolve_tokens(scenario, os.environ, str(file)),
        gaps=resolve_gaps(scenario, os.environ, str(file)),
        proxies=proxies,
        readiness=prepare(scenario, proxies),
        out=out,
        label=label,
        earlier=earlier,
        fail_fast=fail_fast,
        command_line=_without_values(sys.argv),
    )


def _without_values(argv: list[str]) -> list[str]:
    """The command line for the manifest: what is behind `--set` may hold a secret."""
    shown: list[str] = []
    for word in argv:
        after_set = bool(shown) and shown[-1] == "--set"
        if after_set or word.startswith("--set="):
            key, equals, _ = word.removeprefix("--set=").partition("=")
            shown.append(("" if after_set else "--set=") + f"{key}{equals}...")
        else:
            shown.append(word)
    return shown


def execute(
    asked: RunRequest,
    *,
    quiet: bool,
    as_json: bool,
    show: "Show | None" = None,
    judge: "Callable[[Summary], ExitCode]" = lambda summary: summary.verdict.exit_code,
) -> ExitCode:
    """Run a scenario to its end, print what came of it, and say how it is to be taken.

    `show` prints a summary; None: the whole answer.
    """
    if not quiet:
        tell_stderr(*asked.readiness.notes)
    with StopSignals() as signals:
        done = trio.run(Execution(asked, stderr_console(quiet=quiet), signals).run)
        conclusion = import_module("stresser.cli.conclusion")
        summary = conclusion.summary_of_run(done)
        try:
            if summary is not None:
                conclusion.print_summary(summary, done, show, as_json=as_json)
        finally:  # a device that takes no more of the summary hides nothing else
            code = conclusion.exit_code_of(done, summary, judge)
    return ExitCode(code)
