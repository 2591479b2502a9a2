"""The limits that a search found, in words: one sentence each, the heartbeat, whom to ask. Pure."""

from collections.abc import Sequence

from stresser.analysis.diagnosis.diagnosis import Where, Whom
from stresser.analysis.summary.idle_limits import LimitFigures, RefreshedBy
from stresser.model.ending import Kind
from stresser.model.units import NS_PER_S, format_duration

_FORMS = {
    Kind.TCP_RESET: "with a TCP RST",
    Kind.TCP_FIN: "with a TCP FIN",
    Kind.TLS_CLOSE_NOTIFY: "with a TLS close_notify",
    Kind.TLS_ALERT: "with a TLS alert",
    Kind.WS_CLOSE: "with a WebSocket close",
    Kind.MQTT_DISCONNECT: "with an MQTT DISCONNECT",
}
_TEAMS = {
    Whom.NETWORK_TEAM.value: "network team",
    Whom.PROXY_TEAM.value: "proxy's team",
    Whom.SERVICE_OWNER.value: "owner of the service",
}
_TIMERS = {
    "idle": "idle timeout",
    "age": "limit of session age",
    "bytes": "limit of bytes",
}
_SAFE = 0.8
"""Of the longest silence survived: a heartbeat may be late."""
_ROUND = ((600, 60), (60, 10), (10, 5), (0, 1))
"""From so many seconds on, a multiple of so many."""


def limit_in_words(limit: LimitFigures) -> str:
    """`vpn ends quiet sessions to broker after 300 s (299 to 301), silently; ping ...`."""
    if limit.high is None or limit.low is None:
        return _none_found(limit)
    if limit.of_egress:
        return _of_egress(limit)
    quiet = "quiet sessions" if limit.kind == "idle" else "sessions, quiet or not,"
    low, high = _value(limit, limit.low), _value(limit, limit.high)
    between = "" if low == high else f" ({low} to {high})"
    ends = "ends" if limit.confirmed else "may end"
    ends = f"{_subject(limit)} {ends} {quiet} to {limit.endpoint} after {_middle(limit)}"
    says = [f"{ends}{between}, {form_in_words(limit)}"]
    if limit.tick:
        says.append(f"it looks only every {format_duration(limit.tick)} or so")
    says += _refreshing(limit.refreshed_by)
    every_ns = heartbeat_ns(limit)
    if every_ns is not None:
        does = "ping" if limit.refreshed_by.ping else "send something"
        says.append(f"{does} at least every {format_duration(every_ns)}")
    if limit.kind == "idle" and limit.is_silence is None:
        says.append(
            "it may be a limit of age: no session that was not silent is known to have lived"
        )
    if not limit.confirmed:
        says.append("seen once, not confirmed")
    return f"{'; '.join(says)}."


def limits_in_words(limits: Sequence[LimitFigures]) -> list[str]:
    """One sentence each; how many bytes did no harm stands in the table alone."""
    return [limit_in_words(one) for one in limits if one.kind != "bytes" or one.high is not None]


def form_in_words(limit: LimitFigures) -> str:
    """How it ends sessions."""
    form = _FORMS.get(Kind(limit.form)) if limit.form in set(Kind) else None
    if form is None:
        return "silently"
    return form if limit.at_expiry else f"silently; what is sent then is answered {form}"


def heartbeat_ns(limit: LimitFigures) -> int | None:
    """How often to ping, for a scenario and for clients; None where pings are not known to help."""
    if limit.kind != "idle" or limit.low is None or limit.refreshed_by.ping is False:
        return None
    safe_s = _SAFE * limit.low / NS_PER_S
    grain = next(grain for least, grain in _ROUND if safe_s >= least)
    return int(safe_s // grain * grain) * NS_PER_S or None


def wishes_in_words(limits: Sequence[LimitFigures]) -> list[str]:
    """What to ask whom for: a line for each egress, team and kind of limit that is confirmed."""
    groups: dict[tuple[str, str, str], list[LimitFigures]] = {}
    for one in limits:
        if one.low is not None and one.confirmed and one.ask in _TEAMS:
            groups.setdefault((one.egress, one.ask, _timer(one)), []).append(one)
    return [
        f"For the {_TEAMS[whom]}: raise the {timer} of TCP sessions through {egress} to"
        f" {', '.join(one.endpoint for one in found)}, now {_middle(found[0])}, or have a session"
        " that is forgotten reset at both ends."
        for (egress, whom, timer), found in groups.items()
    ]


def _timer(limit: LimitFigures) -> str:
    may_be_age = limit.kind == "idle" and limit.is_silence is None
    return f"{_TIMERS['idle']} or {_TIMERS['age']}" if may_be_age else _TIMERS[limit.kind]


def _none_found(limit: LimitFigures) -> str:
    of = {"idle": "silence"}.get(limit.kind, limit.kind)
    where = f"{limit.endpoint} through {limit.egress}"
    if limit.survived is None:
        return f"{where}: no session was proved to live, so nothing is known of a limit of {of}."
    cut = "" if limit.reached or limit.kind != "idle" else ", which is not as far as was asked for"
    died = f"; {limit.dead} of {limit.asked} died of something else" if limit.dead else ""
    lived = _value(limit, limit.survived)
    return f"{where}: no limit of {of} found up to {lived}{cut}{died}."


def _of_egress(limit: LimitFigures) -> str:
    after = format_duration(limit.high or 0)
    went = f"{limit.egress} itself went, and all sessions through it,"
    says = [f"{went} after {after} in which nothing passed through it"]
    says += [*_refreshing(limit.refreshed_by), "seen once, not confirmed"]
    return f"{'; '.join(says)}."


def _subject(limit: LimitFigures) -> str:
    if limit.where == Where.EGRESS:
        return limit.egress
    if limit.where == Where.ENDPOINT:
        return f"{limit.endpoint}, or what stands before it,"
    return f"Something behind {limit.egress}"


def _middle(limit: LimitFigures) -> str:
    low, high = limit.low or 0, limit.high or 0
    return _value(limit, (low + high) // 2)


def _value(limit: LimitFigures, value: int) -> str:
    return f"{value:,} bytes" if limit.unit == "bytes" else format_duration(value)


def _refreshing(refreshed: RefreshedBy) -> list[str]:
    words = {"a ping": refreshed.ping, "TCP keepalive": refreshed.tcp_keepalive}
    words |= {
        "an unanswered ping": refreshed.unanswered_ping,
        "data from the endpoint alone": refreshed.down,
        "a byte": refreshed.one_byte,
        "a message of 16 KiB": refreshed.big_message,
    }
    count = [what for what, does in words.items() if does]
    do_not = [what for what, does in words.items() if does is False]
    says = [f"{_listed(count)} {'counts' if len(count) == 1 else 'count'}"] if count else []
    if do_not:
        says.append(f"{_listed(do_not)} {'does' if len(do_not) == 1 else 'do'} not count")
    return says


def _listed(words: list[str]) -> str:
    """`a ping, TCP keepalive and a byte`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
