# SPDX-License-Identifier: Apache-2.0
"""The executable where nothing is but a distribution's smallest root, or no C library at all."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
from typing import TYPE_CHECKING, Final

import tetragon_core
from exe.executables import DEADLINE_S, wait_for_socket
from roots.private_root import PROGRAM, USER

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from roots.private_root import PrivateRoot

COPY: Final = "/var/lib/tetragon-mini/program/"
RUN: Final = "/run/roots-test"
EXECS: Final = 7
SCRIPT: Final = f"""\
number=0
while [ $number -lt {EXECS} ]; do
	/bin/true roots-test-$number
	number=$((number + 1))
done
"""
VERSION: Final = (0, f"CLI version: {tetragon_core.__version__}\n", "")


def free_port() -> int:
    """A port of this host that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_agent(root: PrivateRoot, address: str, *others: str) -> subprocess.Popen[str]:
    """An agent of the root that listens."""
    options = (f"--server-address={address}", f"--unix-socket={RUN}/a.sock")
    more = (f"--bpf-dir=roots-test-{root.name}", "--health-server-address=")
    agent = root.start(PROGRAM, "agent", f"--run-dir={RUN}", *options, *more, *others)
    wait_for_socket(root.path / RUN.removeprefix("/") / "a.sock", agent)
    return agent


@contextlib.contextmanager
def running_agent(root: PrivateRoot) -> Iterator[str]:
    """An agent of the root; the address, whose name the root's own files may not know."""
    address = f"localhost:{free_port()}"
    agent = start_agent(root, address)
    try:
        yield address
    finally:
        agent.send_signal(signal.SIGTERM)
        _, errors = agent.communicate(timeout=DEADLINE_S)
    assert agent.returncode == 0, errors


def events(client: subprocess.Popen[str], root: PrivateRoot) -> Iterator[tuple[str, ...]]:
    """Kind, program, arguments and parent's program, from the moment on that the client follows."""
    assert client.stdout is not None
    fence = root.start("/bin/sh", "-c", "while /bin/true roots-fence; do :; done")
    is_following = False
    for line in client.stdout:
        for kind, body in json.loads(line).items():
            if kind not in {"process_exec", "process_exit"}:
                continue
            arguments = body["process"].get("arguments", "")
            if arguments == "roots-fence" and not is_following:
                is_following = True
                fence.kill()
                fence.communicate()
                yield ("following",)
            if arguments.startswith("roots-test-"):
                parent = body.get("parent", {}).get("binary", "")
                yield kind, body["process"]["binary"], arguments, parent


def test_version_and_help(root: PrivateRoot) -> None:
    """Both print what they print anywhere, and leave the copy of the program and nothing else."""
    told = root.run(PROGRAM, "version")
    code, text, errors = root.run(PROGRAM, "--help")

    assert VERSION == told
    assert (0, "", True) == (code, errors, "getevents" in text)
    assert [] == [path for path in root.written() if not path.startswith(COPY)]


def test_every_start_and_end_is_seen_once(root: PrivateRoot) -> None:
    """Agent and client in the root see each program of it start and end, in order."""
    with running_agent(root) as address:
        client = root.start(PROGRAM, "getevents", "-o", "json", f"--server-address={address}")
        stream = events(client, root)
        assert next(stream) == ("following",)
        root.run("/bin/sh", "-c", SCRIPT)
        seen = [next(stream) for _ in range(2 * EXECS)]
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=DEADLINE_S)

    kinds = ("process_exec", "process_exit")
    expected = [
        (kind, "/bin/true", f"roots-test-{number}", "/bin/sh")
        for number in range(EXECS)
        for kind in kinds
    ]
    assert expected == seen


def test_nothing_is_left_by_what_is_killed(root: PrivateRoot) -> None:
    """Agent and client killed by SIGKILL leave the copy of the program and the run directory."""
    address = f"localhost:{free_port()}"
    agent = start_agent(root, address)
    client = root.start(PROGRAM, "getevents", "-o", "json", f"--server-address={address}")
    assert next(events(client, root)) == ("following",)
    for process in (client, agent):
        process.kill()
        process.communicate(timeout=DEADLINE_S)

    assert [] == [path for path in root.written() if not path.startswith((COPY, RUN))]


def test_a_user_runs_the_copy_of_root(root: PrivateRoot) -> None:
    """Who is not root, and has no home, runs what root has unpacked, and writes nothing."""
    root.run(PROGRAM, "version")
    before = root.written()
    told = root.run(PROGRAM, "version", user=USER)

    assert (VERSION, before) == (told, root.written())


def test_a_user_unpacks_at_home(root: PrivateRoot) -> None:
    """Without a copy of root's it is unpacked at home, or one line says what is missing."""
    home = root.path / "home-of-user"
    home.mkdir()
    home.chmod(0o700)
    (root.path / "home-of-user").stat()
    root.run("/bin/chown", f"{USER}:{USER}", "/home-of-user")

    homeless = root.run(PROGRAM, "version", user=USER)
    told = root.run(PROGRAM, "version", user=USER, environment={"HOME": "/home-of-user"})

    assert (1, "", 1) == (homeless[0], homeless[1], homeless[2].count("\n"))
    assert "set TETRAGON_MINI_PROGRAM_DIR" in homeless[2]
    assert VERSION == told
    cache = "/home-of-user/.cache/tetragon-mini/program/"
    assert [] == [path for path in root.written() if not path.startswith(cache)]
