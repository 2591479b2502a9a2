"""A check of an endpoint before whose session something is asked, and is not answered."""

from stresser.model.checkup_facts import Asked
from stresser.model.ending import Phase
from stresser.scenario.plan import Before
from tests.run.test_checkup_pass import checked


def test_it_stays_a_check_of_the_endpoint():
    plain = checked(["echo"])["echo"]
    asked = Before(get="https://127.0.0.1:1/token", take={"TOKEN": "/token"})
    way = checked(["echo"], before=asked)["echo"]
    assert way.failed is not None
    assert way.failed.ending.phase is Phase.BEFORE
    assert (way.asked, way.sni, way.host) == (Asked.UPGRADE, plain.sni, plain.host)
    assert way.dialled == "127.0.0.1:1"
    assert way.port != 1
