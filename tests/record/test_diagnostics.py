import json

import trio

from stresser.record import diagnostics
from stresser.record.diagnostics import DiagnosticLog
from stresser.witness.clock import RunClock


def with_log(path, work):
    async def in_loop():
        log = DiagnosticLog(path, RunClock())
        work(log)
        log.flush()
        return log

    return trio.run(in_loop)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def raise_something(log):
    try:
        int("a bug")
    except ValueError:
        log.logger.exception("task failed", task="ramp")


def test_a_line_is_json_with_time_level_and_fields(tmp_path):
    path = tmp_path / "stresser.log"
    with_log(path, lambda log: log.logger.warning("slow disk", ms=700, where={"a": [1]}))
    (line,) = lines_of(path)
    assert line["event"] == "slow disk"
    assert line["level"] == "warning"
    assert line["ms"] == 700
    assert line["t_ns"] >= 0
    assert line["utc"].endswith("Z")


def test_an_exception_is_written_with_its_traceback(tmp_path):
    path = tmp_path / "stresser.log"
    with_log(path, raise_something)
    (line,) = lines_of(path)
    assert "ValueError: invalid literal" in line["exception"]
    assert line["task"] == "ramp"


def test_nothing_is_written_before_it_is_told(tmp_path):
    path = tmp_path / "stresser.log"

    def work(log):
        log.logger.info("x")
        assert not path.exists()

    with_log(path, work)
    assert len(lines_of(path)) == 1


def test_what_cannot_be_json_is_written_all_the_same(tmp_path):
    path = tmp_path / "stresser.log"
    with_log(path, lambda log: log.logger.info("\udcff", odd=object(), huge="x" * 100_000))
    (line,) = lines_of(path)
    assert line["event"] == "a line too long"


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path):
    path = tmp_path / "stresser.log"
    path.symlink_to("/dev/full")
    log = with_log(path, lambda log: [log.logger.info("x") for _ in range(3)])
    assert log.lost == 3


def test_a_folder_that_is_gone_costs_lines_and_nothing_else(tmp_path):
    log = with_log(tmp_path / "gone" / "stresser.log", lambda log: log.logger.info("x"))
    assert log.lost == 1


def test_a_storm_is_bounded_in_memory_and_counted(tmp_path):
    path = tmp_path / "stresser.log"
    log = with_log(path, lambda log: [log.logger.info("x") for _ in range(10_100)])
    assert len(lines_of(path)) == 10_000
    assert log.lost == 100


def test_the_file_is_turned_over_and_the_latest_lines_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnostics, "_LARGEST_FILE", 1000)
    path = tmp_path / "stresser.log"

    def work(log):
        for number in range(1, 101):
            log.logger.info("x", number=number)
            log.flush()

    log = with_log(path, work)
    assert log.lost == 0
    before = path.with_name("stresser.log.1")
    assert {one.name for one in tmp_path.iterdir()} == {path.name, before.name}
    kept = [line["number"] for file in (before, path) for line in lines_of(file)]
    assert kept == list(range(kept[0], 101))
    assert len(kept) > 5
    assert max(before.stat().st_size, path.stat().st_size) < 1200


def test_logging_outside_of_the_loop_works_without_times(tmp_path):
    path = tmp_path / "stresser.log"
    log = with_log(path, lambda log: log.logger.info("inside"))
    log.logger.info("outside")
    log.flush()
    assert [line["event"] for line in lines_of(path)] == ["inside", "outside"]
