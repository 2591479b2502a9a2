"""The `stresser` command, also `python -m stresser`: signals before all else."""

import gc
from importlib import import_module

from stresser.run.early_stop import heed_early


def main() -> None:
    """Run the command line to its end. What takes long to import is imported under `heed_early`."""
    heed_early()
    gc.disable()  # imports leave no garbage: looking for it takes a sixth of the start
    import_module("stresser.cli.main").main()


if __name__ == "__main__":
    main()
