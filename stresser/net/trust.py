"""Judges certificate chains apart from the handshake, so that a bad chain can be held and told.

By trust, not by names: whose root a chain leads to is asked of Mozilla's roots, of the endpoint's
own and of this host's, each apart; then the dates, then the name (RFC 9525). One verdict for each
distinct chain and name. `docs/interception.md` says what each verdict means.
"""

import hashlib
import time
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from stresser.model.chain import ChainClass, ChainRoot
from stresser.net.chain_facts import leaf_facts
from stresser.net.chain_words import hidden_why, host_why, subject_of, validity_of
from stresser.net.platform_trust import asks_platform, platform_problem
from stresser.net.root_stores import (
    NO_ISSUER,
    SELF_SIGNED_LEAF,
    SELF_SIGNED_ROOT,
    Outcome,
    ParsedChain,
    RootStore,
    former_keys,
    host_store,
    leads_to,
    mozilla_keys,
    mozilla_store,
    parse,
    trusted_here,
)
from stresser.net.server_names import LeafFit, leaf_fit

_CACHE_LIMIT = 4096
_JUDGED_ANEW_S = 600.0
"""A chain may expire while a run goes on."""
_WHY_LIMIT = 400


class ChainVerdict(Struct, frozen=True, kw_only=True):
    """What verification says about one chain for one name. Texts may be a peer's: cut, as sent."""

    chain: str
    """The first 16 hex digits of SHA-256 over the DER certificates as served."""
    problem: str | None
    """What is wrong, by the roots a client on this host would trust; None: it verifies."""
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


class _Origin(NamedTuple):
    """Whose root a chain leads to, with dates and names left aside."""

    root: ChainRoot
    why: str
    store: RootStore | None = None
    """Where it was found, to be asked again with dates."""
    is_complete: bool = True
    """False: only a certificate that this host happens to know leads to that root."""


