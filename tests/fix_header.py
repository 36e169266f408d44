# SPDX-License-Identifier: Apache-2.0
"""Says at the top of a run what is under test: kernel, libbpf and the interpreter's bits."""

from __future__ import annotations

import os
import re
from pathlib import Path


def pytest_report_header() -> str:
    """One line below pytest's own header."""
    kernel = f"{os.uname().release} {os.uname().machine}"
    return f"kernel: {kernel}, libbpf: {libbpf_version()}, uid: {os.getuid()}"


def libbpf_version() -> str:
    """The version in the name of the library that the loader would take."""
    for directory in (Path("/usr/lib") / f"{os.uname().machine}-linux-gnu", Path("/usr/lib64")):
        for path in directory.glob("libbpf.so.*.*"):
            if found := re.search(r"\.so\.(.*)", path.name):
                return found.group(1)
    return "not found"
