"""Owns the truths of whole runs that several scenarios share.

Mechanisms stand in one string; where `|` parts several, any is fair.
"""

from typing import Any

from tests.netlab.topology import CONTROL, SUSPECT
from tests.netlab.verdicts import RunTruth

MIDDLEBOX, UNKNOWN, ENDPOINT, HOST = {"middlebox"}, {"unknown"}, {"endpoint"}, {"host"}
NETWORK, OWNER = {"network_team"}, {"service_owner"}
BOTH = (SUSPECT, CONTROL)


def box_does(mechanism: str, what: str, **more: Any) -> RunTruth:
    """What no healthy endpoint does to one path alone, and a control by the other lives."""
    answer: dict[str, Any] = {"where": {"egress"}, "who": MIDDLEBOX, "whom": NETWORK}
    return RunTruth(what=what, mechanism=set(mechanism.split("|")), **(answer | more))


def path_cut(what: str, **more: Any) -> RunTruth:
    """Nothing passes by the suspect way: a box is dead, or what stands behind it."""
    return box_does("outage", what, **({"who": MIDDLEBOX | UNKNOWN} | more))


def host_did(what: str, **more: Any) -> RunTruth:
    answer: dict[str, Any] = {
        "mechanism": {"path_change"},
        "where": HOST,
        "who": HOST,
        "whom": {"this_host"},
    }
    return RunTruth(what=what, **(answer | more))


def endpoint_says(mechanism: str, what: str, **more: Any) -> RunTruth:
    """The endpoint itself spoke, through every egress alike."""
    answer: dict[str, Any] = {"where": {"endpoint", "shared"}, "who": ENDPOINT, "whom": OWNER}
    return RunTruth(what=what, mechanism=set(mechanism.split("|")), **(answer | more))


def resets_like_its_own(what: str, **more: Any) -> RunTruth:
    """One egress's sessions are reset at once, and every sign is the endpoint's."""
    answer: dict[str, Any] = {"mechanism": {"state_lost", "no_pattern"}, "where": {"egress"},
              "who": UNKNOWN | ENDPOINT, "whom": OWNER | {"nobody"}}  # fmt: skip
    return RunTruth(what=what, **(answer | more))


INTERCEPTED = RunTruth(
    what="TLS is opened on the way",
    mechanism={"interception"},
    where={"egress"},
    who=MIDDLEBOX,
    whom={"network_team", "proxy_team", "nobody"},
    beside=True,
)
