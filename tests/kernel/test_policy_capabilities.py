# SPDX-License-Identifier: Apache-2.0
"""Credentials, user namespaces and capabilities as arguments."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.typed_policies import function, tracepoint, values
from tetragon_sensors.kernel.btf import Btf

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

LIBC: Final = ctypes.CDLL(None, use_errno=True)
SECURE_BITS: Final = 28
"""PR_SET_SECUREBITS."""
KEEP_CAPABILITIES: Final = 1 << 2
"""SECBIT_NO_SETUID_FIXUP."""
ADMIN: Final = 21
"""CAP_SYS_ADMIN, which a new host name asks for."""


def set_of(name: str) -> int:
    """A capability set of this process, which its children have too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name)), 16)


def bits_of(mask: int) -> list[int]:
    """Numbers of the bits."""
    return [bit for bit in range(64) if mask >> bit & 1]


def ask_for_admin() -> None:
    """Do what needs CAP_SYS_ADMIN and changes nothing."""
    socket.sethostname(socket.gethostname())


def capable(arguments: str, *filters: str) -> str:
    """A policy for the place where the kernel decides whether a task has CAP_SYS_ADMIN.

    `arguments` are about the credentials, argument 0; the number of the capability is the last one.
    """
    event = "raw:capability/cap_capable"
    found = Btf.vmlinux().find_raw_tracepoint("cap_capable")
    place = 3 if found else 2
    number = f"{{index: {place}, type: capability}}"
    wanted = f'index: {place}, operator: Equal, values: ["{ADMIN}"]'
    if found:
        return tracepoint(event, f"{arguments}, {number}", *filters, wanted)
    return function("security_capable", f"{arguments}, {number}", *filters, wanted)


def test_credentials(run: PolicyRun) -> None:
    """Credentials are shown with all their ids, capabilities and their user namespace."""

    def change() -> None:
        LIBC.prctl(SECURE_BITS, KEEP_CAPABILITIES, 0, 0, 0)
        os.setresgid(11, 12, 13)
        os.setresuid(21, 22, 23)
        ask_for_admin()

    space = {
        "level": 0,
        "uid": 0,
        "gid": 0,
        "ns": {"inum": Path("/proc/self/ns/user").stat().st_ino, "is_host": True},
    }
    text = capable("{index: 0, type: cred}, {index: 1, type: user_namespace}")

    shown = values(run, text, change)

    expected = {
        "uid": 21,
        "euid": 22,
        "suid": 23,
        "fsuid": 22,
        "gid": 11,
        "egid": 12,
        "sgid": 13,
        "fsgid": 12,
        "securebits": [KEEP_CAPABILITIES],
        "caps": {
            "permitted": bits_of(set_of("CapPrm")),
            "effective": bits_of(set_of("CapEff")),
            "inheritable": bits_of(set_of("CapInh")),
        },
        "user_ns": space,
    }
    assert [expected, space, {"value": ADMIN, "name": "CAP_SYS_ADMIN"}] == shown[-1]


@pytest.mark.parametrize(
    ("operator", "matching", "missing"),
    [
        ("Equal", 0, 1),
        ("NotEqual", 1, 0),
        ("GT", -1, 0),
        ("LT", 1, 0),
    ],
)
def test_capability_sets_as_numbers(
    run: PolicyRun, operator: str, matching: int, missing: int
) -> None:
    """A set of capabilities is a number of 64 bits for filters, and is shown as sixteen digits."""
    own = set_of("CapEff")
    argument = "{index: 0, type: cap_effective, resolve: cap_effective}"

    found, none = (
        values(
            run,
            capable(argument, f'index: 0, operator: {operator}, values: ["{own + change}"]'),
            ask_for_admin,
        )
        for change in (matching, missing)
    )

    assert [one[0] for one in found] == [f"{own:016x}"]
    assert none == []


def test_capability_sets_by_name(run: PolicyRun) -> None:
    """Mask holds when one of the named capabilities is there, Gained when one is new."""
    arguments = (
        "{index: 0, type: cap_inheritable, resolve: cap_inheritable}, "
        "{index: 0, type: cap_permitted, resolve: cap_permitted}"
    )
    names = '["CAP_SYS_ADMIN,CAP_CHOWN"]'
    gained = "args: [{}, {}], operator: CapabilitiesGained"

    assert set_of("CapInh") & 1 << ADMIN == 0
    assert [1, 0, 1, 0] == [
        len(values(run, capable(arguments, one), ask_for_admin))
        for one in (
            f"args: [1], operator: Mask, values: {names}",
            f"args: [0], operator: Mask, values: {names}",
            gained.format(0, 1),
            gained.format(1, 0),
        )
    ]
