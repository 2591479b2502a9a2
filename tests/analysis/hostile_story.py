"""A run in which every text that a peer or a file can set tries to become a script, for tests."""

from stresser.model.chain import ChainClass, ChainRoot
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from tests.analysis.story import Story, chain_seen, facts_of

SCRIPT = "</script><script>window.owned='script'</script>"
IMAGE = "<img src=https://evil.example/x.png onerror=\"window.owned='image'\">"
LINK = "<a href=\"javascript:window.owned='link'\">click</a>"
BREAKOUT = "\"'><svg/onload=window.owned=1><!--<script>{{ 7*7 }}{% raw %}\u2028]]>`=cmd"
TEXTS = (SCRIPT, IMAGE, LINK, BREAKOUT)
COHORT = Cohort(f"end{IMAGE}", f"vpn{SCRIPT}", f"beat{LINK}")
TLS = facts_of("d" * 16, ChainClass.PRIVATE_TRUSTED, ChainRoot.HOST, intercepted=True, alpn=SCRIPT)


def hostile_story(drops=12):
    story = Story([COHORT, Cohort(BREAKOUT, "direct", "beat")], drops)
    certificate = dict.fromkeys(("subject", "issuer", "not_before", "not_after", "sha256"), IMAGE)
    story.events.append(
        chain_seen(
            COHORT, TLS, problem=SCRIPT, why=IMAGE, issuer=LINK, product=SCRIPT,
            certificates=[certificate], file=BREAKOUT,
        )
    )  # fmt: skip
    for n in range(drops):
        session = story.opens(COHORT, 1 + n, TLS)
        text = TEXTS[n % len(TEXTS)]
        look = {"egress": text, "endpoint": text, "remote": text, "result": "silent"}
        evidence = {
            "fresh_connections": [look | {"asked_ns": n, "answered_ns": n}],
            "path_changes": [{"t_ns": n, "change": "link_down", "detail": text}],
            "why": [text],
            "operation": text,
            "headers": {text: text},
        }
        story.drops(
            session, 20 + 1.7 * n, Kind.WS_CLOSE, idle=1 + n / 3, code=4000 + n, reason=text,
            raw=text, failure=text, evidence=evidence,
        )  # fmt: skip
    for n in range(3):
        story.fails(COHORT, 45 + n, failure=TEXTS[n], raw=TEXTS[n])
    story.stops(60, reason=SCRIPT)
    return story


SCENARIO = {
    "name": SCRIPT,
    "endpoints": [{"name": COHORT.endpoint, "url": f"wss://{IMAGE}/"}],
    "egresses": [{"name": COHORT.egress}],
    "activities": [{"name": COHORT.activity, "kind": "silent"}],
    "thresholds": {f"drops{SCRIPT}": "= 0", "drops": "= 0"},
}


def hostile_run(path):
    return hostile_story().recorded(
        path,
        scenario=SCENARIO,
        command_line=["stresser", SCRIPT],
        versions={IMAGE: SCRIPT},
        kernel={BREAKOUT: LINK},
    )
