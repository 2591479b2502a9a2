"""How a middlebox ends a flow. Apart from `lab.py`, for the command line needs it quickly."""

from enum import StrEnum


class Kill(StrEnum):
    """How a middlebox ends a flow."""

    RESET = "reset"
    """RST to both sides."""
    FIN = "fin"
    """FIN to both sides, no TLS close_notify."""
    SILENT = "silent"
    """Says nothing, forwards nothing more: a black hole for this flow."""
