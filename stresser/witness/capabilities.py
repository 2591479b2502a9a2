"""What this machine lets a run witness; goes into the manifest."""

import socket
import sys

from stresser.witness.clock import suspended_ns


def capabilities() -> dict[str, bool]:
    """Witness by witness: available or not."""
    return {
        "tcp_info": sys.platform == "linux" and hasattr(socket, "TCP_INFO"),
        "suspend": suspended_ns() is not None,
    }
