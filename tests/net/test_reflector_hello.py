import pytest
from msgspec.structs import replace

from stresser.net.reflector_hello import (
    LONGEST,
    PREFIX,
    Hello,
    Introducer,
    new_run_id,
    proved_hello,
)
from stresser.scenario.secrets import Secret

TOKEN = Secret("REFLECT_TOKEN", "correct horse battery staple")
S = 10**9


def introducer(token: Secret = TOKEN) -> Introducer:
    return Introducer(run=new_run_id(), token=token, anchor_unix_ns=1_700_000_000 * S)


def test_a_hello_says_which_attempt_of_which_run_it_is():
    mine = introducer()
    said = proved_hello(mine.hello(17, 5 * S), TOKEN)
    assert isinstance(said, Hello)
    assert (said.run, said.attempt, said.unix_s) == (mine.run, 17, 1_700_000_005)


def test_each_hello_is_another():
    mine = introducer()
    assert mine.hello(1, 0) != mine.hello(1, 0)


def test_another_token_proves_nothing():
    other = Secret("OTHER", "correct horse battery stable")
    assert proved_hello(introducer(other).hello(1, 0), TOKEN) is None


def test_each_part_is_proved():
    line = introducer().hello(17, 0)
    for place, letter in enumerate(line):
        changed = "1" if letter != "1" else "2"
        assert proved_hello(line[:place] + changed + line[place + 1 :], TOKEN) is None


def test_a_number_is_written_in_one_way():
    version, run, attempt, rest = introducer().hello(17, 0).split(" ", 3)
    assert proved_hello(f"{version} {run} 0{attempt} {rest}", TOKEN) is None


def test_what_is_no_hello_is_none():
    for text in ("", "v1", "v1 " * 40, "\x00", "v2 " + introducer().hello(1, 0)[3:]):
        assert proved_hello(text, TOKEN) is None


@pytest.mark.parametrize("down_ms", [100, 1000, 99_999_999])
def test_a_hello_may_ask_for_data_down(down_ms):
    mine = replace(introducer(), down_ms=down_ms)
    said = proved_hello(mine.hello(1, 0), TOKEN)
    assert said is not None
    assert said.down_ms == down_ms
    assert proved_hello(mine.hello(1, 0).replace(f"down={down_ms}", "down=500"), TOKEN) is None


@pytest.mark.parametrize("down_ms", [1, 99, 10**9])
def test_a_flood_or_nothing_ever_cannot_be_asked_for(down_ms):
    assert proved_hello(replace(introducer(), down_ms=down_ms).hello(1, 0), TOKEN) is None


def test_the_longest_hello_fits():
    line = replace(introducer(), down_ms=99_999_999).hello(10**15 - 1, 0)
    assert len(PREFIX) + len(line) + 1 <= LONGEST


def test_the_token_is_in_no_hello():
    assert TOKEN.reveal() not in introducer().hello(1, 0)
