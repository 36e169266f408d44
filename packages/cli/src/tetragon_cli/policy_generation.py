# SPDX-License-Identifier: Apache-2.0
"""`tracingpolicy generate`: policies for everything of a kind that this kernel or a file has.

They are a start to cut down: what reports every function of a file costs a lot.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from tetragon_core.errors import TetragonError

from .settings import client_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon_sensors.binaries.usdt_sites import UsdtSite

    Policy = dict[str, Any]

__all__ = ["command"]

Command = TypeVar("Command", bound="Callable[..., object] | click.Command")
_BINARY: Final = "tetragon_cli.match_binary"
_PREFIX: Final = "sys_"
_file = click.option("-b", "--binary", required=True, metavar="FILE", help="The executable.")


def _remember(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_BINARY] = value


def _options(command: Command) -> Command:
    """Add the options that may stand before or after the subcommand."""
    option = click.option(
        *("-m", "--match-binary"),
        metavar="PATH",
        expose_value=False,
        callback=_remember,
        help="Only calls of this executable, in policies of kernel functions.",
    )
    return client_options(option(command))


@_options
@click.group("generate")
def command() -> None:
    """Write policies for all that this kernel or a file has."""


@command.command("empty")
@_options
def _empty() -> None:
    """Write a policy that does nothing."""
    _write("empty", {})


@command.command("all-syscalls")
@_options
@click.pass_context
def _all_syscalls(ctx: click.Context) -> None:
    """Write a policy with a hook for each system call."""
    hooks = [{"call": name, "syscall": True, **_selectors(ctx)} for name in _syscalls()]
    _write("syscalls", {"kprobes": hooks})


@command.command("all-syscalls-list")
@_options
@click.pass_context
def _all_syscalls_list(ctx: click.Context) -> None:
    """Write a policy with one hook for a list of all system calls."""
    named = {"name": "syscalls", "type": "syscalls", "values": _syscalls()}
    hook = {"call": "list:syscalls", "syscall": True, **_selectors(ctx)}
    _write("syscalls", {"lists": [named], "kprobes": [hook]})


@command.command("ftrace-list")
@_options
@click.option("-r", "--regex", default="", help="Only functions whose name has a match.")
@click.pass_context
def _ftrace_list(ctx: click.Context, regex: str) -> None:
    """Write a policy with one hook for a list of the kernel's functions."""
    from tetragon_sensors.kernel.tracefs import find_tracefs  # noqa: PLC0415  # not for --help

    names = find_tracefs().matching(regex)
    known = [name for name in names if not name.startswith("__ftrace_invalid_address__")]
    if not known:
        raise TetragonError(f"no function that can be traced has a match for {regex!r}")
    hook = {"call": "list:ftrace", **_selectors(ctx)}
    _write("ftrace", {"lists": [{"name": "ftrace", "values": known}], "kprobes": [hook]})


@command.command("uprobes")
@_options
@_file
def _uprobes(binary: str) -> None:
    """Write a policy for all functions of a file."""
    from tetragon_sensors.binaries.binary import Binary  # noqa: PLC0415  # not for --help
    from tetragon_sensors.binaries.function_names import function_names  # noqa: PLC0415  # as above

    names = function_names(Binary(binary))
    if not names:
        raise TetragonError(f"{binary} names no functions: it is stripped")
    _write("uprobes", {"uprobes": [{"path": binary, "symbols": names}]})


@command.command("usdts")
@_options
@_file
def _usdts(binary: str) -> None:
    """Write a policy for all USDT probes of a file."""
    from tetragon_sensors.binaries.binary import Binary  # noqa: PLC0415  # not for --help
    from tetragon_sensors.binaries.usdt_sites import read_usdt_sites  # noqa: PLC0415  # as above

    first: dict[tuple[str, str], UsdtSite] = {}
    for one in read_usdt_sites(Binary(binary)):
        first.setdefault((one.provider, one.name), one)
    hooks = [
        {"provider": one.provider, "name": one.name, "path": binary, **_arguments(one.arguments)}
        for one in first.values()
    ]
    if not hooks:
        raise TetragonError(f"{binary} has no USDT probes")
    _write("usdts", {"usdts": hooks})


def _arguments(text: str) -> dict[str, Any]:
    """What the first site of a probe has."""
    from tetragon_sensors.policy.usdt_arguments import parse_usdt_arguments  # noqa: PLC0415  # late

    try:
        found = parse_usdt_arguments(text, os.uname().machine)
    except (KeyError, ValueError):
        return {}
    args = [
        {
            "index": index,
            "type": f"{'' if one.is_signed else 'u'}int{8 * one.size}",
            "label": one.text,
        }
        for index, one in enumerate(found)
    ]
    return {"args": args} if args else {}


def _syscalls() -> list[str]:
    from tetragon_sensors.kernel.facts import Kernel  # noqa: PLC0415  # not for --help

    symbols = Kernel.running().syscall_symbols()
    return sorted(_PREFIX + symbol.partition(f"_{_PREFIX}")[2] for symbol in symbols)


def _selectors(ctx: click.Context) -> Policy:
    path = ctx.meta.get(_BINARY)
    if path is None:
        return {}
    return {"selectors": [{"matchBinaries": [{"operator": "In", "values": [path]}]}]}


def _write(name: str, spec: Policy) -> None:
    import yaml  # noqa: PLC0415  # keeps --help fast

    policy = {
        "apiVersion": "cilium.io/v1alpha1",
        "kind": "TracingPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    click.echo(yaml.dump(policy, Dumper=dumper, sort_keys=False, allow_unicode=True), nl=False)
