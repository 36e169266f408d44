# SPDX-License-Identifier: Apache-2.0
"""Record bytes -> messages. A short or unknown record is an error, never a guess."""

from __future__ import annotations

import re
from itertools import accumulate
from operator import itemgetter
from struct import Struct, calcsize
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.messages import (
    Capabilities,
    CgroupMessage,
    Credentials,
    ExecDetails,
    ExecMessage,
    ExitMessage,
    ForkMessage,
    Namespaces,
    ProcessKey,
    ThrottleMessage,
)

from . import _wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple

    from tetragon_core.messages import Message

__all__ = ["RecordError", "decode"]

_EXEC_BYTES: Final = _wire.REC_EXEC.size
_FORK_BYTES: Final = _wire.REC_FORK.size
_EXIT_BYTES: Final = _wire.REC_EXIT.size
_THROTTLE_BYTES: Final = _wire.REC_THROTTLE.size
_CGROUP_BYTES: Final = _wire.REC_CGROUP.size
_DELETED: Final = int(_wire.ExecFlag.DELETED)
_ENVIRON: Final = int(_wire.ExecFlag.ENVIRON)
_KERNEL_THREAD: Final = int(_wire.ExitFlag.KERNEL_THREAD)

# This is the hottest code of the agent, hence its habits: nothing is unpacked before somebody reads
# it, messages are filled without a call of their constructor, operations on enums are kept out.
_new: Final = tuple.__new__


def _only(layout: type[NamedTuple], packed: Struct, *names: str) -> Struct:
    """A reader of these fields alone; they come in the order of the record."""
    fields = iter(layout._fields)
    codes = re.findall(r"\d*x|[A-Z]", str(packed.format))
    kept = (
        code if code.endswith("x") or next(fields) in names else f"{calcsize('<' + code)}x"
        for code in codes
    )
    return Struct("<" + "".join(kept))


