"""`stresser schema scenario|events|summary`: prints a JSON Schema."""

import json
import sys
from enum import StrEnum

from stresser.analysis.summary.summary_schema import summary_schema
from stresser.record.events_schema import events_schema
from stresser.scenario.json_schema import scenario_schema


class Which(StrEnum):
    """What `stresser schema` can describe."""

    SCENARIO = "scenario"
    EVENTS = "events"
    SUMMARY = "summary"


_MAKERS = {
    Which.SCENARIO: scenario_schema,
    Which.EVENTS: events_schema,
    Which.SUMMARY: summary_schema,
}


def schema(which: Which) -> None:
    """Print a JSON Schema: scenario files, events or summary.json."""
    sys.stdout.write(json.dumps(_MAKERS[which](), indent=2, ensure_ascii=False) + "\n")
