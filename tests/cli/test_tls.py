# SPDX-License-Identifier: Apache-2.0
"""The client and a whole agent over TLS: who is believed, who is refused, and how that is told."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from server.fake_engine import policy_text
from server.harness import DEADLINE_S, wait_until
from server.running_agent import running_agent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.running_agent import RunningAgent

CLIENT = (sys.executable, "-m", "tetragon_cli")


class Files:
    """Certificates of one authority, in files."""

    def __init__(self, directory: Path, *names: str) -> None:
        self.authority = trustme.CA()
        self.ca = directory / "ca.pem"
        self.certificate = directory / "agent.pem"
        self.key = directory / "agent.key"
        self._directory = directory
        self.authority.cert_pem.write_to_path(str(self.ca))
        if names:
            self.issue(*names)

    def issue(self, *names: str) -> None:
        """Write the agent's certificate with these names."""
        issued = self.authority.issue_cert(*names)
        issued.private_key_pem.write_to_path(str(self.key))
        issued.cert_chain_pems[0].write_to_path(str(self.certificate))

    def client(self, name: str) -> list[str]:
        """Options of a client with a certificate of its own, with this common name."""
        issued = self.authority.issue_cert(common_name=name)
        certificate, key = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        issued.private_key_pem.write_to_path(str(key))
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        return [f"--tls-cert-file={certificate}", f"--tls-key-file={key}"]

    def options(self) -> list[str]:
        """Of an agent with these."""
        return [f"server_tls_cert_file={self.certificate}", f"server_tls_key_file={self.key}"]

    def mutual(self) -> list[str]:
        """Of an agent that asks for certificates of this authority."""
        return [
            *self.options(),
            f"server_tls_client_ca_files={self.ca}",
            "server_tls_require_client_cert=true",
        ]


