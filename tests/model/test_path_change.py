"""The closed list of path changes, as it is written."""

from stresser.model.path_change import PathChange


def test_names_are_what_is_written():
    assert all(change.value == change.name.lower() for change in PathChange)
    assert {"link_down", "default_route_changed", "resolver_changed", "many"} <= set(PathChange)
