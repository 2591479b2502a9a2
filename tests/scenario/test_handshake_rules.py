"""What the keys about the dial and the ClientHello may not say together."""

import pytest

from stresser.model.errors import ScenarioError
from stresser.scenario.decode import decode_scenario

MISTAKES = [
    ('url = "wss://a.example/"\nhello = "hybrid"\ntls_version = "1.2"',
     "endpoints[0].hello: TLS 1.2 has no key shares; leave tls_version out"),
    ('url = "wss://192.0.2.1/"\nfamily = "ipv6"', 'endpoints[0].family: "192.0.2.1" is none of it'),
    ('url = "wss://a.example/"\naddress = "2001:db8::1"\nfamily = "ipv4"',
     'endpoints[0].family: "2001:db8::1" is none of it'),
    ('url = "lab+wss://echo"\nfamily = "ipv4"', "endpoints[0].family: the lab chooses the family"),
    ('url = "lab+wss://echo"\naddress = "192.0.2.1"', "the lab chooses the address"),
]  # fmt: skip
RIGHT = [
    'url = "wss://a.example/"\nhello = "hybrid"\ntls_version = "1.3"\nfamily = "ipv6"',
    'url = "wss://a.example/"\nhello = "classic"\ntls_version = "1.2"',
    'url = "wss://[2001:db8::1]/"\nfamily = "ipv6"',
    'url = "lab+wss://echo"\nhello = "hybrid"',
]


def scenario(keys):
    return decode_scenario(f'name = "s"\n[[endpoints]]\nname = "e"\n{keys}\n'.encode(), "s.toml")


@pytest.mark.parametrize(("keys", "line"), MISTAKES)
def test_mistakes(keys, line):
    with pytest.raises(ScenarioError) as caught:
        scenario(keys)
    (said,) = caught.value.lines
    assert line in said


@pytest.mark.parametrize("keys", RIGHT)
def test_what_goes_together(keys):
    assert scenario(keys).endpoints[0].name == "e"
