from stresser.model.fresh_connection import FreshResult
from stresser.model.units import NS_PER_S
from tests.classify.cases import look, observations

CONNECTED, SILENT = FreshResult.CONNECTED, FreshResult.SILENT


def test_looks_are_sorted_by_way_and_the_latest_of_each_counts():
    seen = observations(
        looks=(
            look("connected", answered_ns=NS_PER_S),
            look("silent", answered_ns=2 * NS_PER_S),
            look("connected", egress="direct"),
            look("silent", egress="lte"),
            look("refused", endpoint="gateway"),
        )
    )
    assert seen.results(own_endpoint=True, own_egress=True) == {SILENT}
    assert seen.results(own_endpoint=True, own_egress=False) == {CONNECTED, SILENT}
    assert seen.results(own_endpoint=False, own_egress=True) == {FreshResult.REFUSED}
    assert seen.results(own_endpoint=False, own_egress=False) == frozenset()
