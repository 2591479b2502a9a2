"""What this machine can hold, asked before the run: limits in a process of their own."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from stresser.model.errors import PreflightError
from stresser.net.dial import Binding, bind_to_egress
from stresser.run import preflight
from stresser.run.preflight import interface_address, prepare
from stresser.scenario.pac_answer import PacAnswer
from stresser.scenario.plan import Activity, ActivityKind, Egress, Endpoint, Scenario, Sessions
from stresser.scenario.proxies import resolve_proxies

linux = pytest.mark.skipif(sys.platform != "linux", reason="interfaces as Linux has them")
BROKER = Endpoint(name="broker", url="wss://broker.example.net/")


def plan(count=1, *, egresses=None, endpoints=(BROKER,), activities=1, in_flight=64):
    return Scenario(
        name="s",
        endpoints=list(endpoints),
        egresses=egresses or [Egress(name="direct")],
        activities=[Activity(name=f"a{n}") for n in range(activities)],
        sessions=Sessions(count=count, handshakes_in_flight=in_flight),
    )


def refusal(scenario):
    with pytest.raises(PreflightError) as refused:
        prepare(scenario)
    return refused.value.lines


# Figures


def test_what_a_small_run_finds():
    egresses = [Egress(name="direct"), Egress(name="again")]
    found = prepare(plan(3, egresses=egresses, activities=2))
    assert found.sessions == 3 * 2 * 2
    assert found.bindings == {"direct": Binding(), "again": Binding()}
    assert found.notes == []
    assert found.local_ports > 1000
    if sys.platform == "linux":
        assert found.memory_available is not None
        assert found.memory_available > 0


def test_everything_that_is_missing_is_said_at_once():
    egresses = [Egress(name="vpn", interface="no-such0"), Egress(name="b", source="192.0.2.77")]
    lines = refusal(plan(10**9, egresses=egresses))
    assert len(lines) == 5
    files, ports, memory, interface, source = lines
    assert "2000000064 sockets and 128 spare need 2000000192 open files" in files
    assert "ulimit -Hn 2000000192" in files
    assert "LimitNOFILE=2000000192" in files
    assert "1000000000 sessions to broker.example.net:443 from one source address" in ports
    assert "net.ipv4.ip_local_port_range" in ports
    assert "125000128 MiB of memory" in memory
    assert "lower sessions.count" in memory
    assert interface.startswith("egresses.vpn: ")
    assert source.startswith("egresses.b: ")


def test_all_that_goes_through_one_proxy_needs_ports_to_it():
    low, high = preflight.local_port_range()
    half = int((high - low + 1) * 0.9) // 2 + 1
    both = [Endpoint(name=name, url=f"wss://{name}.example.net/") for name in ("a", "b")]
    egresses = [Egress(name="direct"), Egress(name="proxy", proxy="http://p.example.net:3128")]
    scenario = plan(half, endpoints=both, egresses=egresses)
    proxies = resolve_proxies(scenario, {}, "s.toml")
    missing: list[str] = []
    preflight._check_ports(scenario, proxies, missing)
    assert len(missing) == 1
    assert f"{2 * half} sessions to p.example.net:3128" in missing[0]


def test_where_the_environment_has_no_proxy_it_is_said():
    both = [Endpoint(name=name, url=f"wss://{name}.example.net/") for name in ("a", "b")]
    scenario = plan(endpoints=both, egresses=[Egress(name="env", proxy="environment")])
    told = []
    for no_proxy in ("", "a.example.net", "*"):
        environment = {"https_proxy": "http://p:3128", "no_proxy": no_proxy}
        told.append(prepare(scenario, resolve_proxies(scenario, environment, "s")).notes)
    assert [len(notes) for notes in told] == [0, 1, 1]
    assert told[1][0].endswith("names no proxy for a: reached directly")
    assert told[2][0].endswith("names no proxy for a, b: reached directly")


def test_what_a_pac_says_is_said_and_its_first_proxy_needs_the_ports():
    both = [Endpoint(name=name, url=f"wss://{name}.example.net/") for name in ("a", "b")]
    scenario = plan(endpoints=both, egresses=[Egress(name="corp", proxy="pac:x.pac")])
    answers = {
        (name, "corp"): PacAnswer(source="pac:x.pac", url="wss://e/", answer=answer)
        for name, answer in (("a", "PROXY p:3128; DIRECT"), ("b", "DIRECT"))
    }
    proxies = resolve_proxies(scenario, {}, "s.toml", answers)
    assert prepare(scenario, proxies).notes == [
        'egress corp: x.pac returned "PROXY p:3128; DIRECT": through http://p:3128 (a)',
        'egress corp: x.pac returned "DIRECT": reached directly (b)',
    ]
    counted = preflight._sessions_by_destination(scenario, proxies)
    assert set(counted) == {("p", 3128), ("b.example.net", 443)}


def test_a_proxy_is_not_dialled_and_its_name_not_looked_up():
    """192.0.2.0/24 is nobody's (RFC 5737), .invalid has no names (RFC 6761)."""
    for url in ("http://192.0.2.1:3128", "http://nowhere.invalid:3128"):
        scenario = plan(egresses=[Egress(name="p", proxy=url)])
        assert prepare(scenario, resolve_proxies(scenario, {}, "s")).notes == []


