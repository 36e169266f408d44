# SPDX-License-Identifier: Apache-2.0
"""The two shell scripts that run in the machine before the command. Text only, nothing runs here.

`first_script` runs on busybox in the initramfs: it mounts this host's root, read-only and with a
writable layer in memory above it. `second_script` runs there with the host's own programs: it
mounts what a booted system has, runs the command and turns the machine off.

The first serial port is the console, the others are for the command's output and its exit code.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from .platforms import AMD64, Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .shares import Share

__all__ = ["CgroupMode", "GuestCommand", "first_script", "second_script"]

CgroupMode = Literal["v2", "hybrid"]

P9_OPTIONS: Final = "trans=virtio,version=9p2000.L,access=any,msize=512000"

FIRST: Final = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
	insmod "$module" || echo "vm: cannot load $module" >/dev/console
done
mount -t 9p -o ro,cache=loose,{p9_options} host /lower &&
	mount -t tmpfs -o size=80% upper /upper &&
	mkdir /upper/files /upper/work &&
	mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root || {{
	echo "vm: cannot mount the root" >/dev/console
	poweroff -f
}}
mkdir -p /root/lib/modules/{release} /root/.vm
{modules}
{shares}
cp /second /root/.vm/second
for directory in proc sys dev; do
	mkdir -p /root/$directory
	mount --move /$directory /root/$directory
done
exec switch_root /root /bin/sh /.vm/second
"""

SHARE: Final = """\
mkdir -p /root{place}
mount -t 9p -o {access},{p9_options} {tag} /root{place}
"""

SECOND: Final = """\
export PATH={path}
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t securityfs securityfs /sys/kernel/security
ln -sf /proc/self/fd /dev/fd
{cgroups}
hostname vm
ip link set lo up 2>/dev/null
stty raw -echo <{output}
{environment}
(
	cd {directory} && exec {command}
) >{output} 2>&1 </dev/null
echo $? >{exit_code}
sync
echo o >/proc/sysrq-trigger
sleep 60
"""

CGROUPS: Final[Mapping[CgroupMode, str]] = {
    "v2": """\
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
	echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done""",
    "hybrid": """\
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
while read -r controller _ _ enabled; do
	[ "$enabled" = 1 ] || continue
	mkdir "/sys/fs/cgroup/$controller"
	mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
done </proc/cgroups
mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestCommand:
    """What to run in the machine, and in which surroundings."""

    arguments: Sequence[str]
    directory: Path
    cgroup: CgroupMode = "v2"
    environment: Mapping[str, str] = field(default_factory=dict)
    """PATH is among it; nothing else of the host's environment is there."""


def first_script(*, release: str, modules: Path | None, shares: Sequence[Share]) -> str:
    """Text of /init; `modules` is where the root has those of the kernel, None: one share is."""
    mounts = [
        SHARE.format(
            place=shlex.quote(str(one.place)),
            access="ro,cache=loose" if one.is_readonly else "rw",
            tag=f"share{number}",
            p9_options=P9_OPTIONS,
        )
        for number, one in enumerate(shares)
    ]
    place = f"/root/lib/modules/{release}"
    return FIRST.format(
        release=release,
        modules=f"mount --bind /root{shlex.quote(str(modules))} {place}" if modules else "",
        shares="".join(mounts),
        p9_options=P9_OPTIONS,
    )


def second_script(guest: GuestCommand, platform: Platform = AMD64) -> str:
    """Text of the script that the initramfs hands over to."""
    variables = {"HOME": "/root", "LANG": "C.UTF-8", "TERM": "dumb", **guest.environment}
    exports = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return SECOND.format(
        path=shlex.quote(variables.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")),
        cgroups=CGROUPS[guest.cgroup],
        environment="\n".join(exports),
        directory=shlex.quote(str(guest.directory)),
        command=shlex.join(guest.arguments),
        output=platform.output_device,
        exit_code=platform.exit_code_device,
    )
