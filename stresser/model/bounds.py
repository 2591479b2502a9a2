"""The ranges to which a number or a text from a file is held when it is read.

JSON knows no largest number, and Python refuses to print those of thousands of digits.
"""

from typing import Annotated

from msgspec import Meta

_LONGEST_NAME = 64

Whole = Annotated[int, Meta(ge=-(2**62), le=2**62)]
"""No run has larger figures, and the sum of two still fits 64 bits."""
Count = Annotated[int, Meta(ge=0, le=2**62)]
Byte = Annotated[int, Meta(ge=0, le=2**8 - 1)]
Word = Annotated[int, Meta(ge=0, le=2**16 - 1)]
Sequence = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Name = Annotated[str, Meta(max_length=_LONGEST_NAME)]
