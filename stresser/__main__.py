"""The `stresser` command, also `python -m stresser`: signals before all else."""

from importlib import import_module

from stresser.run.early_stop import heed_early


def main() -> None:
    """Run the command line to its end. What takes long to import is imported under `heed_early`."""
    heed_early()
    import_module("stresser.cli.main").main()


if __name__ == "__main__":
    main()
