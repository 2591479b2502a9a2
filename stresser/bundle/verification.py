"""Checks an evidence bundle: every hash, and every figure computed again from its own events."""

import filecmp
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

import stresser
from stresser.bundle.drop_packets import PACKETS
from stresser.bundle.evidence_zip import FIGURES, compute
from stresser.bundle.signature import SignatureError, Signer, checked_key, fingerprint
from stresser.bundle.zip_file import BundleError, BundleManifest, Unpacked, unpack
from stresser.model.units import escaped, shown
from stresser.record.chain_files import LARGEST_CHAIN, is_chain_id, is_named_truly

_MOST_DIFFERENCES = 50
_LONGEST_VALUE = 80
_LARGEST_TEXT = 256 << 20
_DEEPEST = 60
_UNSIGNED = (
    "no valid signature: nothing shows who made it, nor that these are the events that were"
    " recorded, for who changes them can make all figures and hashes anew"
)
_UNKNOWN_SIGNER = "whose key that is, this check cannot know: --signer FILE says whom you expect"
_SIGNED = ": it is as that key's holder made it; whether what was recorded is true, no check shows"


class Verification(Struct, frozen=True, kw_only=True):
    """What a bundle's check gave."""

    made_by: str
    redacted: bool
    runs: list[str]
    figures: int
    """How many figures were computed again."""
    wrong: list[str]
    """What does not match, one sentence each."""
    signed_by: str | None = None
    """Fingerprint of the Ed25519 key whose signature it is, as `ssh-keygen -l` prints it."""
    notes: list[str]
    """What the check cannot know, and whose signature it is."""


def verify_bundle(path: Path, signers: Sequence[Signer] | None = None) -> Verification:
    """Check a bundle; with `signers`, also that one of them signed it.

    Raises:
        StresserError: it cannot be read, or its runs cannot.
    """
    with tempfile.TemporaryDirectory() as unpacked, tempfile.TemporaryDirectory() as scratch:
        top = Path(unpacked)
        found = unpack(path, top)
        manifest, wrong = found.manifest, found.wrong
        _check_runs(manifest, top, path)
        wrong += _exchanged_chains(top)
        computed = compute(top, manifest, Path(scratch))
        is_same_version = manifest.stresser == stresser.__version__
        figures, differences = _figures(top / FIGURES, computed[FIGURES])
        wrong += differences
        if is_same_version and PACKETS not in computed and (top / PACKETS).exists():
            wrong.append(f"{PACKETS} is not what follows from the events")
        for name in sorted(computed.keys() - {FIGURES}):
            if not (top / name).is_file():
                if is_same_version or name != PACKETS:
                    wrong.append(f"{name} is missing")
            elif is_same_version and not filecmp.cmp(top / name, computed[name], shallow=False):
                wrong.append(f"{name} is not what follows from the events")
    signature = _check_signature(found, signers)
    notes = [signature.note]
    wrong = [*signature.wrong, *wrong]
    if not is_same_version:
        made_by = escaped(manifest.stresser, 40)
        notes.append(
            f"made by stresser {made_by}, checked by {stresser.__version__}: figures are compared,"
            " wording is not"
        )
    return Verification(
        made_by=escaped(manifest.stresser, 40),
        redacted=manifest.redacted,
        runs=[escaped(name, 120) for name in manifest.runs],
        figures=figures,
        wrong=wrong[: 2 * _MOST_DIFFERENCES],
        signed_by=signature.by,
        notes=notes,
    )


class _Signature(NamedTuple):
    by: str | None
    note: str
    wrong: list[str]


def _check_signature(found: Unpacked, signers: Sequence[Signer] | None) -> _Signature:
    if found.signature is None:
        missing = [] if signers is None else ["it is not signed"]
        return _Signature(None, _UNSIGNED, missing)
    try:
        key = checked_key(found.signature, found.manifest_bytes)
    except SignatureError as why:
        return _Signature(None, _UNSIGNED, [f"the signature is wrong: {why}"])
    by = fingerprint(key)
    if signers is None:
        return _Signature(by, f"signed by {by}; {_UNKNOWN_SIGNER}", [])
    known = next((signer for signer in signers if signer.key == key), None)
    if known is None:
        return _Signature(by, f"signed by {by}", ["the key that signed it is not the signer's"])
    return _Signature(by, f"signed by {known.who or 'the signer'} ({by}){_SIGNED}", [])


def _check_runs(manifest: BundleManifest, top: Path, path: Path) -> None:
    """The names come from the file: only folders that were unpacked are opened."""
    unpacked = {folder.name for folder in (top / "runs").glob("*") if folder.is_dir()}
    for name in manifest.runs:
        if name not in unpacked:
            raise BundleError(f"{shown(str(path), 300)}: has no run {shown(name)}")
    if not manifest.runs:
        raise BundleError(f"{shown(str(path), 300)}: has no run")


def _exchanged_chains(top: Path) -> Iterator[str]:
    """Events name chains by their hash: an exchanged certificate is another chain's."""
    runs = top / "runs"
    for path in sorted([*runs.glob("*/chains/*"), *runs.glob("*/workers/*/chains/*")]):
        name = path.relative_to(top).as_posix()
        is_chain = path.suffix == ".pem" and is_chain_id(path.stem) and path.is_file()
        if (
            not is_chain
            or path.stat().st_size > LARGEST_CHAIN
            or not is_named_truly(path.stem, path.read_bytes())
        ):
            yield f"{shown(name)} does not hold the certificates that its name is the hash of"


def _figures(path: Path, computed: Path) -> tuple[int, list[str]]:
    try:
        # No larger file can be the same; nor is one read.
        text = path.read_bytes() if path.stat().st_size <= _LARGEST_TEXT else b""
        said = msgspec.json.decode(text)
    except OSError:
        return 0, [f"{FIGURES} is missing"]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 0, [f"{FIGURES} is no JSON"]
    expected = msgspec.json.decode(computed.read_bytes())
    for document in (said, expected):
        if isinstance(document, dict):
            document.pop("stresser", None)  # the version that wrote it is no figure
    found: list[str] = []
    for difference in _differences(said, expected, ""):
        found.append(difference)
        if len(found) >= _MOST_DIFFERENCES:
            found.append("and more")
            break
    return _count(expected), found


def _differences(said: Any, computed: Any, where: str, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        yield f"{where}: nested too deeply"
    elif isinstance(said, dict) and isinstance(computed, dict):
        for key in [*computed, *(key for key in said if key not in computed)]:
            place = f"{where}.{escaped(str(key), 40)}" if where else escaped(str(key), 40)
            if key not in said or key not in computed:
                missing = "is missing" if key not in said else "does not follow from the events"
                yield f"{place} {missing}"
            else:
                yield from _differences(said[key], computed[key], place, depth + 1)
    elif isinstance(said, list) and isinstance(computed, list) and len(said) == len(computed):
        for number, pair in enumerate(zip(said, computed, strict=True)):
            yield from _differences(*pair, f"{where}[{number}]", depth + 1)
    elif said != computed or isinstance(said, bool) != isinstance(computed, bool):
        yield f"{where} is {_shown(said)}; the events give {_shown(computed)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a table"
    return escaped(str(value), _LONGEST_VALUE)


def _count(value: Any) -> int:
    """Numbers in a document."""
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    if isinstance(value, list):
        return sum(map(_count, value))
    return int(isinstance(value, int | float) and not isinstance(value, bool))
