import json

import pytest

from bench.client import Job, running_client
from bench.counters import Counter
from bench.floor_client import floor_command
from bench.measure import measure_held, measure_pinged

pytest.importorskip("picows", reason="the server of the benchmark is picows (extra: bench)")

from bench.peer import ADDRESSES, BenchError, running_server

SESSIONS = 20


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("server")) as peer:
        yield peer


def job(peer, folder, every_s):
    return Job(
        folder=folder,
        port=peer.port,
        ca=peer.ca,
        addresses=ADDRESSES,
        sessions=SESSIONS,
        every_s=every_s,
    )


def last_line(folder):
    return json.loads((folder / "stdout").read_text().splitlines()[-1])


@pytest.mark.slow
def test_held_sessions_are_counted_by_the_server_and_send_nothing(peer, tmp_path):
    opened = peer.counters[Counter.OPENED]
    held = measure_held(peer, floor_command, job(peer, tmp_path, 3600))
    assert peer.counters[Counter.OPENED] - opened == SESSIONS
    assert held.sessions == SESSIONS
    assert held.rss_kib > 1_000
    assert 0 < held.cpu_handshakes_s < 5
    assert last_line(tmp_path)["pings"] == 0


@pytest.mark.slow
def test_pings_are_answered_on_schedule_and_timed(peer, tmp_path):
    pinged = measure_pinged(peer, floor_command, job(peer, tmp_path, 0.1), 100)
    assert pinged.round_trips >= 100
    assert pinged.cpu_s > 0
    ended = last_line(tmp_path)
    assert ended["missed"] == 0
    assert 0 <= ended["pings"] - ended["pongs"] <= SESSIONS
    assert 0 < ended["rtt_p50_ns"] <= ended["rtt_p99_ns"]


def test_the_oldest_sessions_are_reset_at_once_and_the_floor_calls_that_a_failure(peer, tmp_path):
    with running_client(floor_command, job(peer, tmp_path, 3600)) as client:
        client.wait_until(lambda: peer.counters.open_sessions == SESSIONS, 20, "all sessions")
        peer.reset(5)
        assert client.wait_end(20) == 1
        assert "Connection reset by peer" in client.errors()
    peer.wait_empty()


def test_work_that_was_not_done_is_an_error(peer, tmp_path):
    with pytest.raises(BenchError, match="Connection refused"):
        measure_held(
            peer,
            floor_command,
            Job(
                folder=tmp_path,
                port=1,
                ca=peer.ca,
                addresses=ADDRESSES[:1],
                sessions=1,
                every_s=3600,
            ),
        )
