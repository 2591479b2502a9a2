from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import MadeRun, cohort
from tests.analysis.diagnosis.mixed_situations import limit_on_bytes


def test_sessions_that_moved_less_and_lived_tell_bytes_from_age():
    one = limit_on_bytes().only()
    assert (one.mechanism, one.unit, one.drops) == ("byte_limit", "bytes", 16)
    assert one.ask.says.endswith("Lift the limit of about 320,000 bytes per connection on sus.")


def all_move_alike() -> MadeRun:
    """Sessions that move as much and die at one age: nothing tells which of both it was."""
    run = MadeRun(cohort("sus", "m8k"), activities={"m8k": {"every": "1s", "message": "8KiB"}})
    for n in range(12):
        one = run.opens(cohort("sus", "m8k"), 1.7 * n)
        moved = {"bytes_sent": 150_000, "bytes_received": 150_000, "messages": 17}
        idle = 0.1 + 0.07 * n
        run.drops(
            one, 1.7 * n + 18, Kind.TCP_RESET, idle=idle, fields={"pings": 18, "pongs": 17} | moved
        )
    return run


def test_sessions_that_are_alike_in_all_show_no_limit_on_bytes_alone():
    assert all_move_alike().only().mechanism == "age_limit"
