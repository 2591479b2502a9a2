"""`stresser schema scenario|events`: prints a JSON Schema."""

import json
import sys
from enum import StrEnum

from stresser.record import events_schema
from stresser.scenario import json_schema


class Which(StrEnum):
    """What `stresser schema` can describe."""

    SCENARIO = "scenario"
    EVENTS = "events"


def schema(which: Which) -> None:
    """Print the JSON Schema of scenario files or of events.jsonl."""
    is_scenario = which is Which.SCENARIO
    made = json_schema.scenario_schema() if is_scenario else events_schema.events_schema()
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
