"""What is learned from one walk to the next; walks themselves are in the netlab."""

from typing import Any, cast

import pytest

from stresser.model.hops import Hop
from stresser.session.held_walks import FIRST_WALKS, WalkedSession
from tests.fakes.certificates import server_context
from tests.fakes.peers import websocket_server
from tests.fakes.world import life


class Reaching:
    """A flow with so many routers on its way."""

    def __init__(self, reach: int) -> None:
        self.reach = reach


def walked(reach: int = 3) -> WalkedSession:
    return WalkedSession(cast("Any", None), cast("Any", Reaching(reach)))


def found(**addresses: str) -> dict[int, Hop]:
    numbers = {"one": 1, "two": 2, "three": 3}
    return {
        numbers[name]: Hop(number=numbers[name], address=address)
        for name, address in addresses.items()
    }


def addresses(one: WalkedSession) -> list[str | None]:
    return [hop.address for hop in one.path]


@pytest.mark.parametrize(
    ("walks", "changes", "path"),
    [
        ([found(one="a", two="b", three="c")], [False], ["a", "b", "c"]),
        ([found(one="a"), found(three="c")], [False, False], ["a", None, "c"]),
        # A router that is silent for once is no change.
        ([found(one="a", two="b"), found(one="a")], [False, False], ["a", "b", None]),
        ([found(one="a", two="b"), found(one="a", two="x")], [False, True], ["a", "x", None]),
        # Where each packet takes another of two paths, each is new once.
        (
            [found(two="b"), found(two="x"), found(two="b"), found(two="x")],
            [False, True, False, False],
            [None, "x", None],
        ),
    ],
)
def test_what_a_walk_adds_to_the_path(walks, changes, path):
    one = walked()
    assert [one.learn(answers) for answers in walks] == changes
    assert addresses(one) == path


def test_silent_hops_are_asked_again_and_the_others_are_not():
    one = walked()
    asked = []
    for _ in range(FIRST_WALKS + 1):
        one.walks += 1
        asked.append(one.wanted)
        one.learn(found(one="a", two="b"))
    assert asked == [[1, 2, 3], [3], [3], [1, 2, 3]]


def test_an_answer_calls_nobody_where_nobody_asked():
    made = life(websocket_server(server_context()), 61)
    assert made.notebook.only_ended().pongs == 4
    assert made.around.walks is None
