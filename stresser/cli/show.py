"""`stresser show RUN`: the summary of a recorded run again, in whatever state the run is."""

from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.session_story import session_story
from stresser.model.errors import ExitCode, RunFolderError
from stresser.record.reader import RecordedRun, open_run, resolve_run
from stresser.report.answer_terminal import print_answer
from stresser.report.console import stdout_console, until_reader_leaves
from stresser.report.terminal import print_everything, print_story, summary_json

RESULTS = Path("results")
_FEW_ENDINGS = 5


def show(
    run: Annotated[str, typer.Argument(help="A run folder, its name under results/, or `last`.")],
    *,
    session: Annotated[
        int | None, typer.Option(help="Tell the story of this session instead.", min=1)
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Print all figures, findings and notes, too.")
    ] = False,
    endings: Annotated[
        int,
        typer.Option(help="How many of the last drops and failed attempts --full lists.", min=0),
    ] = _FEW_ENDINGS,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    results: Annotated[Path, typer.Option(help="Where RUN is looked for.")] = RESULTS,
) -> None:
    """Print the summary of a recorded run.

    The exit code is its verdict's.

    Raises:
        RunFolderError: there is no such run, it cannot be read, or it has no such session.
    """
    recorded = open_run(resolve_run(run, results))
    if session is not None:
        code = _show_session(recorded, session)
    else:
        code = _show_summary(recorded, endings, full=full, is_json=json)
    raise typer.Exit(code)


def _show_summary(recorded: RecordedRun, endings: int, *, full: bool, is_json: bool) -> ExitCode:

    summary = summarise(recorded, last_endings=endings)
    console = stdout_console()
    with until_reader_leaves(console):
        if is_json:
            console.file.write(summary_json(summary) + "\n")
        elif full:
            print_everything(summary, console, recorded.path, endings)
        else:
            print_answer(summary.answer, console, recorded.path)
    return summary.verdict.exit_code


def _show_session(recorded: RecordedRun, session: int) -> ExitCode:

    story = session_story(recorded.events(), session)
    if story is None:
        raise RunFolderError(f"session {session}: this run has recorded no such session")
    console = stdout_console()
    with until_reader_leaves(console):
        print_story(story, console)
    return ExitCode.PASS
