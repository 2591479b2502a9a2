"""Raises this process's limit of open files as far as it may."""

import sys

if sys.platform != "win32":
    import resource


def raise_file_limit() -> int | None:
    """Lift the soft limit to the hard one (getrlimit(2)).

    Returns:
        The limit that holds now; None where there is none to ask for.
    """
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft  # macOS says infinity and takes less
    return hard
