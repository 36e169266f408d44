# SPDX-License-Identifier: Apache-2.0
"""BPF objects, perf events, modules and system calls as arguments."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.typed_policies import function, needs_functions, tracepoint, values
from tetragon_core import syscalls
from tetragon_core.policy.problems import PolicyError

if TYPE_CHECKING:
    from kernel.policies import PolicyRun
    from tetragon_sensors.kernel.btf import Btf

LIBC: Final = ctypes.CDLL(None, use_errno=True)
BPF: Final = syscalls.number(syscalls.HOST_ABI, "bpf") or 0
PERF_EVENT_OPEN: Final = syscalls.number(syscalls.HOST_ABI, "perf_event_open") or 0


def make_map(kind: int, name: bytes) -> int:
    """A BPF map with keys of 4 bytes, values of 8 and 3 entries."""
    attributes = struct.pack("<IIII12x16s", kind, 4, 8, 3, name).ljust(128, b"\0")
    made: int = LIBC.syscall(BPF, 0, attributes, len(attributes))
    return made


def load_program(name: bytes) -> int:
    """A socket filter of two instructions."""
    code = ctypes.create_string_buffer(bytes.fromhex("b700000000000000 9500000000000000"))
    text = ctypes.create_string_buffer(b"GPL")
    addresses = (ctypes.addressof(code), ctypes.addressof(text))
    head = struct.pack("<IIQQIIQII16s", 1, 2, *addresses, 0, 0, 0, 0, 0, name).ljust(128, b"\0")
    loaded: int = LIBC.syscall(BPF, 5, head, len(head))
    return loaded


def test_bpf_objects(run: PolicyRun) -> None:
    """Programs and maps are shown by type, size and name, also before they are made."""
    attributes = function(
        "security_bpf",
        "{index: 0, type: bpf_cmd}, {index: 1, type: bpf_attr}",
        'index: 0, operator: Equal, values: ["5"]',
    )
    if not needs_functions(run, attributes):
        return
    program = {"ProgType": "BPF_PROG_TYPE_SOCKET_FILTER", "InsnCnt": 2, "ProgName": "my_program"}
    table = {"KeySize": 4, "ValueSize": 8, "MaxEntries": 3, "MapName": "my_map"}

    def make() -> None:
        assert load_program(b"my_program") > 0
        assert make_map(1, b"my_map") > 0
        assert make_map(2, b"my_map") > 0

    programs = function("security_bpf_prog", "{index: 0, type: bpf_prog}")
    maps = function("security_bpf_map", "{index: 0, type: bpf_map}")
    assert [[5, program]] == values(run, attributes, make)
    assert [[program]] == values(run, programs, make)
    assert [[{"MapType": f"BPF_MAP_TYPE_{kind}", **table}] for kind in ("HASH", "ARRAY")] == values(
        run, maps, make
    )


def kprobe_type() -> int:
    """Number of the kernel's source of events for kprobes."""
    return int(Path("/sys/bus/event_source/devices/kprobe/type").read_text())


def open_event(kind: int, config: int, name: int = 0) -> None:
    """Ask for a perf event of this thread, which is not enabled."""
    head = struct.pack("<IIQQQQQIIQ", kind, 128, config, 0, 0, 0, 1, 0, 0, name)
    attributes = ctypes.create_string_buffer(head.ljust(128, b"\0"))
    LIBC.syscall(PERF_EVENT_OPEN, attributes, 0, -1, -1, 0)


def test_perf_event(run: PolicyRun) -> None:
    """A perf event is shown by type and configuration; one of a kprobe by its function."""
    text = function("security_perf_event_alloc", "{index: 0, type: perf_event}")
    if not needs_functions(run, text):
        return
    name = ctypes.create_string_buffer(b"do_exit")

    def ask() -> None:
        open_event(1, 3)
        open_event(kprobe_type(), 0, ctypes.addressof(name))

    software = {"KprobeFunc": "", "Type": "PERF_TYPE_SOFTWARE", "Config": 3, "ProbeOffset": 0}
    kprobe = {
        "KprobeFunc": "do_exit",
        "Type": {6: "PERF_TYPE_MAX"}.get(kprobe_type(), str(kprobe_type())),
        "Config": 0,
        "ProbeOffset": 0,
    }
    assert [[software], [kprobe]] == values(run, text, ask)


WITH_LOAD_INFO: Final = (
    *("mod_sysfs_setup", "add_kallsyms", "simplify_symbols", "find_module_sections"),
    *("post_relocation", "layout_and_allocate"),
)
"""Functions with a struct load_info that knows the module's name; kernels inline some of them."""


def load_dummy() -> None:
    """Become the program that loads a small module."""
    os.execv("/sbin/modprobe", ["modprobe", "dummy"])


def module_functions(btf: Btf) -> list[tuple[str, int]]:
    """Functions that are called with a struct load_info, and as which argument."""
    found = []
    for name in WITH_LOAD_INFO:
        parameters = getattr(btf.find_function(name), "parameters", ())
        found += [
            (name, place)
            for place, one in enumerate(parameters)
            if btf.struct_name(one.type_id) == "load_info"
        ]
    return found


def test_module(run: PolicyRun) -> None:
    """A module is shown by its name, and while it is loaded with whether its signature is good."""
    text = tracepoint("raw:module/module_load", "{index: 0, type: module}")
    if not Path("/proc/modules").exists():
        with pytest.raises(PolicyError, match="no raw tracepoint module_load"), run.loaded(text):
            pass
        return
    expected = {"name": "dummy", "tainted": []}
    assert [[expected]] == values(run, text, load_dummy)
    subprocess.run(["/sbin/rmmod", "dummy"], check=True)
    functions = module_functions(run.engine.kernel.btf)
    assert functions
    call, place = functions[0]
    text = function(call, f"{{index: {place}, type: load_info}}")
    (first, *_) = values(run, text, load_dummy)
    subprocess.run(["/sbin/rmmod", "dummy"], check=True)
    assert [{**expected, "signature_ok": True}] == first


LISTS: Final = "[{name: some, type: syscalls, values: [sys_getpgid, i386/sys_getpid]}]"


def compat_getpid() -> int:
    """Ask for the pid as a 32-bit program does (int 0x80)."""
    import mmap  # noqa: PLC0415  only where the machine has such calls

    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000 cd80 c3"))
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)())


def test_system_calls(run: PolicyRun) -> None:
    """A list holds the numbers of its calls, each of its own ABI."""

    def call() -> None:
        os.getpgid(0)
        os.getpid()
        os.getsid(0)
        LIBC.syscall(20, -1, 0, 0)  # in 32-bit programs getpid has this number
        if platform.machine() == "x86_64":
            assert compat_getpid() == os.getpid()

    def shown(operator: str, value: str) -> list[object]:
        wanted = f'index: 4, operator: {operator}, values: ["{value}"]'
        text = tracepoint(
            "raw_syscalls/sys_enter", "{index: 4, type: syscall64}", wanted, lists=LISTS
        )
        return [hit[0] for hit in values(run, text, call)]

    native = {"id": syscalls.number(syscalls.HOST_ABI, "getpgid"), "abi": syscalls.HOST_ABI}
    compat = [{"id": 20, "abi": "i386"}] * (platform.machine() == "x86_64")
    assert [native, *compat] == shown("InMap", "list:some")
    assert [native] == shown("Equal", str(native["id"]))
    rest = shown("NotInMap", "list:some")
    assert {"id": 20, "abi": syscalls.HOST_ABI} in rest
    assert not [one for one in rest if one in [native, *compat]]
