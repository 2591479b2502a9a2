"""Clients whose ClientHellos differ in one thing each, and the segments that they take.

The segments' length is set by TCP_MAXSEG, which bounds both directions (tcp(7)): with timestamps
(RFC 7323) twelve bytes of it are options.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from stresser.model.client_hello import HelloFacts, HelloKind
from stresser.model.hello_tried import HelloShape
from stresser.net.hello_bytes import HelloNotMadeError, client_context, hello_facts
from stresser.net.newer_tls import newer_context
from stresser.net.tls import ClientContext, TlsProfile

OPTIONS = 12
"""Bytes of timestamps in each segment, which TCP_MAXSEG counts (RFC 7323)."""
_USUAL_SEGMENT = 1448
"""Of Ethernet with timestamps: where local segments are longer, the path's hardly are."""
_NAME_HEAD = 9
"""What stands before a name within its extension."""
_LEAST_CAP = 536
_PAD = "x-stresser-pads-"
_PAD_SIZE = 200
_LABEL = 40
_AN_ADDRESS = "192.0.2.1"
"""An address is not sent as a name (RFC 6066 section 3)."""


class ShapedHello(NamedTuple):
    """How to send one."""

    context: ClientContext
    server_name: str
    facts: HelloFacts
    max_segment: int | None = None
    """For TCP_MAXSEG; None: the path's own."""


class HelloShapes:
    """Makes them for one endpoint."""

    def __init__(self, server_name: str, alpn: tuple[str, ...], segment: int | None) -> None:
        """`segment`: how much data the path's own segments take, as this host believes."""
        self._name = server_name
        self._alpn = alpn
        self._segment = min(segment or _USUAL_SEGMENT, _USUAL_SEGMENT)
        self._is_capped = segment is not None and segment > _USUAL_SEGMENT

    def make(self, shape: HelloShape) -> ShapedHello:
        """One of them.

        Raises:
            HelloNotMadeError: no library at hand makes it; the text says why.
        """
        return _MAKERS[shape](self)

    def classic(self) -> ShapedHello:
        return self._shaped(self._classic())

    def capped(self) -> ShapedHello:
        made = self._shaped(self._classic())
        cap = max(made.facts.size + OPTIONS, _LEAST_CAP)
        if cap - OPTIONS >= self._segment:
            raise HelloNotMadeError("segments of the path are no longer than that")
        return made._replace(max_segment=cap)

    def split(self) -> ShapedHello:
        made = self._shaped(self._classic())
        name_end = (made.facts.name_at or 0) + made.facts.name_size
        return made._replace(max_segment=max(made.facts.size // 2, name_end) + OPTIONS + 1)

    def split_name(self) -> ShapedHello:
        """By the library whose name stands farther behind: then its segments are less odd."""
        profile = self._profile(hello=HelloKind.CLASSIC)
        made = max(self._by_each(profile), key=lambda one: one.facts.name_at or 0)
        if made.facts.name_at is None:
            raise HelloNotMadeError("an address is asked for: there is no name")
        return made._replace(max_segment=made.facts.name_at - _NAME_HEAD + OPTIONS)

    def long(self) -> ShapedHello:
        alpn = self._alpn or ("http/1.1",)
        size = self._shaped(self._classic()).facts.size
        pads = -(-(self._segment + _PAD_SIZE - size) // _PAD_SIZE) + 1
        padding = tuple(f"{_PAD}{n}".ljust(_PAD_SIZE, "x") for n in range(max(pads, 1)))
        return self._shaped(client_context(self._profile(HelloKind.CLASSIC, alpn + padding)))

    def hybrid(self) -> ShapedHello:
        return self._hybrid_where(lambda segment: segment in {None, 1}, "the name last")

    def hybrid_name_last(self) -> ShapedHello:
        return self._hybrid_where(lambda segment: segment not in {None, 1}, "the name first")

    def hybrid_split(self) -> ShapedHello:
        made = self._hybrid_where(lambda _segment: True, "")
        return made._replace(max_segment=made.facts.size // 3 + OPTIONS + 1)

    def tls_1_2(self) -> ShapedHello:
        return self._shaped(client_context(self._profile(version="1.2")))

    def no_name(self) -> ShapedHello:
        return self._shaped(self._classic(), _AN_ADDRESS)

    def other_name(self) -> ShapedHello:
        made = self._shaped(self._classic())
        if made.facts.name_at is None:
            raise HelloNotMadeError("an address is asked for: there is no name")
        return self._shaped(made.context, _other_name(self._name))

    def other_alpn(self) -> ShapedHello:
        other = ("h2", "http/1.1") if "h2" not in self._alpn else ("http/1.1",)
        return self._shaped(client_context(self._profile(HelloKind.CLASSIC, other)))

    def _classic(self) -> ClientContext:
        return client_context(self._profile(HelloKind.CLASSIC))

    def _profile(
        self,
        hello: HelloKind | None = None,
        alpn: tuple[str, ...] | None = None,
        version: str | None = None,
    ) -> TlsProfile:
        offered = self._alpn if alpn is None else alpn
        return TlsProfile(require=False, alpn=offered, version=version, hello=hello)

    def _shaped(self, context: ClientContext, server_name: str | None = None) -> ShapedHello:
        name = self._name if server_name is None else server_name
        cap = self._segment + OPTIONS if self._is_capped else None
        return ShapedHello(context, name, hello_facts(context, name), cap)

    def _by_each(self, profile: TlsProfile) -> Iterator[ShapedHello]:
        """By Python's OpenSSL and by cryptography's, where they make what is asked for."""
        made = self._shaped(client_context(profile))
        yield made
        newer = newer_context(profile)
        if newer is not None and newer is not made.context:
            other = self._shaped(newer)
            if other.facts.kind == profile.hello:
                yield other

    def _hybrid_where(self, wanted: Callable[[int | None], bool], instead: str) -> ShapedHello:
        profile = self._profile(HelloKind.HYBRID)
        for made in self._by_each(profile):
            if wanted(made.facts.name_segment(self._segment)):
                return made
        raise HelloNotMadeError(f"the OpenSSL at hand with an ML-KEM share puts {instead}")


_MAKERS: dict[HelloShape, Callable[[HelloShapes], ShapedHello]] = {
    HelloShape.CLASSIC: HelloShapes.classic,
    HelloShape.CAPPED: HelloShapes.capped,
    HelloShape.SPLIT: HelloShapes.split,
    HelloShape.SPLIT_NAME: HelloShapes.split_name,
    HelloShape.LONG: HelloShapes.long,
    HelloShape.HYBRID: HelloShapes.hybrid,
    HelloShape.HYBRID_NAME_LAST: HelloShapes.hybrid_name_last,
    HelloShape.HYBRID_SPLIT: HelloShapes.hybrid_split,
    HelloShape.TLS_1_2: HelloShapes.tls_1_2,
    HelloShape.NO_NAME: HelloShapes.no_name,
    HelloShape.OTHER_NAME: HelloShapes.other_name,
    HelloShape.OTHER_ALPN: HelloShapes.other_alpn,
}


def _other_name(name: str) -> str:
    """One that nobody has (RFC 6761 section 6.4), of the same length where that can be."""
    tail = ".invalid"
    if len(name) <= len(tail):
        return "x" + tail
    size = len(name) - len(tail)
    labels = ".".join(["x" * _LABEL] * (size // (_LABEL + 1) + 1))
    return labels[:size].removesuffix(".").ljust(size, "x") + tail
