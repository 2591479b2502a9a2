"""Fixtures of the netlab, and the confusion matrix at the end of the session."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.tools import root, tool
from tests.netlab import matrix
from tests.netlab.certificates import Certificates
from tests.netlab.judge import Judgement, Truth
from tests.netlab.lab import Lab
from tests.netlab.namespaces import remove_what_dead_tests_left
from tests.netlab.recording import Recording
from tests.netlab.redacted import complaints_of
from tests.netlab.verdicts import RunTruth, Verdicts

ROWS, RUN_ROWS = "netlab", "netlab-runs"
_MANY_SESSIONS = 5000
_MOST_FAILED = 1
_MOST_TIMID = 0.005
_TOOLS = ("ip", "ss", "nft", "conntrack", "ethtool", "tcpdump", "sysctl")


def need(*names: str) -> None:
    """These programs, and the rights to make network namespaces."""
    for name in names:
        tool(name)
    root()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def _clean() -> None:
    remove_what_dead_tests_left()


@pytest.fixture
def lab(tmp_path: Path, certificates: Certificates, _clean: None) -> Iterator[Lab]:
    need(*_TOOLS)
    with Lab(tmp_path, certificates) as made:
        yield made


@pytest.fixture
def judge(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., None]:
    """`judge(recording, truth, ...)`: fails the test with all complaints.

    With STRESSER_REDACT=1 also where the run's redacted copy has a figure of its own, or something
    of the original.
    """
    is_redacted = bool(os.environ.get("STRESSER_REDACT"))

    def go(recording: Recording, *truths: Truth | RunTruth) -> None:
        [run] = recording.report["runs"]
        judgement, verdicts = Judgement(), Verdicts(run)
        judgement.judge(recording, [one for one in truths if isinstance(one, Truth)])
        verdicts.judge([one for one in truths if isinstance(one, RunTruth)])
        scenario = request.node.name.removeprefix("test_").replace("_", " ")
        for title, rows in ((ROWS, judgement.rows), (RUN_ROWS, verdicts.rows)):
            for row in rows:
                request.node.user_properties.append((title, row | {"scenario": scenario}))
        if recording.summary.get("diagnoses") != run["summary"].get("diagnoses"):
            verdicts.complaints.append("the report and summary.json have other diagnoses")
        found = complaints_of(recording.folder, tmp_path / "scratch") if is_redacted else []
        if complaints := judgement.complaints + verdicts.complaints + found:
            complaints.append(f"the run: {recording.folder}")
            pytest.fail("\n".join(complaints), pytrace=False)

    return go


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.netlab)
    items.sort(key=_allowed_s, reverse=True)


def _allowed_s(item: pytest.Item) -> float:
    """What a scenario may take, where it says so: the longest begin, so that none runs alone."""
    allowed = item.get_closest_marker("timeout")
    return allowed.args[0] if allowed and item.get_closest_marker("netlab") else 0


def _rows(terminalreporter: pytest.TerminalReporter) -> dict[str, list[dict[str, Any]]]:
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    rows: dict[str, list[dict[str, Any]]] = {ROWS: [], RUN_ROWS: []}
    for report in reports:
        if report.when == "call":
            for name, row in report.user_properties:
                if name in rows:
                    rows[name].append(row)
    return rows


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Of the whole netlab one scenario may fail by its lab, as long as nobody was accused falsely.

    A kernel, a box and a clock that meet in 8,000 sessions may come out otherwise once. The failure
    is printed all the same, with its run folder, and is looked into.
    """
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    rows = _rows(reporter)
    opened, right, timid = (
        sum(row[one] for row in rows[ROWS]) for one in ("opened", "right", "timid")
    )
    is_whole = opened >= _MANY_SESSIONS and exitstatus == pytest.ExitCode.TESTS_FAILED
    false = opened - right - timid + sum(row["false"] for row in rows[RUN_ROWS])
    failed = len(reporter.getreports("failed")) + len(reporter.getreports("error"))
    if is_whole and failed <= _MOST_FAILED and not false and timid <= _MOST_TIMID * opened:
        session.exitstatus = pytest.ExitCode.OK


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = _rows(terminalreporter)
    if not rows[ROWS]:
        return
    text = [*matrix.lines(rows[ROWS]), "", *matrix.lines_of_runs(rows[RUN_ROWS])]
    terminalreporter.section("netlab: what was done, and what stresser said")
    for line in text:
        terminalreporter.write_line(line)
    file = Path(terminalreporter.config.rootpath, "results", "netlab-matrix.txt")
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(text) + "\n")


def pytest_unconfigure() -> None:
    remove_what_dead_tests_left()
