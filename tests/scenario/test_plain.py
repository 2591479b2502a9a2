"""A scenario as plain data is what a file would say."""

import json

from stresser.model.units import Duration, Size
from stresser.scenario.decode import scenario_from_tree
from stresser.scenario.lab_table import Middlebox
from stresser.scenario.plain import to_plain
from stresser.scenario.plan import Egress, Endpoint, Scenario, Sessions

PLAN = Scenario(
    name="s",
    duration=Duration.parse("8h"),
    sessions=Sessions(reconnect=False),
    endpoints=[Endpoint(name="e", url="tls://h", alpn=["http/1.1"])],
    egresses=[
        Egress(name="m", lab=Middlebox(idle_timeout=Duration.parse("4s"), byte_limit=Size(8000)))
    ],
)


def test_units_are_written_as_text_and_none_is_left_out():
    tree = to_plain(PLAN)
    assert tree["duration"] == "8h"
    assert tree["sessions"]["reconnect"] is False
    assert tree["egresses"][0]["lab"]["idle_timeout"] == "4s"
    assert tree["egresses"][0]["lab"]["byte_limit"] == "8000B"
    assert tree["egresses"][0]["lab"]["kill"] == "reset"
    assert "sni" not in tree["endpoints"][0]


def test_plain_data_goes_through_json_and_back():
    assert scenario_from_tree(json.loads(json.dumps(to_plain(PLAN))), "x") == PLAN
