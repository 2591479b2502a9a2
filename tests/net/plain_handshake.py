"""A handshake by Python's ssl with nothing of ours in it: the judge of what a client takes."""

import ssl
from pathlib import Path


def shakes_hands(pem: Path, asking: ssl.SSLContext, name: str) -> bool | None:
    """Whether a client takes the chain in `pem`, its key behind it; None: it cannot be served."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.set_ciphers("ALL:@SECLEVEL=0")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        serving.load_cert_chain(str(pem))
        client = asking.wrap_bio(back, there, server_hostname=name)
        server = serving.wrap_bio(there, back, server_side=True)
        for end in (client, server, client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    except ssl.SSLCertVerificationError:
        return False
    except ssl.SSLError:
        return None
    return True
