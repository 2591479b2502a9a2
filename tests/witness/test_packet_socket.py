"""A packet socket of all interfaces, and the program in the kernel that says what passes."""

import select
import socket
import sys

import pytest

from stresser.witness.packet_filter import Remotes, remote_end
from stresser.witness.packet_socket import attach, bind_everywhere, packet_socket
from tests.net.peers import wait_for
from tests.witness.namespaces import need_capture


def test_nothing_passes_before_the_program_and_what_it_names_after_it():
    need_capture()
    with packet_socket() as sock, socket.create_server(("127.0.0.1", 0)) as listener:
        remotes = Remotes()
        attach(sock, remotes.program())
        bind_everywhere(sock)
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
        with pytest.raises(BlockingIOError):
            sock.recv(1)
        remotes.add(*remote_end(f"127.0.0.1:{listener.getsockname()[1]}"))
        attach(sock, remotes.program())
        with socket.create_connection(listener.getsockname()):
            listener.accept()[0].close()
            wait_for(sock, select.POLLIN)
        assert sock.recv(1) == b"E"


@pytest.mark.skipif(sys.platform == "linux", reason="Linux has them")
def test_elsewhere_there_are_none():
    with pytest.raises(OSError, match="Linux"):
        packet_socket()
