"""Five hundred resets at once: none is lost, and their times are tcpdump's."""

import select
import signal
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from stresser.model.units import NS_PER_MS
from tests.net.peers import reset, run, wait_for
from tests.witness.namespaces import Lab, need_namespaces
from tests.witness.witnessed import PORT, scene

pytestmark = pytest.mark.netlab


@pytest.fixture
def lab():
    need_namespaces("tcpdump", "sysctl")
    made = Lab()
    try:
        yield made
    finally:
        made.remove()


RESETS = 500


@contextmanager
def tcpdump(namespace):
    """tcpdump's own times of resets in a namespace, once the block is done: port -> Unix ns."""
    found: dict[int, int] = {}
    words = ["tcpdump", "-i", "to-r", "-n", "-tt", "-l", "-B", "8192", "-j", "host_hiprec"]
    words += ["--time-stamp-precision=nano", f"src port {PORT} and tcp[tcpflags] & tcp-rst != 0"]
    command = ["ip", "netns", "exec", namespace.name, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while "listening on" not in process.stderr.readline():
            assert process.poll() is None
        yield found
        for line in process.stdout:  # 1795613959.991148234 IP 203.0.113.2.8443 > ...: Flags [R.]
            stamp, _, _, _, destination, *_ = line.split()
            seconds, _, fraction = stamp.partition(".")
            port = int(destination.rstrip(":").rpartition(".")[2])
            found.setdefault(port, int(seconds) * 10**9 + int(fraction))
            if len(found) == RESETS:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)


def test_five_hundred_resets_at_once_at_tcpdumps_times(lab):
    async def test():
        with scene(lab) as here, ExitStack() as stack:
            listener = here.listen()
            nears, fars = [], []
            for _ in range(RESETS):
                nears.append(here.connect())
                fars.append(stack.enter_context(listener.accept()[0]))
            with tcpdump(lab.client) as dumped:
                for far in fars:
                    reset(far)
                for near in nears:
                    wait_for(near, select.POLLHUP)
            flows = {near.getsockname()[1]: await here.flow(near) for near in nears}
            assert here.witness.lost == 0
            clock = here.witness._clock
        assert [len(flow.ends) for flow in flows.values()] == [1] * RESETS
        assert dumped.keys() == flows.keys()
        apart = sorted(abs(flow.ends[0].unix_ns - dumped[port]) for port, flow in flows.items())
        assert apart[RESETS * 99 // 100] <= 0.2 * NS_PER_MS
        on_run = sorted(
            abs(clock.anchor_unix_ns + flow.ends[0].t_ns - dumped[port])
            for port, flow in flows.items()
        )
        assert on_run[RESETS * 99 // 100] <= 0.2 * NS_PER_MS

    run(test)
