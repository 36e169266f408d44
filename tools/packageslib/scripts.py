# SPDX-License-Identifier: Apache-2.0
"""The shell scripts that dpkg and rpm run around an installation. Text only, nothing runs here.

An installation enables and starts the service. An upgrade restarts it as soon as the files are
replaced, which is before apt configures the package: that may be minutes later. What policies
enforce goes on meanwhile. Where systemd does not run (a container, an image that is built) the
service is only enabled, and without systemd nothing is done. No script fails because the service
does not start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .description import NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEB_SCRIPTS", "RPM_SCRIPTS"]

_UNIT: Final = f"{NAME}.service"
_AT_BOOT: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT}"
_STATE: Final = f"/var/lib/{NAME} /run/{NAME} /run/tetragon"

_REFUSE: Final = f"""\
if [ -e /var/lib/{NAME}/installed.json ]; then
	echo "{NAME}: '{NAME} install' was used on this host; first run: {NAME} uninstall" >&2
	exit 1
fi
"""

_ENABLE: Final = f"""\
if command -v systemctl >/dev/null; then
	systemctl enable --quiet {_UNIT} || :
fi
"""

_SAY: Final = f'echo "{NAME}: the service did not start, see: journalctl -u {_UNIT}" >&2'

_START: Final = f"""\
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
	! systemctl is-enabled --quiet {_UNIT} || systemctl start {_UNIT} ||
		{_SAY}
fi
"""

_RESTART: Final = f"""\
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
	systemctl try-restart {_UNIT} ||
		{_SAY}
fi
"""

_STOP: Final = f"""\
if [ -d /run/systemd/system ]; then
	systemctl stop {_UNIT} || :
	# Policies go on without the agent; without the program nobody could end them.
	/usr/bin/{NAME} cleanup >/dev/null 2>&1 || :
fi
"""

_FORGET: Final = """\
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || :
fi
"""

DEB_SCRIPTS: Final[Mapping[str, str]] = {
    "preinst": f"""\
#!/bin/sh
set -e
{_REFUSE}""",
    "postinst": f"""\
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
if [ -z "$2" ]; then
{_ENABLE.rstrip()}
fi
{_START}""",
    "prerm": f"""\
#!/bin/sh
set -e
[ "$1" = remove ] || exit 0
{_STOP}""",
    "postrm": f"""\
#!/bin/sh
set -e
case $1 in
upgrade)
{_RESTART.rstrip()}
	exit 0
	;;
remove)
	rm -rf {_STATE}
	;;
purge)
	rm -rf {_STATE} /var/log/tetragon
	rm -f {_AT_BOOT}
	rmdir /etc/tetragon/tetragon.conf.d /etc/tetragon/tetragon.tp.d /etc/tetragon 2>/dev/null || :
	;;
*) exit 0 ;;
esac
{_FORGET}""",
}
"""As Debian's policy, chapter 6, names them. The link in multi-user.target.wants stays until the
package is purged, so one that was removed is enabled again when it comes back."""

RPM_SCRIPTS: Final[Mapping[str, str]] = {
    "pre": _REFUSE,
    "post": f"""\
if [ "$1" = 1 ]; then
{_ENABLE.rstrip()}
{_START.rstrip()}
else
{_RESTART.rstrip()}
fi
""",
    "preun": f"""\
if [ "$1" = 0 ]; then
{_STOP.rstrip()}
	rm -f {_AT_BOOT}
fi
""",
    "postun": f"""\
if [ "$1" = 0 ]; then
	rm -rf {_STATE} /var/log/tetragon
{_FORGET.rstrip()}
fi
""",
}
"""Section of the spec file → script; $1 is how many versions are left."""
