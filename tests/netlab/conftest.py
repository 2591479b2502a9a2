"""Fixtures of the netlab, and the confusion matrix at the end of the session."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.tools import root, tool
from tests.netlab import matrix
from tests.netlab.certificates import Certificates
from tests.netlab.judge import Judgement, Truth
from tests.netlab.lab import Lab
from tests.netlab.namespaces import remove_what_dead_tests_left
from tests.netlab.recording import Recording

ROWS = "netlab"
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
def judge(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`judge(recording, truth, ...)`: fails the test with all complaints."""

    def go(recording: Recording, *truths: Truth) -> None:
        judgement = Judgement()
        judgement.judge(recording, truths)
        scenario = request.node.name.removeprefix("test_").replace("_", " ")
        for row in judgement.rows:
            request.node.user_properties.append((ROWS, row | {"scenario": scenario}))
        if judgement.complaints:
            pytest.fail("\n".join(judgement.complaints), pytrace=False)

    return go


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.netlab)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    rows = [
        row
        for report in reports
        if report.when == "call"
        for name, row in report.user_properties
        if name == ROWS
    ]
    if not rows:
        return
    text = matrix.lines(rows)
    terminalreporter.section("netlab: what was done, and what stresser said")
    for line in text:
        terminalreporter.write_line(line)
    file = Path(terminalreporter.config.rootpath, "results", "netlab-matrix.txt")
    file.parent.mkdir(exist_ok=True)
    file.write_text("\n".join(text) + "\n")


def pytest_unconfigure() -> None:
    remove_what_dead_tests_left()
