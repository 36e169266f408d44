# SPDX-License-Identifier: Apache-2.0
"""System calls that can be denied at a security hook inside them.

A call is in the table only if nothing it does takes effect before one of its hooks, on every way
through it (fs/namei.c, fs/attr.c, net/socket.c, kernel/sys.c, security/security.c). So open and its
kin are not here: O_PATH passes no hook. Nor are calls that no hook sees, like dup.
"""

from __future__ import annotations

from typing import Final

__all__ = ["INNER_HOOKS"]

_ATTRIBUTES: Final = ("inode_setattr",)
_SEND: Final = ("socket_sendmsg",)
_RECEIVE: Final = ("socket_recvmsg",)
_FILE: Final = ("file_permission",)

INNER_HOOKS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("symlink", "symlinkat"), ("inode_symlink",)),
    **dict.fromkeys(("link", "linkat"), ("inode_link",)),
    "unlink": ("inode_unlink",),
    "unlinkat": ("inode_unlink", "inode_rmdir"),
    "rmdir": ("inode_rmdir",),
    **dict.fromkeys(("mkdir", "mkdirat"), ("inode_mkdir",)),
    **dict.fromkeys(("rename", "renameat", "renameat2"), ("inode_rename",)),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), _ATTRIBUTES),
    **dict.fromkeys(("chown", "lchown", "fchown", "fchownat"), _ATTRIBUTES),
    **dict.fromkeys(("truncate", "ftruncate"), _ATTRIBUTES),
    **dict.fromkeys(("utime", "utimes", "futimesat", "utimensat"), _ATTRIBUTES),
    **dict.fromkeys(("read", "readv", "pread64", "preadv", "preadv2"), _FILE),
    **dict.fromkeys(("write", "writev", "pwrite64", "pwritev", "pwritev2"), _FILE),
    "socket": ("socket_create",),
    "socketpair": ("socket_create",),
    "bind": ("socket_bind",),
    "connect": ("socket_connect",),
    "listen": ("socket_listen",),
    "shutdown": ("socket_shutdown",),
    "setsockopt": ("socket_setsockopt",),
    "getsockopt": ("socket_getsockopt",),
    **dict.fromkeys(("accept", "accept4"), ("socket_accept",)),
    **dict.fromkeys(("sendto", "sendmsg", "sendmmsg"), _SEND),
    **dict.fromkeys(("recvfrom", "recvmsg", "recvmmsg"), _RECEIVE),
    **dict.fromkeys(("kill", "tkill", "tgkill"), ("task_kill",)),
    **dict.fromkeys(("setuid", "setreuid", "setresuid"), ("task_fix_setuid",)),
    **dict.fromkeys(("setgid", "setregid", "setresgid"), ("task_fix_setgid",)),
    "setpgid": ("task_setpgid",),
    "mount": ("sb_mount",),
    "umount": ("sb_umount",),
    "pivot_root": ("sb_pivotroot",),
    "move_mount": ("move_mount",),
    "bpf": ("bpf",),
    "perf_event_open": ("perf_event_open",),
    **dict.fromkeys(("clock_settime", "settimeofday"), ("settime",)),
    **dict.fromkeys(("execve", "execveat"), ("bprm_check_security",)),
    **dict.fromkeys(("fork", "vfork", "clone", "clone3"), ("task_alloc",)),
}
"""Name of a system call -> LSM hooks, without prefix."""
