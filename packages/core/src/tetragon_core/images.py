# SPDX-License-Identifier: Apache-2.0
"""What runs in a process: an Image from an exec record or from the /proc walk."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from .arguments import decode_text, format_arguments
from .cgroups import container_id
from .flags import exec_flags
from .messages import ExecFlag
from .paths import absolute_binary
from .process import BinaryProperties, Image
from .redaction import redact_image

if TYPE_CHECKING:
    from .messages import ExecDetails, ExecMessage
    from .redaction import Redaction
    from .scanned import ScannedProcess

__all__ = ["AUID_UNSET", "exec_image", "kernel_image", "scanned_image", "stream_flags"]

AUID_UNSET: Final = 0xFFFF_FFFF

# Plain integers: an operation on the enum costs more than the rest of its expression.
_SETUID: Final = int(ExecFlag.SETUID)
_SETGID: Final = int(ExecFlag.SETGID)
_FILE_CAPS: Final = int(ExecFlag.FILE_CAPS)
_PRIVILEGED: Final = _SETUID | _SETGID | _FILE_CAPS
_BY_EXECVEAT: Final = int(ExecFlag.BY_EXECVEAT)
_ERROR_CWD: Final = int(ExecFlag.ERROR_CWD)


def stream_flags(message: ExecMessage, *, parent_missing: bool, in_init_tree: bool) -> str:
    """Flags text of the process that `message` makes."""
    return exec_flags(message.flags, message.cwd == b"/", parent_missing, in_init_tree)


def exec_image(message: ExecMessage, redaction: Redaction | None = None) -> Image:
    """What an exec record says was loaded, without its secrets."""
    if redaction is not None:
        return _RedactedImage(message, redaction)
    return _StreamImage(message)


class _StreamImage(Image):
    """Puts off all work until a field is read: most images end without anybody having looked."""

    __slots__ = ("_message",)

    def __init__(self, message: ExecMessage) -> None:
        self._message = message
        self.text_bytes = message.text_bytes

    def __post_init__(self) -> None:
        """The size is known already, and may not change."""

    def __getattr__(self, name: str) -> object:
        """Called for an unset slot only, that is once: it sets them all."""
        if name not in Image.__slots__:
            raise AttributeError(name)
        self._fill(self._message)
        del self._message
        return getattr(self, name)

    def _fill(self, message: ExecMessage) -> None:
        flags, details = message.flags, message.details
        raw_cwd = b"" if flags & _ERROR_CWD else message.cwd
        cwd = decode_text(raw_cwd)
        executable = decode_text(details.executable)
        cgroup, container = _cgroup_texts(details.cgroup)
        # One by one, because the constructor of a dataclass stays Python when this is compiled.
        # A name that could not be read: the resolved path is the next best, better than none.
        self.binary = absolute_binary(decode_text(details.filename), cwd) or executable
        self.arguments = format_arguments(details.argv, cwd_follows=raw_cwd not in {b"", b"/"})
        self.cwd = cwd
        self.argv = details.argv
        self.executable = executable
        self.interpreter = decode_text(details.interpreter)
        self.tty = decode_text(details.tty)
        self.uid = details.credentials.euid
        self.auid = details.auid
        self.cgroup_id = details.cgroup_id
        self.cgroup = cgroup
        self.container_id = container
        self.by_execveat = bool(flags & _BY_EXECVEAT)
        self.credentials = details.credentials
        self.capabilities = details.capabilities
        self.namespaces = details.namespaces
        self.properties = (
            _properties(flags, details) if flags & _PRIVILEGED or not details.nlink else None
        )


class _RedactedImage(_StreamImage):
    """One that never shows a secret. Those in the message go with it, when it is first read."""

    __slots__ = ("_redaction",)

    def __init__(self, message: ExecMessage, redaction: Redaction) -> None:
        super().__init__(message)
        self._redaction = redaction

    def _fill(self, message: ExecMessage) -> None:
        super()._fill(message)
        redact_image(self, self._redaction)


def _properties(flags: int, details: ExecDetails) -> BinaryProperties:
    credentials = details.credentials
    by_root = credentials.euid == 0 and credentials.uid != 0
    group_root = credentials.egid == 0 and credentials.gid != 0
    return BinaryProperties(
        setuid=credentials.euid if flags & _SETUID else None,
        setgid=credentials.egid if flags & _SETGID else None,
        raised_by_file_caps=bool(flags & _FILE_CAPS),
        raised_by_setuid=bool(flags & _SETUID) and by_root,
        raised_by_setgid=bool(flags & _SETGID) and group_root,
        inode=details.inode if not details.nlink else None,
    )


# Cgroups repeat: a few hundred names on a big host.
@lru_cache(maxsize=4096)
def _cgroup_texts(name: bytes) -> tuple[str, str]:
    text = decode_text(name)
    return text, container_id(text)


def scanned_image(scanned: ScannedProcess, redaction: Redaction | None = None) -> Image:
    """What the /proc walk says is running, without its secrets."""
    image = _scanned_image(scanned)
    if redaction is not None:
        redact_image(image, redaction)
    return image


def _scanned_image(scanned: ScannedProcess) -> Image:
    argv = scanned.argv or ()
    credentials = scanned.credentials
    if scanned.kernel_thread:
        return Image(binary=f"[{scanned.comm}]", arguments="", cwd="", uid=0, auid=AUID_UNSET)
    cwd = scanned.cwd or ""
    return Image(
        # some processes hide their executable even from root; what they call themselves remains
        binary=scanned.executable or (decode_text(argv[0]) if argv else f"[{scanned.comm}]"),
        arguments=format_arguments(argv, cwd_follows=cwd not in {"", "/"}),
        cwd=cwd,
        argv=argv,
        executable=scanned.executable or "",
        uid=credentials.euid if credentials else None,
        auid=AUID_UNSET if scanned.auid is None else scanned.auid,
        cgroup_id=scanned.cgroup_id,
        cgroup=scanned.cgroup,
        container_id=scanned.container_id,
        credentials=credentials,
        capabilities=scanned.capabilities,
        namespaces=scanned.namespaces,
    )


def kernel_image() -> Image:
    """The pseudo process `<kernel>`."""
    return Image(binary="<kernel>", arguments="", cwd="", uid=0, auid=AUID_UNSET)
