# SPDX-License-Identifier: Apache-2.0
"""A program attached by any method runs exactly when it should, and is gone when closed."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from kernel.descriptors import nothing_leaks
from tetragon_core.errors import LoadError, TetragonError
from tetragon_sensors.kernel.abilities import METHODS, Abilities
from tetragon_sensors.kernel.attachments import (
    Attachment,
    attach_raw_tracepoint,
    attach_tracepoint,
    attach_trampoline,
    join,
)
from tetragon_sensors.kernel.btf import Btf, BtfError
from tetragon_sensors.kernel.calls import AttachKind, close_fd
from tetragon_sensors.kernel.kprobes import attach_kprobe, attach_kprobe_multi
from tetragon_sensors.kernel.module_types import open_module_types
from tetragon_sensors.kernel.programs import (
    Program,
    ProgramKind,
    load_program,
    open_run_statistics,
)
from tetragon_sensors.kernel.symbols import Symbols
from tetragon_sensors.kernel.tracefs import find_tracefs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RETURN_0: Final = bytes.fromhex("b700000000000000 9500000000000000")
PREFIX: Final = {"x86_64": "__x64_sys_", "aarch64": "__arm64_sys_"}[os.uname().machine]
FUNCTION: Final = f"{PREFIX}getsid"
"""Runs when this process calls os.getsid(), which no other process does meanwhile."""
OTHER_FUNCTION: Final = f"{PREFIX}getpgid"
EVENT: Final = "oom_score_adj_update"
"""Happens when this process writes its score, and hardly ever else."""
RUNS: Final = 5
REPEATED: Final = 100
AT_ONCE: Final = 20
"""A function can have 38 trampoline programs."""

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)


def load(kind: ProgramKind, attach: AttachKind = AttachKind.NONE, type_id: int = 0) -> Program:
    """A program that does nothing."""
    return load_program(
        kind, RETURN_0, name="test", expected_attach_type=attach, attach_btf_id=type_id
    )


def load_for_function(attach: AttachKind) -> Program:
    """A program for a trampoline on FUNCTION."""
    function = Btf.vmlinux().find_function(FUNCTION)
    assert function is not None
    return load(ProgramKind.TRACING, attach, function.type_id)


def load_tp_btf() -> Program:
    """A program for EVENT."""
    event = Btf.vmlinux().find_raw_tracepoint(EVENT)
    assert event is not None
    return load(ProgramKind.TRACING, AttachKind.TRACE_RAW_TP, event.type_id)


SYMBOLS: Final = Symbols()


def attach_by_address(
    program: Program, names: Sequence[str], *, on_return: bool = False
) -> Attachment:
    """Attach by kprobe.multi to the functions of these names."""
    addresses = [SYMBOLS.find(name)[0].address for name in names]
    cookies = range(1, len(names) + 1)
    return attach_kprobe_multi(
        program, names, on_return=on_return, addresses=addresses, cookies=cookies
    )


def attach_event(program: Program) -> Attachment:
    """Attach to EVENT as tracefs has it."""
    tracefs = find_tracefs()
    event_id = tracefs.event("oom", EVENT).event_id
    tracefs.close()
    return attach_tracepoint(program, event_id)


def call_getsid() -> None:
    """Run FUNCTION."""
    os.getsid(0)


def adjust_score() -> None:
    """Make an EVENT."""
    path = Path("/proc/self/oom_score_adj")
    path.write_text(path.read_text())


WAYS: Final[
    dict[str, tuple[Callable[[], Program], Callable[[Program], Attachment], Callable[[], None]]]
] = {
    "fentry": (
        lambda: load_for_function(AttachKind.TRACE_FENTRY),
        attach_trampoline,
        call_getsid,
    ),
    "fexit": (
        lambda: load_for_function(AttachKind.TRACE_FEXIT),
        attach_trampoline,
        call_getsid,
    ),
    "kprobe": (
        lambda: load(ProgramKind.KPROBE),
        lambda program: attach_kprobe(program, FUNCTION),
        call_getsid,
    ),
    "kretprobe": (
        lambda: load(ProgramKind.KPROBE),
        lambda program: attach_kprobe(program, FUNCTION, on_return=True),
        call_getsid,
    ),
    "kprobe.multi": (
        lambda: load(ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
        lambda program: attach_by_address(program, [FUNCTION, OTHER_FUNCTION]),
        call_getsid,
    ),
    "kretprobe.multi": (
        lambda: load(ProgramKind.KPROBE, AttachKind.KPROBE_MULTI),
        lambda program: attach_by_address(program, [FUNCTION], on_return=True),
        call_getsid,
    ),
    "raw_tracepoint": (
        lambda: load(ProgramKind.RAW_TRACEPOINT),
        lambda program: attach_raw_tracepoint(program, EVENT),
        adjust_score,
    ),
    "tp_btf": (load_tp_btf, attach_trampoline, adjust_score),
    "tracepoint": (lambda: load(ProgramKind.TRACEPOINT), attach_event, adjust_score),
}
ABILITY: Final = {"kretprobe": "kprobe", "kretprobe.multi": "kprobe.multi"}


@pytest.fixture(scope="module")
def abilities() -> Abilities:
    """What this kernel allows."""
    return Abilities(Btf.vmlinux())


@contextmanager
def counting() -> Iterator[None]:
    """Let the kernel count runs."""
    fd = open_run_statistics()
    try:
        yield
    finally:
        close_fd(fd)


def without_errors(method: str) -> Attachment:
    """Attach, and give up the program: the attachment keeps it."""
    make, attach, _ = WAYS[method]
    with make() as program:
        return attach(program)


@pytest.mark.parametrize("method", WAYS)
def test_runs(method: str, abilities: Abilities) -> None:
    """A program runs once for each event while it is attached; where it is not allowed, the
    attempt fails for the reason that the ability has.
    """
    make, attach, trigger = WAYS[method]
    ability = abilities.method(ABILITY.get(method, method))
    if not ability:
        with pytest.raises(TetragonError) as caught:
            without_errors(method)
        assert ability.reason.rsplit(": ", 1)[-1] in str(caught.value)
        return

    with counting(), make() as program:
        with attach(program) as attachment:
            for _ in range(RUNS):
                trigger()
            during = program.info().run_count
        trigger()

        assert method == attachment.method
        assert during == RUNS
        assert program.info().run_count == RUNS


@pytest.mark.parametrize("method", WAYS)
def test_repeated(method: str, abilities: Abilities) -> None:
    """A hundred attachments, or attempts at them, leave nothing."""
    places = 2 if method == "kprobe.multi" else 1
    for _ in range(REPEATED // AT_ONCE):
        if abilities.method(ABILITY.get(method, method)):
            together = join([without_errors(method) for _ in range(AT_ONCE)])
            assert AT_ONCE * places == together.places
            together.close()
            together.close()
        else:
            for _ in range(AT_ONCE):
                with pytest.raises(TetragonError):
                    without_errors(method)


def test_by_name(abilities: Abilities) -> None:
    """Functions of kprobe.multi can be given by name alone."""
    if not abilities.can_kprobe_multi:
        assert abilities.can_kprobe_multi.reason
        return
    names = [FUNCTION, OTHER_FUNCTION]

    with counting(), load(ProgramKind.KPROBE, AttachKind.KPROBE_MULTI) as program:
        with attach_kprobe_multi(program, names, cookies=[7, 8]):
            call_getsid()

        assert 1 == program.info().run_count


def test_function_of_a_module(abilities: Abilities) -> None:
    """A function of a module can have a trampoline program, by the module's types."""
    if not abilities.can_fentry or not Path("/sys/kernel/btf/overlay").exists():
        with pytest.raises(BtfError, match="the kernel has no types of module nothing"):
            open_module_types("nothing")
        return
    function = Btf.module("overlay").find_function("ovl_permission")
    assert function is not None
    btf_fd = open_module_types("overlay")
    try:
        program = load_program(
            ProgramKind.TRACING,
            RETURN_0,
            expected_attach_type=AttachKind.TRACE_FENTRY,
            attach_btf_id=function.type_id,
            attach_btf_fd=btf_fd,
        )
    finally:
        close_fd(btf_fd)

    with program, attach_trampoline(program) as attachment:
        assert "fentry" == attachment.method


