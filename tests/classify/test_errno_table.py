"""Every errno of the table, and what is not in it."""

import errno
import os

import pytest

from stresser.classify.errno_table import _BY_NAME, meaning_of
from stresser.model.ending import Kind

# Written out apart from the table: each row says what the number means to a user.
ROWS = [
    ("ECONNRESET", Kind.TCP_RESET, "connection_reset"),
    ("EPIPE", Kind.TCP_RESET, "connection_reset"),
    ("ECONNABORTED", Kind.TCP_RESET, "connection_aborted"),
    ("ECONNREFUSED", Kind.REFUSED, "connection_refused"),
    ("ETIMEDOUT", Kind.KERNEL_TIMEOUT, "timed_out"),
    ("EHOSTUNREACH", Kind.UNREACHABLE, "host_unreachable"),
    ("EHOSTDOWN", Kind.UNREACHABLE, "host_unreachable"),
    ("ENOPROTOOPT", Kind.UNREACHABLE, "host_unreachable"),
    ("EOPNOTSUPP", Kind.UNREACHABLE, "host_unreachable"),
    ("ENONET", Kind.UNREACHABLE, "host_unreachable"),
    ("ENETUNREACH", Kind.UNREACHABLE, "network_unreachable"),
    ("ENETDOWN", Kind.UNREACHABLE, "network_down"),
    ("EACCES", Kind.UNREACHABLE, "permission_denied"),
    ("EPERM", Kind.UNREACHABLE, "permission_denied"),
    ("ENODEV", Kind.UNREACHABLE, "no_such_device"),
    ("ENXIO", Kind.UNREACHABLE, "no_such_device"),
    ("EINVAL", Kind.UNREACHABLE, "invalid_argument"),
    ("EAFNOSUPPORT", Kind.UNREACHABLE, "address_family_not_supported"),
    ("EMFILE", Kind.TOOL, "too_many_open_files"),
    ("ENFILE", Kind.TOOL, "too_many_open_files_in_system"),
    ("ENOBUFS", Kind.TOOL, "no_buffer_space"),
    ("ENOMEM", Kind.TOOL, "out_of_memory"),
    ("EADDRINUSE", Kind.TOOL, "local_ports_exhausted"),
]


def oserror(name):
    number = getattr(errno, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(("name", "kind", "failure"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("chosen", [True, False], ids=["source", "no-source"])
def test_an_errno_means(name, kind, failure, chosen):
    assert meaning_of(oserror(name), local_address_chosen=chosen) == (kind, failure)


def test_every_errno_of_the_table_has_a_row_here():
    assert {name for name, _, _ in ROWS} == set(_BY_NAME)


@pytest.mark.parametrize(
    ("chosen", "kind", "failure"),
    [
        (True, Kind.UNREACHABLE, "address_not_available"),
        (False, Kind.TOOL, "local_ports_exhausted"),
    ],
)
def test_eaddrnotavail_is_a_lost_address_or_used_up_ports(chosen, kind, failure):
    error = oserror("EADDRNOTAVAIL")
    assert meaning_of(error, local_address_chosen=chosen) == (kind, failure)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OSError(errno.EDOM, "x"), "unknown_failure: EDOM"),
        (OSError(99_999, "x"), "unknown_failure: [Errno 99999] x"),
        (OSError("needs Linux"), "unknown_failure: needs Linux"),
        (TimeoutError("late"), "unknown_failure: late"),
    ],
)
def test_what_the_table_does_not_know_is_said_to_be_unknown_with_its_name(error, failure):
    assert meaning_of(error, local_address_chosen=False) == (Kind.UNKNOWN, failure)
