"""The shape of a diagnosis is a contract: what other programs read of `summary.json`."""

import msgspec

from stresser.analysis.diagnosis.diagnosis import (
    Ask,
    DiagnosedScope,
    Diagnosis,
    Mechanism,
    Where,
    Whom,
)
from stresser.model.ending import Grade, Initiator


def test_it_is_written_with_every_key_of_the_contract():
    diagnosis = Diagnosis(
        number=1,
        mechanism=Mechanism.IDLE_TIMER,
        scope=DiagnosedScope(egress="vpn"),
        where=Where.EGRESS,
        who=Initiator.MIDDLEBOX,
        grade=Grade.COMPARISON,
        ask=Ask(whom=Whom.NETWORK_TEAM, says="Raise it."),
        says="Through vpn.",
    )
    written = msgspec.json.decode(msgspec.json.encode(diagnosis))
    assert {
        "number", "mechanism", "scope", "where", "who", "grade", "low", "high", "unit", "drops",
        "of_drops", "failures", "of_failures", "sessions_found_dead", "kinds", "first_utc",
        "last_utc", "controls", "against", "unproved", "consistent_with", "ask", "says",
    } <= written.keys()  # fmt: skip
    assert written["scope"] == {"endpoint": None, "egress": "vpn", "activity": None}
    assert written["ask"] == {"whom": "network_team", "says": "Raise it."}


def test_the_mechanisms_are_the_closed_list():
    assert len(Mechanism) == 21
