"""A path witness of a host all of whose addresses are those of one tunnel, which may go."""

from stresser.model.events import PathChanged
from stresser.model.path_change import PathChange

TUNNEL = "tun0"


class TunnelHost:
    """As much of a `PathWitness` as sessions ask; its routes are its own affair, too."""

    def __init__(self) -> None:
        self.told: list[PathChanged] = []
        self.routes = self

    def goes(self, t_ns: int, change: PathChange = PathChange.LINK_REMOVED) -> None:
        self.told.append(
            PathChanged(t_ns=t_ns, utc="", change=change, interface=TUNNEL, is_tunnel=True)
        )

    def changes_between(self, from_ns: int, until_ns: int) -> list[PathChanged]:
        return [one for one in self.told if from_ns <= one.t_ns <= until_ns]

    changes_near = changes_between

    def changes(self, *_: object) -> list[object]:
        return []

    def interface_with(self, _: str) -> str:
        return TUNNEL

    def watch(self, *_: object) -> None:
        return None

    def look(self) -> None:
        """There is never more to read."""
