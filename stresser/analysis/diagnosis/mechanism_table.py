"""What proposes each mechanism and what refutes it, as data: `stresser explain` prints it."""

from typing import NamedTuple

from stresser.analysis.diagnosis.diagnosis import Mechanism


class MechanismRow(NamedTuple):
    """One row."""

    mechanism: Mechanism
    proposes: str
    refutes: str


MECHANISM_ROWS: tuple[MechanismRow, ...] = (
    MechanismRow(
        Mechanism.PATH_CHANGE,
        "This host's kernel gives another way to the destination than at the session's opening, or"
        " could not send at all.",
        "The drops came before the change; like endings where the path did not change.",
    ),
    MechanismRow(
        Mechanism.HOST_UNFIT,
        "This host slept, starved stresser, or had no route for an attempt.",
        "Nothing: such endings say nothing of the network.",
    ),
    MechanismRow(
        Mechanism.TOOL_UNFIT,
        "stresser met a limit of its own, or stood still.",
        "Nothing: such endings say nothing of the network.",
    ),
    MechanismRow(
        Mechanism.PING_INTOLERANCE,
        "All sessions end at their first ping, none ever had a pong.",
        "Sessions that send nothing do not outlive them.",
    ),
    MechanismRow(
        Mechanism.SIZE_LIMIT,
        "All sessions with big messages go dead at the first of them.",
        "Sessions with smaller messages, as silent, do not outlive them; a pong came.",
    ),
    MechanismRow(
        Mechanism.IDLE_TIMER,
        "Sessions die at one length of silence, or whenever they were silent for long.",
        "Silences as long that were survived; one moment that fits as well.",
    ),
    MechanismRow(
        Mechanism.AGE_LIMIT,
        "Sessions die at one age, at different times.",
        "Two sessions of the same endpoint and egress that were older, whatever their activity.",
    ),
    MechanismRow(
        Mechanism.BYTE_LIMIT,
        "Sessions die at one number of bytes.",
        "Two sessions of the same endpoint and egress that moved more.",
    ),
    MechanismRow(
        Mechanism.STATE_LOST,
        "At one moment most sessions of a part of the run died, and fresh ones opened at once.",
        "Most sessions there lived on; chance explains as many; silence or age fits better.",
    ),
    MechanismRow(
        Mechanism.OUTAGE,
        "At one moment most sessions of a part of the run went dead, and nothing fresh passed.",
        "Sessions that opened meanwhile.",
    ),
    MechanismRow(
        Mechanism.ENDPOINT_GOODBYE,
        "The endpoint itself ended sessions under TLS, at one moment or one age.",
        "Sessions through another egress that were not ended so.",
    ),
    MechanismRow(
        Mechanism.ENDPOINT_DOWN,
        "Connections are refused, or a proxy says that the far side is dead.",
        "Connections through another egress that are accepted.",
    ),
    MechanismRow(
        Mechanism.SESSION_CEILING,
        "Every further attempt failed while as many as ever were open.",
        "A session that opened beyond it; attempts that failed while fewer were open; drops.",
    ),
    MechanismRow(
        Mechanism.INTERCEPTION,
        "The chain is an interceptor's, by trust.",
        "Nothing: through which egress, a clean chain tells.",
    ),
    MechanismRow(
        Mechanism.HANDSHAKE_HANG,
        "Attempts time out when the ClientHello or the upgrade has been sent.",
        "Handshakes of the same endpoint and egress that were answered then.",
    ),
    MechanismRow(
        Mechanism.NAME_FILTER,
        "Attempts are cut when the ClientHello has been sent, through one egress alone.",
        "The same through all egresses.",
    ),
    MechanismRow(
        Mechanism.PROXY_REFUSAL,
        "The proxy of the scenario said no, or did not take the connection.",
        "It speaks of the far side (500, 502, 503, 504; SOCKS replies 3 to 6).",
    ),
    MechanismRow(
        Mechanism.REFUSED_BY_ENDPOINT,
        "An HTTP answer other than 101, an alert, or a close at the upgrade.",
        "Nothing: through which egress, attempts that opened tell.",
    ),
    MechanismRow(
        Mechanism.CAPTIVE_PORTAL,
        "A redirect, HTTP 511 or plain HTTP where TLS was spoken.",
        "Attempts through the same egress that opened.",
    ),
    MechanismRow(
        Mechanism.RESOLVE_FAILURE,
        "The name did not resolve.",
        "Nothing: through which egress, attempts that opened tell.",
    ),
    MechanismRow(
        Mechanism.NO_PATTERN,
        "What nothing else explains.",
        "Any of the above.",
    ),
)
