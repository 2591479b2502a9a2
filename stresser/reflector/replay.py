"""Refuses a hello that was heard before: each is good once, and for an hour."""

from collections import OrderedDict

from stresser.net.reflector_hello import Hello

WINDOW_S = 3600
"""How far a tester's clock may be from this host's, and how long a nonce is remembered for."""
_MOST_NONCES = 1_000_000


class ReplayGuard:
    """Remembers nonces, at most a million: then it refuses new hellos rather than forget one."""

    def __init__(self, window_s: int = WINDOW_S, most: int = _MOST_NONCES) -> None:
        self._window_s = window_s
        self._most = most
        self._until: OrderedDict[str, int] = OrderedDict()

    def refusal(self, hello: Hello, now_unix_s: int) -> str | None:
        """Why a hello is refused, in words; None: it is taken, and is good no more."""
        self._forget(now_unix_s)
        if abs(hello.unix_s - now_unix_s) > self._window_s:
            return "the tester's clock and this host's are more than an hour apart"
        if hello.nonce in self._until:
            return "it was heard before"
        if len(self._until) >= self._most:
            return "a million hellos came within an hour"
        # A clock that runs ahead makes a hello good for longer: remembered for as long.
        self._until[hello.nonce] = now_unix_s + 2 * self._window_s
        return None

    def _forget(self, now_unix_s: int) -> None:
        while self._until and next(iter(self._until.values())) < now_unix_s:
            self._until.popitem(last=False)