class TlsAgent:
    """A running agent and its TCP address."""

    def __init__(self, agent: RunningAgent, port: int) -> None:
        self.agent = agent
        self.port = port

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of the client."""
        command = [*CLIENT, "--timeout=15s", "--retries=0"]
        address = f"--server-address=localhost:{self.port}"
        return subprocess.run(
            [*command, address, *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


@contextlib.contextmanager
def tls_agent(directory: Path, *settings: str) -> Iterator[TlsAgent]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"server_address=127.0.0.1:{port}"
    with running_agent(directory / "run", address, *settings) as agent:
        yield TlsAgent(agent, port)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, "localhost")


def test_authority_of_the_agent(tmp_path: Path, files: Files) -> None:
    """A client that knows the authority is served, one that does not is told so."""
    with tls_agent(tmp_path, *files.options()) as agent:
        known = agent.run(f"--tls-ca-cert-files={files.ca}", "version", "--server")
        unknown = agent.run("--tls-server-name=localhost", "version", "--server")
        plain = agent.run("version", "--server")

    assert (0, "") == (known.returncode, known.stderr)
    assert "Server version: " in known.stdout
    assert 1 == unknown.returncode
    assert "not signed by one of --tls-ca-cert-files" in unknown.stderr
    assert unknown.stderr.startswith("Error: ")  # no line of the library's before it
    assert 1 == plain.returncode
    assert "it may want TLS" in plain.stderr


def test_name_of_the_agent(tmp_path: Path) -> None:
    """A certificate of another name is refused unless that name is asked for."""
    files = Files(tmp_path, "agent.example")
    with tls_agent(tmp_path, *files.options()) as agent:
        other = agent.run(f"--tls-ca-cert-files={files.ca}", "version", "-s")
        asked = agent.run(
            f"--tls-ca-cert-files={files.ca}", "--tls-server-name=agent.example", "version", "-s"
        )

    assert 1 == other.returncode
    assert "--tls-server-name" in other.stderr
    assert 0 == asked.returncode


@pytest.mark.parametrize("name", ["localhost", "agent.example", "192.0.2.7"])
def test_skip_verify(tmp_path: Path, name: str) -> None:
    """Whatever authority and name the certificate has, it is taken."""
    files = Files(tmp_path, name)
    with tls_agent(tmp_path, *files.options()) as agent:
        done = agent.run("--tls-skip-verify", "version", "--server")

    assert (0, "") == (done.returncode, done.stderr)


def test_client_certificate(tmp_path: Path, files: Files) -> None:
    """Without one, or with one of another authority, a client is refused."""
    (tmp_path / "other").mkdir()
    stranger = Files(tmp_path / "other").client("stranger")
    ca = f"--tls-ca-cert-files={files.ca}"
    with tls_agent(tmp_path, *files.mutual()) as agent:
        without = agent.run(ca, "version", "--server")
        foreign = agent.run(ca, *stranger, "version", "--server")
        known = agent.run(ca, *files.client("ann"), "version", "--server")

    assert [1, 1, 0] == [one.returncode for one in (without, foreign, known)]
    assert "it may want a client's certificate" in without.stderr
    assert "it refuses the client's certificate" in foreign.stderr


def test_role_by_certificate(tmp_path: Path, files: Files) -> None:
    """Of two certificates the one that may only watch cannot add a policy, and is named."""
    log, policy = tmp_path / "audit.log", tmp_path / "p.yaml"
    policy.write_text(policy_text("p"))
    ca = f"--tls-ca-cert-files={files.ca}"
    rules = ["read_only=*", "full_access=cn:admin", f"audit_log={log}"]
    with tls_agent(tmp_path, *files.mutual(), *rules) as agent:
        watcher = files.client("watcher")
        listed = agent.run(ca, *watcher, "tracingpolicy", "list")
        refused = agent.run(ca, *watcher, "tracingpolicy", "add", str(policy))
        added = agent.run(ca, *files.client("admin"), "tracingpolicy", "add", str(policy))

    assert [0, 1, 0] == [one.returncode for one in (listed, refused, added)]
    assert "you may watch but not change anything" in refused.stderr
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [["watcher"], ["admin"]] == [one["who"]["certificate"] for one in entries]


def test_certificates_that_come_late_and_change(tmp_path: Path) -> None:
    """The agent starts without the files, serves once they are there, and takes new ones."""
    files = Files(tmp_path)
    with tls_agent(tmp_path, *files.options()) as agent:
        early = agent.run(f"--tls-ca-cert-files={files.ca}", "version", "-s")
        files.issue("localhost")
        agent.agent.process.send_signal(1)
        wait_until(lambda: agent.run("--tls-skip-verify", "version", "-s").returncode == 0, "TLS")
        first = agent.run(f"--tls-ca-cert-files={files.ca}", "version", "-s")
        newer = Files(tmp_path, "localhost")
        agent.agent.process.send_signal(1)
        ca = f"--tls-ca-cert-files={newer.ca}"
        wait_until(lambda: agent.run(ca, "version", "-s").returncode == 0, "the new certificate")

    assert 1 == early.returncode
    assert 0 == first.returncode


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["server_tls_cert_file=a"], "TLS needs both server-tls-cert-file and"),
        (["server_tls_require_client_cert=true"], "needs server-tls-client-ca-files"),
        (["server_tls_client_ca_files=a"], "has no effect without server-tls-require-client-cert"),
    ],
    ids=["half", "no authority", "no use"],
)
def test_options_that_do_not_fit(tmp_path: Path, settings: list[str], told: str) -> None:
    """The agent does not start with half a TLS."""
    with running_agent(tmp_path, *settings, starts=False) as agent:
        words = agent.last_words()

    assert told in words.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--tls-cert-file=a"], "have to be given together"),
        (["--tls-skip-verify", "--tls-ca-cert-files=a"], "leave one out"),
        (["--tls-ca-cert-files=/nowhere"], "cannot read /nowhere: No such file"),
        (["--tls-skip-verify"], "no TLS connection to localhost:1: Connection refused"),
    ],
)
def test_client_options_that_do_not_fit(options: list[str], told: str) -> None:
    """One line, exit code not 0."""
    done = subprocess.run(
        [*CLIENT, "--server-address=localhost:1", *options, "status"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert 0 != done.returncode
    assert told in done.stderr
    assert 1 == done.stderr.count("\n")


def test_no_tls_on_a_unix_socket() -> None:
    """The options of TLS are refused there, with what to do."""
    done = subprocess.run(
        [*CLIENT, "--server-address=unix:///x", "--tls-skip-verify", "status"],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )

    assert 2 == done.returncode
    assert "unix:///x has no TLS" in done.stderr
