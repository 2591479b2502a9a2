"""`stresser run --metrics`: a port that is taken, a run that is scraped, Debian's prometheus."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from stresser.analysis.counts.run_tally import Tally
from stresser.cli.served_metrics import MetricsPort
from tests.cli.in_process import stresser_says
from tests.cli.run_process import ROOT, Run, scenario_text
from tests.fakes.tools import tool

PATIENCE_S = 90.0
GRAFANA = ROOT / "docs/grafana"
ALERTS = GRAFANA / "alerts.yml"
ENDPOINTS = """name = "echo"
url = "lab+wss://echo"
[[endpoints]]
name = "busy"
url = "lab+wss://refuse/503" """


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GRAFANA / "stresser.json").read_text())
    return found


def queries() -> dict[str, str]:
    """Each query of the dashboard as Grafana would send it, by panel and number."""
    return {
        f"{panel['title']} {target['refId']}": re.sub(
            r"\$(instance|endpoint|egress|activity)", ".*", target["expr"]
        ).replace("$__rate_interval", "1m")
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    }


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own address
        body: bytes = answer.read()
    return body


def url_of(run: Run) -> str:
    def found() -> list[str]:
        logs = [log.read_text() for log in run.results.glob("*/stresser.log")]
        return re.findall(r'"url": "(http://[^"]+)"', "".join(logs))

    run.wait_for(lambda: bool(found()))
    return found()[0]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("nonsense", "--metrics nonsense: write ADDRESS:PORT"),
        ("127.0.0.1:x", "--metrics 127.0.0.1:x: write ADDRESS:PORT"),
        ("192.0.2.77:9464", "--metrics 192.0.2.77:9464: "),
    ],
)
def test_what_is_no_address_of_this_host_is_one_line(tmp_path, written, said):
    found = stresser_says("run", "quickstart", "--out", str(tmp_path / "r"), "--metrics", written)
    assert (found.code, found.out) == (2, b"")
    assert found.err.startswith(said)
    assert found.err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_a_port_that_is_taken_ends_the_command_before_the_run_begins(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = stresser_says(
            "run", "quickstart", "--out", str(tmp_path / "r"), "--metrics", str(port)
        )
    assert found.code == 2
    assert found.err.startswith(f"--metrics 127.0.0.1:{port}: something else listens there")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", 0), ("0.0.0.0", 1)])  # noqa: S104 - to be warned about
def test_who_serves_more_than_this_host_is_warned(tmp_path, host, warned):
    said: list[str] = []
    port = MetricsPort(f"{host}:0")
    with port._listener:
        served = port.serve(Tally(), "made-up", tmp_path, 0, said.append)
    assert len(said) == warned
    assert all(served.url in words for words in said)


@pytest.mark.slow
def test_a_run_without_metrics_loads_none_of_it():
    code = (
        "import sys, stresser.cli.run;"
        "print([m for m in sys.modules if 'prometheus' in m or m.endswith('served_metrics')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_alerts_are_what_promtool_takes_and_name_the_egress_that_drops(tmp_path):
    """Both egresses drop to one endpoint, one of two to the other: that one alone is named."""
    labels = 'instance="i",endpoint="{}",egress="{}"'
    series = [
        {
            "series": f"stresser_drops_total{{{labels.format(endpoint, egress)}}}",
            "values": values,
        }
        for endpoint, egress, values in [
            ("one", "direct", "0x30"),
            ("one", "vpn", "0x10 3x20"),
            ("both", "direct", "0x10 3x20"),
            ("both", "vpn", "0x10 3x20"),
            ("none", "direct", "0x30"),
        ]
    ]
    named = [("StresserDropsThroughOneEgressAlone", "warning", [("one", "vpn")])]
    named += [("StresserDrops", "info", [("one", "vpn"), ("both", "direct"), ("both", "vpn")])]
    tests = tmp_path / "tests.json"
    expected = [
        {
            "alertname": name,
            "eval_time": "20m",
            "exp_alerts": [
                {
                    "exp_labels": {
                        "instance": "i", "endpoint": endpoint, "egress": egress,
                        "severity": severity,
                    },
                    "exp_annotations": _annotations(name, endpoint, egress),
                }
                for endpoint, egress in alerts
            ],
        }
        for name, severity, alerts in named
    ]  # fmt: skip
    whole = {
        "rule_files": [str(ALERTS)],
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": expected}],
    }
    tests.write_text(json.dumps(whole))
    promtool = tool("promtool")
    for command in (["check", "rules", str(ALERTS)], ["test", "rules", str(tests)]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _annotations(alert: str, endpoint: str, egress: str) -> dict[str, str]:
    if alert == "StresserDrops":
        return {
            "summary": f"Sessions to {endpoint} through {egress} drop",
            "description": "3 drops in 15 minutes.",
        }
    return {
        "summary": f"Sessions to {endpoint} drop through {egress} alone",
        "description": "3 drops in 15 minutes; through another egress there was none."
        " `stresser show last` on i says what is known of the cause.",
    }


class Prometheus(NamedTuple):
    pid: int

    @property
    def url(self) -> str:
        """Where it listens by now: it chose a port that was free.

        Raises:
            ConnectionError: nowhere yet.
        """
        for one in psutil.Process(self.pid).net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN:
                return f"http://127.0.0.1:{one.laddr.port}"
        raise ConnectionError("it does not listen yet")

    def query(self, expression: str) -> list[Any]:
        asked = urllib.parse.urlencode({"query": expression})
        found: list[Any] = json.loads(get(f"{self.url}/api/v1/query?{asked}"))["data"]["result"]
        return found

    def health_of_rules(self) -> dict[str, str]:
        groups = json.loads(get(f"{self.url}/api/v1/rules"))["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


@pytest.fixture
def watched(start) -> Run:
    run: Run = start(scenario_text(duration=None, endpoints=ENDPOINTS), "--metrics", "0")
    return run


@pytest.fixture
def prometheus(watched, tmp_path) -> Iterator[Prometheus]:
    target = urllib.parse.urlsplit(url_of(watched)).netloc
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": "stresser", "static_configs": [{"targets": [target]}]},
        ],
    }
    file = tmp_path / "prometheus.json"
    file.write_text(json.dumps(config))
    command = [
        tool("prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={tmp_path / 'tsdb'}",
        "--web.listen-address=127.0.0.1:0",
        "--log.level=warn",
    ]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Prometheus(process.pid)
    finally:
        process.kill()
        process.wait()


def wait_until_empty(missing: Any, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            left = missing()
        except OSError as error:  # it does not listen yet
            left = error
        if not left:
            return
        assert time.monotonic() < deadline, f"{left}\n{log.read_text()}"
        time.sleep(0.25)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_prometheus_scrapes_a_run_and_every_query_of_the_dashboard_has_data(
    watched, prometheus, tmp_path
):
    log = tmp_path / "prometheus.log"
    asked = queries()
    assert len(asked) > 20

    wait_until_empty(
        lambda: {name: query for name, query in asked.items() if not prometheus.query(query)}, log
    )
    wait_until_empty(
        lambda: {n: h for n, h in prometheus.health_of_rules().items() if h != "ok"}, log
    )
    drops = 'ALERTS{alertname="StresserDropsThroughOneEgressAlone"}'
    wait_until_empty(lambda: not prometheus.query(drops), log)
    assert {one["metric"]["egress"] for one in prometheus.query(drops)} == {"box"}
    kinds = {
        (one["metric"]["phase"], one["metric"]["kind"])
        for one in prometheus.query("stresser_failures_by_kind_total")
    }
    assert ("upgrade", "http_refusal") in kinds
    text = get(url_of(watched))
    done = subprocess.run(
        [tool("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    watched.process.send_signal(signal.SIGINT)
    code, _, err = watched.finish()
    assert code == 3, err  # the endpoint that always refuses opened no session
    assert "Traceback" not in err


@pytest.mark.slow
def test_what_is_scraped_is_what_the_run_recorded(start):
    run = start(scenario_text(duration=None), "--metrics", "127.0.0.1:0")
    url = url_of(run)
    run.wait_until_open(9)
    text = get(url).decode()
    run.process.send_signal(signal.SIGINT)
    run.finish()

    drops = sum(
        float(line.split()[-1])
        for line in text.splitlines()
        if line.startswith("stresser_drops_total{")
    )
    recorded = [e for e in run.events() if e["event"] == "session_ended" and not e["planned"]]
    assert 0 < drops <= len(recorded)
    assert '"metrics are served"' in run.log()
