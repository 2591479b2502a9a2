"""`chains/<id>.pem`: each distinct certificate chain that a run met, once, as it was served.

Bounded, for a peer may make a new chain for each session: what has no room is not kept, and its
`chain_seen` event says so by naming no file.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence

from stresser.model.errors import RunFolderError
from stresser.record.atomic_write import write_atomically
from stresser.record.folder import RunFolder
from stresser.record.manifest import read_small_file

_CHAIN_ID = re.compile(r"[0-9a-f]{16}")
_PEM_BLOCK = re.compile(
    rb"-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]*)-----END CERTIFICATE-----\n"
)
_MOST_CHAINS = 1000
LARGEST_CHAIN = 256 * 1024
"""Bytes of a kept chain's file."""
_MOST_BYTES = 16 << 20
_PEM_LINE = 64


class ChainShelf:
    """Which chains of a run are kept; collects those that are yet to be written.

    Where `shelves` processes keep some, each has its part of the room.
    """

    def __init__(self, shelves: int = 1) -> None:
        self._kept: set[str] = set()
        self._most = _MOST_CHAINS // shelves
        self._room = _MOST_BYTES // shelves
        self._waiting: dict[str, bytes] = {}

    def keep(self, chain_id: str, chain: Sequence[bytes]) -> bool:
        """Have a chain (DER, leaf first) written; False: there is no room for it."""
        if chain_id in self._kept:
            return True
        pem = _pem(chain)
        too_many = len(self._kept) >= self._most
        if too_many or len(pem) > min(LARGEST_CHAIN, self._room) or not is_chain_id(chain_id):
            return False
        self._kept.add(chain_id)
        self._room -= len(pem)
        self._waiting[chain_id] = pem
        return True

    def take(self) -> dict[str, bytes]:
        """What is to be written now, as PEM by id; the caller owns it."""
        taken, self._waiting = self._waiting, {}
        return taken


def write_chains(folder: RunFolder, chains: Mapping[str, bytes]) -> None:
    """Write chains, each whole or not at all.

    Raises:
        OSError: one of them cannot be written.
    """
    if not chains:
        return
    folder.chains.mkdir(exist_ok=True)
    for chain_id, pem in chains.items():
        write_atomically(folder.chain(chain_id), pem, durable=False)


def read_chain(folder: RunFolder, chain_id: str) -> bytes | None:
    """The PEM text of a chain; None where it was not kept.

    Raises:
        RunFolderError: the file cannot be read, or is larger than any that was written.
    """
    # The id comes from a file: it must not lead out of the folder.
    if not is_chain_id(chain_id) or folder.chains.is_symlink():
        return None
    path = folder.chain(chain_id)
    try:
        return read_small_file(path, LARGEST_CHAIN)
    except RunFolderError:
        if not path.exists():
            return None
        raise


def is_named_truly(chain_id: str, pem: bytes) -> bool:
    """Whether a file holds the certificates that its id names: the id begins their SHA-256."""
    try:
        chain = [base64.b64decode(block) for block in _PEM_BLOCK.findall(pem)]
    except ValueError:
        return False
    named = hashlib.sha256(b"".join(chain)).hexdigest()
    return _pem(chain) == pem and named.startswith(chain_id)


def is_chain_id(text: str) -> bool:
    """Whether a text is an id of a chain, and nothing that could be a path."""
    return _CHAIN_ID.fullmatch(text) is not None


def _pem(chain: Sequence[bytes]) -> bytes:
    """RFC 7468 section 5.1, one certificate after the other."""
    return b"".join(_pem_block(der) for der in chain)


def _pem_block(der: bytes) -> bytes:
    text = base64.b64encode(der)
    lines = [text[start : start + _PEM_LINE] for start in range(0, len(text), _PEM_LINE)]
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    return b"\n".join([begin, *lines, end, b""])
