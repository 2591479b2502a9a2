"""Judges certificate chains apart from the handshake, so that a bad chain can be held and named.

One verdict: what our own handshake would do with the chain (`rehearsal.py`). Beside it, by trust
and not by names, whose root it leads to (`chain_origin.py`). One verdict for each distinct chain
and name. `docs/interception.md` says what each verdict means.
"""

import hashlib
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

import certifi
from msgspec import Struct

from stresser.model.chain import ChainClass, ChainRoot
from stresser.net.chain_facts import leaf_facts
from stresser.net.chain_origin import PUBLIC, Heard, Origin, Owners
from stresser.net.chain_words import issuer_of, issuer_url
from stresser.net.lineage import joinable
from stresser.net.platform_trust import asks_platform, platform_problem
from stresser.net.refusals import (
    DATES,
    NO_ISSUER,
    OTHER_NAME,
    SELF_SIGNED_LEAF,
    SELF_SIGNED_ROOT,
    dates_words,
    discord_words,
    refusal_words,
    signature_words,
)
from stresser.net.rehearsal import Rehearsal, rehearse
from stresser.net.server_names import names_nobody, names_server
from stresser.net.tls import trusting

_CACHE_LIMIT = 4096
_JUDGED_ANEW_S = 600.0
"""A chain may expire while a run goes on."""
_WHY_LIMIT = 600
_MOST_HEAVY = 8
"""New chains that are long or large and are judged in ten minutes, by one judge: each takes up to
ten times as long as a usual one."""
_LARGE = 32 * 1024
_LONG = 8
"""Certificates. To read more costs OpenSSL more than it tells: such a chain is put to it once."""
_UNTRUSTED = NO_ISSUER | {SELF_SIGNED_LEAF, SELF_SIGNED_ROOT}
"""Refused for no other reason than that its root is not trusted, as far as OpenSSL has looked."""
_PROVES = frozenset({ChainRoot.MOZILLA, ChainRoot.DECLARED})


class ChainVerdict(Struct, frozen=True, kw_only=True):
    """What verification says about one chain for one name. Texts may be a peer's: cut, as sent."""

    chain: str
    """The first 16 hex digits of SHA-256 over the DER certificates as served."""
    problem: str | None
    """Why our own handshake on this host refuses it; None: it takes it."""
    endpoint_proved: bool
    """It verifies by Mozilla's roots (certifi) or the endpoint's own `ca` alone. A root that
    somebody put into this host's store proves nothing about who holds the other end."""
    chain_class: ChainClass
    root: ChainRoot
    intercepted: bool
    """Somebody between here and the endpoint ends TLS: see `_is_intercepted`."""
    why: str
    """What the class rests on, in words, without a full stop."""
    names_match: bool | None
    """The leaf is for the server's name; None: its names cannot be read."""
    missing_issuer: str | None = None
    """Whose certificate the path lacks, where it is unknown here."""
    issuer_url: str | None = None
    """Where the last certificate of the path says that it may be fetched."""


