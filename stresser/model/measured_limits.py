"""What `stresser doctor --measure` found of one machine: what it holds, and how well it dates."""

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

_Rate = Annotated[float, Meta(gt=0, le=1e12)]
_Figure = Annotated[int, Meta(gt=0, le=2**62)]
_Error = Annotated[int, Meta(ge=0, le=2**62)]


class MeasuredLimits(Struct, frozen=True, kw_only=True):
    """One measurement, against the lab on loopback; of one process, hence of one core."""

    stresser: str
    """The version that measured."""
    measured_utc: str
    sessions_held: _Figure
    """So many were held at once."""
    bytes_a_session: _Figure
    """Of this process; the kernel's buffers are not among them."""
    memory_bytes: _Figure
    """What the process might still have used."""
    handshakes_per_second: _Rate
    """Of this process's own CPU time, the endpoint's not counted: TCP, TLS, upgrade."""
    pings_per_second: _Rate
    """Likewise: ping and pong of held sessions."""
    timer_p50_ns: _Error
    """How late a task woke that was due, with those sessions held."""
    timer_p99_ns: _Error
    dating_p50_ns: _Error
    """Between a reset and the time recorded for it, many at once."""
    dating_p99_ns: _Error
    without_cpu: Annotated[float, Meta(ge=0, le=1)]
    """Share of the time in which others had the CPU that this process was ready for."""

    def of_processes(self, number: int, processors: int) -> "MeasuredLimits":
        """Of so many, each with a CPU to itself as long as there are CPUs."""
        times = max(min(number, processors), 1)
        return replace(
            self,
            handshakes_per_second=self.handshakes_per_second * times,
            pings_per_second=self.pings_per_second * times,
        )

    @property
    def sessions(self) -> int:
        """So many would have filled the memory."""
        return self.memory_bytes // self.bytes_a_session

    @property
    def sessions_per_gib(self) -> int:
        """For each GiB of memory."""
        return 2**30 // self.bytes_a_session
