"""Coverage-guided fuzzing of our own parsers: `python -m tests.fuzz.guided ROUNDS SEED`.

atheris (libFuzzer) watches which branches an input takes, and keeps those that take new ones. Each
parser has a process of its own, for libFuzzer ends its process. What is found is printed and kept
in the folder that is named; a fixed finding becomes a row of the parser's own tests.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_LONGEST = 1024
"""Bytes of an input."""
_SECONDS_A_ROUND = 30


def fuzz(name: str, rounds: str, seed: str, folder: Path) -> None:
    """One parser, in this process, which ends with it."""
    import atheris

    with atheris.instrument_imports(include=["stresser"]):
        from tests.fuzz.parsers import PARSERS

    check, seeds = PARSERS[name]
    for number, data in enumerate(seeds):
        (folder / str(number)).write_bytes(data)
    options = [f"-runs={rounds}", f"-seed={seed}", f"-max_len={_LONGEST}",
               f"-timeout={_SECONDS_A_ROUND}", f"-artifact_prefix={folder}/found-"]  # fmt: skip
    atheris.Setup([sys.argv[0], str(folder), *options, "-print_final_stats=1"], check)
    atheris.Fuzz()


def main(rounds: str, seed: str) -> int:
    """All of them, one after the other; 1 where something was found."""
    from tests.fuzz.parsers import PARSERS

    failed = []
    for name in PARSERS:
        folder = Path(tempfile.mkdtemp(prefix=f"stresser-fuzz-{name}-"))
        command = [sys.executable, "-m", "tests.fuzz.guided", name, rounds, seed, str(folder)]
        ran = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        said = ran.stdout.splitlines()
        reached = next((line for line in reversed(said) if " cov: " in line), "").strip()
        print(f"{name}: {reached or 'nothing was run'}")  # noqa: T201 - a program's answer
        if ran.returncode:
            failed.append(name)
            told = [line for line in said if not line.startswith(("#", "INFO"))]
            print("\n".join(told[-40:]), f"\nthe input is in {folder}")  # noqa: T201 - likewise
        else:
            shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) > 3:
        fuzz(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        sys.exit(main(*sys.argv[1:]))
