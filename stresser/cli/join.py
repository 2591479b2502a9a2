"""`stresser join RUN REFLECTOR_RUN`: one run with both ends' account."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.summary.summary import summarise
from stresser.analysis.words.endings import counted
from stresser.cli.completion import complete_run
from stresser.cli.streams import tell_stderr
from stresser.model.errors import RunFolderError
from stresser.model.units import format_duration
from stresser.record.atomic_write import write_atomically
from stresser.record.far_ends import write_far_ends
from stresser.record.folder import RESULTS, shown_path
from stresser.record.reader import RecordedRun, open_reflection, open_run, resolve_run
from stresser.reflector.joining import both_ends_of
from stresser.report.answer_terminal import print_answer
from stresser.report.console import json_text, stdout_console, until_reader_leaves


def join(
    run: Annotated[
        str, typer.Argument(help="The tester's run, or `last`.", autocompletion=complete_run)
    ],
    reflector_run: Annotated[str, typer.Argument(help="The reflector's folder of the same time.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    results: Annotated[Path, typer.Option(help="Where both are looked for.")] = RESULTS,
) -> None:
    """Join a run with a reflector's record of it.

    Writes what the reflector saw into the run's folder, where `show`, `report` and `compare` use
    it from then on, and joined.json beside its summary. The two clocks need not agree.

    Raises:
        RunFolderError: a folder cannot be read or written, or they have no session in common.
    """
    recorded = open_run(resolve_run(run, results))
    both = both_ends_of(recorded, open_reflection(resolve_run(reflector_run, results)))
    _write(recorded, lambda: write_far_ends(recorded.folder, both.seen))
    summary = summarise(open_run(recorded.path))
    text = json_text(summary) + "\n"
    _write(recorded, lambda: write_atomically(recorded.folder.joined, text.encode()))
    tell_stderr(
        f"both ends recorded {len(both.seen):,} of {counted(both.sessions, 'session')};"
        f" their clocks are aligned within {format_duration(both.within_ns)}"
    )
    console = stdout_console()
    with until_reader_leaves(console):
        if json:
            console.file.write(text)
        else:
            print_answer(summary.answer, console, recorded.path)
    raise typer.Exit(summary.verdict.exit_code)


def _write(run: RecordedRun, write: Callable[[], None]) -> None:
    try:
        write()
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(run.path)}: cannot be written: {error.strerror}"
        ) from error
