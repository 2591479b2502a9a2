"""How much of a test is played: all of it in `make test`, a part in the everyday loop."""

import os

IS_THOROUGH = "STRESSER_THOROUGH" in os.environ


def examples(count: int) -> int:
    """How many examples hypothesis makes: so many, or a fifth of them every day."""
    return count if IS_THOROUGH else max(5, count // 5)
