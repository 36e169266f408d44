# SPDX-License-Identifier: Apache-2.0
"""Record bytes -> messages. A short or unknown record is an error, never a guess."""

from __future__ import annotations

from itertools import accumulate
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from tetragon_core.messages import (
    Capabilities,
    Credentials,
    ExecMessage,
    ExitMessage,
    ForkMessage,
    Namespaces,
    ProcessKey,
)

from . import _wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NamedTuple

    from tetragon_core.messages import Message

__all__ = ["RecordError", "decode"]

_KIND: Final = Struct("<IH")
_HEADER_BYTES: Final = _wire.REC_HEADER.size
_EXEC_BYTES: Final = _wire.REC_EXEC.size
_DELETED: Final = int(_wire.ExecFlag.DELETED)
_KERNEL_THREAD: Final = int(_wire.ExitFlag.KERNEL_THREAD)

# This is the hottest code of the agent, hence three habits that each save a third of it: fields are
# picked by position (found by name, once), tuples are made without a call of Python code, and
# operations on enums are kept out.
_new: Final = tuple.__new__


def _pick(layout: type[NamedTuple], *names: str) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """A function that takes these fields out of the unpacked values of a record."""
    fields: tuple[str, ...] = layout._fields
    return itemgetter(*(fields.index(name) for name in names))


_process: Final = _pick(_wire.RecHeader, "process_tgid", "process_ktime")
_parent: Final = _pick(_wire.RecHeader, "parent_tgid", "parent_ktime")
_previous: Final = _pick(_wire.RecExec, "previous_tgid", "previous_ktime")
_numbers: Final = _pick(
    _wire.RecExec,
    *("fork_ktime", "tid", "nspid", "auid", "flags", "inode", "nlink", "cgroup_id"),
)
_lengths: Final = _pick(
    _wire.RecExec,
    *("cgroup_len", "tty_len", "filename_len", "interpreter_len", "cwd_len", "executable_len"),
    "args_len",
)
_FLAGS: Final = _wire.RecHeader._fields.index("flags")
_NSPID: Final = _wire.RecHeader._fields.index("nspid")
_end: Final = _pick(_wire.RecExit, "ktime", "code")


class RecordError(ValueError):
    """The bytes are not a record this version knows."""


def decode(record: bytes) -> Message:
    """Decode one record. Raises RecordError."""
    if len(record) < _HEADER_BYTES:
        raise RecordError(f"record of {len(record)} bytes is shorter than its header")
    size, kind = _KIND.unpack_from(record)
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise RecordError(f"record of unknown kind {kind}")
    least, build = decoder
    # a reservation is larger than what was used of it
    if not least <= size <= len(record):
        raise RecordError(f"record of kind {kind} says {size} bytes, has {len(record)}")
    return build(record, size)


def _exec(record: bytes, size: int) -> ExecMessage:
    values = _wire.REC_EXEC.unpack_from(record)
    offsets = tuple(accumulate(_lengths(values), initial=_EXEC_BYTES))
    cgroup, tty, filename, interpreter, cwd, executable, arguments, end = offsets
    if end != size:
        raise RecordError(f"exec record says {size} bytes, its parts add up to {end}")
    path = record[executable:arguments]
    return _new(
        ExecMessage,
        (
            _new(ProcessKey, _process(values)),
            _new(ProcessKey, _previous(values)),
            _new(ProcessKey, _parent(values)),
            *_numbers(values),
            _new(Credentials, values[_wire.REC_EXEC_CREDS]),
            _new(Capabilities, values[_wire.REC_EXEC_CAPS]),
            _new(Namespaces, values[_wire.REC_EXEC_NS]),
            record[cgroup:tty],
            record[tty:filename],
            record[filename:interpreter],
            record[interpreter:cwd],
            record[cwd:executable],
            path + b" (deleted)" if values[_FLAGS] & _DELETED else path,
            _split(record[arguments:end]),
        ),
    )


def _split(arguments: bytes) -> tuple[bytes, ...]:
    """Split argv as it lies in memory: each argument ends with NUL, unless the text was cut."""
    if not arguments:
        return ()
    return tuple(arguments.removesuffix(b"\0").split(b"\0"))


def _fork(record: bytes, _size: int) -> ForkMessage:
    values = _wire.REC_FORK.unpack_from(record)
    process, parent = _new(ProcessKey, _process(values)), _new(ProcessKey, _parent(values))
    return _new(ForkMessage, (process, parent, values[_NSPID]))


def _exit(record: bytes, _size: int) -> ExitMessage:
    values = _wire.REC_EXIT.unpack_from(record)
    is_kernel_thread = values[_FLAGS] & _KERNEL_THREAD != 0
    return _new(ExitMessage, (_new(ProcessKey, _process(values)), *_end(values), is_kernel_thread))


_DECODERS: Final[dict[int, tuple[int, Callable[[bytes, int], Message]]]] = {
    int(_wire.RecKind.EXEC): (_wire.REC_EXEC.size, _exec),
    int(_wire.RecKind.FORK): (_wire.REC_FORK.size, _fork),
    int(_wire.RecKind.EXIT): (_wire.REC_EXIT.size, _exit),
}
