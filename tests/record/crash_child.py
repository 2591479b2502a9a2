"""A process that records under load until it is killed, and tells its parent the truth.

Each line on standard output says: monotonic time, events recorded, samples recorded so far.
"""

import sys
import time
from pathlib import Path

import trio

from stresser.model.quantity import Quantity
from stresser.record.folder import create_run_folder
from stresser.record.host_facts import gather_manifest
from stresser.record.manifest import write_manifest
from stresser.record.recorder import Recorder
from stresser.witness.clock import RunClock
from tests.record.sample_events import COHORT, numbered

BURST = 20
"""Events and samples each millisecond or so."""
INTERVAL_NS = 700_000_000
"""Short, so that many kills fall near an interval's end."""
SEGMENT_BYTES = 400_000
"""Small, so that many fall where one is closed or compressed."""


async def main() -> None:
    clock = RunClock()
    folder = create_run_folder(Path(sys.argv[1]), "crash", None, clock.anchor_unix_ns)
    manifest = gather_manifest(
        scenario={},
        anchor_unix_ns=clock.anchor_unix_ns,
        command_line=[],
        capabilities={},
        socket_options={},
    )
    write_manifest(folder.manifest, manifest)
    recorder = Recorder(folder, clock, INTERVAL_NS, sync_every_s=0.1, segment_bytes=SEGMENT_BYTES)
    async with trio.open_nursery() as nursery:
        await nursery.start(recorder.run)
        sys.stdout.write(f"{folder.path}\n")
        recorded = 0
        while True:
            for _ in range(BURST):
                recorder.event(numbered(recorded, clock.now_ns()))
                recorder.sample(Quantity.RTT, COHORT, 1000 * recorded % 50_000_000)
                recorded += 1
            if recorded % (10 * BURST) == 0:
                recorder.keep_chain(f"{recorded:016x}", (b"leaf" * 300, b"root" * 300))
            sys.stdout.write(f"{time.monotonic_ns()} {recorded}\n")
            sys.stdout.flush()
            await trio.sleep(0.001)


if __name__ == "__main__":
    trio.run(main)
