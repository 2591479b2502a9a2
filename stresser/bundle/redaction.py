"""Takes names, addresses and peers' texts out of a run's manifest, events and histograms.

By type: `treatments` says what becomes of each field that can hold a text. What is a number, a
truth value or a word of a closed list stays, and with it every figure, verdict and diagnosis.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from stresser.analysis.words.obstacles import PLAIN_HTTP
from stresser.bundle.pseudonyms import REDACTED, Pseudonyms
from stresser.bundle.treatments import TREATMENTS, Treatment, fields_of
from stresser.model.cohort import Cohort
from stresser.model.events import ChainSeen, CohortEvent, RunStarted
from stresser.model.units import Duration, Size
from stresser.net.http_head import TELLING
from stresser.record.event_lines import event_of_line, event_tag, flat_types, flattened
from stresser.record.histogram_log import histogram_tag, key_of
from stresser.record.manifest import Manifest
from stresser.scenario.endpoint import TOKENS
from stresser.scenario.plan import Scenario
from stresser.scenario.threshold import parse_threshold

_OURS = re.compile(r"[\w .,:;()/%+*'&=!?-]{0,400}")
"""Guards against files made by hand: what stresser writes of itself looks like this."""
_USUAL_INTERFACE = re.compile(
    r"(?:lo|eth|wlan|tun|tap|utun|wg|ppp|veth)[0-9]{0,3}|en[ops][0-9]\w{0,8}"
)
_HOST_FACTS = frozenset({"system", "machine", "clock_source"})
_LOGINS = ("Basic", "Bearer", "Digest", "Negotiate", "NTLM", "Kerberos")
_LOGIN_HEADERS = frozenset({"www-authenticate", "proxy-authenticate"})
_CERTIFICATE = {
    "subject": Treatment.NAME, "issuer": Treatment.NAME, "names": Treatment.HOST,
    "sha256": Treatment.SHA256, "not_before": Treatment.OURS, "not_after": Treatment.OURS,
    "problem": Treatment.PEER,
}  # fmt: skip
"""As `net.chain_facts` describes a certificate; other keys are left out."""
_KINDS = {
    Treatment.SCENARIO: "scenario", Treatment.ENDPOINT: "endpoint", Treatment.EGRESS: "egress",
    Treatment.ACTIVITY: "activity", Treatment.PROTOCOL: "protocol", Treatment.NAME: "name",
    Treatment.PEER: "text",
}  # fmt: skip
_COHORT_KINDS = Cohort._fields
_UNREADABLE = b"{}"
_TORN = b"{"


class Redaction:
    """Redacts one or several runs with one set of stand-ins."""

    keeps_chains = False
    """Certificates are names throughout: they do not go along."""

    def __init__(self) -> None:
        self.pseudonyms = Pseudonyms()
        self._cohorts_seen: set[Cohort] = set()
        names = self.pseudonyms
        self._texts: dict[Treatment, Callable[[str], str]] = {
            Treatment.OURS: self._ours,
            Treatment.GONE: lambda _: REDACTED,
            Treatment.FREE: names.text,
            Treatment.INTERFACE: self._interface,
            Treatment.HOST: names.host,
            Treatment.PLACE: names.place,
            Treatment.URL: names.url,
            Treatment.CHAIN_ID: lambda text: names.hexadecimal(text, 16),
            Treatment.SHA256: lambda text: names.hexadecimal(text, 64),
            Treatment.RAW: self._raw,
            Treatment.PATH: lambda text: self._ours(re.split(r"[/\\]", text)[-1]),
        }
        self._wholes: dict[Treatment, Callable[[Any], Any]] = {
            Treatment.PLAN: lambda tree: self._struct(tree, Scenario),
            Treatment.HEADERS: self._headers,
            Treatment.CERTIFICATES: self._certificates,
            Treatment.COHORTS: self._cohorts,
            Treatment.THRESHOLDS: self._thresholds,
            Treatment.HOST_FACTS: self._host_facts,
            Treatment.LEFT_OUT: lambda _: None,
        }

    def manifest(self, text: bytes) -> bytes | None:
        """A run's manifest; to be called before its events, for it has the names to look for.

        None: it is none, so nobody knows what is in it.
        """
        try:
            tree = msgspec.to_builtins(msgspec.json.decode(text, type=Manifest))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        self._learn(tree)
        return msgspec.json.encode(self._struct(tree, Manifest))

    def event_line(self, line: bytes, *, is_whole: bool) -> bytes:
        """One line of the events; what is no event becomes one that is none either."""
        try:
            event = event_of_line(line)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return self._no_event(line) if is_whole else _TORN
        self._learn_from(event)
        flat = flattened(event)
        tree = msgspec.to_builtins(flat)
        redacted = self._struct(tree, type(flat))
        return msgspec.json.encode({"event": event_tag(type(event))} | redacted)

    def _no_event(self, line: bytes) -> bytes:
        """A newer stresser's event is counted by its type: the count is to stay."""
        try:
            tag = msgspec.json.decode(line, type=dict[str, Any]).get("event")
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return _UNREADABLE
        if not isinstance(tag, str) or tag in _TAGS:
            return _UNREADABLE
        return msgspec.json.encode({"event": self.pseudonyms.name("event", tag)})

    def tag(self, tag: str) -> str:
        """The tag of a histogram: the quantity and the cohort's names."""
        key = key_of(tag)
        if key is None:
            return "unknown"
        quantity, cohort = key
        return histogram_tag((quantity, None if cohort is None else self._cohort(cohort)))

    def egress(self, name: str) -> str:
        """The stand-in of an egress."""
        return self.pseudonyms.name("egress", name)

    def _learn(self, manifest: Mapping[str, Any]) -> None:
        plan, learn = manifest["scenario"], self.pseudonyms.learn
        for key, kind in (
            ("endpoints", "endpoint"),
            ("egresses", "egress"),
            ("activities", "activity"),
        ):
            learn(kind, _texts_of(plan.get(key), "name"))
        learn("scenario", _texts_of([plan], "name"))
        learn("interface", filter(self._is_telling, _texts_of(plan.get("egresses"), "interface")))
        ends = [*_texts_of(plan.get("endpoints"), "url"), *_texts_of(plan.get("egresses"), "proxy")]
        hosts = [host for url in ends if (host := _host_of(url))]
        named = [*_texts_of(plan.get("endpoints"), "sni"), *_texts_of([manifest["host"]], "name")]
        learn("host", [*hosts, *named, *_texts_of([manifest["process"]], "host")])

    @staticmethod
    def _is_telling(interface: str) -> bool:
        return _USUAL_INTERFACE.fullmatch(interface) is None

    def _learn_from(self, event: Any) -> None:
        """What the manifest did not say: it may be missing."""
        learn = self.pseudonyms.learn
        if isinstance(event, RunStarted):
            learn("scenario", [event.scenario])
            for place, kind in enumerate(_COHORT_KINDS):
                learn(kind, [cohort[place] for cohort in event.cohorts])
        elif isinstance(event, CohortEvent) and event.cohort not in self._cohorts_seen:
            self._cohorts_seen.add(event.cohort)
            for kind in _COHORT_KINDS:
                learn(kind, [getattr(event, kind)])
        interface = getattr(event, "interface", None)
        if isinstance(interface, str) and self._is_telling(interface):
            learn("interface", [interface])
        if isinstance(event, ChainSeen):
            learn("name", filter(None, (event.issuer, event.issuer_organisation)))

    def _struct(self, tree: Any, struct: type[Struct]) -> Any:
        """A table as the type has it; what the type does not know is left out."""
        if not isinstance(tree, Mapping):
            return self._figure(tree, frozenset())
        fields, table = fields_of(struct), TREATMENTS.get(struct.__name__, {})
        changed = {}
        for key, value in tree.items():
            if key in fields.texts:
                changed[key] = self._treated(table.get(key, Treatment.GONE), value)
            elif key in fields.nested:
                changed[key] = self._nested(value, fields.nested[key])
            elif key in fields.words:
                changed[key] = self._figure(value, fields.words[key])
        return changed

    def _nested(self, value: Any, struct: type[Struct]) -> Any:
        if isinstance(value, list):
            return [self._struct(one, struct) for one in value]
        return self._struct(value, struct)

    def _figure(self, value: Any, words: frozenset[Any]) -> Any:
        """A number or a word of a closed list, in a plan also a duration or a size."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, list):
            return [self._figure(one, words) for one in value]
        if isinstance(value, str) and (value in words or _is_quantity(value)):
            return value
        return REDACTED

    def _treated(self, treatment: Treatment, value: Any) -> Any:
        whole = self._wholes.get(treatment)
        if whole is not None:
            return whole(value)
        if isinstance(value, str):
            kind = _KINDS.get(treatment)
            if kind is not None:
                return self.pseudonyms.name(kind, value)
            return self._texts[treatment](value)
        if isinstance(value, list):
            return [self._treated(treatment, one) for one in value]
        if isinstance(value, Mapping):
            return {
                self._treated(treatment, key): self._treated(treatment, one)
                for key, one in value.items()
            }
        return value

    def _ours(self, text: str) -> str:
        return text if _OURS.fullmatch(text) else self.pseudonyms.name("text", text)

    def _interface(self, text: str) -> str:
        return self.pseudonyms.name("interface", text) if self._is_telling(text) else text

    def _raw(self, text: str) -> str:
        """What a diagnosis looks for in an error's text, and a number for the rest."""
        marks = " ".join(mark for mark in PLAIN_HTTP if mark in text)
        stand_in = self.pseudonyms.name("text", text)
        return f"{stand_in} ({marks})" if marks else stand_in

    def _headers(self, headers: Any) -> Any:
        if not isinstance(headers, Mapping):
            return REDACTED
        return {
            (name if name.lower() in TELLING | TOKENS else self.pseudonyms.name("header", name)):
                self._header(name.lower(), str(value))
            for name, value in headers.items()
        }  # fmt: skip

    def _header(self, name: str, value: str) -> str:
        """A value is the peer's; which ways of logging in it asks for are words of RFC 9110."""
        stand_in = self.pseudonyms.name("text", value)
        asked = [one for one in _LOGINS if re.search(rf"\b{one}\b", value, re.IGNORECASE)]
        return ", ".join([*asked, stand_in]) if asked and name in _LOGIN_HEADERS else stand_in

    def _certificates(self, certificates: Any) -> Any:
        return [
            {key: self._treated(_CERTIFICATE[key], one[key]) for key in _CERTIFICATE if key in one}
            for one in certificates
            if isinstance(one, Mapping)
        ]

    def _cohorts(self, cohorts: Any) -> Any:
        return [self._cohort(cohort) for cohort in cohorts]

    def _cohort(self, names: Any) -> Cohort:
        endpoint, egress, activity = map(self.pseudonyms.name, _COHORT_KINDS, names)
        return Cohort(endpoint, egress, activity)

    def _thresholds(self, thresholds: Any) -> Any:
        if not isinstance(thresholds, Mapping):
            return REDACTED
        return dict(self._threshold(key, rule) for key, rule in thresholds.items())

    def _threshold(self, key: str, rule: Any) -> tuple[str, str]:
        """The names in `{egress=...}` are the plan's; all the rest of a threshold is ours."""
        try:
            parse_threshold(key, rule)
        except (ValueError, TypeError, AttributeError):
            return self.pseudonyms.name("text", key), REDACTED
        metric, brace, labels = key.partition("{")
        if not brace:
            return key, rule
        parts = (self._label(*part.partition("=")) for part in labels.rstrip(" }").split(","))
        return f"{metric}{{{','.join(parts)}}}", rule

    def _label(self, kind: str, equals: str, name: str) -> str:
        return f"{kind}{equals}{self.pseudonyms.name(kind.strip(), name.strip())}"

    def _host_facts(self, facts: Any) -> Any:
        """Numbers, and those texts that say what this host is and not whose."""
        if not isinstance(facts, Mapping):
            return REDACTED
        return {
            self._ours(key): self._treated(Treatment.OURS, value)
            if key in _HOST_FACTS or not isinstance(value, str | dict | list)
            else REDACTED
            for key, value in facts.items()
        }


_TAGS = frozenset(event_tag(one) for one in flat_types)


def _texts_of(tables: Any, key: str) -> list[str]:
    found = tables if isinstance(tables, list) else ()
    values = (one.get(key) for one in found if isinstance(one, Mapping))
    return [value for value in values if isinstance(value, str)]


def _host_of(url: str) -> str:
    if url.startswith("lab+"):
        return ""
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]
    match = re.fullmatch(r"\[?(.*?)\]?(?::[0-9]+)?", authority)
    return match[1] if match else ""


def _is_quantity(text: str) -> bool:
    for kind in (Duration, Size):
        try:
            kind.parse(text)
        except ValueError:
            continue
        return True
    return False
