"""Limits on bytes, on the size of a packet, on how many, on age, and on pings."""

import pytest

from tests.netlab.judge import NOTHING, Truth
from tests.netlab.tester import WSS_PORT, Heartbeat
from tests.netlab.topology import CONTROL, SERVER, SUSPECT
from tests.netlab.truths import BOTH, ENDPOINT, MIDDLEBOX, NETWORK, OWNER, UNKNOWN, endpoint_says
from tests.netlab.verdicts import RunTruth

ONLY_SUSPECT = {SUSPECT: f'interface = "{SUSPECT}"'}
RECONNECTS = '{ initial = "300ms", max = "1s", jitter = 0.5 }'
BYTES = 300_000
CEILING = 12
FIRST_PORT = 20_000


def counts_bytes(action):
    """Both directions of a flow, as conntrack counts them."""
    return f"""
table ip counting {{
  chain forwarded {{
    type filter hook forward priority filter; policy accept;
    ct bytes > {BYTES} {action}
  }}
}}
"""


@pytest.mark.parametrize(
    ("action", "kinds"),
    [("reject with tcp reset", {"tcp_reset"}), ("drop", {"silence", "unresponsive"})],
    ids=["resets", "drops"],
)  # fmt: skip
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "controlled"])
def test_box_allows_so_many_bytes(lab, judge, action, kinds, alone):
    lab.suspect.sysctl("net.netfilter.nf_conntrack_acct=1")
    lab.suspect.nft(counts_bytes(action))
    pings = Heartbeat(name="pings", every="1s", timeout="2s")
    some = Heartbeat(name="some", every="500ms", timeout="2s", message="16KiB")
    more = Heartbeat(name="more", every="500ms", timeout="2s", message="32KiB")
    changes = {"egresses": ONLY_SUSPECT} if alone else {}
    tester = lab.hold(lab.plan(activities=(pings, some, more), sessions=8, ramp="2s", **changes))
    tester.wait_for_drops(16)
    where = UNKNOWN if alone else {"egress"}
    judge(
        tester.finish(),
        Truth(what="few bytes", activity="pings"),
        *(Truth(what="too many bytes", activity=name, kinds=kinds,
                initiators={"middlebox", "unknown"}) for name in ("some", "more")),
        *([] if alone else [NOTHING]),
        RunTruth(what="a limit on bytes", mechanism={"byte_limit"}, where=where,
                 who=MIDDLEBOX | UNKNOWN if alone else MIDDLEBOX,
                 whom=NETWORK, limit=BYTES, unit="bytes", widest=150_000),
    )  # fmt: skip


def test_nat_has_no_more_ports(lab, judge):
    """So many live on; every further attempt fails as long as they do."""
    lab.suspect.nft(
        f"""
table ip nat {{
  chain leaving {{
    type nat hook postrouting priority srcnat; policy accept;
    oifname "server" ip protocol tcp masquerade to :{FIRST_PORT}-{FIRST_PORT + CEILING - 1}
  }}
}}
"""
    )
    plan = lab.plan(sessions=18, ramp="2s", egresses=ONLY_SUSPECT, reconnect=RECONNECTS,
                    activities=(Heartbeat(every="1s", timeout="2s"),), duration="16s",
                    timeouts='connect = "2s"\ntls = "2s"\nupgrade = "2s"')  # fmt: skip
    recording = lab.run(plan)
    assert len(recording.opened()) == CEILING
    judge(
        recording,
        Truth(what="those that came first live"),
        RunTruth(what="a ceiling", mechanism={"session_ceiling"}, where=UNKNOWN, failures=True,
                 who=UNKNOWN | MIDDLEBOX, whom=NETWORK | {"proxy_team"}, limit=CEILING,
                 unit="sessions", says=[r"every further attempt failed"]),
    )  # fmt: skip


@pytest.mark.parametrize("how", ["reset", "1002"])
def test_endpoint_bears_no_ping(lab, judge, how):
    urls = {"relay": f"wss://{SERVER}:{WSS_PORT}/pinged/{how}"}
    pinged = Heartbeat(name="pinged", every="2s", timeout="2s")
    quiet = Heartbeat(name="quiet", every=None)
    kind = {"reset": "tcp_reset", "1002": "ws_close"}[how]
    plan = lab.plan(endpoints=urls, activities=(pinged, quiet), sessions=6, ramp="2s",
                    duration="12s", reconnect=RECONNECTS,
                    egresses={CONTROL: f'interface = "{CONTROL}"'})  # fmt: skip
    judge(
        lab.run(plan),
        Truth(what="ended at the first ping", egress=CONTROL, activity="pinged", kinds={kind},
              initiators={"endpoint"} if how == "1002" else {"endpoint", "unknown"},
              may_live=True),
        Truth(what="the silent ones live", egress=CONTROL, activity="quiet"),
        endpoint_says("ping_intolerance", "it bears no ping", where={"endpoint", "unknown"},
                      whom=OWNER, says=["stop pinging|without pings|send no ping"]),
    )  # fmt: skip


@pytest.mark.parametrize("how", ["1001", "notify", "reset"])
def test_endpoint_ends_what_is_old(lab, judge, how):
    kind = {"1001": "ws_close", "notify": "tls_close_notify", "reset": "tcp_reset"}[how]
    urls = {"server": f"wss://{SERVER}:{WSS_PORT}/age/4/{how}"}
    beats = (Heartbeat(name="often", every="700ms"), Heartbeat(name="seldom", every="3s"))
    tester = lab.hold(lab.plan(endpoints=urls, activities=beats, sessions=8, ramp="3s"))
    said = {"endpoint"} if how != "reset" else {"endpoint", "unknown"}
    judge(
        tester.wait(),  # nothing is left to hold
        *(Truth(what="ended at its age", egress=way, kinds={kind}, initiators=said)
          for way in BOTH),
        RunTruth(what="a maximum age", mechanism={"age_limit", "endpoint_goodbye"},
                 where={"shared", "endpoint"},
                 who=ENDPOINT if how != "reset" else ENDPOINT | UNKNOWN,
                 whom=OWNER, limit=4, widest=0.5),
    )  # fmt: skip
