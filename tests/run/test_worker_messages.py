"""What travels between a run's process and its workers arrives as it was sent."""

from pathlib import Path

import pytest

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.net.dial import Binding
from stresser.record.manifest import Gap
from stresser.run.worker_messages import (
    HEAD_BYTES,
    LONGEST_FRAME,
    Durations,
    ForceWord,
    Goodbye,
    HeaderOfEndpoint,
    Note,
    Order,
    Progress,
    ProxiesOfPair,
    Ready,
    StopWord,
    for_worker,
    frame_of,
    from_worker,
    length_in,
)
from stresser.scenario.lab_table import LabReady
from stresser.scenario.pac_answer import PacAnswer
from stresser.scenario.plan import Activity, Egress, Endpoint, Scenario, Sessions
from stresser.scenario.proxies import ProxyList
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret


def order() -> Order:
    secret = Secret("PASSWORD", "of the proxy")
    return Order(
        worker=2,
        workers=3,
        scenario=Scenario(
            name="all of it",
            sessions=Sessions(count=7, workers=3),
            activities=[Activity(name="heartbeat")],
            endpoints=[Endpoint(name="a", url="wss://a.example.net/", headers={"x": "env:X"})],
            egresses=[Egress(name="vpn", source="192.0.2.1")],
        ),
        file=Path("/etc/stresser/scenario.toml"),
        headers=[
            HeaderOfEndpoint.of("a", "x", Secret("X", "hidden")),
            HeaderOfEndpoint.of("a", "y", "plain"),
        ],
        tokens={"a": Secret("TOKEN", "sixteen characters")},
        gaps={"GAP": Secret("GAP", "of a message")},
        proxies=[
            ProxiesOfPair(
                endpoint="a",
                egress="vpn",
                named=ProxyList(
                    entries=(
                        Proxy(
                            scheme=ProxyScheme.HTTP,
                            host="p",
                            port=3128,
                            user=secret,
                            password=secret,
                        ),
                        None,
                    ),
                    chosen_by=PacAnswer(source="pac:x", url="wss://e/", answer="PROXY p:3128"),
                ),
            )
        ],
        bindings={"vpn": Binding(source="192.0.2.1")},
        lab=LabReady(pid=1, ca_file="c", inspection_ca_file="i", server_name="s", addresses=[]),
        run_id="00ff",
        folder=Path("/var/lib/stresser/run/workers/2"),
        anchor_unix_ns=1_800_000_000_000_000_000,
        began_monotonic_ns=12_345,
        first_attempt=101,
        first_session=11,
    )


def test_an_order_arrives_whole_with_its_secrets():
    frame = frame_of(order())
    assert length_in(frame[:HEAD_BYTES]) == len(frame) - HEAD_BYTES
    arrived = for_worker(frame[HEAD_BYTES:])
    assert arrived == order()
    assert isinstance(arrived, Order)
    assert [header.value for header in arrived.headers] == [Secret("X", "hidden"), "plain"]
    first = arrived.proxies[0].named.first
    assert first is not None
    assert first.password == Secret("PASSWORD", "of the proxy")
    assert type(arrived.scenario.sessions.ramp) is type(Sessions().ramp)


@pytest.mark.parametrize("word", [StopWord(reason="signal SIGINT"), ForceWord()])
def test_words_to_a_worker(word):
    assert for_worker(frame_of(word)[HEAD_BYTES:]) == word


@pytest.mark.parametrize(
    "word",
    [
        Ready(),
        Note(text="a disk is full"),
        Progress(
            lines=b'{"event":"run_ended"}\n',
            lines_before=3,
            durations=[
                Durations(Quantity.RTT, Cohort("a", "vpn", "heartbeat"), [1, 2**40]),
                Durations(Quantity.LOOP_LAG, None, [0]),
            ],
        ),
        Goodbye(
            reason="duration",
            bugs=1,
            bug_reports=["Traceback"],
            gap=Gap(what="full", path="/x", since_t_ns=1, since_utc="u", events=2, samples=3),
        ),
    ],
)
def test_words_from_a_worker(word):
    arrived = from_worker(frame_of(word)[HEAD_BYTES:])
    assert arrived == word
    if isinstance(arrived, Progress):
        assert isinstance(arrived.durations[0].cohort, Cohort)


def test_what_is_longer_than_any_message_is_none():
    assert length_in(LONGEST_FRAME.to_bytes(HEAD_BYTES, "big")) == LONGEST_FRAME
    with pytest.raises(ValueError, match="a message of"):
        length_in((LONGEST_FRAME + 1).to_bytes(HEAD_BYTES, "big"))


def test_nothing_else_is_sent():
    with pytest.raises(TypeError, match="is not sent"):
        frame_of(StopWord(reason=object()))  # type: ignore[arg-type] # what must not be
