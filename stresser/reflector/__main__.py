"""The lab process with reflectors in it: `stresser.lab.__main__` says how it lives."""

import sys

from stresser.lab.__main__ import main
from stresser.reflector.lab_reflector import lab_reflector

if __name__ == "__main__":
    sys.exit(main(lab_reflector))
