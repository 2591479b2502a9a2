import io
import json

from rich.console import Console

from stresser.model.verdict import Verdict
from stresser.record.reader import RunStatus
from stresser.record.run_list import ListedRun
from stresser.report.console import json_text
from stresser.report.runs_terminal import print_runs

RUNS = [
    ListedRun(
        name="20261124T000000Z-\x1b[31mred", status=RunStatus.COMPLETE, lasted_ns=90 * 10**9,
        sessions=1200, drops=3, verdict=Verdict.NONE,
    ),
    ListedRun(name="20261123T000000Z-b", status=RunStatus.INTERRUPTED, verdict=Verdict.FAIL),
    ListedRun(name="20261122T000000Z-c", status=RunStatus.CRASHED),
    ListedRun(name="20261121T000000Z-d"),
]  # fmt: skip


def printed(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_runs(RUNS, console)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_one_line_each():
    head, _, first, second, third, fourth = printed(80)
    assert head.split() == ["run", "lasted", "sessions", "drops", "verdict"]
    assert first.split() == [
        "20261124T000000Z-\\x1b[31mred",
        "1",
        "m",
        "30",
        "s",
        "1,200",
        "3",
        "none",
    ]
    assert second.split()[-5:] == ["-", "-", "-", "fail", "(interrupted)"]
    assert third.split()[1:] == ["-", "-", "-", "crashed"]
    assert fourth.split()[-1] == "unreadable"


def test_a_narrow_terminal_folds_names_and_nothing_else():
    lines = printed(60)
    assert len(lines) > 6
    assert any(line.endswith("fail (interrupted)") for line in lines)


def test_json():
    found = json.loads(json_text(RUNS))
    assert [run["verdict"] for run in found] == ["none", "fail", None, None]
    assert found[0]["lasted_ns"] == 90 * 10**9
