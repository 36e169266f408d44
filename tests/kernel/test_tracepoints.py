# SPDX-License-Identifier: Apache-2.0
"""Tracepoints of the real kernel are known, whether or not anybody has mounted tracefs."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.descriptors import nothing_leaks
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.kernel.facts import Kernel
from tetragon_sensors.kernel.tracefs import find_tracefs

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


def test_mount_of_our_own() -> None:
    """Tracefs is readable with nothing mounted, and no mount is left."""
    mounts = Path("/proc/self/mountinfo").read_text()
    tracefs = find_tracefs(places=())
    event = tracefs.event("sched", "sched_process_exec")
    tracefs.close()
    tracefs.close()

    assert ["filename", "pid", "old_pid"] == [each.name for each in event.fields]
    assert event.field("filename").is_data_loc
    assert mounts == Path("/proc/self/mountinfo").read_text()


def test_prototype_of_raw_tracepoint() -> None:
    """The types know what the tracepoint of execs hands over."""
    event = Btf.vmlinux().find_raw_tracepoint("sched_process_exec")

    assert event is not None
    assert event.type_id
    assert ["struct task_struct *", "pid_t", "struct linux_binprm *"] == [
        Btf.vmlinux().type_text(each.type_id) for each in event.parameters
    ]


def test_system_calls() -> None:
    """Hundreds of entry functions are found, and the well-known ones among them."""
    kernel = Kernel.running()
    symbols = kernel.syscall_symbols()
    prefix = "__x64_sys_" if kernel.arch == "x86_64" else "__arm64_sys_"

    assert len(symbols) > 290
    assert {f"{prefix}openat", f"{prefix}execve"} <= set(symbols)
    assert f"{prefix}ni_syscall" not in symbols
    assert kernel.symbols.has(f"{prefix}openat")
    assert "" == kernel.symbols.module_of(f"{prefix}openat")
