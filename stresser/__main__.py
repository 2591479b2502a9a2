"""`python -m stresser` is the `stresser` command."""

from stresser.cli.main import main

if __name__ == "__main__":
    main()
