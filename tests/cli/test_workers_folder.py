"""What workers recorded is one run to every command: each says what it says of one process's."""

import pytest
from msgspec.structs import replace

from stresser.model.events import RunEnded, RunStarted, SessionEnded
from tests.analysis.story import Story, idle_kill_story
from tests.bundle.test_drop_packets import flow, place
from tests.cli.in_process import stresser_says
from tests.record.worker_runs import recorded_by, samples_of
from tests.witness.made_packets import LOCAL, REMOTE

RUN = "20261123T000000Z-made-up"
COMMANDS = [
    ("runs",),
    ("show", RUN),
    ("show", RUN, "--full"),
    ("show", RUN, "--json"),
    ("show", "last", "--session", "25"),
    ("show", "last", "--attempt", "3"),
    ("show", RUN, "--session", "25", "--pcap", "x.pcapng"),
    ("compare", RUN, "--egress", "direct", "vpn"),
    ("report", RUN, "--format", "markdown"),
    ("export", RUN, "--format", "csv", "--out", "."),
]


def told() -> Story:
    """No two events at one time: which of two comes first differs truly. One drop has packets."""
    story = idle_kill_story()
    for n, event in enumerate(story.events):
        if isinstance(event, SessionEnded) and event.session == 25:
            evidence = replace(event.ending.evidence, packets=flow())
            ending = replace(event.ending, evidence=evidence)
            event = replace(event, local=place(LOCAL), remote=place(REMOTE), ending=ending)  # noqa: PLW2901 - the same event, complete
        is_of_run = isinstance(event, RunStarted | RunEnded)
        story.events[n] = event if is_of_run else replace(event, t_ns=event.t_ns + n)
    story.events.sort(key=lambda event: (isinstance(event, RunEnded), event.t_ns))
    return story


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Where the run was recorded by one process, and where by three workers."""
    story, top = told(), tmp_path_factory.mktemp("places")
    for workers in (1, 3):
        recorded_by(workers, top / f"{workers}" / "results" / RUN, story.events, samples_of(story))
    return [top / "1", top / "3"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:1] + words[2:]))
def test_each_command_says_the_same(places, command, monkeypatch):
    answers = []
    for here in places:
        monkeypatch.chdir(here)
        said = stresser_says(*command)
        written = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
        answers.append((said.code, said.out, said.err, written))
    assert answers[1] == answers[0]
    assert answers[0][0] != 2, answers[0][2]
