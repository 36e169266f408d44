# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with `args`, `data` and `returnArg` whatever the kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .model import Argument, FunctionHook, TracepointHook, UprobeHook, UsdtHook

if TYPE_CHECKING:
    from .model import Hook
    from .problems import Problems

__all__ = ["check_arguments"]

_RESOLVE: Final = re.compile(r"\.?(\w+|\[\d+\])(\.\w+|\[\d+\])*", re.ASCII)
_MAX_REGISTER_INDEX: Final = 5
"""Six arguments are in registers on x86-64, and system calls have no more."""
_MAX_TRACEPOINT_INDEX: Final = 11
"""MAX_BPF_FUNC_REG_ARGS and the widest tracepoint have twelve."""
_MAX_USDT_INDEX: Final = 11
_MAX_SIZE_INDEX: Final = 15
_SIZED_TYPES: Final = frozenset({"char_buf", "char_iovec", "auto"})


def check_arguments(hook: Hook, problems: Problems) -> None:
    """Note what is wrong with each argument, and with them together."""
    for argument in hook.args:
        _check_type(argument, hook, problems)
        _check_index(argument, hook, problems)
        _check_buffer(argument, hook, problems)
        _check_resolve(argument, hook, problems)
        if argument.source:
            message = "source is for data only; an argument comes from the call"
            problems.error(message, argument.at("source"))
    copies = [argument for argument in hook.args if argument.return_copy]
    for argument in copies[1:]:
        message = f"returnCopy is possible for one argument; {copies[0].where.path} has it"
        problems.error(message, argument.at("return_copy"))
    if isinstance(hook, (FunctionHook, UprobeHook)):
        for datum in hook.data:
            _check_type(datum, hook, problems)
            _check_datum(datum, hook, problems)
        if hook.return_arg is not None:
            _check_type(hook.return_arg, hook, problems)


def _check_type(argument: Argument, hook: Hook, problems: Problems) -> None:
    where = argument.at("type")
    if argument.type == "const_buf":
        message = "const_buf cannot be asked for; leave the type out, the tracepoint tells it"
        problems.error(message, where)
    if isinstance(hook, TracepointHook):
        return
    if argument.type == "auto" and "type" in argument.places:
        problems.error("auto is for tracepoints only; name the argument's type", where)
    elif argument.type == "auto":
        problems.error('"type" is missing; only tracepoints know their types', where)
    elif argument.type == "syscall64":
        problems.error("syscall64 is for tracepoints only", where)


def _check_index(argument: Argument, hook: Hook, problems: Problems) -> None:
    if isinstance(hook, TracepointHook):
        if not hook.raw:
            return  # The format file of the tracepoint tells how many fields there are.
        limit = _MAX_TRACEPOINT_INDEX
    else:
        limit = _MAX_USDT_INDEX if isinstance(hook, UsdtHook) else _MAX_REGISTER_INDEX
    if argument.index > limit:
        message = f"there is no argument {argument.index}; allowed: 0 to {limit}"
        problems.error(message, argument.at("index"))


def _check_buffer(argument: Argument, hook: Hook, problems: Problems) -> None:
    is_buffer = argument.type in _SIZED_TYPES
    size_limit = _MAX_SIZE_INDEX
    if not isinstance(hook, TracepointHook):
        size_limit = _MAX_REGISTER_INDEX + 1
    if argument.size_arg_index > size_limit:
        message = f"counts arguments from 1; allowed: 1 to {size_limit}, or 0 for none"
        problems.error(message, argument.at("size_arg_index"))
    if argument.size_arg_index and not is_buffer:
        message = f"has no effect on the type {argument.type}"
        problems.warn(message, argument.at("size_arg_index"))
    if argument.type == "char_buf" and not (argument.size_arg_index or argument.return_copy):
        message = "without sizeArgIndex or returnCopy the length is unknown; the buffer stays empty"
        problems.warn(message, argument.at("type"))
    if argument.return_copy and argument.max_data:
        message = "returnCopy and maxData are not possible together"
        problems.error(message, argument.at("max_data"))
    if argument.return_copy and (not is_buffer or not isinstance(hook, FunctionHook)):
        message = "has an effect only on char_buf and char_iovec of kprobes and fentries"
        problems.warn(message, argument.at("return_copy"))
    if argument.max_data and (argument.type != "char_buf" or not isinstance(hook, FunctionHook)):
        message = "has an effect only on char_buf of kprobes and fentries"
        problems.warn(message, argument.at("max_data"))


def _check_resolve(argument: Argument, hook: Hook, problems: Problems) -> None:
    where = argument.at("resolve")
    if argument.resolve and not _RESOLVE.fullmatch(argument.resolve):
        message = f'"{argument.resolve}" is no path; write names and numbers: mm.owner.comm[0]'
        problems.error(message, where)
    if argument.btf_type and not argument.resolve:
        message = "has no effect without resolve"
        problems.warn(message, argument.at("btf_type"))
    if argument.btf_type_module and not argument.btf_type:
        problems.warn("has no effect without btfType", argument.at("btf_type_module"))
    if isinstance(hook, (UprobeHook, UsdtHook)) and argument.resolve and not argument.source:
        if not argument.btf_type:
            message = "needs btfType: the binary does not say what the argument points to"
            problems.error(message, where)
        if not hook.btf_path:
            problems.error("needs the hook's btfPath, a file with the binary's types", where)
    if argument.resolve and isinstance(hook, TracepointHook) and not hook.raw:
        problems.warn("has an effect only on raw tracepoints; set raw: true", where)


def _check_datum(datum: Argument, hook: Hook, problems: Problems) -> None:
    if not datum.source:
        if "source" not in datum.places:
            message = '"source" is missing; allowed: current_task, pt_regs'
            problems.error(message, datum.where)
    elif not datum.resolve:
        what = "a register" if datum.source == "pt_regs" else "a field of task_struct"
        problems.error(f'"resolve" is missing; it names {what}', datum.where)
    _check_resolve(datum, hook, problems)
