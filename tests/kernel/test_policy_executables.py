# SPDX-License-Identifier: Apache-2.0
"""Filters on executables: of the process that hits a hook, of its parent, of its ancestors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.policies import start
from kernel.seeking import MARK, policy, seek

if TYPE_CHECKING:
    from kernel.policies import PolicyRun

PYTHON: Final = str(Path("/proc/self/exe").readlink())
PERL: Final = "/usr/bin/perl"
SEEK: Final = f"open(F, '<', '/etc/passwd'); sysseek(F, {MARK}, 0);"


def binaries(operator: str, *values: str, more: str = "", key: str = "matchBinaries") -> str:
    """A selector with one filter on executables."""
    return f"{key}: [{{operator: {operator}, values: {list(values)}{more}}}]"


def become_perl(code: str) -> None:
    """Execute perl, in this process."""
    os.execv(PERL, [PERL, "-e", code])


OPERATORS: Final = [
    ("In", [PYTHON], True),
    ("In", ["/usr/bin/none", PYTHON], True),
    ("In", [PYTHON[:-1]], False),
    ("In", [PYTHON + "x"], False),
    ("NotIn", [PYTHON], False),
    ("NotIn", ["/usr/bin/none"], True),
    ("Prefix", [PYTHON[:9]], True),
    ("Prefix", [PYTHON], True),
    ("Prefix", ["/usr/none"], False),
    ("NotPrefix", [PYTHON[:9]], False),
    ("NotPrefix", ["/usr/none"], True),
    ("Postfix", [PYTHON[-7:]], True),
    ("Postfix", ["/none"], False),
    ("NotPostfix", [PYTHON[-7:]], False),
    ("NotPostfix", ["/none"], True),
]


@pytest.mark.parametrize(("operator", "values", "wanted"), OPERATORS)
def test_operators_on_executables(
    run: PolicyRun,
    operator: str,
    values: list[str],
    wanted: bool,  # noqa: FBT001  a parameter
) -> None:
    """Each operator compares the whole path of the executable."""
    hits = run.hits(policy(binaries(operator, *values)), seek)

    assert int(wanted) == len(hits)


def test_many_values(run: PolicyRun) -> None:
    """A filter may have any number of paths."""
    others = [f"/opt/program-{number}/bin/run" for number in range(500)]

    assert 1 == len(run.hits(policy(binaries("In", *others, PYTHON)), seek))
    assert 0 == len(run.hits(policy(binaries("In", *others)), seek))


def test_several_filters_have_to_hold(run: PolicyRun) -> None:
    """Entries of matchBinaries are joined by and."""
    both = policy(
        "matchBinaries: [{operator: Prefix, values: ['/']}, "
        f"{{operator: NotIn, values: ['{PYTHON}']}}]"
    )

    assert 0 == len(run.hits(both, seek))
    assert 1 == len(run.hits(both, lambda: become_perl(SEEK)))


def test_verdict_follows_exec(run: PolicyRun) -> None:
    """What a process executed before does not count, only what it executes now."""

    def seek_and_become_perl() -> None:
        seek()
        become_perl(SEEK)

    assert 1 == len(run.hits(policy(binaries("In", PERL)), seek_and_become_perl))
    assert 1 == len(run.hits(policy(binaries("In", PYTHON)), seek_and_become_perl))
    assert 2 == len(run.hits(policy(binaries("In", PYTHON, PERL)), seek_and_become_perl))


def test_process_older_than_the_policy(run: PolicyRun) -> None:
    """A process that was there before the policy is known by its executable as any other."""
    reader, writer = os.pipe()

    def wait_and_seek() -> None:
        os.close(writer)
        os.read(reader, 1)
        seek()

    pid = start(wait_and_seek)
    with run.loaded(policy(binaries("In", PYTHON))):
        os.close(writer)
        hits = run.hits_until_exit(pid)
    os.close(reader)

    assert 1 == len(hits)


def test_executable_of_an_ending_process(run: PolicyRun) -> None:
    """What a process hits while it ends is judged by its executable, which is gone by then."""
    text = policy(binaries("In", PYTHON)).replace("subsystem: syscalls", "subsystem: sched")
    text = text.replace("sys_enter_lseek", "sched_process_exit")
    text = text[: text.index("    args:")] + "    selectors: [{" + binaries("In", PYTHON) + "}]\n"

    assert 1 == len(run.hits(text, lambda: None))
    assert 0 == len(run.hits(text.replace(PYTHON, PERL), lambda: None))


def test_executable_of_the_parent(run: PolicyRun) -> None:
    """MatchParentBinaries looks at what the parent executes now."""
    of_parent = policy(binaries("In", PYTHON, key="matchParentBinaries"))
    not_of_parent = policy(binaries("NotIn", PYTHON, key="matchParentBinaries"))

    assert 1 == len(run.hits(of_parent, lambda: become_perl(SEEK)))
    assert 0 == len(run.hits(not_of_parent, lambda: become_perl(SEEK)))


ORPHAN: Final = f"""
import os
me = os.getpid()
if os.fork():
    os.write({{ready}}, b"x")
    os.read({{go}}, 1)
else:
    while os.getppid() == me:
        os.sched_yield()
    os.lseek(os.open("/etc/passwd", os.O_RDONLY), {MARK}, os.SEEK_SET)
"""
"""As python: hit the hook as a process whose parent has ended."""


def start_perl_with_orphan(ready: int, go: int) -> int:
    """perl, which runs python, which forks; ends when all have ended."""
    code = "$^F = 1000; pipe(R, W); system(@ARGV); close(W); <R>;"
    python = [sys.executable, "-I", "-S", "-c", ORPHAN.format(ready=ready, go=go)]
    for fd in (ready, go):
        os.set_inheritable(fd, True)  # noqa: FBT003  takes it by position only
    return start(lambda: os.execv(PERL, [PERL, "-e", code, *python]))


@pytest.mark.parametrize("is_older", [True, False], ids=["older", "newer"])
@pytest.mark.parametrize(
    ("operator", "more", "wanted"),
    [
        ("In", ", followChildren: true", 1),
        ("NotIn", ", followChildren: true", 0),
        ("In", "", 0),
    ],
    ids=["In", "NotIn", "not followed"],
)
def test_descendants_of_an_executable(
    run: PolicyRun,
    operator: str,
    more: str,
    wanted: int,
    is_older: bool,  # noqa: FBT001  parameters
) -> None:
    """With followChildren an ancestor counts though the process between has ended.

    Whether they were there before the policy or not makes no difference.
    """
    ready_reader, ready = os.pipe()
    go, go_writer = os.pipe()
    pid = start_perl_with_orphan(ready, go) if is_older else 0
    if pid:
        os.read(ready_reader, 1)

    with run.loaded(policy(binaries(operator, PERL, more=more))):
        pid = pid or start_perl_with_orphan(ready, go)
        os.close(go_writer)
        hits = run.hits_until_exit(pid, of_all=True)
    for fd in (ready_reader, ready, go):
        os.close(fd)

    assert wanted == len(hits)


def test_what_a_process_executed_before(run: PolicyRun) -> None:
    """With followChildren an executable counts that the process itself has left by exec."""
    python = f"import os; os.lseek(os.open('/etc/passwd', 0), {MARK}, 0)"
    back = f"exec('{sys.executable}', '-c', q({python}));"

    followed = policy(binaries("In", PERL, more=", followChildren: true"))

    assert 1 == len(run.hits(followed, lambda: become_perl(back)))
