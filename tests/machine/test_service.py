# SPDX-License-Identifier: Apache-2.0
"""The executable installed as a service: from `install` to `uninstall`, with a reboot between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from machine.installed import LISTING, SETTINGS, SLOW_S, UNIT

if TYPE_CHECKING:
    from machine.installed import Installed

WORDS: Final = [f"machine-test-{number}" for number in range(3)]
EXPECTED: Final = [(kind, word) for word in WORDS for kind in ("process_exec", "process_exit")]
AGAIN: Final = f"""\
kill -9 $(systemctl show --value -p MainPID {UNIT})
until [ "$(systemctl show --value -p NRestarts {UNIT})" = 1 ] && systemctl -q is-active {UNIT}; do
	sleep 0.5
done
"""
FORBIDDEN: Final = "/root/forbidden"
POLICY: Final = f"""\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: nobody-makes-it
spec:
  kprobes:
  - call: sys_mkdir
    syscall: true
    args:
    - index: 0
      type: string
    selectors:
    - matchArgs:
      - index: 0
        operator: Equal
        values:
        - {FORBIDDEN}
      matchActions:
      - action: Override
        argError: -1
"""
FILE: Final = "/etc/tetragon/tetragon.tp.d/nobody.yaml"
FORBID: Final = f"""\
cat >{FILE} <<'END'
{POLICY}END
while mkdir {FORBIDDEN} 2>/dev/null; do rmdir {FORBIDDEN}; sleep 0.2; done
"""
ALLOW: Final = f"""\
rm {FILE}
until mkdir {FORBIDDEN} 2>/dev/null; do sleep 0.2; done
rmdir {FORBIDDEN}
"""
# Something tries all the time, and writes down what it was refused with.
UPGRADE: Final = f"""\
rm -f /run/tries /run/enough
export LC_ALL=C
while [ ! -e /run/enough ]; do
	mkdir {FORBIDDEN} 2>>/run/tries && echo made >>/run/tries
	sleep 0.3
done &
tries=$!
systemctl restart {UNIT}
# Something is to be done then: a file of the earlier version is missing.
rm /usr/local/share/zsh/site-functions/_tetragon-mini
pid=$(systemctl show --value -p MainPID {UNIT})
/host/tetragon-mini install >/run/upgrade 2>&1 || cat /run/upgrade
[ $pid != $(systemctl show --value -p MainPID {UNIT}) ] || echo "the agent was not restarted"
touch /run/enough
wait $tries
sort -u /run/tries
"""
REFUSED: Final = f"mkdir: cannot create directory '{FORBIDDEN}': Operation not permitted"


def test_the_service_tells_of_commands(installed: Installed) -> None:
    """After `install` it runs, starts at boot, tells what runs; its journal can be read."""
    assert "enabled" == installed.machine.output(f"systemctl is-enabled {UNIT}").strip()
    assert EXPECTED == installed.events_of(WORDS)
    assert any('msg="agent is ready"' in line for line in installed.journal())


def test_a_killed_agent_runs_again(installed: Installed) -> None:
    """Systemd starts it anew, and both say so: nothing is silent."""
    before = installed.journal()
    installed.machine.output(AGAIN, timeout_s=SLOW_S)
    said = installed.journal()[len(before) :]

    assert 1 == len([line for line in said if "code=killed, status=9/KILL" in line])
    assert 1 == len([line for line in said if 'msg="agent is ready"' in line])
    assert EXPECTED == installed.events_of(WORDS)


def test_reload_takes_good_settings_only(installed: Installed) -> None:
    """A reload reads changed settings; a broken file is refused with its line, and all goes on."""
    machine = installed.machine
    agent = installed.processes()
    machine.output(f"cp {SETTINGS} /root/settings; echo 'log-level: debug' >>{SETTINGS}")
    machine.output(f"systemctl reload {UNIT}", timeout_s=SLOW_S)
    machine.output(f"echo 'log-level: [' >>{SETTINGS}")
    before = installed.journal()
    broken = machine.run(f"systemctl reload {UNIT}", timeout_s=SLOW_S)
    said = [line for line in installed.journal()[len(before) :] if SETTINGS in line]
    machine.output(f"cp /root/settings {SETTINGS}; systemctl reload {UNIT}", timeout_s=SLOW_S)

    assert broken.code != 0
    assert 1 == len(said), said
    assert (agent, "active") == (installed.processes(), installed.shows("ActiveState"))


def test_what_is_forbidden_stays_forbidden(installed: Installed) -> None:
    """No call passes while the service restarts, and while another version is installed over it."""
    machine = installed.machine
    machine.output(FORBID)
    told = machine.output(UPGRADE, timeout_s=2 * SLOW_S)
    machine.output(ALLOW)

    assert [REFUSED] == told.splitlines()


def test_it_is_there_after_a_reboot(installed: Installed) -> None:
    """The machine boots with the service, without anybody's help."""
    installed.machine.reboot()

    assert "active" == installed.shows("ActiveState")
    assert EXPECTED == installed.events_of(WORDS)


def test_uninstall_leaves_nothing(installed: Installed, untouched: list[str]) -> None:
    """Every file is gone, no process runs, and systemd knows no such unit."""
    machine = installed.machine
    machine.output("/host/tetragon-mini uninstall", timeout_s=SLOW_S)

    left = sorted(set(machine.output(LISTING).splitlines()) - set(untouched))
    assert [] == left
    assert [] == sorted(set(untouched) - set(machine.output(LISTING).splitlines()))
    assert (
        ""
        == machine.run("pgrep -a tetragon; ls -d /run/tetragon* /sys/fs/bpf/* 2>/dev/null").output
    )
    assert "not-found" == installed.shows("LoadState")
