"""Two folders written by the recorder, with clocks a week apart."""

import time

import pytest

from stresser.model.chain import TlsFacts
from stresser.model.ending import Kind
from stresser.model.errors import RunFolderError
from stresser.model.events import ReflectionEnded, ReflectionOpened, SessionOpened
from stresser.record.events_file import encode_event
from stresser.record.folder import RunFolder
from stresser.record.host_facts import gather_manifest
from stresser.record.manifest import write_manifest
from stresser.record.reader import open_run
from stresser.reflector.joining import both_ends_of
from tests.record.sample_events import session_ended, utc_of

S = 10**9
MS = 10**6
RUN = "ab" * 16
AHEAD = 7 * 86_400 * S + 123_456_789
"""The reflector's run began so much earlier."""


def folder(path, run_id, events):
    manifest = gather_manifest(
        scenario={}, run_id=run_id, anchor_unix_ns=time.time_ns(), command_line=[],
        capabilities={}, socket_options={},
    )  # fmt: skip
    path.mkdir()
    made = RunFolder(path)
    write_manifest(made.manifest, manifest)
    made.events.write_bytes(b"".join(encode_event(event) for event in events))
    return open_run(path)


def opened(attempt, t_ns):
    tls = TlsFacts(version="TLSv1.3", cipher="x", alpn=None, chain="c", verified=True)
    return SessionOpened(
        t_ns=t_ns, utc=utc_of(t_ns), endpoint="broker", egress="vpn", activity="heartbeat",
        session=attempt + 100, attempt=attempt, local="192.0.2.1:1", remote="192.0.2.2:443",
        phases_ns={"resolve": 5 * S, "connect": 3 * MS, "tls": 8 * MS, "upgrade": 2 * MS}, tls=tls,
    )  # fmt: skip


def there_opened(attempt, t_ns, run=RUN):
    return ReflectionOpened(
        t_ns=t_ns + AHEAD, utc=utc_of(t_ns), number=attempt, run=run, attempt=attempt,
        scheme="wss", local="192.0.2.2:443", peer="198.51.100.1:999",
        accepted_ns=t_ns + AHEAD - 8 * MS,
    )  # fmt: skip


def there_ended(attempt, t_ns, kind=Kind.TCP_RESET):
    return ReflectionEnded(
        t_ns=t_ns + AHEAD, utc=utc_of(t_ns), number=attempt, run=RUN, attempt=attempt, kind=kind,
        bytes_received=10, last_in_ns=t_ns + AHEAD - S, last_out_ns=t_ns + AHEAD - S,
    )  # fmt: skip


def test_each_session_finds_its_other_end_and_times_are_ours(tmp_path):
    run = folder(
        tmp_path / "run", RUN, [opened(3, S), session_ended(session=103, attempt=3, t_ns=2 * S)]
    )
    far = folder(tmp_path / "far", None, [there_opened(3, S), there_ended(3, 2 * S)])

    found = both_ends_of(run, far)

    [seen] = found.seen
    assert (seen.session, found.sessions) == (103, 1)
    assert seen.far_end.kind == "tcp_reset"
    assert seen.far_end.peer == "198.51.100.1:999"
    assert seen.far_end.at_ns == pytest.approx(2 * S, abs=seen.far_end.within_ns)
    assert seen.far_end.within_ns < 6 * MS  # half a handshake
    assert found.within_ns == seen.far_end.within_ns


def test_what_is_still_held_is_known_until_the_record_ends(tmp_path):
    run = folder(tmp_path / "run", RUN, [opened(3, S), session_ended(session=103, attempt=3)])
    far = folder(
        tmp_path / "far", None, [there_opened(3, S), there_opened(4, 60 * S, run="cd" * 16)]
    )
    [seen] = both_ends_of(run, far).seen
    assert (seen.far_end.kind, seen.far_end.at_ns, seen.far_end.last_in_ns) == (None, None, None)
    assert seen.far_end.known_until_ns >= 59 * S


def test_sessions_of_other_endpoints_have_no_other_end(tmp_path):
    run = folder(
        tmp_path / "run",
        RUN,
        [opened(3, S), session_ended(session=103, attempt=3), session_ended(session=9, attempt=9)],
    )
    far = folder(tmp_path / "far", None, [there_opened(3, S)])
    found = both_ends_of(run, far)
    assert ([one.session for one in found.seen], found.sessions) == ([103], 2)


def test_two_that_never_met_are_told(tmp_path):
    run = folder(tmp_path / "run", RUN, [opened(3, S)])
    far = folder(tmp_path / "far", None, [there_opened(3, S, run="cd" * 16)])
    with pytest.raises(RunFolderError, match="named itself to this reflector"):
        both_ends_of(run, far)


def test_a_run_without_an_id_cannot_be_joined(tmp_path):
    run = folder(tmp_path / "run", None, [opened(3, S)])
    far = folder(tmp_path / "far", None, [there_opened(3, S)])
    with pytest.raises(RunFolderError, match="no run_id"):
        both_ends_of(run, far)
