"""Redacted and plain bundle of one run: nothing of the original, and every figure the same."""

import json
import re
import zipfile

import pytest

from stresser.bundle.evidence_zip import FIGURES, PAGE, write_evidence
from stresser.bundle.verification import verify_bundle
from tests.bundle.rich_run import (
    ACTIVITIES,
    ADDRESS,
    EGRESSES,
    ENDPOINTS,
    MANIFEST,
    MARK,
    every_event,
    rich_story,
)

pytestmark = pytest.mark.usefixtures("small_plotly")

WORDS = {
    "verdict", "mechanism", "where", "who", "whom", "grade", "kind", "initiator", "status",
    "unit", "phase", "failure", "product", "chain_class", "root",
}  # fmt: skip
NAMES = {"endpoint": ENDPOINTS, "egress": EGRESSES, "activity": ACTIVITIES}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rich")
    run = rich_story().recorded(folder / "20261123T000000Z-zq-night-zqlabel", **MANIFEST)
    made = {}
    for redact in (False, True):
        path = folder / f"{redact}.zip"
        _, key = write_evidence([run], None, path, redact=redact)
        with zipfile.ZipFile(path) as bundle:
            made[redact] = (path, {n: bundle.read(n).decode() for n in bundle.namelist()}, key)
    return made


@pytest.mark.parametrize("redact", [False, True])
def test_both_verify(bundles, redact):
    assert verify_bundle(bundles[redact][0]).wrong == []


def test_no_name_address_or_peers_word_is_left(bundles):
    _, files, _ = bundles[True]
    for name, text in files.items():
        words = text.partition('id="data">')[2].partition("</script>")[0] if name == PAGE else text
        found = re.findall(
            rf"[^\n]{{0,60}}(?:{MARK}|{re.escape(ADDRESS)})[^\n]{{0,60}}", words, re.IGNORECASE
        )
        assert found == [], name
    assert not any(MARK in name for name in files)


def test_short_names_and_those_that_are_words_of_ours_are_gone_where_they_are_names(bundles):
    _, files, _ = bundles[True]
    texts = [files[FIGURES], *files["drops.jsonl"].splitlines()]
    texts += next(
        text for name, text in files.items() if name.endswith("events.jsonl")
    ).splitlines()
    for key, name in (pair for text in texts for pair in named(json.loads(text))):
        assert name not in NAMES[key]
    assert "through reset" not in files["report.md"].lower()


def named(document):
    if isinstance(document, list):
        for one in document:
            yield from named(one)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in NAMES and isinstance(value, str):
                yield key, value
            else:
                yield from named(value)


def test_every_figure_verdict_and_diagnosis_is_the_same(bundles):
    plain, redacted = (json.loads(bundles[one][1][FIGURES]) for one in (False, True))
    assert "\n".join(differences(plain, redacted, "")) == ""
    assert plain["runs"][0]["summary"]["verdict"] == "fail"
    assert plain["runs"][0]["summary"]["diagnoses"]


def differences(plain, redacted, where):
    """What differs besides names and other texts."""
    if isinstance(plain, dict) and isinstance(redacted, dict):
        if len(plain) != len(redacted):
            yield f"{where}: {sorted(plain)} {sorted(redacted)}"
        for (key, one), (_, other) in zip(plain.items(), redacted.items(), strict=False):
            yield from differences(one, other, f"{where}.{key}")
    elif isinstance(plain, list) and isinstance(redacted, list):
        if len(plain) != len(redacted):
            yield f"{where}: {len(plain)} {len(redacted)}"
        for n, (one, other) in enumerate(zip(plain, redacted, strict=False)):
            yield from differences(one, other, f"{where}[{n}]")
    elif isinstance(plain, str) and isinstance(redacted, str):
        is_word = where.rpartition(".")[2] in WORDS and " " not in plain
        if is_word and plain != redacted:
            yield f"{where}: {plain} {redacted}"
    elif plain != redacted or type(plain) is not type(redacted):
        yield f"{where}: {plain!r} {redacted!r}"


def test_the_stand_ins_differ_by_kind_and_the_key_says_all(bundles):
    _, files, key = bundles[True]
    assert (key["a"], key["tls"]) == ("endpoint-1", "endpoint-2")
    assert (key["1"], key["env"], key["reset"]) == ("egress-1", "egress-2", "egress-3")
    figures = json.loads(files[FIGURES])
    judged = json.dumps(figures["runs"][0]["summary"])
    for name in (
        "tls.p99",
        "drops.tcp_reset{egress=egress-3}",
        "rtt.p99{endpoint=endpoint-2, egress=egress-2}",
    ):
        assert name in judged


def test_the_rich_run_has_every_event_and_every_field():
    assert len(every_event()) == len({type(one) for one in every_event()}) == 20
