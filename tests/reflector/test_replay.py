from stresser.net.reflector_hello import Hello
from stresser.reflector.replay import WINDOW_S, ReplayGuard

NOW = 1_700_000_000


def hello(nonce: str = "a", at: int = NOW) -> Hello:
    return Hello(run="r", attempt=1, unix_s=at, nonce=nonce)


def test_a_hello_is_good_once():
    guard = ReplayGuard()
    assert guard.refusal(hello(), NOW) is None
    assert guard.refusal(hello(), NOW) == "it was heard before"
    assert guard.refusal(hello("b"), NOW) is None


def test_a_recorded_hello_is_refused_at_any_later_time():
    guard = ReplayGuard()
    first = hello(at=NOW + WINDOW_S)  # of a clock that is an hour ahead: good for the longest
    assert guard.refusal(first, NOW) is None
    for later in range(0, 4 * WINDOW_S, 60):
        assert guard.refusal(first, NOW + later) is not None


def test_clocks_far_apart_are_told():
    for at in (NOW - WINDOW_S - 1, NOW + WINDOW_S + 1):
        assert "more than an hour apart" in str(ReplayGuard().refusal(hello(at=at), NOW))


def test_memory_is_bounded_and_forgets_nothing_that_is_still_good():
    guard = ReplayGuard(most=3)
    for nonce in "abc":
        assert guard.refusal(hello(nonce), NOW) is None
    assert "million" in str(guard.refusal(hello("d"), NOW))
    assert guard.refusal(hello("a"), NOW) == "it was heard before"
    after = NOW + 2 * WINDOW_S + 1
    assert guard.refusal(hello("d", after), after) is None
