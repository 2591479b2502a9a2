"""That sessions are held by a real reflector, few of them; what they cost is seen when measured."""

import trio

from bench.certificate import write_certificates
from bench.reflector_held import HeldByReflector
from bench.reflector_peer import TOKEN
from stresser.net.tls import server_context
from stresser.reflector.listener import ReflectorListener
from stresser.reflector.reception import Reception
from stresser.witness.clock import RunClock
from tests.fakes.notebook import Notebook


def test_sessions_of_both_schemes_are_guests_and_are_echoed(tmp_path):
    files = write_certificates(tmp_path, ["127.0.0.1"])

    async def main():
        reception = Reception(TOKEN, RunClock(), Notebook())
        context = server_context(files.chain, files.key)
        server = ReflectorListener(reception, context, "127.0.0.1", 0)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                where = await nursery.start(server.serve)
                port = int(where.rpartition(":")[2])
                for scheme in ("wss", "tls"):
                    held = HeldByReflector(port, files.ca, scheme)
                    await held.until(3, nursery)
                    while held.answers < 3:  # noqa: ASYNC110 - no event is set for it
                        await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        assert (reception.guests, reception.strangers) == (6, 0)

    trio.run(main)
