"""What was found of interception, in words: one or two sentences a finding, all escaped."""

from collections.abc import Iterable, Iterator

from stresser.analysis.chains.interception import (
    Accusation,
    Intercepted,
    Likeness,
    OneIssuer,
    Sign,
    SignKind,
    Suspected,
    Undeclared,
)
from stresser.analysis.words.endings import counted
from stresser.model.units import escaped, format_duration

OTHER_STACKS = (
    "Interception was judged for this program's TLS alone: on this very host another client "
    "(.NET, Schannel, a browser, a service account) may be treated differently."
)
_NAME = 40
_TEXT = 200
_MOST_NAMES = 10
_SIGNS = {
    SignKind.NO_SCTS: "its leaf holds no SCTs, as all leaves of public CAs do",
    SignKind.FEWER_SCTS: "its leaf holds no SCTs where that through {egress} holds {theirs}",
    SignKind.LOWER_VERSION: "{ours} where {egress} agrees on {theirs}",
    SignKind.LOST_ALPN: "no ALPN where {egress} agrees on {theirs}",
    SignKind.NEAR_TCP: (
        "TCP connects in {ours} and TLS takes {theirs}, as if TCP ended nearer than TLS is answered"
    ),
}


def accusations_in_words(found: Iterable[Accusation], hosts: dict[str, str]) -> list[str]:
    """Sentences on interception, in the order of the findings."""
    return [text for finding in found for text in accusation_in_words(finding, hosts)]


def accusation_in_words(finding: Accusation, hosts: dict[str, str]) -> Iterator[str]:
    """The sentences on one finding. `hosts`: the host of each endpoint, to be asked for."""
    if isinstance(finding, Intercepted):
        yield _verdict(finding)
        yield _grounds(finding, hosts)
    elif isinstance(finding, Suspected):
        yield _suspicion(finding)
    elif isinstance(finding, Undeclared):
        yield from _undeclared(finding)
        yield declare_words(_shown(finding.endpoint))
    else:
        yield _one_issuer(finding)


def _verdict(finding: Intercepted) -> str:
    endpoint, egress = _shown(finding.pair.endpoint), _shown(finding.pair.egress)
    extent = ""
    if finding.handshakes < finding.of_handshakes:
        handshakes = counted(finding.of_handshakes, "handshake")
        extent = f" in {finding.handshakes:,} of {handshakes},"
        if finding.first_ns is not None:
            extent += f" first {format_duration(finding.first_ns)} into the run,"
    clean = " or ".join(map(_shown, finding.clean_egresses))
    contrast = f", not through {clean}" if clean else ""
    product = _product(finding.likeness)
    return f"TLS to {endpoint} is intercepted{extent} through {egress}{product}{contrast}."


def _grounds(finding: Intercepted, hosts: dict[str, str]) -> str:
    unknown = "its chain is not described in this record"
    why = unknown if finding.why is None else escaped(finding.why, _TEXT)
    signs = "; ".join(map(_sign, finding.signs))
    supported = f" What supports it: {signs}." if signs else ""
    host = escaped(hosts.get(finding.pair.endpoint, finding.pair.endpoint), 80)
    return (
        f"That rests on trust, not on names: {why}.{supported} If that root is the endpoint's own,"
        f" declare it with ca; else ask for a TLS inspection bypass of {host}."
    )


def _sign(sign: Sign) -> str:
    texts = {"egress": sign.egress, "ours": sign.ours, "theirs": sign.theirs}
    return _SIGNS[sign.kind].format(**{name: _shown(text) for name, text in texts.items()})


def _suspicion(finding: Suspected) -> str:
    contrast = ""
    if finding.clean_egress is not None:
        contrast = (
            f", while through {_shown(finding.clean_egress)} it verifies,"
            " a strong sign of interception"
        )
    endpoint, egress = _shown(finding.pair.endpoint), _shown(finding.pair.egress)
    return (
        f"This host does not trust the chain of {endpoint} through {egress}"
        f"{_product(finding.likeness)}{contrast} ({escaped(finding.why, _TEXT)})."
    )


def _undeclared(finding: Undeclared) -> Iterator[str]:
    endpoint = _shown(finding.endpoint)
    egresses = ", ".join(map(_shown, finding.egresses[:_MOST_NAMES]))
    yield (
        f"{endpoint} shows one private chain through every egress ({egresses})"
        f"{_product(finding.likeness)}: it neither proves the endpoint nor shows an interceptor."
    )
    why = "" if finding.why is None else f": {escaped(finding.why, _TEXT)}"
    yield f"It is the endpoint's own, or that of a box before all egresses{why}."


def declare_words(endpoint: str) -> str:
    """How an endpoint's own CA is declared. `endpoint`: as it may be shown."""
    return (
        f'If the root is the endpoint\'s own, declare it: ca = "root.pem" at endpoint {endpoint} of'
        " a scenario, or check --ca root.pem."
    )


def _one_issuer(finding: OneIssuer) -> str:
    names = ", ".join(map(_shown, finding.endpoints[:_MOST_NAMES]))
    return (
        f"Through {_shown(finding.egress)} one issuer, {escaped(finding.issuer, 100)}, signs for"
        f" endpoints of {len(finding.endpoints)} unrelated domains ({names}), which supports"
        " interception."
    )


def _product(likeness: Likeness | None) -> str:
    if likeness is None:
        return ""
    weak = ", by a weak likeness of names" if likeness.is_weak else ""
    return f" (consistent with {escaped(likeness.product, 80)}{weak})"


def _shown(name: str) -> str:
    return escaped(name, _NAME)