def _pick(layout: type[NamedTuple], *names: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A function that takes these fields out of the unpacked values of a record."""
    fields: tuple[str, ...] = layout._fields
    return itemgetter(*(fields.index(name) for name in names))


_KEYS: Final = ("process_ktime", "process_tgid", "parent_ktime", "parent_tgid")
_LENGTHS: Final = (
    *("cgroup_len", "tty_len", "filename_len", "interpreter_len", "cwd_len", "executable_len"),
    "args_len",
)
_EXEC: Final = _only(
    *(_wire.RecExec, _wire.REC_EXEC, "size", "flags", "nspid", *_KEYS),
    *("previous_ktime", "previous_tgid", "fork_ktime", *_LENGTHS),
)
"""Where the process belongs, and whether the record is whole."""
_FORK: Final = _only(_wire.RecFork, _wire.REC_FORK, "size", "nspid", *_KEYS)
_EXIT: Final = _only(
    *(_wire.RecExit, _wire.REC_EXIT, "size", "flags", "process_ktime", "process_tgid"),
    *("ktime", "code"),
)
_THROTTLE: Final = _only(
    *(_wire.RecThrottle, _wire.REC_THROTTLE, "size", "process_ktime", "process_tgid"),
    *("ktime", "cgroup_id"),
)
_CGROUP: Final = _only(
    *(_wire.RecCgroup, _wire.REC_CGROUP, "size", "flags", "ktime", "cgroup_id", "parent_id")
)
_FLAGS: Final = _wire.RecExec._fields.index("flags")
_numbers: Final = _pick(_wire.RecExec, "tid", "auid", "inode", "nlink", "cgroup_id")
_lengths: Final = _pick(_wire.RecExec, *_LENGTHS)


class RecordError(ValueError):
    """The bytes are not a record this version knows."""


def decode(record: bytes) -> Message:
    """Decode one record. Raises RecordError."""
    build = _DECODERS.get(record[_KIND_BYTES])
    if build is None:
        raise RecordError(_why_none_of_ours(record))
    return build(record)


def _why_none_of_ours(record: bytes) -> str:
    if len(record) < _wire.REC_HEADER.size:
        return f"record of {len(record)} bytes is shorter than its header"
    return f"record of unknown kind {int.from_bytes(record[_KIND_BYTES], 'little')}"


def _unpack(layout: Struct, least: int, record: bytes) -> tuple[int, ...]:
    """The values of `layout`, of which the first says how many of the bytes were used."""
    if len(record) < least:
        raise RecordError(f"record of {len(record)} bytes is shorter than its kind")
    values = layout.unpack_from(record)
    # a reservation is larger than what was used of it
    if not least <= values[0] <= len(record):
        raise RecordError(f"record says {values[0]} bytes, has {len(record)}")
    return values


def _exec(record: bytes) -> ExecMessage:
    """Where it belongs; what was executed, `_details` tells when somebody asks."""
    (
        size,
        flags,
        nspid,
        ktime,
        tgid,
        parent_ktime,
        parent_tgid,
        previous_ktime,
        previous_tgid,
        fork_ktime,
        arguments,
        cgroup,
        tty,
        filename,
        interpreter,
        cwd,
        executable,
    ) = _unpack(_EXEC, _EXEC_BYTES, record)
    cwd_start = _EXEC_BYTES + cgroup + tty + filename + interpreter
    cwd_end = cwd_start + cwd
    end = cwd_end + executable + arguments
    if end != size and (end > size or not flags & _ENVIRON):
        raise RecordError(f"the parts of an exec record of {size} bytes do not add up to that")
    message = ExecMessage.__new__(ExecMessage)
    message.process_tgid = tgid
    message.process_ktime_ns = ktime
    message.previous_tgid = previous_tgid
    message.previous_ktime_ns = previous_ktime
    message.parent_tgid = parent_tgid
    message.parent_ktime_ns = parent_ktime
    message.fork_ktime_ns = fork_ktime
    message.nspid = nspid
    message.flags = flags
    message.cwd = record[cwd_start:cwd_end]
    message.text_bytes = end + arguments
    message.record = record[:end]
    message.environ = record[end:size]
    message.read_details = _details
    return message


def _details(record: bytes) -> ExecDetails:
    values = _wire.REC_EXEC.unpack_from(record)
    offsets = tuple(accumulate(_lengths(values), initial=_EXEC_BYTES))
    cgroup, tty, filename, interpreter, cwd, executable, arguments, end = offsets
    path = record[executable:arguments]
    # Not by name: that would be interpreted code, and cost as much as all the rest.
    return _new(
        ExecDetails,
        (
            *_numbers(values),
            _new(Credentials, values[_wire.REC_EXEC_CREDS]),
            _new(Capabilities, values[_wire.REC_EXEC_CAPS]),
            _new(Namespaces, values[_wire.REC_EXEC_NS]),
            record[cgroup:tty],
            record[tty:filename],
            record[filename:interpreter],
            record[interpreter:cwd],
            path + b" (deleted)" if values[_FLAGS] & _DELETED else path,
            _split(record[arguments:end]),
        ),
    )


def _split(arguments: bytes) -> tuple[bytes, ...]:
    """Split argv as it lies in memory: each argument ends with NUL, unless the text was cut."""
    if not arguments:
        return ()
    return tuple(arguments.removesuffix(b"\0").split(b"\0"))


def _fork(record: bytes) -> ForkMessage:
    _, nspid, ktime, tgid, parent_ktime, parent_tgid = _unpack(_FORK, _FORK_BYTES, record)
    message = ForkMessage.__new__(ForkMessage)
    message.process_tgid = tgid
    message.process_ktime_ns = ktime
    message.parent_tgid = parent_tgid
    message.parent_ktime_ns = parent_ktime
    message.nspid = nspid
    return message


def _exit(record: bytes) -> ExitMessage:
    _, flags, ktime, tgid, end_ktime, code = _unpack(_EXIT, _EXIT_BYTES, record)
    message = ExitMessage.__new__(ExitMessage)
    message.process_tgid = tgid
    message.process_ktime_ns = ktime
    message.ktime_ns = end_ktime
    message.code = code
    message.kernel_thread = flags & _KERNEL_THREAD != 0
    return message


def _throttle(record: bytes) -> ThrottleMessage:
    size, process_ktime, tgid, ktime, cgroup_id = _unpack(_THROTTLE, _THROTTLE_BYTES, record)
    process = ProcessKey(tgid, process_ktime)
    return ThrottleMessage(process, ktime, cgroup_id, record[_THROTTLE_BYTES:size])


def _cgroup(record: bytes) -> CgroupMessage:
    size, flags, ktime, cgroup_id, parent_id = _unpack(_CGROUP, _CGROUP_BYTES, record)
    return CgroupMessage(ktime, cgroup_id, parent_id, record[_CGROUP_BYTES:size], flags)


_KIND_BYTES: Final = slice(4, 6)
"""Where a record has its kind."""
_DECODERS: Final[dict[bytes, Callable[[bytes], Message]]] = {
    int(_wire.RecKind.EXEC).to_bytes(2, "little"): _exec,
    int(_wire.RecKind.FORK).to_bytes(2, "little"): _fork,
    int(_wire.RecKind.EXIT).to_bytes(2, "little"): _exit,
    int(_wire.RecKind.THROTTLE).to_bytes(2, "little"): _throttle,
    int(_wire.RecKind.CGROUP).to_bytes(2, "little"): _cgroup,
}