class ChainJudge:
    """Verifies chains against Mozilla's roots, the endpoint's own and this host's, each apart.

    `mozilla_file`: a PEM file in place of certifi's.

    Raises:
        ValueError: a CA file holds no certificate.
    """

    def __init__(self, ca_files: tuple[str, ...], *, mozilla_file: str | None = None) -> None:
        self._mozilla_file = mozilla_file
        self._mozilla = mozilla_store(mozilla_file)
        self._declared = RootStore(ca_files) if ca_files else None
        self._host = host_store()
        self._here = trusted_here(ca_files)
        # By digest: the chains themselves, 100 KB each, would be a peer's to choose.
        self._verdicts: dict[tuple[bytes, str], tuple[ChainVerdict, float]] = {}

    @property
    def declares_root(self) -> bool:
        """The scenario says whose root the endpoint's chain leads to."""
        return self._declared is not None

    def judge(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        """Verify a chain (DER, leaf first) for a name. Never raises for what a peer sent."""
        key = (_digest(chain), server_name)
        known = self._verdicts.get(key)
        now = time.monotonic()
        if known is not None and now - known[1] < _JUDGED_ANEW_S:
            return known[0]
        verdict = self._judge(chain, server_name)
        if len(self._verdicts) >= _CACHE_LIMIT:  # a peer that makes a chain for each session
            self._verdicts.clear()
        self._verdicts[key] = verdict, now
        return verdict

    def _judge(self, chain: tuple[bytes, ...], server_name: str) -> ChainVerdict:
        try:
            parsed = parse(chain)
        except ValueError as exc:
            return _unreadable(chain, str(exc))
        fit = leaf_fit(chain[0], server_name)
        origin = self._origin(chain, parsed)
        faults = list(_faults(origin, parsed, fit))
        chain_class = _class_of(origin, chain, has_faults=bool(faults))
        proves = {ChainRoot.MOZILLA, ChainRoot.DECLARED}
        return ChainVerdict(
            chain=chain_id(chain),
            problem=self._problem(chain, parsed) or fit.problem,
            endpoint_proved=origin.root in proves and not faults,
            chain_class=chain_class,
            root=origin.root,
            intercepted=self._is_intercepted(origin.root),
            why="; ".join([*faults, origin.why])[:_WHY_LIMIT],
            names_match=fit.names_match,
        )

    def _is_intercepted(self, root: ChainRoot) -> bool:
        """A private root that this host was told to trust, or any but the root that was declared.

        Neither a bad date nor a wrong name changes whose root it is. A leaf that signed itself and
        a root that was not served accuse nobody: the endpoint's own mistake looks the same.
        """
        if root is ChainRoot.HOST:
            return True
        return root is ChainRoot.OTHER and self._declared is not None

    def _problem(self, chain: tuple[bytes, ...], parsed: ParsedChain) -> str | None:
        """What a client on this host would say, names left aside."""
        problem = self._here.verify(parsed).problem
        if problem is not None and asks_platform():
            return platform_problem(chain)
        return problem

    def _origin(self, chain: tuple[bytes, ...], parsed: ParsedChain) -> _Origin:
        public = self._mozilla.leads_from(parsed)
        if public.problem is None:
            return _Origin(ChainRoot.MOZILLA, "its root is one of Mozilla's", self._mozilla)
        if self._declared is not None and self._declared.leads_from(parsed).problem is None:
            return _Origin(ChainRoot.DECLARED, "its root is the endpoint's own ca", self._declared)
        return self._host_origin(chain, parsed) or self._foreign_origin(public, chain, parsed)

    def _host_origin(self, chain: tuple[bytes, ...], parsed: ParsedChain) -> _Origin | None:
        """Trusted by this host, but neither by Mozilla nor by the scenario."""
        if self._host is None:
            trusted = asks_platform() and platform_problem(chain) is None
            return _Origin(ChainRoot.HOST, host_why(chain)) if trusted else None
        found = self._host.leads_from(parsed)
        if found.problem is not None:
            return None
        if found.root_spki in mozilla_keys(self._mozilla_file):
            why = "its root is one of Mozilla's"
            if found.is_borrowed:
                why += ", found only through a certificate that this host happens to know"
            return _Origin(ChainRoot.MOZILLA, why, self._host, is_complete=not found.is_borrowed)
        if found.is_leaf_alone:
            why = "the leaf is signed by itself, and this host trusts just that certificate"
            return _Origin(ChainRoot.LEAF, why, self._host)
        if found.root_spki in former_keys():
            why = "its root is one that Mozilla carried in earlier years and that this host trusts"
            return _Origin(ChainRoot.FORMER, why, self._host)
        return _Origin(ChainRoot.HOST, host_why(chain), self._host)

    def _foreign_origin(
        self, public: Outcome, chain: tuple[bytes, ...], parsed: ParsedChain
    ) -> _Origin:
        """Trusted by nobody here."""
        if public.code == SELF_SIGNED_LEAF:
            return _Origin(ChainRoot.LEAF, "the leaf is signed by itself: nobody vouches for it")
        if public.code == SELF_SIGNED_ROOT and public.at is not None:
            return self._other_origin(parsed, public.at)
        if public.code in NO_ISSUER:
            return _Origin(ChainRoot.HIDDEN, hidden_why(chain, public.at))
        return _Origin(ChainRoot.NONE, public.problem or "it cannot be verified")

    def _other_origin(self, parsed: ParsedChain, root: bytes) -> _Origin:
        """A root was served: anybody can serve a copy of one, so the signatures must be its."""
        found = leads_to(root, parsed)
        if found.problem is not None:
            return _Origin(ChainRoot.NONE, found.problem)
        if found.root_spki in former_keys():
            why = (
                "its root is one that Mozilla carried in earlier years; this host does not trust it"
            )
            return _Origin(ChainRoot.FORMER, why)
        why = f"its root {subject_of(root)} is known neither to this host nor to Mozilla"
        if self._declared is not None:
            why += ", and the endpoint's own ca is another one"
        return _Origin(ChainRoot.OTHER, why)


def _class_of(origin: _Origin, chain: tuple[bytes, ...], *, has_faults: bool) -> ChainClass:
    if origin.root is ChainRoot.NONE or has_faults:
        return ChainClass.BROKEN
    if origin.root is ChainRoot.HIDDEN and leaf_facts(chain).claims_to_be_public:
        return ChainClass.BROKEN
    if origin.store is None and origin.root is not ChainRoot.HOST:
        return ChainClass.PRIVATE_UNTRUSTED
    return _CLASS_OF_ROOT.get(origin.root, ChainClass.PRIVATE_TRUSTED)


_CLASS_OF_ROOT = {
    ChainRoot.MOZILLA: ChainClass.PUBLIC,
    ChainRoot.FORMER: ChainClass.PUBLIC,
    ChainRoot.DECLARED: ChainClass.DECLARED,
}


def _faults(origin: _Origin, parsed: ParsedChain, fit: LeafFit) -> Iterator[str]:
    """What is wrong besides the root, where the root is known to somebody here."""
    if origin.root in {ChainRoot.OTHER, ChainRoot.LEAF, ChainRoot.HIDDEN, ChainRoot.NONE}:
        return
    dated = None if origin.store is None else origin.store.verify(parsed)
    if dated is not None and dated.problem is not None:
        yield f"{dated.problem}{validity_of(dated.at)}"
    if not origin.is_complete:
        yield "the chain is incomplete as served"
    if fit.problem is not None:
        yield fit.problem


def _unreadable(chain: tuple[bytes, ...], problem: str) -> ChainVerdict:
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