def test_missed(abilities: Abilities) -> None:
    """From kernel 6.7 on a kprobe tells how often it was missed; a raw tracepoint never does."""
    tells = Btf.vmlinux().has_member("bpf_link_info", "perf_event.kprobe.missed")
    if abilities.can_kprobe:
        with without_errors("kprobe") as attachment:
            assert (0 if tells else None) == attachment.missed()
    if abilities.can_kprobe_multi:
        with without_errors("kprobe.multi") as attachment:
            assert (0 if tells else None) == attachment.missed()
    with without_errors("raw_tracepoint") as attachment:
        assert attachment.missed() is None


def test_unknown_places(abilities: Abilities) -> None:
    """The error for a place that is not there says so."""
    with (
        load(ProgramKind.RAW_TRACEPOINT) as program,
        pytest.raises(LoadError, match=r"raw tracepoint nowhere: .*\(no such tracepoint\)"),
    ):
        attach_raw_tracepoint(program, "nowhere")
    if abilities.can_kprobe:
        with (
            load(ProgramKind.KPROBE) as program,
            pytest.raises(LoadError, match=r"by kprobe to nowhere: .*\(no such function"),
        ):
            attach_kprobe(program, "nowhere")
    if abilities.can_kprobe_multi:
        with (
            load(ProgramKind.KPROBE, AttachKind.KPROBE_MULTI) as program,
            pytest.raises(LoadError, match=r"kprobe.multi to getsid, nowhere: .*\(a function"),
        ):
            attach_kprobe_multi(program, ["getsid", "nowhere"])


def test_every_method_is_known(abilities: Abilities) -> None:
    """Each method is allowed, or there is a reason."""
    answers = {name: abilities.method(name) for name in METHODS}

    assert [] == [name for name, answer in answers.items() if bool(answer) == bool(answer.reason)]
