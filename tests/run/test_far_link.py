"""One control session against a reflector, and against what is none."""

import trio

from stresser.run.far_link import FarLink
from stresser.session.internal_errors import Bugs
from stresser.witness.clock import RunClock
from tests.reflector.served import reflecting
from tests.run.test_far_accounts import Box, through


class Curious:
    """Asks for one attempt, and keeps what it is told."""

    def __init__(self):
        self.accounts = []
        self.asked = []

    def after(self):
        return {account.record: account.last for account in self.accounts}

    def wanted(self):
        asked, self.asked = self.asked, []
        return asked

    def heard(self, account, at_ns):
        assert at_ns > 0
        self.accounts.append(account)


def linked(tmp_path, test, **changes):
    async def main():
        with trio.fail_after(60):
            async with reflecting(tmp_path) as served, trio.open_nursery() as nursery:
                box = await nursery.start(Box(served.port).serve)
                asker, bugs = Curious(), Bugs()
                route = through(box.port, served.introducer, **changes)
                link = FarLink(route, RunClock(), bugs, asker)
                nursery.start_soon(link.run)
                await test(link, asker, box)
                assert bugs.count == 0, bugs.reports
                nursery.cancel_scope.cancel()

    trio.run(main)


async def until(holds):
    while not holds():  # noqa: ASYNC110 - it is told in many ways
        await trio.sleep(0.01)


def test_it_is_told_once_a_second_and_opened_anew_when_it_ends(tmp_path):
    async def test(link, asker, box):
        await until(lambda: len(asker.accounts) >= 2)
        assert link.is_open
        assert asker.accounts[-1].question_sent_ns is not None
        box.reset_both()
        await until(lambda: not link.is_open)
        told = len(asker.accounts)
        await until(lambda: len(asker.accounts) > told)
        assert len({account.record for account in asker.accounts}) == 1
        assert link.failure is not None

    linked(tmp_path, test)


def test_what_has_ended_is_asked_for_at_once(tmp_path):
    async def test(link, asker, _box):
        await until(lambda: asker.accounts)
        asker.asked = [5]
        link.wake()
        await until(lambda: not asker.asked)

    linked(tmp_path, test, request=None)
