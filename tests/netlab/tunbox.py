"""Owns a box that loses, delays and swallows packets: netem's work (tc-netem(8)) in userspace.

Run as `python tunbox.py DEVICE INTERFACE...` in a router's namespace. What comes in by these
interfaces is routed into a TUN device (Linux, Documentation/networking/tuntap.rst), kept here as
long as ordered, and written back, to be routed on. Packets lose 2 of their TTL in it.

Orders on standard input, a line each: `delay MS JITTER_MS DIRECTION`, `loss PERCENT`,
`hole DIRECTION|off`, `count NUMBER`; DIRECTION is `to-server`, `to-client` or `both`. Each is
answered by a line with what was done so far: `ORDER: forwarded N swallowed N lost N`. It ends when
standard input does.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

_TUNSETIFF = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001  # IFF_TUN | IFF_NO_PI
_TABLE = "200"
_TO_SERVER = ("192.0.2.", "to-server", "to-client")
_LARGEST = 65535


class Box:
    """One queue for both directions."""

    def __init__(self, device: str) -> None:
        self.device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH", device.encode(), _TUN_WITHOUT_HEADER)
        fcntl.ioctl(self.device, _TUNSETIFF, request)
        self._random = random.Random(7)  # noqa: S311 - the same losses in each run, no secret
        self._delay_s = self._jitter_s = self._loss = 0.0
        self._hole, self._delayed = "off", "both"
        self._queue: list[tuple[float, int, bytes]] = []
        self._number = self.forwarded = self.swallowed = self.lost = 0

    def obey(self, order: str) -> None:
        match order.split():
            case ["delay", mean, jitter, direction]:
                self._delay_s, self._jitter_s = float(mean) / 1e3, float(jitter) / 1e3
                self._delayed = direction
            case ["loss", percent]:
                self._loss = float(percent) / 100
            case ["hole", direction]:
                self._hole = direction
            case ["count", _]:
                pass
            case _:
                raise ValueError(order)

    def take_in(self) -> None:
        """All that has come."""
        while True:
            try:
                packet = os.read(self.device, _LARGEST)
            except BlockingIOError:
                return
            self._consider(packet)

    def _consider(self, packet: bytes) -> None:
        prefix, to_server, to_client = _TO_SERVER
        is_for_server = packet[16:19] == bytes(int(part) for part in prefix.split(".")[:3])
        here = {"both", to_server if is_for_server else to_client}
        if self._hole in here:
            self.swallowed += 1
        elif self._random.random() < self._loss:
            self.lost += 1
        else:
            wait_s = 0.0
            if self._delayed in here:
                wait_s = self._delay_s + self._random.uniform(-self._jitter_s, self._jitter_s)
            self._number += 1
            heapq.heappush(self._queue, (time.monotonic() + wait_s, self._number, packet))

    def let_go(self) -> None:
        """All that has waited long enough."""
        while self._queue and self._queue[0][0] <= time.monotonic():
            os.write(self.device, heapq.heappop(self._queue)[2])
            self.forwarded += 1

    def patience_s(self) -> float | None:
        """Until the next packet has waited long enough."""
        return max(0.0, self._queue[0][0] - time.monotonic()) if self._queue else None


def route_into(device: str, interfaces: list[str]) -> None:
    """What comes by these interfaces goes into the device; what comes out of it, on its way."""
    Path("/proc/sys/net/ipv4/conf", device, "rp_filter").write_text("0")
    lines = [f"link set {device} up", f"route add default dev {device} table {_TABLE}"]
    lines += [f"rule add iif {one} lookup {_TABLE}" for one in interfaces]
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def main() -> None:
    box = Box(sys.argv[1])
    route_into(sys.argv[1], sys.argv[2:])
    orders = sys.stdin.fileno()
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([box.device, orders], [], [], box.patience_s())
        box.take_in()
        box.let_go()
        if orders not in ready:
            continue
        lines = os.read(orders, 1000).decode().splitlines()
        if not lines:
            return
        for order in lines:
            box.obey(order)
            done = f"forwarded {box.forwarded} swallowed {box.swallowed} lost {box.lost}"
            print(f"{order}: {done}", flush=True)


if __name__ == "__main__":
    main()