def test_ports_are_counted_for_each_destination():
    low, high = preflight.local_port_range()
    usable = int((high - low + 1) * 0.9)
    same = [Endpoint(name=name, url="wss://broker.example.net/" + name) for name in ("a", "b")]
    other = [Endpoint(name=name, url=f"wss://{name}.example.net/") for name in ("a", "b")]
    half = usable // 2 + 1
    missing: list[str] = []
    assert preflight._check_ports(plan(half, endpoints=other), {}, missing) == usable
    assert missing == []
    preflight._check_ports(plan(half, endpoints=same), {}, missing)
    assert len(missing) == 1
    assert f"{2 * half} sessions" in missing[0]


@linux
def test_memory_is_what_the_kernel_and_the_cgroup_leave():
    available = preflight.memory_available()
    assert available is not None
    missing: list[str] = []
    fits = (available - preflight.BYTES_OF_TOOL) // preflight.BYTES_A_SESSION
    preflight._check_memory(int(fits * 0.9), 1, missing)
    assert missing == []
    preflight._check_memory(int(fits * 1.1), 1, missing)
    assert len(missing) == 1
    assert "MiB are available" in missing[0]


@linux
def test_of_many_processes_each_has_its_own_memory():
    available = preflight.memory_available()
    assert available is not None
    missing: list[str] = []
    fits = (available - 4 * preflight.BYTES_OF_TOOL) // preflight.BYTES_A_SESSION
    preflight._check_memory(int(fits * 0.9), 3, missing)
    assert missing == []
    preflight._check_memory(int(fits * 1.1), 3, missing)
    assert len(missing) == 1


def test_workers_are_counted_and_a_search_is_refused_them():
    text = plan(6)
    for workers, found in ((1, 1), (3, 3), (20, 6), ("auto", 1)):
        asked = replace(text, sessions=replace(text.sessions, workers=workers))
        assert prepare(asked).workers == found
    search = replace(
        text,
        activities=[Activity(name="a", kind=ActivityKind.IDLE_SEARCH)],
        sessions=replace(text.sessions, workers=2),
    )
    (line,) = refusal(search)
    assert line.startswith("sessions.workers: idle_search is the work of one process")


def test_the_file_limit_is_each_worker_s_own(with_limits):
    # A third of the sessions, handshakes, spare files and ended sessions' sockets.
    found = with_limits(256, 5000, 900, workers=3)
    assert found == ([300 + 64 + 128 + 512], [1004, 5000])


# Ways out


@linux
def test_an_interface_that_is_not_there_lists_those_that_are():
    (line,) = refusal(plan(egresses=[Egress(name="vpn", interface="tun77")]))
    assert line.startswith("egresses.vpn: no interface with this name")
    for _, name in socket.if_nameindex():
        assert name in line


@linux
def test_an_interface_binds_the_sockets_that_go_through_it():
    found = prepare(plan(egresses=[Egress(name="lo", interface="lo")]))
    assert found.bindings["lo"] in (Binding(device="lo"), Binding(source="127.0.0.1"))


@linux
def test_the_address_of_an_interface():
    assert interface_address("lo") == "127.0.0.1"
    assert interface_address("no-such0") is None


@linux
def test_who_may_not_bind_to_a_device_binds_to_its_address_and_says_so(monkeypatch):
    def unprivileged(sock, binding):
        if binding.device is not None:  # before Linux 5.7, and in some sandboxes
            raise PermissionError(1, "Operation not permitted")
        bind_to_egress(sock, binding)

    monkeypatch.setattr("stresser.run.preflight.bind_to_egress", unprivileged)
    found = prepare(plan(egresses=[Egress(name="vpn", interface="lo")]))
    assert found.bindings["vpn"] == Binding(source="127.0.0.1")
    assert len(found.notes) == 1
    assert "127.0.0.1 and the routing table has the last word" in found.notes[0]


def test_a_source_address_of_this_host():
    found = prepare(plan(egresses=[Egress(name="a", source="127.0.0.1")]))
    assert found.bindings["a"] == Binding(source="127.0.0.1")


