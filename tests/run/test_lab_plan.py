import pytest

from stresser.model.kill import Kill
from stresser.model.units import Duration
from stresser.run.lab_plan import lab_listener, lab_plan
from stresser.scenario.lab_table import LabAddress, LabEndpoint, LabReady, LabRoute, Middlebox
from stresser.scenario.plan import Egress, Endpoint, Scenario

BOX = Middlebox(kill=Kill.FIN, idle_timeout=Duration.parse("4s"))
REAL = Endpoint(name="broker", url="wss://broker.example.net:8443/connect")
ECHO = Endpoint(name="echo", url="lab+wss://echo")
REFUSE = Endpoint(name="closed", url="lab+wss://refuse/503", tls_version="1.2")
DIRECT, VPN = Egress(name="direct"), Egress(name="vpn", lab=BOX)


def planned(endpoints, egresses):
    return lab_plan(Scenario(name="s", endpoints=endpoints, egresses=egresses))


def test_a_scenario_of_the_real_world_needs_no_lab():
    assert planned([REAL], [DIRECT, Egress(name="eth", interface="eth0")]) is None


def test_lab_endpoints_alone():
    plan = planned([ECHO, REFUSE], [DIRECT])
    assert plan is not None
    assert plan.endpoints == [
        LabEndpoint(name="echo", scheme="wss", behaviour="echo"),
        LabEndpoint(
            name="closed", scheme="wss", behaviour="refuse", argument="503", tls_version="1.2"
        ),
    ]
    assert (plan.middleboxes, plan.routes) == ({}, [])


def test_a_middlebox_stands_before_every_endpoint_inside_and_outside():
    plan = planned([ECHO, REAL], [DIRECT, VPN])
    assert plan is not None
    assert plan.middleboxes == {"vpn": BOX}
    assert plan.routes == [
        LabRoute(egress="vpn", endpoint="echo"),
        LabRoute(
            egress="vpn",
            endpoint="broker",
            upstream_host="broker.example.net",
            upstream_port=8443,
        ),
    ]
    assert [endpoint.name for endpoint in plan.endpoints] == ["echo"]


def test_a_middlebox_goes_on_to_the_pinned_address():
    pinned = Endpoint(name="b", url="wss://b.example.net/", address="192.0.2.7")
    plan = planned([pinned], [VPN])
    assert plan is not None
    assert [route.upstream_host for route in plan.routes] == ["192.0.2.7"]


def test_two_middleboxes_are_two_ways():
    plan = planned([REAL], [VPN, Egress(name="proxy", lab=Middlebox())])
    assert plan is not None
    assert [route.egress for route in plan.routes] == ["vpn", "proxy"]


READY = LabReady(
    pid=1,
    ca_file="ca.pem",
    inspection_ca_file="inspection.pem",
    server_name="lab.test",
    addresses=[
        LabAddress(endpoint="echo", egress=None, host="127.0.0.1", port=4001),
        LabAddress(endpoint="echo", egress="vpn", host="127.0.0.1", port=4002),
        LabAddress(endpoint="broker", egress="vpn", host="127.0.0.1", port=4003),
    ],
)


@pytest.mark.parametrize(
    ("endpoint", "egress", "port"), [("echo", None, 4001), ("echo", "vpn", 4002)]
)
def test_where_the_lab_waits(endpoint, egress, port):
    assert lab_listener(READY, endpoint, egress) == ("127.0.0.1", port)


def test_a_listener_that_the_lab_did_not_make():
    with pytest.raises(LookupError, match="no listener for broker through None"):
        lab_listener(READY, "broker", None)
