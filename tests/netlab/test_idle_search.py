"""`stresser idle` against real boxes: the limit, how it shows, who, and what refreshes it.

The limits are in no file that stresser reads. A control egress without a box has none.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from tests.netlab import asked_proxies, firewalls, squids
from tests.netlab.conftest import need
from tests.netlab.lab import Lab
from tests.netlab.proxies import start_haproxy, start_nginx
from tests.netlab.tester import TOP, WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, SERVER, SUSPECT

UP_TO = "24s"
QUIET = Heartbeat(name="quiet", every=None)
WAYS = {way: f'interface = "{way}"' for way in (SUSPECT, CONTROL)}


class Found(NamedTuple):
    """What a box is, and what is to be found of it."""

    limit_s: int
    forms: set[str]
    keepalive: bool | None
    tools: tuple[str, ...] = ()
    tick_s: float = 0.1
    """How late it may be."""
    egresses: dict[str, str] = WAYS
    announces: bool = True


BOXES: dict[str, Found] = {
    "conntrack drops": Found(8, {"silence"}, keepalive=True, announces=False, tick_s=1),
    "conntrack resets": Found(13, {"tcp_reset"}, keepalive=True, announces=False, tick_s=1),
    "haproxy http": Found(9, {"tls_close_notify"}, keepalive=False, tools=("haproxy",)),
    "haproxy tcp": Found(11, {"tcp_fin"}, keepalive=False, tools=("haproxy",)),
    "nginx stream": Found(10, {"tcp_fin"}, keepalive=False, tools=("nginx",)),
    "squid": Found(8, {"tcp_fin"}, keepalive=False, tools=("squid",), tick_s=2,
                   egresses=asked_proxies.egresses()),
    "tinyproxy": Found(12, {"tcp_fin", "tcp_reset"}, keepalive=False, tools=("tinyproxy",),
                       tick_s=1.5, egresses=asked_proxies.egresses()),
}  # fmt: skip


@contextmanager
def _box(lab: Lab, name: str, limit_s: int) -> Iterator[None]:
    match name:
        case "conntrack drops" | "conntrack resets":
            drops = name.endswith("drops")
            lab.suspect.nft(firewalls.STATEFUL_DROP if drops else firewalls.STATEFUL_RESET)
            lab.suspect.sysctl(*firewalls.settings(limit_s))
        case "haproxy http" | "haproxy tcp":
            start_haproxy(lab, name.removeprefix("haproxy "), limit_s)
        case "nginx stream":
            start_nginx(lab, "stream", limit_s)
        case "tinyproxy":
            asked_proxies.start_tinyproxy(lab, limit_s)
        case "squid":
            with squids.squid(lab, bumps=False, idle_s=limit_s):
                yield
            return
    yield


def searched(lab: Lab, egresses: dict[str, str]) -> tuple[dict[str, Any], int, float]:
    """The summary, the exit code, how long it took in seconds."""
    plan = lab.plan(
        activities=(QUIET,), egresses=egresses, timeouts='connect = "3s"\nclose = "4s"',
        endpoints={"server": f"wss://{SERVER}:{WSS_PORT}/"},
    )  # fmt: skip
    file, results = lab.folder / "search.toml", lab.folder / "results"
    file.write_text(plan.toml())
    begun = time.monotonic()
    process = lab.client.start(
        "idle", sys.executable, "-m", "stresser", "idle", str(file), "--up-to", UP_TO,
        "--out", str(results), "--quiet", environment={"PYTHONPATH": str(TOP)},
    )  # fmt: skip
    code = process.wait(120)
    took_s = time.monotonic() - begun
    assert code in {0, 1, 3}, process.said()[-40:]
    [folder] = results.iterdir()
    return json.loads((folder / "summary.json").read_text()), code, took_s


@pytest.mark.parametrize("name", BOXES)
def test_the_limit_of_a_box_is_found(lab, name):
    box = BOXES[name]
    need(*box.tools)
    with _box(lab, name, box.limit_s):
        summary, code, _ = searched(lab, box.egresses)
    idle = {one["egress"]: one for one in summary["limits"] if one["kind"] == "idle"}
    found, control = idle[SUSPECT], idle[CONTROL]
    assert code == 1, summary["limits"]
    assert (control["low"], control["high"]) == (None, None)
    assert control["survived"] >= 23.5e9
    assert found["low"] is not None, found
    assert found["low"] <= (box.limit_s + box.tick_s) * 1e9, found
    assert box.limit_s * 1e9 <= found["high"] + 1e7, found
    assert found["high"] - found["low"] <= (1.05 + box.tick_s) * 1e9, found
    assert found["form"] in box.forms, found
    assert found["at_expiry"] is box.announces, found
    assert (found["who"], found["where"]) in {("middlebox", "egress"), ("unknown", "egress")}, found
    assert found["refreshed_by"]["ping"] is True, found
    assert found["refreshed_by"]["tcp_keepalive"] is box.keepalive, found
    assert all(one["high"] is None for one in summary["limits"] if one["kind"] == "age"), summary


def test_where_nothing_is_wrong_no_limit_is_found(lab):
    summary, code, _ = searched(lab, WAYS)
    assert code == 0, summary["limits"]
    assert all(one["low"] is None and one["survived"] >= 23.5e9 for one in summary["limits"])
    assert not summary["total"]["drops"]
