"""What a message must hold to be the answer that is awaited: a text, a value at a place in JSON."""

from collections.abc import Mapping

from msgspec import Struct

from stresser.scenario.json_pointer import JsonPointer
from stresser.scenario.wording import Wording


class Wanted(Struct, frozen=True, kw_only=True):
    """Shared by all sessions of a cohort."""

    text: Wording | None = None
    """It stands somewhere in the message; with a pointer it is the value there. None: any."""
    pointer: JsonPointer | None = None

    def is_met(self, message: str | bytes, taken: Mapping[str, str]) -> bool:
        """Whether this message is the one. `taken` fills the text's gaps."""
        text = None if self.text is None else self.text.said(taken)
        if self.pointer is not None:
            return any(text in {None, value} for value in self.pointer.texts_in(message))
        if text is None:
            return True
        return text in message if isinstance(message, str) else text.encode() in message
