"""`stresser show RUN`: the summary of a recorded run again, in whatever state the run is."""

import io
from pathlib import Path
from typing import Annotated

import typer

from stresser.analysis.summary.run_reading import pass_on, read_run
from stresser.analysis.summary.summary import summarise
from stresser.analysis.views.session_story import StoryTeller, explained_ending
from stresser.bundle.drop_packets import DropPackets, write_capture
from stresser.cli.completion import complete_run
from stresser.cli.streams import tell_stderr
from stresser.model.errors import ExitCode, RunFolderError
from stresser.record.folder import RESULTS, shown_path
from stresser.record.reader import RecordedRun, open_run, resolve_run
from stresser.report.answer_terminal import print_answer
from stresser.report.console import json_text, stdout_console, until_reader_leaves
from stresser.report.terminal import print_everything, print_story

_FEW_ENDINGS = 5


def show(
    run: Annotated[
        str,
        typer.Argument(
            help="A run folder, its name under results/, or `last`.", autocompletion=complete_run
        ),
    ],
    *,
    session: Annotated[
        int | None, typer.Option(help="Print the story of this session instead.", min=1)
    ] = None,
    attempt: Annotated[
        int | None, typer.Option(help="Print the story of this attempt instead.", min=1)
    ] = None,
    pcap: Annotated[
        Path | None,
        typer.Option(
            help="Write the packets instead: that session's, or all drops' and failures'."
        ),
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
        RunFolderError: there is no such run, it cannot be read, or has no such session,
            attempt or packets, or the packets cannot be written.
    """
    recorded = open_run(resolve_run(run, results))
    if pcap is not None:
        code = _write_packets(recorded, pcap, session, attempt)
    elif session is not None or attempt is not None:
        code = _show_story(recorded, StoryTeller(session=session, attempt=attempt))
    else:
        code = _show_summary(recorded, endings, full=full, is_json=json)
    raise typer.Exit(code)


def _show_summary(recorded: RecordedRun, endings: int, *, full: bool, is_json: bool) -> ExitCode:
    summary = summarise(recorded, last_endings=endings)
    console = stdout_console()
    with until_reader_leaves(console):
        if is_json:
            console.file.write(json_text(summary) + "\n")
        elif full:
            print_everything(summary, console, recorded.path, endings)
        else:
            print_answer(summary.answer, console, recorded.path)
    return summary.verdict.exit_code


def _write_packets(
    recorded: RecordedRun, path: Path, session: int | None, attempt: int | None
) -> ExitCode:
    capture = io.BytesIO()
    packets = DropPackets(capture, session=session, attempt=attempt)
    pass_on(recorded.events(), [packets])
    if not packets.packets:
        raise RunFolderError(
            "--pcap: no packets of that are recorded; `stresser doctor` says how to capture them"
        )
    write_capture(path, capture.getvalue())
    tell_stderr(f"{packets.packets} packets: {shown_path(path)} (open it with name resolution off)")
    return ExitCode.PASS


def _show_story(recorded: RecordedRun, teller: StoryTeller) -> ExitCode:
    reading = read_run(recorded, others=[teller])
    story = teller.story(reading.tally.served, explained_ending(reading, teller))
    if story is None:
        what = teller.title.lower()
        raise RunFolderError(f"{what}: this run has recorded no such {what.partition(' ')[0]}")
    console = stdout_console()
    with until_reader_leaves(console):
        print_story(story, console)
    return ExitCode.PASS
