"""What the same host without TLS, or with it, shows beside what was dropped."""

import pytest

from stresser.model.ending import Kind
from tests.analysis.diagnosis.made_runs import MadeRun, cohort

SAME = {"a": "wss://broker.example.net/", "b": "ws://broker.example.net/"}
INTO = "b, the same without TLS, was spared (4 sessions): perhaps it looks into TLS, or it is"


def contrasts(urls, dead, alive, of_alive=4):
    """What is said of drops of some endpoints through vpn beside sessions that lived."""
    run = MadeRun(*(cohort("vpn", endpoint=name) for name in dead + alive))
    run.scenario["endpoints"] = [{"name": name, "url": url} for name, url in urls.items()]
    kept = [run.opens(cohort("vpn", endpoint=e), 0.1 * n) for e in alive for n in range(of_alive)]
    for name in dead:
        for n in range(4):
            session = run.opens(cohort("vpn", endpoint=name), 0.1 * n)
            run.drops(session, 5 + 0.1 * n, Kind.TCP_RESET)
    for one in kept:
        run.lives(one, 9)
    return [clause for one in run.diagnosed().diagnoses for clause in one.contrasts]


@pytest.mark.parametrize(
    ("urls", "dead", "alive", "said"),
    [
        (SAME, ["a"], ["b"], [INTO]),
        (SAME, ["b"], ["a"], ["a, the same with TLS, was spared (4 sessions): perhaps it spares"]),
        ({"a": "tls://h:443", "b": "tcp://h:80"}, ["a"], ["b"], [INTO]),
        ({"a": "lab+wss://echo", "b": "lab+tcp://echo"}, ["a"], ["b"], [INTO]),
        (
            SAME,
            ["a", "b"],
            [],
            ["with TLS and without it alike, so that it need not be what looks"],
        ),
        ({"a": "wss://h/", "b": "ws://other/"}, ["a"], ["b"], []),
        ({"a": "wss://h/", "b": "wss://h/x"}, ["a"], ["b"], []),
        ({"a": "", "b": ""}, ["a"], ["b"], []),
    ],
)
def test_it_is_said_of_one_host_and_of_no_other(urls, dead, alive, said):
    found = contrasts(urls, dead, alive)
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True))


def test_two_sessions_that_lived_are_chance():
    assert contrasts(SAME, ["a"], ["b"], of_alive=2) == []
