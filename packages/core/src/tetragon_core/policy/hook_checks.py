# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a hook of each section whatever the kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .list_checks import check_call_list
from .model import FunctionHook, UprobeHook
from .numbers import parse_integer
from .syscall_names import looks_like_syscall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .model import Hook, NamedList
    from .problems import Problems

__all__ = ["check_hook"]

_SYMBOL: Final = re.compile(r"[\w.$]+", re.ASCII)
_DIGEST: Final = re.compile(r"\s*([\w-]+)\s*:\s*([0-9a-fA-F]+)\s*")
_DIGEST_DIGITS: Final = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128, "build-id": 0}


def check_hook(hook: Hook, lists: Mapping[str, NamedList], problems: Problems) -> None:
    """Note what is wrong with a hook, its arguments and selectors apart."""
    if isinstance(hook, FunctionHook):
        _check_function(hook, lists, problems)
    if isinstance(hook, (FunctionHook, UprobeHook)):
        _check_return(hook, problems)
    if isinstance(hook, UprobeHook):
        _check_uprobe(hook, problems)


def _check_function(hook: FunctionHook, lists: Mapping[str, NamedList], problems: Problems) -> None:
    where = hook.at("call")
    if hook.call.startswith("list:"):
        check_call_list(hook.call, where, lists, problems)
    elif hook.syscall and hook.call and not looks_like_syscall(hook.call):
        message = f'{hook.call} is no system call; write "syscall: false", or its name as sys_NAME'
        problems.error(message, where)
    elif hook.call.strip() and not hook.syscall and not _SYMBOL.fullmatch(hook.call):
        problems.error(f'"{hook.call}" is no name of a function', where)
    if hook.return_arg_action and not hook.returns:
        problems.warn("has no effect without return: true", hook.at("return_arg_action"))


def _check_return(hook: FunctionHook | UprobeHook, problems: Problems) -> None:
    if hook.returns and hook.return_arg is None:
        message = "needs returnArg, which says the type of the return value"
        problems.error(message, hook.at("returns"))
    if hook.return_arg is not None and not hook.returns:
        problems.warn("has no effect without return: true", hook.at("return_arg"))


def _check_uprobe(hook: UprobeHook, problems: Problems) -> None:
    given = [name for name in ("symbols", "offsets", "addrs") if getattr(hook, name)]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        message = f"needs exactly one of symbols, offsets and addrs, found {found}"
        problems.error(message, hook.at(given[1]) if given else hook.where)
    places = len(hook.symbols or hook.offsets)
    if hook.ref_ctr_offsets and places and len(hook.ref_ctr_offsets) != places:
        message = f"has {len(hook.ref_ctr_offsets)} items for {places} places; give one for each"
        problems.error(message, hook.at("ref_ctr_offsets"))
    for number, symbol in enumerate(hook.symbols):
        _check_symbol(symbol, number, hook, problems)
    for number, digest in enumerate(hook.binary_digests):
        _check_digest(digest, number, hook, problems)


def _check_symbol(symbol: str, number: int, hook: UprobeHook, problems: Problems) -> None:
    name, plus, offset = symbol.partition("+")
    try:
        is_good = bool(name) and (not plus or parse_integer(offset) >= 0)
    except ValueError:
        is_good = False
    if not is_good:
        message = f'"{symbol}" is no symbol; write NAME or NAME+OFFSET'
        problems.error(message, hook.at("symbols", number))


def _check_digest(digest: str, number: int, hook: UprobeHook, problems: Problems) -> None:
    match = _DIGEST.fullmatch(digest)
    algorithm = match[1].lower() if match else ""
    where = hook.at("binary_digests", number)
    if match is None or algorithm not in _DIGEST_DIGITS:
        allowed = ", ".join(_DIGEST_DIGITS)
        problems.error(f'"{digest}" is no digest; write ALGORITHM:HEX with one of {allowed}', where)
        return
    wanted = _DIGEST_DIGITS[algorithm]
    if wanted and len(match[2]) != wanted:
        message = f"{algorithm} has {wanted} digits, found {len(match[2])}"
        problems.error(message, where)
