"""A run that several processes hold: starts them early, and says what each is to do.

Imported where a run has more than one: a run of one process is as quick to start as it was.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stresser.record.folder import RunFolder, make_worker_folder
from stresser.run.worker_messages import HeaderOfEndpoint, Order, ProxiesOfPair
from stresser.run.worker_process import WorkerProcess, started_workers
from stresser.run.workers import Workers
from stresser.scenario.lab_table import LabReady
from stresser.scenario.secrets import Secret
from stresser.session.internal_errors import BatchObserver
from stresser.witness.clock import RunClock

if TYPE_CHECKING:
    from stresser.cli.execution import RunRequest

__all__ = ["Spread", "secret_variables", "started_workers"]


def secret_variables(asked: "RunRequest") -> set[str]:
    """The environment variables that hold the scenario's secrets."""
    proxies = [proxy for named in asked.proxies.values() for proxy in named.entries if proxy]
    values = (
        *(value for headers in asked.headers.values() for value in headers.values()),
        *asked.tokens.values(),
        *asked.gaps.values(),
        *(one for proxy in proxies for one in (proxy.user, proxy.password)),
    )
    return {value.variable for value in values if isinstance(value, Secret)}


class Spread:
    """What the workers of one run are told."""

    def __init__(self, processes: Sequence[WorkerProcess]) -> None:
        self._processes = processes
        self._asked: RunRequest
        self._tokens: dict[str, Secret]
        self._lab: LabReady | None
        self._run_id: str

    def prepare(
        self,
        asked: "RunRequest",
        tokens: dict[str, Secret],
        lab: LabReady | None,
        run_id: str,
    ) -> None:
        """Take what was found out since they were started."""
        self._asked = asked
        self._tokens = tokens
        self._lab = lab
        self._run_id = run_id

    def workers(
        self,
        folder: RunFolder,
        clock: RunClock,
        observer: BatchObserver,
        watching: BatchObserver,
        warn: Callable[[str], object],
    ) -> Workers:
        """What holds the sessions, with a folder for each worker.

        Raises:
            RunFolderError: one cannot be made.
        """
        orders = [self._order(process.number, folder, clock) for process in self._processes]
        duration = self._asked.scenario.duration
        return Workers(self._processes, orders, clock, observer, watching, warn, duration)

    def _order(self, number: int, folder: RunFolder, clock: RunClock) -> Order:
        asked, earlier = self._asked, self._asked.earlier
        return Order(
            worker=number,
            workers=len(self._processes),
            scenario=asked.scenario,
            file=asked.file.absolute(),
            headers=[
                HeaderOfEndpoint.of(endpoint, name, value)
                for endpoint, headers in asked.headers.items()
                for name, value in headers.items()
            ],
            tokens=self._tokens,
            gaps=dict(asked.gaps),
            proxies=[
                ProxiesOfPair(endpoint=endpoint, egress=egress, named=named)
                for (endpoint, egress), named in asked.proxies.items()
            ],
            bindings=asked.readiness.bindings,
            lab=self._lab,
            run_id=self._run_id,
            folder=make_worker_folder(folder, number).path.absolute(),
            anchor_unix_ns=clock.anchor_unix_ns,
            began_monotonic_ns=clock.began_monotonic_ns,
            first_attempt=1 if earlier is None else earlier.next_attempt,
            first_session=1 if earlier is None else earlier.sessions + 1,
        )
