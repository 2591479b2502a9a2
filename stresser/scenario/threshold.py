"""The grammar of one threshold: `"metric{label=value}" = "< bound"` as data.

    threshold = key rule
    key       = metric [ "{" label *( "," label ) "}" ]
    metric    = counter / ratio / rate / quantity "." statistic
    counter   = "attempts" / "attempts_failed" / "sessions" / "sessions_open" / "drops"
              / "drops." kind / "unverified" / "intercepted"
    ratio     = "failure_ratio" / "open_ratio"
    rate      = "drops_per_session_hour"
    quantity  = "resolve" / "connect" / ... ; model/quantity.py
    statistic = "min" / "mean" / "p50" / "p90" / "p99" / "p99.9" / "p99.99" / "max"
    label     = ( "endpoint" / "egress" / "activity" ) "=" name
    rule      = ( "<" / "<=" / ">" / ">=" / "=" / "!=" ) bound
    bound     = number             ; of a counter or a rate
              / number / number "%" ; of a ratio
              / duration           ; of a quantity, with its unit: "800ms"

What each metric counts is said once, at `Metric`; analysis/thresholds.py measures it.
"""

import operator
import re
from enum import StrEnum

from msgspec import Struct

from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.quantity import Quantity
from stresser.model.units import Duration, shown
from stresser.scenario.mistakes import did_you_mean

_KEY = re.compile(r"([^{}\s]+)\s*(?:\{([^{}]*)\})?")
_RULE = re.compile(r"(<=|>=|!=|<|>|=)\s*(\S.*)")
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,15})?")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LONGEST_TEXT = 500


class Metric(StrEnum):
    """What a threshold may judge besides the statistics of a quantity."""

    ATTEMPTS = "attempts"
    """Attempts that came to an end: opened or failed."""
    ATTEMPTS_FAILED = "attempts_failed"
    FAILURE_RATIO = "failure_ratio"
    """Failed attempts divided by attempts."""
    SESSIONS = "sessions"
    """Sessions that opened."""
    SESSIONS_OPEN = "sessions_open"
    """Sessions that lived until the plan ended them or that are open still."""
    OPEN_RATIO = "open_ratio"
    """Session time held divided by requested sessions times the run's time, ramp included."""
    DROPS = "drops"
    """Unplanned endings in phase `held`; those by sleep of the host or by the tool apart."""
    DROPS_PER_SESSION_HOUR = "drops_per_session_hour"
    UNVERIFIED = "unverified"
    """TLS handshakes whose chain did not verify."""
    INTERCEPTED = "intercepted"
    """TLS handshakes that a box on the path answered, by the chain (docs/interception.md)."""


class Statistic(StrEnum):
    """What is asked of a quantity's distribution."""

    MIN = "min"
    MEAN = "mean"
    P50 = "p50"
    P90 = "p90"
    P99 = "p99"
    P99_9 = "p99.9"
    P99_99 = "p99.99"
    MAX = "max"

    @property
    def quantile(self) -> float | None:
        """0 to 1; None for `min`, `mean` and `max`."""
        return float(self[1:]) / 100 if self.startswith("p") else None


class Operator(StrEnum):
    """How the measured value is held against the bound."""

    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    EQ = "="
    NE = "!="


class Unit(StrEnum):
    """What a threshold's bound and measured value are."""

    COUNT = "count"
    RATIO = "ratio"
    """0 to 1."""
    RATE = "per session-hour"
    DURATION = "ns"


_COMPARE = {
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
}
_UNITS = {
    Metric.FAILURE_RATIO: Unit.RATIO,
    Metric.OPEN_RATIO: Unit.RATIO,
    Metric.DROPS_PER_SESSION_HOUR: Unit.RATE,
}
_LABELS = Cohort._fields
_WHOLE_RUN = frozenset({Quantity.LOOP_LAG})
_DROP_KINDS = {f"{Metric.DROPS}.{kind}": kind for kind in Kind if kind is not Kind.PLANNED}


class Threshold(Struct, frozen=True, kw_only=True):
    """One rule of the scenario. Either `metric` or `quantity` with `statistic` is set."""

    key: str
    """As written: `tls.p99{egress=vpn}`."""
    rule: str
    """As written: `< 800ms`."""
    operator: Operator
    bound: float
    """In `unit`."""
    unit: Unit
    metric: Metric | None = None
    kind: Kind | None = None
    """Only drops of this kind."""
    quantity: Quantity | None = None
    statistic: Statistic | None = None
    labels: dict[str, str] = {}
    """`endpoint`, `egress`, `activity`: only cohorts with these names."""

    def __str__(self) -> str:
        return f"{self.key} {self.rule}"

    def holds(self, value: float) -> bool:
        """Whether the measured value (in `unit`) obeys the rule."""
        return bool(_COMPARE[self.operator](value, self.bound))

    def covers(self, cohort: Cohort) -> bool:
        """Whether the cohort is among those that the labels choose."""
        return all(getattr(cohort, name) == value for name, value in self.labels.items())


