"""Draws the README's picture: `python docs/pictures/draw.py RUN` (a run folder or `last`)."""

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from stresser.analysis.summary.summary import summarise
from stresser.record.reader import open_run, resolve_run
from stresser.report.answer_terminal import print_answer


def draw(run: str) -> None:
    """Write the summary of a run, as the terminal shows it, to summary.svg."""
    recorded = open_run(resolve_run(run, Path("results")))
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    print_answer(summarise(recorded).answer, console, recorded.path)
    picture = Path(__file__).with_name("summary.svg")
    drawn = console.export_svg(title="stresser run quickstart")
    # Rich names a font on the web; a picture of ours loads nothing.
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    picture.write_text(drawn.replace("Fira Code, monospace", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else "last")
