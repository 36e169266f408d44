#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table policy × kernel of docs/reference/compatibility.md from results of tests.

The level `kernel` and each level `vm-*` leave a file build/test/compatibility-LEVEL.json; all of
them have to be there. Nothing is tested here.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
RESULTS: Final = ROOT / "build/test"
DOCUMENT: Final = ROOT / "docs/reference/compatibility.md"
LEVELS: Final = ("vm-5.10", "vm-6.1", "vm-6.12", "vm-newest", "kernel")

HEAD: Final = """\
# Compatibility with Tetragon's example policies

For each policy in Tetragon's `examples/` there is one of the same hooks, arguments, filters and
actions in `tests/data/policies`, by the same name. Each is loaded on five kernels: Debian's in
emulated machines, and one of another make, {host}, which has no kprobes and refuses fentry. A
trigger then does what the policy is about, and something very like it: the first has to be reported
with its exact arguments, the second must not be (`tests/kernel/test_compatibility.py`). What a
policy forbids has to fail with its error or to end the process, and the other must do neither; a
thousand attempts of each are in [enforcement.md](enforcement.md).

A cell says how the policy was attached (`+lsm`: and denied inside the call); a number says why it
was refused. Examples with `${{PODCIDR}}` in them are tried with networks in its place; namespaces
by number, with those of the machine. Four files of `examples/` are no policies:
`configuration/tetragon.yaml`,
`eventchecker/process_exec.yaml`, `other/file-block-kubectl-exec-access.yaml` and
`quickstart/docker-compose.yaml`.

This file is written by a program, from what the tests left behind:

<!-- not run: build -->

    make test                  # or: make test LEVEL=kernel, make vmtest KERNEL=5.10, ...
    tools/compatibility.py

"""
NOBODY: Final = (
    "nobody may attach to functions on this kernel: it has no kprobes and refuses fentry. "
    "System calls and tracepoints work"
)
ABSENT: Final = "there it is inline, has another name, or is not yet written"
UNDENIABLE: Final = "nobody may deny on this kernel: it refuses fmod_ret and BPF LSM"
LATER_NAME: Final = (
    "the first argument of security_inode_copy_up_xattr is a dentry from 6.10 on: what the policy "
    "reads as a text is none, and would never match"
)
GROUPS: Final = (
    (r"^no way to attach to .*|^fentry is not possible here.*", NOBODY),
    (r"^(this kernel has no function \S+).*", rf"\1: {ABSENT}"),
    (r"^(lsmhooks are not possible|\S+ cannot be denied) here: .*refused.*", UNDENIABLE),
    (r"^type string does not fit argument 0 .*inode_copy_up_xattr.*", LATER_NAME),
)
"""Messages that differ in nothing but names, and what they have in common."""


@dataclass
class Reasons:
    """Reasons by the number the table gives them."""

    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, reason: str) -> int:
        """The reason's number, a new one for a new reason."""
        for pattern, text in GROUPS:
            reason = re.sub(pattern, text, reason)
        return self.numbers.setdefault(reason, len(self.numbers) + 1)


def cell(result: dict[str, Any], reasons: Reasons) -> str:
    """What became of one policy on one kernel."""
    if not result["loaded"]:
        return f"no ({reasons.number(result['reason'])})"
    return ", ".join(result["methods"])


def document(results: dict[str, dict[str, Any]]) -> str:
    """The whole text. `results` are the files' contents by level."""
    host = str(results["kernel"]["kernel"]).partition("-")[0]
    releases = [*(results[level]["kernel"] for level in LEVELS[:-1]), host]
    titles = [".".join(re.findall(r"\d+", release)[:2]) for release in releases]
    titles[-1] += " without kprobes"
    policies = sorted(results["kernel"]["policies"])
    reasons = Reasons()
    rows = [
        [f"`{name}`", *(cell(results[level]["policies"][name], reasons) for level in LEVELS)]
        for name in policies
    ]
    lines = [["policy", *titles], ["---"] * (len(LEVELS) + 1), *rows]
    table = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    numbered = "".join(f"{number}. {text}.\n" for text, number in reasons.numbers.items())
    counts = "".join(
        f"- {release}: {_loaded(results[level])} of {len(policies)} load\n"
        for level, release in zip(LEVELS, releases, strict=True)
    )
    return f"{HEAD.format(host=host)}{counts}\n{table}\n## Why not\n\n{numbered}"


def _loaded(result: dict[str, Any]) -> int:
    return sum(1 for each in result["policies"].values() if each["loaded"])


def main() -> int:
    """Read the results, write the document; 1 when a level has not been run."""
    paths = {level: RESULTS / f"compatibility-{level}.json" for level in LEVELS}
    if absent := [level for level, path in paths.items() if not path.exists()]:
        sys.stderr.write(f"not run yet: {', '.join(absent)}\n")
        return 1
    results = {level: json.loads(path.read_text()) for level, path in paths.items()}
    DOCUMENT.write_text(document(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
