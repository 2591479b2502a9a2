"""The lab that a scenario names comes up for a command, and goes with it."""

import os

import pytest
import trio

from stresser.cli.scenario_lab import lab_for
from stresser.scenario.plan import Endpoint, Scenario


def scenario(url):
    return Scenario(name="s", endpoints=[Endpoint(name="a", url=url)])


def test_no_lab_where_none_is_named():
    async def main():
        async with lab_for(scenario("wss://broker.example.net")) as ready:
            return ready

    assert trio.run(main) is None


def test_a_lab_for_as_long_as_it_is_needed():
    async def main():
        async with lab_for(scenario("lab+wss://echo")) as ready:
            assert ready is not None
            assert [address.endpoint for address in ready.addresses] == ["a"]
            return ready.pid

    pid = trio.run(main)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
