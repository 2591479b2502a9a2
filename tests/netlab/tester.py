"""Owns `stresser run` in the client's namespace: its scenario, its process, its end."""

import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.starved import ran_and_waited_ns
from tests.netlab.certificates import NAME
from tests.netlab.namespaces import Namespace
from tests.netlab.recording import Cohort, Recording
from tests.netlab.topology import CLIENT, CONTROL, SERVER, SUSPECT
from tests.netlab.wait import until

TOP = Path(__file__).parents[2]
WSS_PORT, TLS_PORT = 8443, 8444
WSS_AND_TLS = {
    "server": f"wss://{SERVER}:{WSS_PORT}/",
    "plain": f"tls://{SERVER}:{TLS_PORT}",
}
SESSIONS = 40
PATIENCE_S = 40.0
_OPENING_S = 90.0  # a thousand handshakes, on a machine that has other work


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """An activity; None for `every`: silent."""

    name: str = "heartbeat"
    every: str | None = "500ms"
    timeout: str = "2s"
    message: str | None = None
    prove: str | None = None
    kind: str = "heartbeat"

    def toml(self) -> str:
        if self.every is None:
            prove = "" if self.prove is None else f'prove = "{self.prove}"\n'
            return f'[[activities]]\nname = "{self.name}"\nkind = "silent"\n{prove}'
        message = "" if self.message is None else f'message = "{self.message}"\n'
        return (
            f'[[activities]]\nname = "{self.name}"\nkind = "{self.kind}"\n'
            f'every = "{self.every}"\ntimeout = "{self.timeout}"\n{message}'
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A scenario: everything is held by both ways unless it says otherwise."""

    ca: Path
    activities: Sequence[Heartbeat] = (Heartbeat(),)
    endpoints: Mapping[str, str] = field(
        default_factory=lambda: {"server": f"wss://{SERVER}:{WSS_PORT}/"}
    )
    egresses: Mapping[str, str] = field(
        default_factory=lambda: {way: f'interface = "{way}"' for way in (SUSPECT, CONTROL)}
    )
    sessions: int = SESSIONS
    reconnect: str = "false"
    duration: str | None = None
    ramp: str | None = None
    each_endpoint: str = ""
    """A line in every endpoint's table."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What some endpoints are asked for by (SNI); others by `certificates.NAME`."""
    thresholds: str = ""
    timeouts: str = 'connect = "3s"\ntls = "5s"\nupgrade = "5s"\nclose = "1s"'

    @property
    def expected(self) -> int:
        """Sessions that will open."""
        cohorts = len(self.activities) * len(self.endpoints) * len(self.egresses)
        return self.sessions * cohorts

    def toml(self) -> str:
        head = ['name = "netlab"']
        if self.duration is not None:
            head.append(f'duration = "{self.duration}"')
        ramp = "" if self.ramp is None else f'ramp = "{self.ramp}"\n'
        head.append(
            f"[sessions]\ncount = {self.sessions}\nreconnect = {self.reconnect}\n{ramp}"
            "attempts_per_second = 500.0\nattempts_per_second_per_endpoint = 500.0\n"
            f"[timeouts]\n{self.timeouts}\n"
        )
        head += [one.toml() for one in self.activities]
        head += [
            f'[[endpoints]]\nname = "{name}"\nurl = "{url}"\nca = "{self.ca}"\n'
            f'sni = "{self.names.get(name, NAME)}"\n'
            f"{self.each_endpoint}\n"
            for name, url in self.endpoints.items()
        ]
        head += [f'[[egresses]]\nname = "{name}"\n{how}\n' for name, how in self.egresses.items()]
        head.append(f"[thresholds]\n{self.thresholds}\n")
        return "\n".join(head)


class Tester:
    """One run. `without` names a capability that it shall not have (capabilities(7)).

    `hosts` are names and their addresses, in the place of what the machine knows (hosts(5)).
    """

    def __init__(
        self,
        client: Namespace,
        plan: Plan,
        *,
        without: str | None = None,
        environment: Mapping[str, str] | None = None,
        hosts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.plan = plan
        self._client = client
        self._results = client.folder / "results"
        file = client.folder / "netlab.toml"
        file.write_text(plan.toml())
        strip = (
            [] if without is None else ["setpriv", f"--bounding-set=-{without}", "--inh-caps=-all"]
        )
        if hosts is not None:
            strip = with_hosts(client.folder / "hosts", hosts)
        self.process = client.start(
            "stresser", *strip, sys.executable, "-m", "stresser", "run", str(file),
            "--out", str(self._results), "--quiet",
            environment={"PYTHONPATH": str(TOP)} | dict(environment or {}),
        )  # fmt: skip

    def waited_for_a_core_ns(self) -> int:
        """How long it was ready to run and another process ran."""
        return ran_and_waited_ns(self.process.pid)[1]

    @property
    def recording(self) -> Recording:
        folder = next(self._results.iterdir(), None) if self._results.is_dir() else None
        return Recording(folder or self._results)

    def wait_until(self, condition: Callable[[], object], what: str, patience_s: float) -> None:
        """Wait for it while the run goes on."""

        def met() -> bool:
            if condition():
                return True
            assert self.process.ended is None, f"before {what}: {self.process.said()[-20:]}"
            return False

        until(met, what, patience_s)

    def wait_until_open(self, sessions: int | None = None) -> None:
        wanted = self.plan.expected if sessions is None else sessions

        def all_open() -> bool:
            failed = [one for one in self.recording.events() if one["event"] == "attempt_failed"]
            assert not failed or self.plan.reconnect != "false", failed[0]
            return len(self.recording.opened()) >= wanted

        self.wait_until(all_open, f"{wanted} open sessions", _OPENING_S)

    def wait_until_answered(self, egress: str | None = None) -> None:
        """Until each session, or each through an egress, has been answered something from now on.

        Only a session that is older than the last proof of life of another one shows, by living
        on, that the server was not started anew; and only one that was silent for longer than a
        box's timer and its tick shows that its own path has none.
        """
        received = self._received(egress)
        sessions = self.plan.expected // (1 if egress is None else len(self.plan.egresses))
        assert len(received) >= sessions

        def all_answered() -> bool:
            now = self._received(egress)
            live = received.keys() & now.keys()  # fresh connections come and go
            return len(live) >= sessions and all(now[one] > received[one] for one in live)

        self.wait_until(all_answered, "an answer to each session", PATIENCE_S)

    def _received(self, egress: str | None) -> dict[str, int]:
        """Bytes that each flow of the client has received, or each of an egress."""
        source = () if egress is None else ("src", CLIENT[egress])
        listed = self._client.run("ss", "-HtniO", "state", "established", "dst", SERVER, *source)
        return {
            " ".join(line.split()[2:4]): int(found[1]) if found else 0
            for line in listed.splitlines()
            for found in [re.search(r"\bbytes_received:(\d+)", line)]
        }

    def wait_for_drops(self, drops: int, chosen: Callable[[Cohort], bool] = lambda _: True) -> None:
        self.wait_until(
            lambda: len(self.recording.drops(chosen)) >= drops, f"{drops} drops", PATIENCE_S
        )

    def finish(self) -> Recording:
        """End the run as planned, as Ctrl-C does."""
        if self.process.ended is None:
            self.process.send(signal.SIGINT)
        return self.wait()

    def wait(self) -> Recording:
        """What it has recorded, once its duration is over."""
        code = self.process.wait(PATIENCE_S)
        assert code in {0, 1, 3}, (code, self.process.said()[-40:])
        return self.recording


def with_hosts(file: Path, hosts: Mapping[str, Sequence[str]]) -> list[str]:
    """What a command begins with that shall know these names. ip(8) gives it mounts of its own."""
    lines = [f"{address} {name}\n" for name, addresses in hosts.items() for address in addresses]
    file.write_text("127.0.0.1 localhost\n" + "".join(lines))
    return ["sh", "-c", f'mount --bind {file} /etc/hosts && exec "$@"', "sh"]
