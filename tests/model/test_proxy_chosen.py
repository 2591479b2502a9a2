"""The event of a proxy that is taken, as a line of a file."""

import msgspec

from stresser.model.proxy_chosen import ProxyChosen
from stresser.record.event_lines import event_as_line, event_of_line


def test_it_survives_the_file():
    event = ProxyChosen(
        t_ns=5, utc="u", endpoint="e", egress="corp", source="pac:corp.pac", url="wss://e/",
        answer="PROXY a:1; DIRECT", entries=["http://a:1", "direct"], chosen="direct",
        instead_of="http://a:1", failure="Connection refused", attempt=3,
    )  # fmt: skip
    line = event_as_line(event)
    assert event_of_line(line) == event
    assert msgspec.json.decode(line)["event"] == "proxy_chosen"
    assert b"without_pac" not in line