@pytest.mark.parametrize("source", ["192.0.2.77", "2001:db8::77"])
def test_a_source_address_that_is_not_of_this_host(source):
    (line,) = refusal(plan(egresses=[Egress(name="vpn", source=source)]))
    assert line.startswith("egresses.vpn: ")
    assert line.endswith(f'source = "{source}" must be an address of this host')


# Open files: in processes of their own, whose limits may be spoilt; one has imported for all

CHILD = """
import json, os, resource, sys
from stresser.model.errors import PreflightError
from stresser.run.preflight import prepare, sockets_to_spare
from stresser.scenario.plan import Activity, ActivityKind, Endpoint, Scenario, Sessions


def told(soft, hard, count, kind, asked, workers):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    scenario = Scenario(
        name="s",
        endpoints=[Endpoint(name="broker", url="wss://broker.example.net/")],
        activities=[Activity(kind=ActivityKind(kind))],
        sessions=Sessions(count=count, handshakes_in_flight=64, workers=workers),
    )
    if asked == "spare":
        return [sockets_to_spare(scenario)]
    try:
        return [prepare(scenario).file_limit]
    except PreflightError as exc:
        return list(exc.lines)


for line in sys.stdin:
    if os.fork() == 0:
        said = told(*json.loads(line))
        print(json.dumps([said, resource.getrlimit(resource.RLIMIT_NOFILE)]), flush=True)
        os._exit(0)
    os.wait()
"""
_CAP_SYS_RESOURCE = 24  # capabilities(7): who has it may raise its hard limit


def may_raise_hard_limit():
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return hasattr(os, "geteuid") and os.geteuid() == 0
    (effective,) = re.findall(r"CapEff:\s*([0-9a-f]+)", status)
    return bool(int(effective, 16) >> _CAP_SYS_RESOURCE & 1)


@pytest.fixture(scope="module")
def with_limits():
    """`with_limits(soft, hard, count)`: what is told, and the limits afterwards."""
    pytest.importorskip("resource", reason="no limit of open files on this system")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    asks, says = child.stdin, child.stdout
    assert asks is not None
    assert says is not None

    def ask(soft, hard, count, *, kind="heartbeat", asked="file limit", workers=1):
        asks.write(json.dumps([soft, hard, count, kind, asked, workers]) + "\n")
        asks.flush()
        return json.loads(says.readline())

    yield lambda *words, **more: tuple(ask(*words, **more))
    asks.close()
    assert child.wait(30) == 0
    says.close()


def test_a_limit_that_suffices_is_left_alone(with_limits):
    assert with_limits(900, 1000, 100) == ([900], [900, 1000])


def test_sockets_for_ended_sessions_are_wanted_and_done_without(with_limits):
    assert with_limits(300, 1000, 100) == ([804], [804, 1000])
    assert with_limits(300, 600, 100) == ([300], [300, 600])


@pytest.mark.parametrize(("soft", "spare"), [(5000, 512), (392, 100), (292, 0), (200, 0)])
def test_ended_sessions_keep_as_many_sockets_as_are_to_spare(with_limits, soft, spare):
    told, _ = with_limits(soft, 5000, 100, asked="spare")
    assert told == [spare]


def test_the_soft_limit_is_raised_as_far_as_needed_and_no_further(with_limits):
    assert with_limits(256, 1000, 500) == ([692], [692, 1000])


@pytest.mark.skipif(may_raise_hard_limit(), reason="CAP_SYS_RESOURCE raises the hard limit")
def test_a_hard_limit_that_is_too_low_is_refused_with_figure_and_remedy(with_limits):
    (told,), limits = with_limits(256, 600, 500)
    assert told == (
        "sessions: 564 sockets and 128 spare need 692 open files, and this process may open 600;"
        " raise the limit (`ulimit -Hn 692`, or LimitNOFILE=692 in a systemd unit) or lower"
        " sessions.count"
    )
    assert limits == [256, 600]


@pytest.mark.skipif(not may_raise_hard_limit(), reason="needs CAP_SYS_RESOURCE")
def test_who_may_raises_its_hard_limit_as_well(with_limits):
    assert with_limits(256, 600, 500) == ([692], [692, 692])


def test_more_files_than_any_kernel_allows_are_refused_to_everybody(with_limits):
    """fs.nr_open is at most 2^31 (proc(5))."""
    (files, _, _), limits = with_limits(256, 600, 4_000_000_000)
    assert "4000000192 open files, and this process may open 600;" in files
    assert limits == [256, 600]


def test_a_search_opens_more_than_its_first_ladder(with_limits):
    assert with_limits(300, 1000, 40, kind="idle_search") == ([804], [804, 1000])
