"""`stresser run`: reads the scenario, asks preflight, runs, prints the summary, gives the code."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stresser.cli.job import Job


def run(
    scenario: Annotated[str, typer.Argument(help="A TOML file, or the name of a shipped one.")],
    duration: Annotated[
        str | None, typer.Option(help="How long to run: 90s, 45m, 8h. As in the scenario.")
    ] = None,
    sessions: Annotated[
        str | None, typer.Option(help="Sessions for each endpoint and egress.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a scenario key; may be repeated."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the run folder is made.")] = Path("results"),
    label: Annotated[str | None, typer.Option(help="Added to the run folder's name.")] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print the result alone.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run a scenario: hold its sessions, record every ending, print a summary and a verdict.

    The first Ctrl-C ends the run as planned, a second one at once.
    """
    overrides = list(assignments or [])
    overrides += [f'duration="{duration}"'] if duration is not None else []
    overrides += [f"sessions.count={sessions}"] if sessions is not None else []
    job = _make_job(scenario, overrides, out, label)

    from stresser.cli.job import run_job  # noqa: PLC0415 - --help must not pay

    raise typer.Exit(run_job(job, quiet=quiet or json, as_json=json))


def _make_job(named: str, overrides: list[str], out: Path, label: str | None) -> "Job":
    import os  # noqa: PLC0415 - together with the slow ones
    import sys  # noqa: PLC0415 - same

    from stresser.cli.job import Job  # noqa: PLC0415 - --help must not pay
    from stresser.cli.scenario_file import load_scenario  # noqa: PLC0415 - same
    from stresser.run.preflight import prepare  # noqa: PLC0415 - same
    from stresser.scenario.proxies import resolve_proxies  # noqa: PLC0415 - same
    from stresser.scenario.secrets import resolve_headers  # noqa: PLC0415 - same

    scenario, file = load_scenario(named, overrides)
    proxies = resolve_proxies(scenario, os.environ, str(file))
    return Job(
        scenario=scenario,
        file=file,
        headers=resolve_headers(scenario, os.environ, str(file)),
        proxies=proxies,
        readiness=prepare(scenario, proxies),
        out=out,
        label=label,
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
