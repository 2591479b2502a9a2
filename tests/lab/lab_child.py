"""Starts the lab as its users do, by its command alone, and reads what it prints."""

import json
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from stresser.lab.messages import END

DEADLINE_S = 15.0


class LabChild:
    """A lab process; a context manager."""

    def __init__(self, plan):
        process = subprocess.Popen(
            [sys.executable, "-m", "stresser.lab"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdin is not None
        self.process: Any = process
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        process.stdin.write(json.dumps(plan).encode() + b"\n")
        process.stdin.flush()
        self.ready = json.loads(self.lines.get(timeout=DEADLINE_S))
        self.ports = {
            (one["endpoint"], one["egress"]): one["port"] for one in self.ready["addresses"]
        }

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def port(self, endpoint, egress=None):
        return self.ports[endpoint, egress]

    def kill_record(self):
        """The next kill, as it was printed."""
        return json.loads(self.lines.get(timeout=DEADLINE_S))

    def kill_of(self, client_port):
        """The kill of this flow; other flows' are skipped."""
        while (record := self.kill_record())["client_port"] != client_port:
            pass
        return record

    def close(self):
        with suppress(BrokenPipeError):  # it may have ended by itself
            if not self.process.stdin.closed:
                self.process.stdin.write(END)
                self.process.stdin.flush()
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        code = self.process.wait(DEADLINE_S)
        self.reader.join(DEADLINE_S)
        errors = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        return code, errors

    def __enter__(self):
        return self

    def __exit__(self, *failed):
        code, errors = self.close()
        if failed == (None, None, None):
            assert (code, errors) == (0, "")


def endpoint(url, name=None, tls_version=None):
    """`wss://refuse/503` as a plan's entry, named after itself."""
    scheme, _, rest = url.partition("://")
    behaviour, _, argument = rest.partition("/")
    return {
        "name": name or url + (f" {tls_version}" if tls_version else ""),
        "scheme": scheme,
        "behaviour": behaviour,
        "argument": argument,
        "tls_version": tls_version,
    }
