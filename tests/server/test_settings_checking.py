# SPDX-License-Identifier: Apache-2.0
"""A check finds what would keep an agent from starting, or from doing what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from server.fake_engine import policy_text
from server.settings_host import Host
from tetragon_server.settings.checking import check_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host with nothing but an empty directory of policies."""
    host = Host(tmp_path)
    (tmp_path / "policies").mkdir()
    host.set("flag", "tracing-policy-dir", str(tmp_path / "policies"))
    return host


def problems(host: Host) -> list[str]:
    """Lines of a check that fails."""
    lines, code = check_settings(host.reader())
    assert 1 == code, lines
    return lines


def test_nothing_is_wrong_with_defaults(host: Host) -> None:
    """The first line says so, and what is set follows."""
    assert (
        [
            "configuration is valid",
            f"tracing-policy-dir: {host.root}/policies [--tracing-policy-dir]",
        ],
        0,
    ) == check_settings(host.reader())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "server-address",
            "localhost:http",
            (
                "server-address: cannot listen on localhost:http: 'http' is not a port;"
                " write HOST:PORT [--server-address]"
            ),
        ),
        (
            "metrics-server",
            "unix://here",
            (
                "metrics-server: cannot listen on unix://here: write an absolute path"
                " [--metrics-server]"
            ),
        ),
        (
            "log-file",
            "{root}",
            "log-file: {root} is a directory; write a file's name [--log-file]",
        ),
        (
            "log-file",
            "{root}/none/agent.log",
            "log-file: {root}/none/agent.log: no such directory; make it [--log-file]",
        ),
        (
            "export-syslog",
            "tcp://[",
            (
                "--export-syslog tcp://[: write unix:///dev/log, udp://host:514 or tcp://host:601"
                " [--export-syslog]"
            ),
        ),
        (
            "export-otlp-endpoint",
            "collector:4318",
            (
                "--export-otlp-endpoint collector:4318: write a URL such as http://localhost:4318"
                " [--export-otlp-endpoint]"
            ),
        ),
        (
            "export-filename",
            "{root}/file/events.log",
            (
                "export-filename: {root}/file/events.log: {root}/file is no directory"
                " [--export-filename]"
            ),
        ),
        ("procfs", "{root}", "procfs {root}: it is no proc file system [--procfs]"),
        (
            "never-kill",
            "sshd",
            (
                "--never-kill sshd: write a process id, or the absolute path of an executable"
                " [--never-kill]"
            ),
        ),
        (
            "tracing-policy",
            "{root}/none.yaml",
            "tracing-policy: {root}/none.yaml: No such file or directory [--tracing-policy]",
        ),
        (
            "tracing-policy-dir",
            "policies",
            "tracing-policy-dir: policies: the path has to be absolute [--tracing-policy-dir]",
        ),
        (
            "tracing-policy-dir",
            "{root}/none",
            "tracing-policy-dir: {root}/none: No such file or directory [--tracing-policy-dir]",
        ),
    ],
)
def test_one_problem_is_one_line(host: Host, name: str, text: str, expected: str) -> None:
    """It has the option, what is wrong, and where the option was set."""
    host.write("file", "")
    host.set("flag", name, text.format(root=host.root))

    assert [expected.format(root=host.root)] == problems(host)


def test_redaction_has_to_be_json(host: Host) -> None:
    """A secret must not pass because of a typing error."""
    host.set("admin", "redaction-filters", "{")

    (line,) = problems(host)
    assert "not JSON" in line
    assert line.endswith(f"[{host.root}/admin/redaction-filters]")


def test_export_filters_have_to_be_filters(host: Host) -> None:
    """They are compiled as the export would."""
    host.set("admin", "export-allowlist", '{"event_set": ["NO_SUCH_EVENT"]}')

    (line,) = problems(host)
    assert "NO_SUCH_EVENT" in line
    assert line.endswith(f"[{host.root}/admin/export-allowlist]")


def test_every_policy_is_parsed(host: Host) -> None:
    """Each problem of each file is a line with its place in the file."""
    host.write("policies/good.yaml", policy_text("good"))
    host.write("policies/bad.yaml", policy_text("bad").replace("kprobes", "kprbes"))

    (line,) = problems(host)

    assert line.startswith(f"tracing-policy-dir: {host.root}/policies/bad.yaml:")
    assert 'did you mean "kprobes"' in line


def test_a_key_has_to_be_the_certificates(host: Host) -> None:
    """Both files are read, as the server would."""
    authority = trustme.CA()
    for name in ("one", "other"):
        server = authority.issue_cert(f"{name}.test")
        server.private_key_pem.write_to_path(host.root / f"{name}.key")
        server.cert_chain_pems[0].write_to_path(host.root / f"{name}.crt")
    host.set("flag", "server-tls-cert-file", f"{host.root}/one.crt")
    host.set("flag", "server-tls-key-file", f"{host.root}/other.key")

    (line,) = problems(host)

    assert "the key is not the certificate's" in line
    assert line.endswith("[--server-tls-cert-file, --server-tls-key-file]")


def test_all_problems_are_told_at_once(host: Host) -> None:
    """One run is enough to repair everything."""
    host.set("flag", "server-address", "a:b")
    host.set("flag", "log-file", str(host.root))
    host.set("flag", "procfs", str(host.root))

    assert 3 == len(problems(host))
