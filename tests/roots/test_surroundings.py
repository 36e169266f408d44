# SPDX-License-Identifier: Apache-2.0
"""What a root's own C library would be told does not disturb the executable."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

from exe.executables import DEADLINE_S
from roots.private_root import PROGRAM
from roots.test_program import RUN, VERSION, start_agent

if TYPE_CHECKING:
    from roots.private_root import PrivateRoot

OPTIONS = ("--dir=/opt/hook", "--config=/opt/hooks.d")
NAMES = "passwd: compat systemd\ngroup: compat systemd\nhosts: files myhostname dns\n"


def test_libraries_for_every_program(root: PrivateRoot) -> None:
    """Those of /etc/ld.so.preload are for the C library of the root; they are not looked for."""
    (root.path / "etc/ld.so.preload").write_text("/lib/x86_64-linux-gnu/libm.so.6\n/none.so\n")

    assert VERSION == root.run(PROGRAM, "version")


def test_the_hook_tells_the_agent(root: PrivateRoot) -> None:
    """The hook's program, installed in the root, calls the agent; groups are those of the root."""
    (root.path / "etc/nsswitch.conf").write_text(NAMES)
    with (root.path / "etc/group").open("a") as groups:
        groups.write("watchers:x:4711:\n")
    bundle = root.path / "bundle"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps({"linux": {"cgroupsPath": "/a/b"}}))
    (bundle / "state").write_text(json.dumps({"id": "0abc", "bundle": "/bundle"}))
    address = f"unix://{RUN}/a.sock"

    installed = root.run(PROGRAM, "hook", "install", "--runtime=podman", *OPTIONS)
    agent = start_agent(root, "localhost:0", "--unix-socket-group=watchers")
    group = (root.path / RUN.removeprefix("/") / "a.sock").stat().st_gid
    call = f"/opt/hook/tetragon-oci-hook createRuntime --grpc-address={address} < /bundle/state"
    called = root.run("/bin/sh", "-c", call)
    told = root.run(PROGRAM, "hook", "status", f"--grpc-address={address}", *OPTIONS)
    agent.send_signal(signal.SIGTERM)
    agent.communicate(timeout=DEADLINE_S)

    assert 0 == installed[0], installed
    assert (0, "", "") == called
    assert ["ok"] * 4 == [line.partition(" ")[0] for line in told[1].splitlines()], told
    assert 4711 == group
