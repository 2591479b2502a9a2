"""What becomes of a run that has ended: its summary written and printed, its exit code.

Imported when a run has ended: all that analyses it would make its start a third longer.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from stresser.analysis.summary.summary import Summary, summarise
from stresser.bundle.drop_packets import DropPackets, write_capture
from stresser.cli.execution import Finished
from stresser.cli.streams import tell_stderr
from stresser.model.errors import ExitCode, RunFolderError
from stresser.record.manifest import write_manifest
from stresser.record.reader import open_run
from stresser.record.summary_file import write_summary
from stresser.report.answer_terminal import print_answer
from stresser.report.console import ReportConsole, json_text, stdout_console, until_reader_leaves

Show: TypeAlias = Callable[[Summary, ReportConsole, Path], None]
"""Prints a summary of the run in this folder."""
_MOST_PACKETS = 100_000
"""In memory at the end of a run: some 16 MiB."""


def summary_of_run(done: Finished) -> Summary | None:
    """Read the folder back: what is printed now is what `stresser show` prints later."""
    capture = io.BytesIO()
    packets = DropPackets(capture, most=_MOST_PACKETS)
    try:
        summary = summarise(open_run(done.folder.path), others=[packets])
    except RunFolderError as exc:  # it vanished in mid-run: nothing is left to be summed up
        tell_stderr(str(exc))
        return None
    try:
        manifest = msgspec.structs.replace(done.manifest, verdict=summary.verdict)
        write_manifest(done.folder.manifest, manifest)
        write_summary(done.folder, summary)
        if packets.packets:
            write_capture(done.folder.packets, capture.getvalue())
    except RunFolderError as exc:  # the disk that stopped the recording may still be full
        tell_stderr(str(exc))
    return summary


def print_summary(summary: Summary, done: Finished, show: Show | None, *, as_json: bool) -> None:
    """Print it: as JSON, as `show` does, or the whole answer."""
    console, folder = stdout_console(), done.folder.path
    with until_reader_leaves(console):
        if as_json:
            console.file.write(json_text(summary) + "\n")
        elif show is None:
            print_answer(summary.answer, console, folder)
        else:
            show(summary, console, folder)


def exit_code_of(
    done: Finished, summary: Summary | None, judge: Callable[[Summary], ExitCode]
) -> ExitCode:
    """What a process that held the sessions ends with; `judge` says it of a whole record."""
    if done.manifest.gap is not None:
        tell_stderr(str(done.manifest.gap))
    if done.bugs:
        tell_stderr(
            f"stresser met {done.bugs} bugs of its own: see {done.folder.log};"
            " what was recorded is readable"
        )
        return ExitCode.BUG
    if summary is None or done.manifest.gap is not None:
        return ExitCode.INCONCLUSIVE
    return judge(summary)
