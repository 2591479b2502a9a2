from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.mechanism_table import MECHANISM_ROWS


def test_every_mechanism_has_one_row():
    assert sorted(row.mechanism for row in MECHANISM_ROWS) == sorted(Mechanism)