class ChainJudge:
    """Judges chains by our own handshake, and by Mozilla's roots, the endpoint's and this host's.

    `mozilla_file`: a PEM file in place of certifi's.

    Raises:
        ValueError: a CA file holds no certificate.
    """

    def __init__(self, ca_files: tuple[str, ...], *, mozilla_file: str | None = None) -> None:
        self._owners = Owners(ca_files, mozilla_file)
        self._here = trusting(ca_files, this_host=True)
        self._proving = trusting((mozilla_file or certifi.where(), *ca_files), this_host=False)
        # By digest: the chains themselves, 100 KB each, would be a peer's to choose.
        self._heavy: deque[float] = deque()
        """When heavy chains were judged."""
        self._verdicts: dict[tuple[bytes, str], tuple[ChainVerdict, float]] = {}

    @property
    def declares_root(self) -> bool:
        """The scenario says whose root the endpoint's chain leads to."""
        return self._owners.has_declared

    def judge(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        """Verify a chain (DER, leaf first) for a name. Never raises for what a peer sent."""
        key = (_digest(chain), server_name)
        known = self._verdicts.pop(key, None)
        now = time.monotonic()
        if known is None or now - known[1] >= _JUDGED_ANEW_S:
            if _is_heavy(chain) and not self._has_time_for_one(now):
                return _unjudged(chain)
            known = self._judge(chain, server_name), now
        self._verdicts[key] = known
        if len(self._verdicts) > _CACHE_LIMIT:
            # The one asked for longest ago: a peer that makes a chain for each session ends its
            # own verdicts and not the others'.
            del self._verdicts[next(iter(self._verdicts))]
        return known[0]

    def _has_time_for_one(self, now: float) -> bool:
        """A judgement of a heavy chain holds everybody up, and a peer may make one each time."""
        while self._heavy and now - self._heavy[0] >= _JUDGED_ANEW_S:
            self._heavy.popleft()
        if len(self._heavy) >= _MOST_HEAVY:
            return False
        self._heavy.append(now)
        return True

    def _judge(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        if not chain:
            return _unlooked(chain, "the peer served no certificate")
        now = datetime.now(UTC)  # noqa: TID251 - OpenSSL judges dates by the same clock
        heard = self._hear(chain, server_name)
        problem = self._problem(heard.here, chain, server_name, now)
        origin = self._owners.origin(heard, chain, now, is_trusted=problem is None)
        chain_class = _class_of(origin, heard, chain, problem)
        names_match = _names_match(heard.here, chain, server_name)
        faults = (
            _faults(origin, heard, server_name, now) if chain_class is ChainClass.BROKEN else ()
        )
        notes = _notes(origin, chain, problem)
        return ChainVerdict(
            chain=chain_id(chain),
            problem=problem,
            endpoint_proved=heard.proof.is_accepted,
            chain_class=chain_class,
            root=origin.root,
            intercepted=self._is_intercepted(origin.root),
            why="; ".join(text for text in (*faults, origin.why, *notes) if text)[:_WHY_LIMIT],
            names_match=names_match,
            missing_issuer=None if origin.lacks is None else issuer_of(origin.lacks),
            issuer_url=None if origin.lacks is None else issuer_url(origin.lacks),
        )

    def _hear(self, chain: tuple[bytes, ...], server_name: str) -> Heard:
        here = rehearse(self._here, joinable(chain), server_name)
        if self._owners.proves(here, chain) or (len(chain) > _LONG and not here.is_accepted):
            return Heard(here, here)
        return Heard(here, rehearse(self._proving, joinable(chain), server_name))

    def _is_intercepted(self, root: ChainRoot) -> bool:
        """A private root that this host was set to trust, or any but the root that was declared.

        Neither a bad date nor a wrong name changes whose root it is. A leaf that signed itself and
        a root that was not served accuse no one: the endpoint's own mistake looks the same.
        """
        if root is ChainRoot.HOST:
            return True
        return root is ChainRoot.OTHER and self._owners.has_declared

    def _problem(
        self, here: Rehearsal, chain: tuple[bytes, ...], server_name: str, now: datetime
    ) -> str | None:
        """What a client on this host says."""
        if here.is_accepted:
            return None
        if asks_platform() and here.code not in OTHER_NAME:
            return platform_problem(chain)
        return refusal_words(here, server_name, now)


def _class_of(
    origin: Origin, heard: Heard, chain: tuple[bytes, ...], problem: str | None
) -> ChainClass:
    if problem is None or heard.proof.is_accepted:
        return _CLASS_OF_ROOT.get(origin.root, ChainClass.PRIVATE_TRUSTED)
    if heard.here.code not in _UNTRUSTED or origin.root not in _NOT_TRUSTED:
        return ChainClass.BROKEN
    if origin.root is ChainRoot.HIDDEN and leaf_facts(chain).claims_to_be_public:
        return ChainClass.BROKEN
    return ChainClass.PRIVATE_UNTRUSTED


_CLASS_OF_ROOT = {
    ChainRoot.MOZILLA: ChainClass.PUBLIC,
    ChainRoot.FORMER: ChainClass.PUBLIC,
    ChainRoot.DECLARED: ChainClass.DECLARED,
}
_NOT_TRUSTED = frozenset({ChainRoot.OTHER, ChainRoot.LEAF, ChainRoot.HIDDEN, ChainRoot.FORMER})


def _faults(origin: Origin, heard: Heard, server_name: str, now: datetime) -> Iterator[str]:
    """What is wrong with a chain besides whose root it has."""
    answer = heard.here
    if origin.root in _PROVES and heard.proof.code not in _UNTRUSTED:
        answer = heard.proof
    path = answer.path if origin.lineage is None else origin.lineage.path
    yield from dates_words(path, now)
    if answer.code in _UNTRUSTED:
        yield _discord(origin, answer)
    elif answer.code not in DATES:
        yield refusal_words(answer, server_name, now)


def _discord(origin: Origin, answer: Rehearsal) -> str:
    """Why OpenSSL does not come to a root that signatures lead to."""
    if origin.lineage is None:
        return signature_words(answer.path)
    return discord_words(answer.path, origin.lineage.path)


def _notes(origin: Origin, chain: tuple[bytes, ...], problem: str | None) -> Iterator[str]:
    if problem is None and names_nobody(chain[0]):
        yield "it names the server in its CN alone, which browsers and Go refuse"
    elif problem is not None and origin is PUBLIC:
        yield "this host does not trust it"


def _names_match(here: Rehearsal, chain: tuple[bytes, ...], server_name: str) -> bool | None:
    if here.is_accepted or here.code in OTHER_NAME:
        return here.is_accepted
    return names_server(chain[0], server_name)


def _is_heavy(chain: tuple[bytes, ...]) -> bool:
    return len(chain) > _LONG or sum(map(len, chain)) > _LARGE


def _unjudged(chain: tuple[bytes, ...]) -> ChainVerdict:
    size = f"{len(chain)} certificates, {sum(map(len, chain)):,} bytes"
    return _unlooked(chain, f"not judged: one more chain of {size} from a peer that sent many such")


def _unlooked(chain: tuple[bytes, ...], problem: str) -> ChainVerdict:
    return ChainVerdict(
        chain=chain_id(chain),
        problem=problem,
        endpoint_proved=False,
        chain_class=ChainClass.BROKEN,
        root=ChainRoot.NONE,
        intercepted=False,
        why=problem,
        names_match=None,
    )


def chain_id(chain: tuple[bytes, ...]) -> str:
    """16 hex digits that name a chain."""
    return _digest(chain).hex()[:16]


def _digest(chain: tuple[bytes, ...]) -> bytes:
    return hashlib.sha256(b"".join(chain)).digest()
