#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the system call tables from what the running kernel and its headers say.

Numbers come from the C headers (linux-libc-dev; for arm32 the cross package
linux-libc-dev-armhf-cross, unpacked, given with --arm32), parameters from tracefs
(events/syscalls/*/format), which needs root and is mounted in a private mount namespace.
It is run by hand when a kernel brings new calls; nothing at run time depends on the host.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "packages/core/src/tetragon_core/_syscalls.py"
GENERIC = Path("/usr/include/asm-generic/unistd.h")
X86 = Path("/usr/include/x86_64-linux-gnu/asm")

# Entry functions whose name differs from the call's and that asm-generic does not tell.
X86_ENTRY = {
    "stat": "newstat",
    "lstat": "newlstat",
    "sendfile": "sendfile64",
    "umount2": "umount",
    "uname": "newuname",
}

# Calls newer than the headers of the distributions we build on; since number 424 all machines share
# their numbers (arch/*/tools/syscall.tbl and arch/x86/entry/syscalls, kernel 6.18).
NEWER = {
    451: "cachestat",
    452: "fchmodat2",
    453: "map_shadow_stack",
    454: "futex_wake",
    455: "futex_wait",
    456: "futex_requeue",
    457: "statmount",
    458: "listmount",
    459: "lsm_get_self_attr",
    460: "lsm_set_self_attr",
    461: "lsm_list_modules",
    462: "mseal",
    463: "setxattrat",
    464: "getxattrat",
    465: "listxattrat",
    466: "removexattrat",
    467: "open_tree_attr",
    468: "file_getattr",
    469: "file_setattr",
}

# Calls that kernels built without modules, kexec or the like do not list in tracefs.
OPTIONAL = {
    "delete_module": "const char *=name_user|unsigned int=flags",
    "finit_module": "int=fd|const char *=uargs|int=flags",
    "get_thread_area": "struct user_desc *=u_info",
    "init_module": "void *=umod|unsigned long=len|const char *=uargs",
    "kexec_file_load": "int=kernel_fd|int=initrd_fd|unsigned long=cmdline_len"
    "|const char *=cmdline_ptr|unsigned long=flags",
    "kexec_load": "unsigned long=entry|unsigned long=nr_segments"
    "|struct kexec_segment *=segments|unsigned long=flags",
    "lookup_dcookie": "u64=cookie64|char *=buf|size_t=len",
    "set_thread_area": "struct user_desc *=u_info",
    "uselib": "const char *=library",
}


def read_numbers(header: Path) -> dict[int, str]:
    """Name of each call number that a unistd header defines."""
    pattern = re.compile(
        r"^#define __NR_(\w+) (?:\(__NR_SYSCALL_BASE ?\+ ?)?(\d+)\)?$", re.MULTILINE
    )
    return {int(number): name for name, number in pattern.findall(header.read_text())}


def read_generic(header: Path) -> tuple[dict[int, str], dict[str, str]]:
    """Numbers of the generic (arm64) table, and the entry function of each call."""
    text = header.read_text().replace("\\\n", " ")
    names = re.findall(r"^#define __NR(?:3264)?_(\w+) (\d+)$", text, re.MULTILINE)
    numbers = {int(number): name for name, number in names}
    # 64-bit machines use the second of two functions, and the first name of 32/64 pairs.
    pattern = re.compile(
        r"__(?:SYSCALL|SC_COMP)\(__NR_(\w+), sys_(\w+)"
        r"|__SC_(?:COMP_)?3264\(__NR3264_(\w+), \w+, sys_(\w+)"
    )
    entries = {m[1] or m[3]: m[2] or m[4] for m in pattern.finditer(text)}
    numbers.pop(max(numbers))  # __NR_syscalls, the size of the table
    return numbers, entries


def read_formats() -> dict[str, str]:
    """Parameters of each entry function: `type=name` joined by `|`, from tracefs."""
    with tempfile.TemporaryDirectory() as mount:
        script = (
            f'mount -t tracefs none "{mount}" && cat "{mount}"/events/syscalls/sys_enter_*/format'
        )
        shell = ["unshare", "-m", "sh", "-c", script]
        text = subprocess.run(shell, check=True, capture_output=True, text=True).stdout
    parameters = {}
    for block in text.split("name: sys_enter_")[1:]:
        fields = re.findall(r"field:(.+?)(\w+);\toffset:(\d+);", block)
        pairs = [(kind.strip(), name) for kind, name, offset in fields if int(offset) >= 16]
        parameters[block.split("\n", 1)[0]] = "|".join(f"{kind}={name}" for kind, name in pairs)
    return parameters


def wrap(name: str, value: str) -> str:
    """One string constant in lines of at most 100 columns."""
    pieces = [value[start : start + 94] for start in range(0, len(value), 94)]
    lines = "\n".join(f'    "{piece}"' for piece in pieces)
    return f"{name} = (\n{lines}\n)\n"


def number_table(numbers: dict[int, str]) -> str:
    """Names in the order of their numbers; a jump is `@number`."""
    words: list[str] = []
    expected = 0
    for number in sorted(numbers):
        if number != expected:
            words.append(f"@{number}")
        words.append(numbers[number])
        expected = number + 1
    return " ".join(words)


def generate(arm32: Path) -> str:
    """The whole module."""
    arm64, entries = read_generic(GENERIC)
    tables = {
        "X64": read_numbers(X86 / "unistd_64.h"),
        "I386": read_numbers(X86 / "unistd_32.h"),
        "ARM64": arm64,
        "ARM32": read_numbers(arm32),
    }
    tables = {abi: NEWER | numbers for abi, numbers in tables.items()}
    arm64 = tables["ARM64"]
    formats = read_formats()
    rows = []
    for name in sorted({*tables["X64"].values(), *arm64.values()}):
        parameters = formats.get(
            X86_ENTRY.get(name, entries.get(name, name)), OPTIONAL.get(name, "")
        )
        if parameters:
            rows.append(f"{name}:{parameters}")
    head = (
        "# SPDX-License-Identifier: Apache-2.0\n"
        f'"""System call tables. Generated by tools/gen_syscalls.py on Linux {os.uname().release};'
        ' do not edit.\n\nNames are in the order of their numbers; `@n` jumps to number n.\n"""\n\n'
        "from __future__ import annotations\n\n"
    )
    body = "\n".join(wrap(name, number_table(numbers)) for name, numbers in tables.items())
    return f"{head}{body}\n{wrap('PARAMETERS', ';'.join(rows))}"


def main() -> int:
    """Write the module; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arm32", type=Path, required=True, help="unistd-eabi.h of arm32")
    options = parser.parse_args()
    TARGET.write_text(generate(options.arm32))
    sys.stdout.write(f"{TARGET.relative_to(ROOT)} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
