"""A bundle: one ZIP file with a manifest of SHA-256 hashes. Its only writer and its only reader.

Reading believes nothing: names are checked before anything is written, sizes are counted while it
is unpacked, and a path out of the folder, a link, a second file of one name or a bomb is refused.
"""

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from stresser.bundle.signature import LARGEST_SIGNATURE
from stresser.model.errors import StresserError
from stresser.model.units import shown
from stresser.record.atomic_write import replacing

MANIFEST = "bundle.json"
SIGNATURE = "bundle.json.sig"
SCHEMA = 1
_MOST_FILES = 25_000
_LARGEST_DIRECTORY = 16 << 20
"""Bytes: zipfile makes an object of each entry before anybody can count them."""
_LARGEST_FILE = 2 << 30
_LARGEST_IN_ALL = 4 << 30
_LARGEST_MANIFEST = 16 << 20
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_MOST_PARTS = 4
_OF_A_WORKER = re.compile(r"\A(runs/[^/]+)/workers/[0-9]{1,2}/")
"""What a worker recorded lies two folders deeper than what its run recorded."""
_CHUNK = 1 << 20
_TIME = (1980, 1, 1, 0, 0, 0)
_LONG_AGO = (315_532_800, 315_532_800)
"""The same time: a run that crashed does not look like one that goes on."""
_PACKED = ".zst"
"""What our reader would unpack: a bundle holds segments unpacked, so that its sizes bound them."""
_LINK, _TYPE_BITS = 0o120000, 0o170000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class BundleError(StresserError):
    """A bundle cannot be read or written: one line with the file and why."""


class ListedFile(Struct, frozen=True, kw_only=True):
    """One file of a bundle."""

    sha256: str
    size: int


class BundleManifest(Struct, kw_only=True):
    """`bundle.json`."""

    schema: int = SCHEMA
    stresser: str
    """The version that made it."""
    redacted: bool
    runs: list[str]
    """Names of the run folders in `runs/`, in the order of the report."""
    egresses: list[str] | None
    """The two that were asked to be compared."""
    files: dict[str, ListedFile] = field(default_factory=dict)


class Unpacked(NamedTuple):
    """What came out of a bundle besides its files."""

    manifest: BundleManifest
    manifest_bytes: bytes
    signature: bytes | None
    """As it stands there; None: the bundle is not signed."""
    wrong: list[str]
    """What does not match the manifest, in words."""


