"""A run through an intercepting middlebox, as a user has it: verdict, findings, chains on disk."""

import json
import ssl
import subprocess

import pytest

from tests.cli.run_process import STRESSER

pytestmark = pytest.mark.slow


SCENARIO = """
name = "inspected"
duration = "1500ms"
[sessions]
count = 2
[activity]
every = "300ms"
timeout = "2s"
[[endpoints]]
name = "broker"
url = "lab+wss://echo"
[[endpoints]]
name = "strict"
url = "lab+tls://echo"
verify = "require"
[[egresses]]
name = "direct"
[[egresses]]
name = "vpn"
lab = { intercept = true }
[thresholds]
"intercepted{egress=direct}" = "= 0"
"intercepted{egress=vpn}" = "= 0"
"""


def test_an_intercepted_run(start):
    run = start(SCENARIO)
    code, _, err = run.finish()
    assert code == 1, err
    opened = [event for event in run.events() if event["event"] == "session_opened"]
    assert {(e["egress"], e["tls"]["intercepted"]) for e in opened} == {
        ("direct", False),
        ("vpn", True),
    }
    # What a handshake refused is intercepted as well.
    failed = [event for event in run.events() if event["event"] == "attempt_failed"]
    assert failed
    assert all(e["endpoint"] == "strict" and e["tls"]["intercepted"] for e in failed)
    check_summary(run)
    check_chains(run)
    check_story(run, opened)


def check_summary(run):
    summary = json.loads((run.folder / "summary.json").read_text())
    verdicts = {one["rule"]: one["verdict"] for one in summary["thresholds"]}
    assert verdicts == {
        "intercepted{egress=direct} = 0": "pass",
        "intercepted{egress=vpn} = 0": "fail",
    }
    assert (
        "TLS to broker is intercepted through vpn (consistent with stresser lab middlebox), "
        "not through direct."
    ) in summary["findings"][:4]
    assert any("another client" in note for note in summary["notes"])
    by_cohort = {(c["endpoint"], c["egress"]): c["intercepted"] for c in summary["cohorts"]}
    assert by_cohort["broker", "direct"] == 0
    assert by_cohort["broker", "vpn"] == 2


def check_chains(run):
    seen = [event for event in run.events() if event["event"] == "chain_seen"]
    files = {event["file"] for event in seen}
    assert files == {f"chains/{path.name}" for path in (run.folder / "chains").iterdir()}
    for event in seen:
        pem = (run.folder / event["file"]).read_text()
        assert pem.count("BEGIN") == len(event["certificates"])
        ssl.PEM_cert_to_DER_cert(pem[: pem.index("-----END") + len("-----END CERTIFICATE-----")])


def check_story(run, opened):
    [session, _] = [event["session"] for event in opened if event["egress"] == "vpn"]
    told = subprocess.run(
        [*STRESSER, "show", str(run.folder), "--session", str(session)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    words = " ".join(told.split())
    assert "INTERCEPTED, consistent with stresser lab middlebox" in words
    assert "chains/" in words
