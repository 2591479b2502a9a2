"""Squid's NTLM helper by pyspnego: who knows a password of a file may pass.

Two roles. `python ntlm_helper.py serve SOCKET FILE` checks logins, a connection for each helper of
squid's; `python ntlm_helper.py relay SOCKET` is such a helper: squid's user may not run our Python.
Squid's helper protocol: `YR` begins, `KK` goes on; `TT` asks for more, `AF` lets in, `NA` does not.
"""

import base64
import os
import socket
import socketserver
import sys
from pathlib import Path


class _Logins(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        import spnego

        context = None
        for line in self.rfile:
            word, _, token = line.decode().strip().partition(" ")
            if word == "YR" or context is None:
                context = spnego.server(protocol="ntlm")
            try:
                received = context.step(base64.b64decode(token))
            except spnego.exceptions.SpnegoError as error:
                answer = f"NA {error}".replace("\n", " ")
            else:
                wanted = base64.b64encode(received or b"").decode()
                answer = f"AF {context.client_principal}" if context.complete else f"TT {wanted}"
            self.wfile.write(f"{answer}\n".encode())


def _relay(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        with sock.makefile("rw") as stream:
            for line in sys.stdin:
                stream.write(line)
                stream.flush()
                sys.stdout.write(stream.readline())
                sys.stdout.flush()


def main() -> None:
    role, path = sys.argv[1:3]
    if role == "relay":
        _relay(path)
        return
    os.environ["NTLM_USER_FILE"] = sys.argv[3]
    os.environ.setdefault("NETBIOS_COMPUTER_NAME", "SQUID")
    with socketserver.ThreadingUnixStreamServer(path, _Logins) as server:
        Path(path).chmod(0o666)
        sys.stdout.write("serving\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
