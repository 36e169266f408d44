# SPDX-License-Identifier: Apache-2.0
"""Names of what a task has: namespaces and capabilities."""

from __future__ import annotations

from typing import Final

from .numbers import parse_sized_integer
from .problems import did_you_mean

__all__ = [
    "CAPABILITIES",
    "CAPABILITY_SETS",
    "NAMESPACES",
    "capability_bit",
    "capability_mask",
    "capability_names",
    "namespace_name",
]

NAMESPACES: Final = (
    *("Uts", "Ipc", "Mnt", "Pid", "PidForChildren"),
    *("Net", "Time", "TimeForChildren", "Cgroup", "User"),
)
CAPABILITY_SETS: Final = ("Effective", "Inheritable", "Permitted")

CAPABILITIES: Final = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID"),
    *("CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE"),
    *("CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK"),
    *("CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"),
    *("CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE"),
    *("CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE"),
    *("CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG"),
    *("CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF"),
    "CAP_CHECKPOINT_RESTORE",
)
"""By bit number: include/uapi/linux/capability.h."""
_BITS: Final = {name: bit for bit, name in enumerate(CAPABILITIES)}


def capability_bit(name: str) -> int:
    """Bit number of a capability; any case, with or without `CAP_`. Raises ValueError."""
    wanted = name.strip().upper()
    bit = _BITS.get(wanted, _BITS.get(f"CAP_{wanted}"))
    if bit is None:
        full = wanted if wanted.startswith("CAP_") else f"CAP_{wanted}"
        raise ValueError(f'unknown capability "{name}"{did_you_mean(full, CAPABILITIES)}')
    return bit


def capability_mask(names: str) -> int:
    """Set of the capabilities in a list separated by commas, or given as a number.

    Raises ValueError.
    """
    if names.strip()[:1].isdecimal():
        return parse_sized_integer(names, 64, signed=False)
    mask = 0
    for name in names.split(","):
        mask |= 1 << capability_bit(name)
    return mask


def capability_names(mask: int) -> tuple[str, ...]:
    """Names of the bits that are set, lowest first; bits without a name are left out."""
    return tuple(name for bit, name in enumerate(CAPABILITIES) if mask >> bit & 1)


def namespace_name(text: str) -> str:
    """A namespace as the custom resource spells it; letters of any case. Raises ValueError."""
    lowered = text.strip().lower()
    for name in NAMESPACES:
        if name.lower() == lowered:
            return name
    allowed = ", ".join(NAMESPACES)
    raise ValueError(
        f'unknown namespace "{text}"{did_you_mean(text, NAMESPACES)}; allowed: {allowed}'
    )