def write_bundle(
    path: Path,
    manifest: BundleManifest,
    files: Mapping[str, bytes | Path],
    sign: Callable[[bytes], bytes] | None = None,
) -> str:
    """Write a bundle and return its own SHA-256. The same content makes the same bytes.

    `sign` makes the signature of `bundle.json`.

    Raises:
        BundleError: it cannot be written, or could not be read again.
    """
    check_sizes(path, {
        name: content.stat().st_size if isinstance(content, Path) else len(content)
        for name, content in files.items()
    })  # fmt: skip
    try:
        with (
            replacing(path, durable=False) as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bundle,
        ):
            for name, content in sorted(files.items()):
                manifest.files[name] = _add(bundle, name, content)
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            _add(bundle, MANIFEST, text)
            if sign is not None:
                _add(bundle, SIGNATURE, sign(text))
        with path.open("rb") as written:
            return hashlib.file_digest(written, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(
            f"{shown(str(path), 300)}: cannot be written: {error.strerror}"
        ) from error


def check_sizes(path: Path, sizes: Mapping[str, int]) -> None:
    """Refuse to write what `unpack` would refuse to read.

    Raises:
        BundleError: a file, or all of them together, are too large or too many for a bundle.
    """
    if len(sizes) > _MOST_FILES - len((MANIFEST, SIGNATURE)):
        raise BundleError(
            f"{shown(str(path), 300)}: is not written: {len(sizes)} files are too many"
        )
    name, largest = max(sizes.items(), key=lambda one: one[1], default=("", 0))
    if largest > _LARGEST_FILE or sum(sizes.values()) > _LARGEST_IN_ALL:
        raise BundleError(
            f"{shown(str(path), 300)}: is not written: a bundle has room for 2 GiB in one file and"
            f" 4 GiB in all; {shown(name, 300)} has {largest / 2**30:.1f} GiB,"
            f" all have {sum(sizes.values()) / 2**30:.1f} GiB"
        )


def _add(bundle: zipfile.ZipFile, name: str, content: bytes | Path) -> ListedFile:
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size = content.stat().st_size if isinstance(content, Path) else len(content)
    digest, size = hashlib.sha256(), 0
    source = content.open("rb") if isinstance(content, Path) else io.BytesIO(content)
    with source, bundle.open(info, "w") as target:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            target.write(chunk)
    return ListedFile(sha256=digest.hexdigest(), size=size)


def unpack(path: Path, into: Path) -> Unpacked:
    """Unpack a bundle into an empty folder.

    Raises:
        BundleError: it is no bundle, or not one that can be unpacked safely.
    """
    try:
        with _SmallReads(path) as file, zipfile.ZipFile(file) as bundle:
            entries = _checked(bundle, path)
            text = _beginning(bundle, entries, MANIFEST, _LARGEST_MANIFEST)
            manifest = _read_manifest(text, path)
            signature = _beginning(bundle, entries, SIGNATURE, LARGEST_SIGNATURE)
            wrong = _extract(bundle, entries, manifest, into, path)
            return Unpacked(manifest, text or b"", signature, wrong)
    except OSError as error:
        raise _no_bundle(path, error.strerror or str(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
            ValueError) as error:  # fmt: skip
        raise _no_bundle(path, str(error)[:200]) from error


class _SmallReads(io.FileIO):
    """A file of which no one reads much at once: its directory is read whole (zipfile)."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LARGEST_DIRECTORY:
            raise zipfile.BadZipFile("its list of files is too long")
        return super().read(-1 if size is None else size) or b""


def _checked(bundle: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    entries: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    infos = bundle.infolist()
    if len(infos) > _MOST_FILES:
        raise _no_bundle(path, f"{len(infos)} files are too many")
    for info in infos:
        name = info.filename
        parts = _OF_A_WORKER.sub(r"\1/", name).split("/")
        if name.endswith(_PACKED):
            raise _no_bundle(path, f"{shown(name)} is packed once more in itself")
        if len(parts) > _MOST_PARTS or not all(map(_PART.fullmatch, parts)):
            raise _no_bundle(path, f"{shown(name)} is not the name of a file in a bundle")
        if name.casefold() in folded:
            raise _no_bundle(path, f"{shown(name)} is in it twice")
        is_link = (info.external_attr >> 16) & _TYPE_BITS == _LINK
        if is_link or info.flag_bits & 1 or info.compress_type not in _METHODS:
            raise _no_bundle(path, f"{shown(name)} is a link, encrypted or packed unknowably")
        folded.add(name.casefold())
        entries[name] = info
    if sum(info.file_size for info in infos) > _LARGEST_IN_ALL:
        raise _no_bundle(path, "it is too large when unpacked")
    return entries


def _beginning(
    bundle: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo], name: str, most: int
) -> bytes | None:
    """A file as far as `most` bytes and one; None: it is not there."""
    if name not in entries:
        return None
    with bundle.open(entries[name]) as file:
        return file.read(most + 1)


def _read_manifest(text: bytes | None, path: Path) -> BundleManifest:
    if text is None:
        raise _no_bundle(path, f"{MANIFEST} is missing")
    try:
        manifest = msgspec.json.decode(text, type=BundleManifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _no_bundle(path, f"{MANIFEST}: {str(error)[:200]}") from error
    if manifest.schema != SCHEMA:
        raise _no_bundle(path, f"{MANIFEST}: schema {manifest.schema} is not known here")
    return manifest


def _extract(
    bundle: zipfile.ZipFile,
    entries: dict[str, zipfile.ZipInfo],
    manifest: BundleManifest,
    into: Path,
    path: Path,
) -> list[str]:
    wrong = [f"{shown(name)} is listed but missing" for name in manifest.files.keys() - entries]
    room = _LARGEST_IN_ALL
    for name, info in entries.items():
        if name in {MANIFEST, SIGNATURE}:
            continue
        target = into.joinpath(*name.split("/"))
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with bundle.open(info) as file, target.open("xb") as copy:
            while chunk := file.read(_CHUNK):
                size += len(chunk)
                if size > min(_LARGEST_FILE, room):
                    raise _no_bundle(path, f"{shown(name)} is too large when unpacked")
                digest.update(chunk)
                copy.write(chunk)
        os.utime(target, _LONG_AGO)
        room -= size
        listed = manifest.files.get(name)
        if listed is None:
            wrong.append(f"{shown(name)} is in it but not listed")
        elif listed.sha256 != digest.hexdigest():
            wrong.append(f"{shown(name)} is not what its hash says")
    return wrong


def _no_bundle(path: Path, why: str) -> BundleError:
    return BundleError(f"{shown(str(path), 300)}: is not a bundle that can be read: {why}")
