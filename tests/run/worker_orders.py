"""Orders for real workers, against a server on loopback."""

from pathlib import Path

from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.record.folder import RunFolder, make_worker_folder
from stresser.run.worker_messages import Order
from stresser.scenario.plan import Activity, Endpoint, Scenario, Sessions, Witnesses
from stresser.witness.clock import RunClock
from tests.fakes.certificates import SERVER_NAME, authority_file


def plan(port: int, count: int = 4, workers: int = 2) -> Scenario:
    every, timeout = Duration.parse("100ms"), Duration.parse("20s")
    return Scenario(
        name="parts",
        sessions=Sessions(count=count, workers=workers),
        activities=[Activity(name="heartbeat", every=every, timeout=timeout)],
        endpoints=[
            Endpoint(
                name="broker",
                url=f"wss://127.0.0.1:{port}/",
                sni=SERVER_NAME,
                ca=authority_file(),
            )
        ],
        witnesses=Witnesses(packets=False),
    )


def order(scenario: Scenario, folder: Path, clock: RunClock, worker: int = 1) -> Order:
    return Order(
        worker=worker,
        workers=scenario.sessions.workers if isinstance(scenario.sessions.workers, int) else 1,
        scenario=scenario,
        file=folder / "scenario.toml",
        headers=[],
        tokens={},
        gaps={},
        proxies=[],
        bindings={egress.name: Binding() for egress in scenario.egresses},
        lab=None,
        run_id="0" * 32,
        folder=make_worker_folder(RunFolder(folder), worker).path,
        anchor_unix_ns=clock.anchor_unix_ns,
        began_monotonic_ns=clock.began_monotonic_ns,
        first_attempt=101,
        first_session=11,
    )
