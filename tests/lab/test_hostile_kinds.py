"""Forty kinds of hostile peer beside an innocent one, in one run: all bounded, none harms it.

With the nine of `test_hostile_peers.py` these are the kinds that are known. Each is served by
`tests/fakes/hostile_server.py`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.record.reader import open_run
from tests.cli.in_process import stresser_says
from tests.fakes.certificates import authority
from tests.fakes.hostile_server import PLAIN, TLS_ALONE, UPGRADED
from tests.lab.test_hostile_peers import ROOT, Held

pytestmark = pytest.mark.slow
KINDS = [*UPGRADED, *TLS_ALONE, *PLAIN]
BOUND_BYTES = 96 * 2**20
"""What two sessions of each kind, with all that is recorded of them, may cost in all."""
ENDED = {
    "masked-frames": "protocol_error",
    "reserved-bits": "protocol_error",
    "reserved-opcode": "protocol_error",
    "large-ping": "protocol_error",
    "split-ping": "protocol_error",
    "not-utf8": "protocol_error",
    "continuation-of-nothing": "protocol_error",
    "length-beyond-2-63": "protocol_error",
    "close-of-one-byte": "protocol_error",
    "close-code-0": "protocol_error",
    "close-reason-no-text": "protocol_error",
    "never-closes": "ws_close",
    "speaks-first": "protocol_error",
    "garbage-behind-close-notify": "tls_close_notify",
    "extension-unasked": "protocol_error",
    "subprotocol-unasked": "protocol_error",
    "endless-interim": "protocol_error",
    "status-of-a-thousand-digits": "protocol_error",
    "endless-refusal": "http_refusal",
    "realm": "http_refusal",
    "location": "http_refusal",
    "warnings-for-ever": "protocol_error",
    "change-cipher-for-ever": "protocol_error",
    "empty-records": "protocol_error",
    "endless-certificate": "protocol_error",
    "ssh": "protocol_error",
}
"""How sessions end that do not last; where the machine is slow, a deadline may come first."""
FLOODS = ("fragments", "empty-fragments", "empty-messages", "pings", "pongs", "half-a-letter")


def scenario(ports: dict[str, int]) -> str:
    urls = {
        kind: f"{'tls' if kind in TLS_ALONE else 'wss'}://127.0.0.1:{port}"
        for kind, port in ports.items()
    }
    tables = [
        f'[[endpoints]]\nname = "{name}"\nurl = "{url}"'
        for name, url in ({"good": "lab+wss://echo"} | urls).items()
    ]
    return "\n".join(
        [
            'name = "hostile"\nduration = "8s"',
            '[sessions]\ncount = 2\nramp = "1s"\nreconnect = { initial = "1s", max = "1s" }',
            '[timeouts]\ntls = "5s"\nupgrade = "5s"\nclose = "1s"',
            '[activity]\nevery = "200ms"\ntimeout = "30s"',
            *tables,
        ]
    )


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    pem = tmp_path_factory.mktemp("hostile") / "server.pem"
    authority().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    command = [sys.executable, "-m", "tests.fakes.hostile_server", str(pem)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())
        server.kill()


@pytest.fixture(scope="module")
def held(ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Held]]:
    folder = tmp_path_factory.mktemp("kinds")
    both = [Held(folder / "without", scenario({})), Held(folder / "with", scenario(ports))]
    try:
        while sum(run.watch() for run in both):
            pass
        yield both
    finally:
        for run in both:
            run.end()


def endings(folder: Path) -> list[dict[str, object]]:
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [one for one in events if one["event"] in {"session_ended", "attempt_failed"}]


def test_there_are_forty_kinds(ports: dict[str, int]) -> None:
    assert len(KINDS) == len(ports) >= 40


def test_the_innocent_session_lives_as_if_they_were_not_there(held: list[Held]) -> None:
    run = held[1]
    good = [one for one in endings(run.folder) if one["endpoint"] == "good"]
    assert [one["planned"] for one in good] == [True] * 2
    assert all(one["pings"] == one["pongs"] for one in good)
    rtt = open_run(run.folder).histograms()[Quantity.RTT, Cohort("good", "default", "heartbeat")]
    assert rtt.quantile(0.5) < 100e6 * run.stretch


def test_memory_is_bounded(held: list[Held]) -> None:
    assert held[1].largest - held[0].largest < BOUND_BYTES


def test_each_kind_is_told_and_none_is_a_bug(held: list[Held]) -> None:
    folder = held[1].folder
    by_kind: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for one in endings(folder):
        if one["endpoint"] in by_kind:
            by_kind[str(one["endpoint"])].add("planned" if one["planned"] else str(one["kind"]))
    assert held[1].code in {0, 3}
    assert "Traceback" not in (folder / "stresser.log").read_text()
    for kind, told in by_kind.items():
        assert told, kind
        assert told <= {ENDED.get(kind, "planned"), "planned", "timeout", "unresponsive"}, kind
    for kind, ended in ENDED.items():
        assert by_kind[kind] & {ended, "timeout"}, kind


def test_floods_are_read_in_turn(held: list[Held]) -> None:
    back = {str(one["endpoint"]) for one in endings(held[1].folder) if one.get("held_back_ns")}
    assert back >= set(FLOODS)
    assert "good" not in back


def test_nothing_that_they_said_moves_the_screen(held: list[Held], tmp_path: Path) -> None:
    folder = held[1].folder
    for command in (
        ["show", str(folder), "--full"],
        ["report", str(folder), "--format", "markdown", "--out", "-"],
        ["report", str(folder), "--bundle", str(tmp_path / "b.zip"), "--redact"],
        ["verify", str(tmp_path / "b.zip")],
    ):
        said = stresser_says(*command)
        assert said.code in {0, 3}, said.err
        text = said.out.decode() + said.err
        assert [one for one in text if not one.isprintable() and one != "\n"] == []
