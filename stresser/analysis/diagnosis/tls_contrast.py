"""What the same host without TLS, or with it, shows beside what was dropped: is it the inspection?

It says no more than that. The two are also two ports and may be two services behind one name, and a
limit that both meet need not look into TLS, though the box that has it may.
"""

from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, pairs_of
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.controls import Located
from stresser.analysis.diagnosis.diagnosis import Control
from stresser.analysis.words.endings import counted
from stresser.model.units import escaped
from stresser.scenario.plan import Scheme

_NAME = 80
_ENOUGH = 3
"""Sessions, at least, that are no chance."""
_IN_CLEAR = {one.value for one in Scheme if not one.has_tls}
_SPARED = (
    ("with", "perhaps it spares TLS, or it is about the port"),
    ("without", "perhaps it looks into TLS, or it is about the port"),
)


def tls_contrasts(candidate: Candidate, located: Located, case: CaseFile) -> Iterator[str]:
    """Clauses, without their full stop, for a candidate whose controls are known."""
    if not candidate.weight:
        return
    pairs = pairs_of(candidate, case)
    in_clear = {_is_in_clear(endpoint, case) for endpoint, _ in pairs}
    hosts = {_host(endpoint, case) for endpoint, _ in pairs}
    if len(hosts) > 1 or None in in_clear:
        return
    if len(in_clear) > 1:
        if len({egress for _, egress in pairs}) == 1:
            yield "with TLS and without it alike, so that it need not be what looks into TLS"
        return
    kind, why = _SPARED[not in_clear.pop()]
    egresses = {escaped(egress, _NAME) for _, egress in pairs}
    for one in located.controls:
        if one.scope.egress in egresses and _is_spared(one) and _differs(one, pairs[0][0], case):
            spared = f"{one.scope.endpoint}, the same {kind} TLS, was spared"
            yield f"{spared} ({counted(one.sessions, 'session')}): {why}"
            return


def _is_spared(one: Control) -> bool:
    return one.sessions >= _ENOUGH and not one.drops


def _differs(one: Control, endpoint: str, case: CaseFile) -> bool:
    """Its endpoint is the same host, and the one has TLS where the other has none."""
    for name in case.plan.schemes:
        if escaped(name, _NAME) == one.scope.endpoint:
            is_same = _host(name, case) == _host(endpoint, case)
            here, there = _is_in_clear(name, case), _is_in_clear(endpoint, case)
            return is_same and None not in {here, there} and here is not there
    return False


def _is_in_clear(endpoint: str, case: CaseFile) -> bool | None:
    scheme = case.plan.schemes.get(endpoint)
    return scheme in _IN_CLEAR if scheme else None


def _host(endpoint: str, case: CaseFile) -> str:
    """Of the lab's endpoints: none, for they are all of one host."""
    return case.plan.hosts.get(endpoint, "")
