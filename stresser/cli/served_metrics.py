"""`stresser run --metrics`: the figures of a run, counted, written and served.

Imported where a run serves them: prometheus_client takes a twentieth of a second to load.
"""

import socket
from collections.abc import Callable
from pathlib import Path

import trio

from stresser.analysis.counts.run_tally import Tally
from stresser.model.errors import PreflightError
from stresser.net.listen_address import ListenAddress
from stresser.report.exposition import metrics_page
from stresser.report.live import quick_thread_switches
from stresser.report.metrics import Metrics
from stresser.run.scrape_server import PageType, ScrapeServer, open_listener

_LOOPBACK = "127.0.0.1"


class MetricsPort:
    """The port of one run, open before the run begins."""

    def __init__(self, written: str) -> None:
        """Listen at `HOST:PORT`, or at a port of 127.0.0.1.

        Raises:
            PreflightError: one line, with the remedy.
        """
        try:
            self._where = ListenAddress.parse(written, _LOOPBACK)
        except ValueError as error:
            raise PreflightError(f"--metrics {written}: {error}") from None
        self._listener: socket.socket = open_listener(self._where)

    def serve(
        self,
        tally: Tally,
        scenario: str,
        folder: Path,
        anchor_unix_ns: int,
        warn: Callable[[str], object],
    ) -> "ServedMetrics":
        """Begin to count; `run` of what is returned serves."""
        metrics = Metrics(tally, scenario, folder.name, anchor_unix_ns)
        served = ServedMetrics(self._listener, metrics, warn)
        if not self._where.is_loopback:
            warn(
                f"metrics are served at {served.url} to whoever can reach that address:"
                " names of endpoints and egresses, and what became of sessions"
            )
        return served


class ServedMetrics:
    """What counts, and what serves it."""

    def __init__(
        self, listener: socket.socket, metrics: Metrics, warn: Callable[[str], object]
    ) -> None:
        self.metrics = metrics
        """The observer to be handed each sample."""
        self._server = ScrapeServer(listener, self._make_page, warn)
        # Of its own: trio's default limiter may be taken up by a thousand name look-ups.
        self._thread = trio.CapacityLimiter(1)

    @property
    def url(self) -> str:
        """Where the page is."""
        return self._server.url

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._server.run()

    async def _make_page(self, wanted: PageType) -> bytes:
        reading = self.metrics.reading()
        with quick_thread_switches():
            return await trio.to_thread.run_sync(
                metrics_page, reading, wanted, abandon_on_cancel=True, limiter=self._thread
            )