def parse_threshold(key: str, rule: str) -> Threshold:
    """Read one line of `[thresholds]`.

    Raises:
        ValueError: with one sentence that says what is wrong and how to write it.
    """
    match = _KEY.fullmatch(key.strip()) if len(key) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError(
            f"{shown(key)} is not a metric; write for example "
            '"drops{egress=vpn}" or "tls.p99", labels in braces'
        )
    metric, kind, quantity, statistic = _parse_metric(match[1])
    unit = Unit.DURATION if metric is None else _UNITS.get(metric, Unit.COUNT)
    labels = {} if match[2] is None else _parse_labels(match[2])
    if quantity in _WHOLE_RUN and labels:
        raise ValueError(f"{quantity} is measured for the whole run: it takes no labels")
    comparison, bound = _parse_rule(match[1], rule, unit)
    return Threshold(
        key=key.strip(),
        rule=rule.strip(),
        operator=comparison,
        bound=bound,
        unit=unit,
        metric=metric,
        kind=kind,
        quantity=quantity,
        statistic=statistic,
        labels=labels,
    )


def known_metrics() -> list[str]:
    """Every metric that a threshold may name."""
    statistics = [f"{quantity}.{statistic}" for quantity in Quantity for statistic in Statistic]
    return [*Metric, *_DROP_KINDS, *statistics]


def _parse_metric(
    text: str,
) -> tuple[Metric | None, Kind | None, Quantity | None, Statistic | None]:
    if text in set(Metric):
        return Metric(text), None, None, None
    if text in _DROP_KINDS:
        return Metric.DROPS, _DROP_KINDS[text], None, None
    quantity, _, statistic = text.partition(".")
    if quantity in set(Quantity) and statistic in set(Statistic):
        return None, None, Quantity(quantity), Statistic(statistic)
    raise ValueError(_unknown_metric(text, quantity))


def _unknown_metric(text: str, head: str) -> str:
    if head in set(Quantity):
        return f"{shown(text)} is not a metric: {head} takes one of .{', .'.join(Statistic)}"
    return f"{shown(text)} is not a metric{did_you_mean(text, known_metrics())}"


def _parse_labels(text: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or _NAME.fullmatch(value) is None:
            raise ValueError(f'{shown(part)} is not a label; write for example "{{egress=vpn}}"')
        if name not in _LABELS:
            known = ", ".join(_LABELS)
            raise ValueError(
                f"{shown(name)} is not a label{did_you_mean(name, _LABELS)}; labels are {known}"
            )
        if name in labels:
            raise ValueError(f"the label {name} is given twice")
        labels[name] = value
    return labels


def _parse_rule(metric: str, text: str, unit: Unit) -> tuple[Operator, float]:
    match = _RULE.fullmatch(text.strip()) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        example = {Unit.DURATION: "< 800ms", Unit.RATIO: "< 1%"}.get(unit, "< 5")
        raise ValueError(
            f'{shown(text)} is not a rule; write for example "{example}" '
            f"with one of {' '.join(Operator)}"
        )
    read = {Unit.DURATION: _parse_duration, Unit.RATIO: _parse_ratio}.get(unit, _parse_number)
    return Operator(match[1]), read(metric, match[2])


def _parse_duration(metric: str, text: str) -> float:
    if _NUMBER.fullmatch(text):
        raise ValueError(f'{metric} is a duration: {shown(text)} needs a unit, for example "800ms"')
    return float(Duration.parse(text))


def _parse_ratio(metric: str, text: str) -> float:
    digits = text.removesuffix("%").strip()
    if _NUMBER.fullmatch(digits) is None:
        raise ValueError(f'{metric} is a ratio: write "1%" or "0.01", not {shown(text)}')
    ratio = float(digits) / (100 if text.endswith("%") else 1)
    if ratio > 1:
        raise ValueError(f"{metric} lies between 0 and 1 (or 0% and 100%), not {shown(text)}")
    return ratio


def _parse_number(metric: str, text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        what = "a rate per session-hour" if metric in _UNITS else "a count"
        raise ValueError(f"{metric} is {what}: write a number without a unit, not {shown(text)}")
    return float(text)
