"""A command line's run, from a checked job to its exit code."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import trio

from stresser.analysis.summary.summary import Summary, summarise
from stresser.cli.execution import Execution, Finished
from stresser.model.errors import ExitCode, RunFolderError
from stresser.record.manifest import write_manifest
from stresser.record.reader import open_run
from stresser.record.summary_file import write_summary
from stresser.report.answer_terminal import print_answer
from stresser.report.console import stderr_console, stdout_console, until_reader_leaves
from stresser.report.terminal import summary_json
from stresser.run.preflight import Readiness
from stresser.scenario.plan import Scenario
from stresser.scenario.proxies import Proxies
from stresser.scenario.secrets import HeaderValues


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a command line asks for, checked."""

    scenario: Scenario
    file: Path
    headers: Mapping[str, HeaderValues]
    proxies: Proxies
    readiness: Readiness
    out: Path
    label: str | None
    command_line: list[str]


def run_job(job: Job, *, quiet: bool, as_json: bool) -> ExitCode:
    """Run a scenario to its end and print what came of it.

    Raises:
        StresserError: before the run began: nothing was recorded.
    """
    errors = stderr_console(quiet=quiet)
    for note in job.readiness.notes:
        errors.print(note, markup=False)
    execution = Execution(
        job.scenario,
        job.file,
        job.headers,
        job.proxies,
        job.readiness,
        job.command_line,
        errors,
    )
    done = trio.run(execution.run, job.out, job.label)
    summary = _conclude(done)
    if summary is not None:
        _print(summary, done, as_json=as_json)
    return _exit_code(done, summary)


def _conclude(done: Finished) -> Summary | None:
    """Read the folder back: what is printed now is what `stresser show` prints later."""
    try:
        summary = summarise(open_run(done.folder.path))
    except RunFolderError as exc:  # it vanished in mid-run: nothing is left to be summed up
        sys.stderr.write(f"{exc}\n")
        return None
    try:
        manifest = msgspec.structs.replace(done.manifest, verdict=summary.verdict)
        write_manifest(done.folder.manifest, manifest)
        write_summary(done.folder, summary)
    except RunFolderError as exc:  # the disk that stopped the recording may still be full
        sys.stderr.write(f"{exc}\n")
    return summary


def _print(summary: Summary, done: Finished, *, as_json: bool) -> None:
    console = stdout_console()
    with until_reader_leaves(console):
        if as_json:
            console.file.write(summary_json(summary) + "\n")
        else:
            print_answer(summary.answer, console, done.folder.path)


def _exit_code(done: Finished, summary: Summary | None) -> ExitCode:
    if done.manifest.gap is not None:
        sys.stderr.write(f"{done.manifest.gap}\n")
    if done.bugs:
        sys.stderr.write(
            f"stresser met {done.bugs} bugs of its own: see {done.folder.log};"
            " what was recorded is readable\n"
        )
        return ExitCode.BUG
    if summary is None or done.manifest.gap is not None:
        return ExitCode.INCONCLUSIVE
    return summary.verdict.exit_code
