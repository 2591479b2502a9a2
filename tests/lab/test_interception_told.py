"""A real middlebox ends TLS between real ends: trusted, not trusted, in mid-run, for some only."""

from functools import partial

import trio

from stresser.analysis.chains.accusations import accusations_in_words
from stresser.analysis.chains.change_words import change_in_words
from stresser.analysis.chains.changes import chain_changes
from stresser.analysis.chains.interception import interceptions
from stresser.analysis.counts.run_tally import Tally
from stresser.lab.server import serve
from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.model.events import ChainSeen, SessionEnded
from stresser.model.units import Duration
from stresser.net.dial import Binding
from stresser.net.tls import TlsProfile, context_for
from stresser.net.trust import ChainJudge
from stresser.run.lab_plan import lab_listener
from stresser.run.runner import Runner
from stresser.scenario.lab_table import LabEndpoint, LabPlan, LabRoute, Middlebox
from stresser.scenario.plan import Activity, ActivityKind, Scenario, Sessions, Timeouts
from stresser.session.route import Route
from stresser.witness.clock import RunClock
from tests.fakes.notebook import Notebook
from tests.fakes.switchboard import switchboard
from tests.net.certificates import Issuer

PLAN = LabPlan(
    endpoints=[LabEndpoint(name="raw", scheme="tls", behaviour="echo")],
    middleboxes={"box": Middlebox(intercept=True)},
    routes=[LabRoute(egress="box", endpoint="raw")],
)
COUNT = 4
NOBODY = Issuer("Nobody")
"""A root that signs nothing here."""


class Until(Notebook):
    """Ends the run once all its sessions are open: no test waits for a time."""

    def __init__(self, sessions):
        super().__init__()
        self._sessions = sessions
        self.runner = None

    def event(self, event):
        super().event(event)
        if len(self.opened) == self._sessions and self.runner is not None:
            self.runner.stop("enough")


def told_of(egresses, monkeypatch, tmp_path, *, trusts_inspection, declares=True, ramp="0s"):
    """The events and findings of a run. `egresses`: name -> which way its n-th session goes."""

    async def main():
        async with trio.open_nursery() as nursery:
            ready = await nursery.start(partial(serve, PLAN))
            host_roots = tmp_path / "nobody.pem"
            host_roots.write_bytes(NOBODY.pem)
            trusted = ready.inspection_ca_file if trusts_inspection else str(host_roots)
            monkeypatch.setenv("SSL_CERT_FILE", trusted)
            monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
            ports = {way: lab_listener(ready, "raw", way)[1] for way in (None, "box")}
            notebook = await held(ready, ports, egresses, declares=declares, ramp=ramp)
            nursery.cancel_scope.cancel()
        return notebook

    notebook = trio.run(main)
    tally = Tally()
    for event in notebook.events:
        tally.event(event)
    said = accusations_in_words(interceptions(tally.served, {}), {})
    said += map(change_in_words, chain_changes(tally.served))
    return notebook, said


async def held(ready, ports, egresses, *, declares, ramp):
    scenario = Scenario(
        name="interception",
        sessions=Sessions(
            count=COUNT,
            ramp=Duration.parse(ramp),
            reconnect=False,
            handshakes_in_flight=1,  # in order, so that "from the third on" means what it says
        ),
        endpoints=[],
    )
    notebook = Until(COUNT * len(egresses))
    judge = ChainJudge((ready.ca_file,) if declares else ())
    async with trio.open_nursery() as nursery:
        routes = []
        for egress, choose in egresses.items():
            board = await nursery.start(run_switchboard, lambda n, c=choose: ports[c(n)])
            routes.append(route_to(board.port, egress, ready.server_name, judge))
        runner = Runner(scenario, routes, RunClock(), notebook)
        notebook.runner = runner
        with trio.fail_after(30):
            await runner.run()
        nursery.cancel_scope.cancel()
    return notebook


async def run_switchboard(choose, *, task_status):
    async with switchboard(choose) as board:
        task_status.started(board)
        await trio.sleep_forever()


