"""`stresser schema scenario|events`: prints a JSON Schema."""

import json
import sys
from enum import StrEnum


class Which(StrEnum):
    """What `stresser schema` can describe."""

    SCENARIO = "scenario"
    EVENTS = "events"


def schema(which: Which) -> None:
    """Print the JSON Schema of scenario files, or of the lines of events.jsonl."""
    from stresser.record import events_schema  # noqa: PLC0415 - --help must not pay
    from stresser.scenario import json_schema  # noqa: PLC0415 - same

    is_scenario = which is Which.SCENARIO
    made = json_schema.scenario_schema() if is_scenario else events_schema.events_schema()
    sys.stdout.write(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
