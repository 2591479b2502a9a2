"""The certificate chains that a run has met: an event for each cohort, a file for each run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.model.events import ChainSeen
from stresser.net.chain_facts import describe_chain, leaf_facts
from stresser.net.inspectors import Product, product_of
from stresser.net.trust import ChainVerdict
from stresser.session.attempt import Attempt
from stresser.session.route import Route

_CHAINS_REMEMBERED = 10_000
_NEVER_ATTRIBUTED = frozenset({ChainRoot.MOZILLA, ChainRoot.FORMER, ChainRoot.DECLARED})

KeepChain: TypeAlias = Callable[[str, Sequence[bytes]], bool]
"""Records a chain (DER, leaf first) under its id; False: it is not kept."""


def keep_none(_chain_id: str, _chain: Sequence[bytes]) -> bool:
    """For who records no chains."""
    return False


@dataclass
class ChainsSeen:
    """Which cohort has met which certificate chain. Bounded: a peer may make new ones for ever."""

    keep: KeepChain = keep_none
    _seen: set[tuple[Cohort, str, ChainClass | None]] = field(default_factory=set)
    _proved: set[str] = field(default_factory=set)
    """Endpoints that have shown a chain of their own through some egress."""
    _of_products: set[str] = field(default_factory=set)
    """Chains that name the product that made them."""

    def is_new(self, cohort: Cohort, chain: str, verdict: ChainClass | None = None) -> bool:
        """Whether this is the first time; only the first ten thousand are distinguished.

        A chain that has expired since is new, too.
        """
        key = cohort, chain, verdict
        if key in self._seen or len(self._seen) >= _CHAINS_REMEMBERED:
            return False
        self._seen.add(key)
        return True

    def is_interceptors(self, route: Route, chain: str | None) -> bool:
        """Whether a chain that leads to a private root is an interceptor's for sure.

        It may be the endpoint's own, where the scenario does not declare its root: unless the
        endpoint shows one of its own through some egress, or the chain names its maker.
        """
        is_known = route.judge.declares_root or route.cohort.endpoint in self._proved
        return is_known or chain in self._of_products

    def news_of(self, attempt: Attempt, t_ns: int, utc: str) -> ChainSeen | None:
        """The event of an attempt whose cohort meets this chain for the first time."""
        verdict, cohort = attempt.verdict, attempt.route.cohort
        if verdict is None or not self.is_new(cohort, verdict.chain, verdict.chain_class):
            return None
        if verdict.endpoint_proved:
            self._proved.add(cohort.endpoint)
        product = _attributed(attempt.chain, verdict)
        if product is not None and not product.is_weak:
            self._of_products.add(verdict.chain)
        is_kept = self.keep(verdict.chain, attempt.chain)
        return _chain_seen(attempt.chain, verdict, cohort, t_ns, utc, is_kept=is_kept)


def _chain_seen(
    chain: tuple[bytes, ...],
    verdict: ChainVerdict,
    cohort: Cohort,
    t_ns: int,
    utc: str,
    *,
    is_kept: bool,
) -> ChainSeen:
    facts, product = leaf_facts(chain), _attributed(chain, verdict)
    return ChainSeen(
        t_ns=t_ns,
        utc=utc,
        endpoint=cohort.endpoint,
        egress=cohort.egress,
        activity=cohort.activity,
        chain=verdict.chain,
        verified=verdict.problem is None,
        problem=verdict.problem,
        certificates=describe_chain(chain),
        chain_class=verdict.chain_class,
        root=verdict.root,
        intercepted=verdict.intercepted,
        why=verdict.why,
        product=None if product is None else product.name,
        product_is_weak=product is not None and product.is_weak,
        names_match=verdict.names_match,
        missing_issuer=verdict.missing_issuer,
        issuer_url=verdict.issuer_url,
        spki_sha256=facts.spki_sha256,
        issuer=facts.issuer,
        issuer_organisation=facts.issuer_organisation,
        not_before=facts.not_before,
        not_after=facts.not_after,
        scts=facts.scts,
        file=f"chains/{verdict.chain}.pem" if is_kept else None,
    )


def _attributed(chain: tuple[bytes, ...], verdict: ChainVerdict) -> Product | None:
    """No product is named where the root is a public one, a former one or the endpoint's own."""
    return None if verdict.root in _NEVER_ATTRIBUTED else product_of(chain)