def route_to(port, egress, server_name, judge):
    return Route(
        cohort=Cohort("raw", egress, "silent"),
        host="127.0.0.1",
        port=port,
        binding=Binding(),
        server_name=server_name,
        context=context_for(TlsProfile(require=False)),
        judge=judge,
        request=None,
        activity=Activity(name="silent", kind=ActivityKind.SILENT),
        timeouts=Timeouts(),
    )


DIRECT_AND_VPN = {"direct": lambda _: None, "vpn": lambda _: "box"}


def classes(notebook, egress):
    return {e.tls.chain_class for e in notebook.opened if e.egress == egress}


def test_an_inspection_ca_that_this_host_trusts(monkeypatch, tmp_path):
    notebook, said = told_of(DIRECT_AND_VPN, monkeypatch, tmp_path, trusts_inspection=True)
    assert classes(notebook, "vpn") == {ChainClass.PRIVATE_TRUSTED}
    assert classes(notebook, "direct") == {ChainClass.DECLARED}
    vpn = [e for e in notebook.opened if e.egress == "vpn"]
    assert all(e.tls.verified and e.tls.intercepted and e.tls.root is ChainRoot.HOST for e in vpn)
    assert said[0] == (
        "TLS to raw is intercepted through vpn (consistent with stresser lab middlebox), "
        "not through direct."
    )
    assert "is trusted by this host, but it is no public one" in said[1]
    assert len(notebook.ended) == 2 * COUNT
    assert all(isinstance(e, SessionEnded) for e in notebook.ended)


def test_an_inspection_ca_that_nobody_trusts_while_another_root_is_declared(monkeypatch, tmp_path):
    notebook, said = told_of(DIRECT_AND_VPN, monkeypatch, tmp_path, trusts_inspection=False)
    assert classes(notebook, "vpn") == {ChainClass.PRIVATE_UNTRUSTED}
    vpn = [e for e in notebook.opened if e.egress == "vpn"]
    assert all(e.tls.intercepted and not e.tls.verified for e in vpn)
    assert said[0].startswith("TLS to raw is intercepted through vpn")
    assert "the endpoint's own ca is another one" in said[1]


def test_nothing_declared_and_nobody_trusts_it_nobody_is_accused(monkeypatch, tmp_path):
    notebook, said = told_of(
        DIRECT_AND_VPN, monkeypatch, tmp_path, trusts_inspection=False, declares=False
    )
    assert not any(e.tls.intercepted for e in notebook.opened)
    assert not any("is intercepted" in sentence for sentence in said)
    # The name of the product makes one ask, and that is all.
    assert any("does not trust the chain" in one and "stresser lab" in one for one in said)


def test_a_private_root_that_the_scenario_declares_is_not_accused(monkeypatch, tmp_path):
    notebook, said = told_of(
        {"direct": lambda _: None}, monkeypatch, tmp_path, trusts_inspection=True
    )
    assert classes(notebook, "direct") == {ChainClass.DECLARED}
    assert said == []


def test_interception_that_begins_in_mid_run(monkeypatch, tmp_path):
    notebook, said = told_of(
        {"vpn": lambda n: None if n < 2 else "box"},
        monkeypatch, tmp_path, trusts_inspection=True, ramp="400ms",
    )  # fmt: skip
    assert sorted(e.tls.intercepted for e in notebook.opened) == [False, False, True, True]
    first_ns = min(e.t_ns for e in notebook.opened if e.tls.intercepted)
    seen = [e for e in notebook.events if isinstance(e, ChainSeen)]
    assert [e.intercepted for e in seen] == [False, True]
    assert abs(seen[1].t_ns - first_ns) < 50_000_000
    assert said[0].startswith("TLS to raw is intercepted in 2 of 4 handshakes, first ")
    assert any("The chain of raw through vpn changed, first seen" in one for one in said)


def test_interception_of_some_sessions_only(monkeypatch, tmp_path):
    notebook, said = told_of(
        {"vpn": lambda n: "box" if n % 2 else None},
        monkeypatch, tmp_path, trusts_inspection=True, ramp="400ms",
    )  # fmt: skip
    assert [e.tls.intercepted for e in notebook.opened] == [False, True, False, True]
    assert any("was not always of one kind, in turn: declared" in one for one in said)
    by_session = {e.session: e.tls.chain for e in notebook.opened}
    assert len(set(by_session.values())) == 2
