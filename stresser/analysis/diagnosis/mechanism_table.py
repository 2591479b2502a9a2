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
        "This host's kernel chose another route to the destination than at the session's opening,"
        " or it could not send at all.",
        "The drops came before the change. Sessions whose path did not change ended alike.",
    ),
    MechanismRow(
        Mechanism.HOST_UNFIT,
        "This host slept, starved stresser, or had no route for an attempt.",
        "Nothing. Such endings say nothing about the network.",
    ),
    MechanismRow(
        Mechanism.TOOL_UNFIT,
        "stresser met a limit of its own, stood still, or a worker of it died.",
        "Nothing. Such endings say nothing about the network.",
    ),
    MechanismRow(
        Mechanism.PING_INTOLERANCE,
        "All sessions end at their first ping, and none ever received a pong.",
        "Sessions that send nothing end just as soon.",
    ),
    MechanismRow(
        Mechanism.SIZE_LIMIT,
        "From one moment on, small messages are answered and big ones are not.",
        "A big message was answered after the first loss. Sessions with smaller messages that were"
        " silent for as long end just as soon.",
    ),
    MechanismRow(
        Mechanism.IDLE_TIMER,
        "Sessions end at one length of silence, or whenever they were silent for long.",
        "Sessions survived silences just as long. One moment explains the drops just as well.",
    ),
    MechanismRow(
        Mechanism.AGE_LIMIT,
        "Sessions end at one age, at different times.",
        "Two sessions of the same endpoint and egress grew older, whatever their activity.",
    ),
    MechanismRow(
        Mechanism.BYTE_LIMIT,
        "Sessions end at one number of bytes.",
        "Two sessions of the same endpoint and egress moved more.",
    ),
    MechanismRow(
        Mechanism.STATE_LOST,
        "At one moment most sessions of a part of the run ended, or many of any age at one instant,"
        " and fresh ones opened at once.",
        "Older sessions did not live on beside a few. Chance explains as many drops. Silence or age"
        " fits better.",
    ),
    MechanismRow(
        Mechanism.OUTAGE,
        "At one moment most sessions of a part of the run ended, and no fresh connection passed.",
        "Sessions opened meanwhile.",
    ),
    MechanismRow(
        Mechanism.ENDPOINT_GOODBYE,
        "The endpoint itself ended sessions under TLS, at one moment or one age.",
        "It did not end sessions through another egress in this way.",
    ),
    MechanismRow(
        Mechanism.ENDPOINT_DOWN,
        "Connections are refused, or a proxy or an interceptor beside them reports that it cannot"
        " reach the endpoint.",
        "The endpoint accepts connections through another egress.",
    ),
    MechanismRow(
        Mechanism.SESSION_CEILING,
        "Every further attempt failed while as many sessions as ever were open.",
        "One more session opened. Attempts failed while fewer were open. Sessions dropped.",
    ),
    MechanismRow(
        Mechanism.INTERCEPTION,
        "By trust, the certificate chain is an interceptor's; or this host does not trust it, and"
        " another egress shows the endpoint's own at the same address.",
        "All egresses show it. A clean chain through another egress shows where it is.",
    ),
    MechanismRow(
        Mechanism.HANDSHAKE_HANG,
        "Attempts time out when the ClientHello, the upgrade or a first message has been sent.",
        "Handshakes of the same endpoint and egress were answered then.",
    ),
    MechanismRow(
        Mechanism.NAME_FILTER,
        "Attempts through one egress alone are cut when the ClientHello has been sent, or TCP"
        " stands again and again and their ClientHello is never acknowledged.",
        "It happens through all egresses. Sessions opened meanwhile. The hello was acknowledged.",
    ),
    MechanismRow(
        Mechanism.PROXY_REFUSAL,
        "The proxy of the scenario refused the request or the connection.",
        "Its reply concerns the endpoint (500, 502, 503, 504; SOCKS replies 3 to 6).",
    ),
    MechanismRow(
        Mechanism.REFUSED_BY_ENDPOINT,
        "The endpoint answers HTTP other than 101, sends an alert, or closes at the upgrade; or it"
        " does not answer messages as wanted, and lives; or it"
        " ends sessions that have just opened by an alert about client certificates (TLS 1.3), or"
        " what answers is neither TLS nor HTTP.",
        "Nothing. Attempts that opened through another egress show where it is.",
    ),
    MechanismRow(
        Mechanism.CAPTIVE_PORTAL,
        "A redirect by who does not prove to be the endpoint, HTTP 511, or plain HTTP where TLS was"
        " spoken.",
        "Attempts through the same egress opened.",
    ),
    MechanismRow(
        Mechanism.RESOLVE_FAILURE,
        "The name did not resolve.",
        "Nothing. Attempts that opened through another egress show where it is.",
    ),
    MechanismRow(
        Mechanism.NO_PATTERN,
        "No other mechanism explains the drops.",
        "One of the above explains them.",
    ),
)
