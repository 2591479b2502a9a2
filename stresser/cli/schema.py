"""`stresser schema scenario|events`: prints a JSON Schema."""

import json
import sys
from enum import StrEnum

from stresser.record.events_schema import events_schema
from stresser.scenario.json_schema import scenario_schema


class Which(StrEnum):
    """What `stresser schema` can describe."""

    SCENARIO = "scenario"
    EVENTS = "events"


def schema(which: Which) -> None:
    """Print the JSON Schema of scenario files or of events.jsonl."""
    made = scenario_schema() if which is Which.SCENARIO else events_schema()
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
