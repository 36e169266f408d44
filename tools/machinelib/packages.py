# SPDX-License-Identifier: Apache-2.0
"""What the machine's root is made of. Data only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FILES", "LEFT_OUT", "LINKS", "MASKED", "PACKAGES", "SUITE"]

SUITE: Final = "bookworm"

PACKAGES: Final = (
    *(
        "base-files",
        "base-passwd",
        "bash",
        "coreutils",
        "dash",
        "diffutils",
        "dpkg",
        "findutils",
        "grep",
    ),
    *("gzip", "libc-bin", "mawk", "mount", "procps", "sed", "systemd-sysv", "tar", "util-linux"),
    "usr-is-merged",  # else usrmerge is taken, and Perl with it
)
"""With all that they depend on. Nobody brings up devices, a network or a login."""

LEFT_OUT: Final = (
    *("./usr/share/doc", "./usr/share/info", "./usr/share/locale", "./usr/share/man"),
    *("./usr/lib/x86_64-linux-gnu/gconv", "./usr/share/bash-completion", "./usr/share/lintian"),
)

MASKED: Final = (
    *(
        "getty.target",
        "remote-fs.target",
        "systemd-logind.service",
        "systemd-user-sessions.service",
    ),
    *("systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
    *("systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount", "dev-hugepages.mount"),
    *("systemd-firstboot.service", "systemd-hwdb-update.service", "systemd-sysusers.service"),
    *("systemd-journal-catalog-update.service", "systemd-update-done.service"),
    *("systemd-machine-id-commit.service", "systemd-random-seed.service"),
    *("systemd-modules-load.service", "kmod-static-nodes.service", "systemd-sysext.service"),
    *("modprobe@configfs.service", "modprobe@dm_mod.service", "modprobe@drm.service"),
    *("modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service"),
    *("sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "dev-mqueue.mount"),
    *("systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-pstore.service"),
    *("e2scrub_all.timer", "fstrim.timer", "dpkg-db-backup.timer", "systemd-tmpfiles-clean.timer"),
    *("systemd-update-utmp.service", "systemd-update-utmp-runlevel.service"),
    *("systemd-networkd.service", "systemd-fsck-root.service", "systemd-boot-system-token.service"),
)
"""Units that an emulated processor spends seconds on and that nothing here needs."""

LINKS: Final[Mapping[str, str]] = {
    "etc/systemd/system/default.target": "/usr/lib/systemd/system/multi-user.target",
    "etc/systemd/system/multi-user.target.wants/commands.service": "../commands.service",
    "usr/bin/awk": "mawk",
    "var/lock": "/run/lock",
    "var/run": "/run",
    **{f"etc/systemd/system/{unit}": "/dev/null" for unit in MASKED},
}

COMMANDS_UNIT: Final = """\
[Unit]
Description=Runs what comes in on the second serial port
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/opt/machine/commands
KillMode=process
TimeoutStopSec=2
"""

# A line is the number of the command and its text in base64; the answer is the number, the exit
# code and the output. The output goes through a file: a daemon may hold on to it.
COMMANDS: Final = """\
#!/bin/bash
export HOME=/root LANG=C.UTF-8 TERM=dumb
exec 3<>/dev/ttyS1
stty raw -echo <&3
echo "ready" >&3
while read -r number text <&3; do
	bash -c "$(base64 -d <<<"$text")" >/run/command-output 2>&1 </dev/null 3>&-
	echo "$number $? $(base64 -w0 /run/command-output)" >&3
done
"""

FILES: Final[Mapping[str, str]] = {
    "etc/systemd/system/commands.service": COMMANDS_UNIT,
    "opt/machine/commands": COMMANDS,
    "etc/fstab": "",
    "etc/hostname": "machine\n",
    "etc/hosts": "127.0.0.1 localhost machine\n",
    "etc/machine-id": "6d616368696e656d616368696e656d61\n",
    "etc/systemd/system.conf.d/machine.conf": "[Manager]\nDefaultTimeoutStopSec=20s\n",
    "etc/systemd/journald.conf.d/machine.conf": "[Journal]\nStorage=volatile\nAudit=no\n",
    "var/lib/dpkg/status": "",
}
