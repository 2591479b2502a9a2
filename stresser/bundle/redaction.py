"""Takes names, addresses and peers' texts out of a run's manifest and events.

By key: what is known to be a word of ours stays; names and addresses get stand-ins; everything
else that is text is searched for them, and what only a peer can have said is replaced as a whole.
"""

import re
from collections.abc import Mapping
from typing import Any

from stresser.bundle.pseudonyms import Pseudonyms

REDACTED = "(redacted)"
_OUR_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,60}")
_OUR_KEY = re.compile(r"[a-z0-9][a-z0-9_]{0,60}|(?:net|kernel|fs)\.[a-z0-9_.]{1,80}|[A-Z_]{1,40}")
_URL = re.compile(
    r"(?P<scheme>[a-z0-9+]+)://(?:[^/@]*@)?(?P<host>\[[^\]]*\]|[^/:?#]*)(?P<port>:\d+)?"
)
_INTERFACE = re.compile(r"(?:lo|eth|en[ospx]|wlan|wlp|tun|tap|utun|wg|ppp|veth)[a-z0-9]{0,12}")
_OUR_WORDS = frozenset({
    "event", "utc", "kind", "phase", "failure", "initiator", "grade", "version", "cipher", "alpn",
    "root", "chain_class", "change", "result", "cause", "resolved_by", "flags", "shape", "rule",
    "kill", "reading", "witness", "product", "not_before", "not_after", "started_utc", "ended_utc",
    "close", "status", "stresser", "verdict", "duration", "every", "timeout", "count",
})  # fmt: skip
_PEERS_WORDS = {
    "subject": "name", "issuer": "name", "issuer_organisation": "name", "names": "name",
    "first_bytes": "text", "missing_issuer": "name", "issuer_url": "text",
    "reason": "text", "subprotocol": "text", "serial": "text", "user_agent": "text",
}  # fmt: skip
_STAND_INS = _PEERS_WORDS | {"endpoint": "endpoint", "egress": "egress", "activity": "activity",
          "scenario": "scenario"}  # fmt: skip
_HASHES = {"chain": 16, "sha256": 64, "spki_sha256": 64}
_TABLES = {"endpoints": "endpoint", "egresses": "egress", "activities": "activity"}
_PLAIN_HOST_FACTS = frozenset({
    "system", "machine", "cpus", "cpu_count", "python", "clock_source", "release", "kernel",
})  # fmt: skip


class Redaction:
    """Redacts one or several runs with one set of stand-ins."""

    def __init__(self) -> None:
        self.pseudonyms = Pseudonyms()

    @property
    def keeps_chains(self) -> bool:
        """Certificates are names throughout: they do not go along."""
        return False

    def manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """A run's manifest; to be called before its events, for it has the names to look for."""
        scenario = manifest.get("scenario")
        scenario = scenario if isinstance(scenario, dict) else {}
        self._learn(scenario)
        host = manifest.get("host")
        process = manifest.get("process")
        node = process.get("host") if isinstance(process, dict) else None
        if isinstance(node, str):
            self.pseudonyms.learn("host", node)
        return self._table(manifest) | {
            "scenario": self._scenario(scenario),
            "command_line": [REDACTED],
            "process": {"pid": 0, "host": REDACTED},
            "host": {
                key: value if key in _PLAIN_HOST_FACTS or not isinstance(value, str) else REDACTED
                for key, value in (host.items() if isinstance(host, dict) else ())
                if not isinstance(value, dict | list)
            },
        }

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """One event."""
        kind = event.get("event")
        changed = self._table(event)
        if kind == "run_ended":
            changed["reason"] = self.pseudonyms.text(str(event.get("reason", "")))
        if kind == "run_started" and isinstance(event.get("cohorts"), list):
            changed["cohorts"] = [self._cohort(cohort) for cohort in event["cohorts"]]
        return changed

    def tag(self, tag: str) -> str:
        """The tag of a histogram: the quantity and the cohort's names."""
        quantity, *parts = tag.split("/")
        return "/".join([quantity, *self._cohort(parts)])

    def _cohort(self, parts: Any) -> list[str]:
        if not isinstance(parts, list):
            return []
        kinds = ("endpoint", "egress", "activity")
        return [
            self.pseudonyms.name(kind, str(part)) for kind, part in zip(kinds, parts, strict=False)
        ]

    def _learn(self, scenario: Mapping[str, Any]) -> None:
        name = scenario.get("name")
        if isinstance(name, str):
            self.pseudonyms.learn("scenario", name)
        for key, kind in _TABLES.items():
            for table in _tables(scenario.get(key)):
                if isinstance(table.get("name"), str):
                    self.pseudonyms.learn(kind, table["name"])
                url = table.get("url") or table.get("proxy")
                if isinstance(url, str) and (match := _URL.match(url)) and match["host"]:
                    self.pseudonyms.learn("host", match["host"].strip("[]").lower())

    def _scenario(self, scenario: Mapping[str, Any]) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for key, value in scenario.items():
            if key in _TABLES:
                changed[key] = [self._named(table, _TABLES[key]) for table in _tables(value)]
            elif key == "thresholds" and isinstance(value, dict):
                changed[key] = {
                    self.pseudonyms.text(str(name)): rule for name, rule in value.items()
                }
            elif key == "name":
                changed[key] = self.pseudonyms.name("scenario", str(value))
            else:
                changed[key] = self._value(key, value)
        return changed

    def _named(self, table: Mapping[str, Any], kind: str) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for key, value in table.items():
            if key == "name":
                changed[key] = self.pseudonyms.name(kind, str(value))
            elif key in {"url", "proxy"} and isinstance(value, str):
                changed[key] = self._url(value)
            elif key in {"headers", "subprotocols", "ca"} and value:
                changed[key] = REDACTED
            else:
                changed[key] = self._value(key, value)
        return changed

    def _url(self, url: str) -> str:
        match = _URL.match(url)
        if match is None:
            return self.pseudonyms.text(url)
        host = self._host(match["host"])
        return f"{match['scheme']}://{host}{match['port'] or ''}"

    def _host(self, host: str) -> str:
        plain = host.strip("[]")
        changed = self.pseudonyms.text(plain)
        return self.pseudonyms.host(plain) if changed == plain and plain else changed

    def _table(self, table: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key if _OUR_KEY.fullmatch(key) else self.pseudonyms.text(key):
                self._value(key, value)
            for key, value in table.items()
        }  # fmt: skip

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return self._table(value)
        if isinstance(value, list):
            return [self._value(key, one) for one in value]
        return self._text(key, value) if isinstance(value, str) else value

    def _text(self, key: str, text: str) -> str:
        if key in _OUR_WORDS or key in {"why", "against"}:
            return text if _OUR_WORD.fullmatch(text) else self.pseudonyms.text(text)
        if key in _HASHES:
            return self.pseudonyms.hexadecimal(text, _HASHES[key])
        if key in _STAND_INS:
            return self.pseudonyms.name(_STAND_INS[key], text)
        if key == "interface" and not _INTERFACE.fullmatch(text):
            return self.pseudonyms.name("interface", text)
        if key == "file":
            return REDACTED
        return self._host(text) if key == "name" else self._located(text)

    def _located(self, text: str) -> str:
        """`address:port`, `scheme://host:port`, or any other text."""
        match = _URL.match(text)
        if match is not None:
            return self._url(text)
        return self.pseudonyms.text(text)


def _tables(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
