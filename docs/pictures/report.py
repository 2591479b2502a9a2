"""Draws the README's picture of a report: `python docs/pictures/report.py RUN` (or `last`).

Needs chromium; it opens the file, which loads nothing.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stresser.analysis.views.run_report import gather_report
from stresser.record.reader import open_run, resolve_run
from stresser.report.page import html_page

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--window-size=1280,720", "--virtual-time-budget=5000",
)  # fmt: skip


def draw(run: str) -> None:
    """Write the top of a run's report to report.png."""
    page = html_page(gather_report([open_run(resolve_run(run, Path("results")))], None))
    picture = Path(__file__).with_name("report.png")
    browser = shutil.which("chromium")
    if browser is None:
        sys.exit("chromium is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "report.html"
        file.write_bytes(page)
        profile = f"--user-data-dir={scratch}/profile"
        command = [browser, *_FLAGS, profile, f"--screenshot={picture}", file.as_uri()]
        subprocess.run(command, check=True, timeout=120)  # noqa: S603 - our own command


if __name__ == "__main__":
    draw(sys.argv[1] if len(sys.argv) > 1 else "last")
