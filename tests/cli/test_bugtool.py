# SPDX-License-Identifier: Apache-2.0
"""The archive of a bug report: what is in it, what must not be, and what becomes of failures."""

from __future__ import annotations

import json
import socket
import tarfile
import threading
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.wrappers_pb2 import StringValue

from tetragon import sensors_pb2 as pb
from tetragon import tetragon_pb2
from tetragon_cli.bugreport.agent_entries import AgentEntries
from tetragon_cli.bugreport.archive import new_archive, read_tail
from tetragon_cli.bugreport.secrets import settings_text, without_private, without_secrets
from tetragon_cli.settings import ClientSettings
from tetragon_core.errors import TetragonError, UsageError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

SECRET = "hunter2"
LOG = "tetragon-bugtool.log"


def entries(path: Path) -> dict[str, bytes]:
    """Content by name, without the directory."""
    with tarfile.open(path) as tar:
        members = {member.name.partition("/")[2]: tar.extractfile(member) for member in tar}
        return {name: file.read() for name, file in members.items() if file is not None}


def collected(tmp_path: Path, info: dict[str, Any], address: str = "") -> dict[str, bytes]:
    """What is put in of an agent with this info file."""
    settings = ClientSettings(
        server_address=address or f"unix://{tmp_path}/none", retries=0, timeout_s=5
    )
    sources = AgentEntries(tmp_path / "info.json", info, settings, tmp_path / "etc")
    with new_archive(tmp_path / "out.tgz") as archive:
        sources.add_to(archive)
    return entries(tmp_path / "out.tgz")


def test_an_agent_that_answers(agent: Any, tmp_path: Path) -> None:
    """Its answers are there; secrets among its settings and arguments are not."""
    info = pb.GetInfoResponse(version="v9")
    value = Packed()
    value.Pack(StringValue(value=SECRET))
    info.conf.add(key="export-otlp-headers", value=value)
    agent.replies["GetInfo"] = info
    agent.replies["GetHealth"] = tetragon_pb2.GetHealthStatusResponse(
        counters=[tetragon_pb2.Counter(name="events", value=3)]
    )
    agent.replies["ListTracingPolicies"] = pb.ListTracingPoliciesResponse()
    process = tetragon_pb2.Process(
        arguments=f"--export-otlp-headers {SECRET}",
        argv=[b"x", SECRET.encode()],
        environment_variables=[tetragon_pb2.EnvVar(Key="PASSWORD", Value=SECRET)],
    )
    dumped = pb.DumpProcessCacheResArgs(processes=[pb.ProcessInternal(process=process)], left_out=4)
    agent.replies["GetDebug"] = pb.GetDebugResponse(processes=dumped)

    seen = collected(tmp_path, {"pid": 7}, agent.address)

    assert {"pid": 7} == json.loads(seen["tetragon-info.json"])
    assert "v9" == json.loads(seen["agent.json"])["Version"]
    assert "events" == json.loads(seen["health.json"])["counters"][0]["name"]
    assert b"{}\n" == seen["tracing-policies.json"]
    assert (
        "--export-otlp-headers *****"
        == json.loads(seen["processcache.json"])["process"]["arguments"]
    )
    assert b"processcache.json: 4 entries did not fit" in seen[LOG]
    assert SECRET.encode() not in b"".join(seen.values())


def test_an_agent_that_is_dead(tmp_path: Path) -> None:
    """What it left is there, and why the rest is not."""
    export = tmp_path / "events.log"
    event = {"process_exec": {"process": {"binary": "/x", "environment_variables": [{"Key": "A"}]}}}
    export.write_text(f"not json\n{json.dumps(event)}\n")

    seen = collected(tmp_path, {"export_fname": str(export), "metrics_address": "localhost:1"})

    assert {"process_exec": {"process": {"binary": "/x"}}} == json.loads(seen["tetragon.log"])
    assert {"tetragon-info.json", "tetragon.log", LOG} == seen.keys()
    told = seen[LOG].decode()
    assert "tetragon.log: 1 lines are no JSON" in told
    assert told.startswith("agent.json: cannot reach the agent")
    for name in ("health.json", "tracing-policies.json", "processcache.json"):
        assert f"\n{name}: not asked: cannot reach the agent" in told
    assert "\nmetrics: " in told


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n", None),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers 404 Not Found"),
        (b"garbage\r\n\r\n", "no HTTP"),
        (b"", "no HTTP"),
    ],
    ids=["good", "missing", "garbage", "nothing"],
)
def test_metrics(answer: bytes, expected: str | None, tmp_path: Path) -> None:
    """They are there, or the log says why not."""
    with socket.create_server(("localhost", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        seen = collected(tmp_path, {"metrics_address": f"localhost:{server.getsockname()[1]}"})
        thread.join()

    if expected is None:
        assert b"a 1\n" == seen["metrics"]
    else:
        assert "metrics" not in seen
        assert expected in seen[LOG].decode()


def test_an_agent_that_hangs_is_waited_for_once(agent: Any, tmp_path: Path) -> None:
    """The first answer that does not come is the last one that is asked for."""
    agent.silent |= {"GetInfo", "GetHealth", "ListTracingPolicies", "GetDebug"}
    settings = ClientSettings(server_address=agent.address, retries=0, timeout_s=0.3)
    with new_archive(tmp_path / "out.tgz") as archive:
        AgentEntries(tmp_path / "x", {}, settings, tmp_path).add_to(archive)

    told = entries(tmp_path / "out.tgz")[LOG].decode()
    assert {"GetInfo"} == agent.asked.keys()
    assert "agent.json: no answer from the agent" in told
    assert "health.json: not asked: no answer from the agent" in told


def test_settings_and_files_that_are_asked_for(tmp_path: Path) -> None:
    """Secrets of settings are hidden; a name that leads out of the archive stays in it."""
    (tmp_path / "etc/tetragon.conf.d").mkdir(parents=True)
    (tmp_path / "etc/tetragon.yaml").write_text(f"rb-size: 1M\nexport-token: {SECRET}\n")
    (tmp_path / "etc/tetragon.conf.d/some-password").write_text(f"{SECRET}\n")
    (tmp_path / "more").write_text("more")
    files = {"../../more.txt": str(tmp_path / "more"), "gone": str(tmp_path / "gone")}
    (tmp_path / "tetragon-bugtool-extra-files.json").write_text(json.dumps(files))

    seen = collected(tmp_path, {})

    assert b"rb-size: 1M\nexport-token: *****\n" == seen["settings/tetragon.yaml"]
    assert b"*****\n" == seen["settings/tetragon.conf.d/some-password"]
    assert b"more" == seen["more.txt"]
    assert b"\ngone: " in seen[LOG]


def test_commands(tmp_path: Path) -> None:
    """What they print, what they complain about, and that there is none."""
    with new_archive(tmp_path / "out.tgz") as archive:
        archive.add_command("good", "sh", "-c", "echo out; echo err >&2; exit 3")
        archive.add_command("none", str(tmp_path / "none"))

    seen = entries(tmp_path / "out.tgz")
    assert (b"out\n", b"err\n") == (seen["good"], seen["good.err"])
    assert b"good: sh ended with 3\n" in seen[LOG]
    assert b"\nnone: " in seen[LOG]
    assert {"good", "good.err", LOG} == seen.keys()


def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended with all that it started; what it printed is kept."""
    monkeypatch.setattr("tetragon_cli.bugreport.archive._COMMAND_S", 0.2)
    with new_archive(tmp_path / "out.tgz") as archive:
        archive.add_command("slow", "sh", "-c", "echo first; sleep 600 & wait")

    seen = entries(tmp_path / "out.tgz")
    assert b"first\n" == seen["slow"]
    assert b"slow: sh was stopped after 0.2 s\n" in seen[LOG]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    """Whatever was there before: a link is replaced, not followed."""
    (tmp_path / "other").write_text("keep")
    target = tmp_path / "out.tgz"
    target.symlink_to(tmp_path / "other")

    with new_archive(target) as archive:
        archive.add("x", lambda: "y")

    assert 0o600 == target.lstat().st_mode & 0o777
    assert "keep" == (tmp_path / "other").read_text()
    with tarfile.open(target) as tar:
        assert {0o600} == {member.mode for member in tar}


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and nothing half-written is left."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with (
        pytest.raises(TetragonError, match="No space left on device"),
        new_archive(tmp_path / "out.tgz") as archive,
    ):
        archive.add("x", lambda: "y")

    assert [] == list(tmp_path.iterdir())


def test_what_is_no_file_is_not_written_to(tmp_path: Path) -> None:
    """Neither a directory nor a device."""
    with pytest.raises(UsageError, match="it is no file"), new_archive(tmp_path):
        pass


def test_the_end_of_a_long_file(tmp_path: Path) -> None:
    """Of a file of /proc, which has no size, the beginning."""
    (tmp_path / "long").write_text("0123456789")

    assert b"6789" == read_tail(tmp_path / "long", 4)
    with pytest.raises(ValueError, match="no regular file"):
        read_tail(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nmy-token: x\nb: 2\n", "a: 1\nmy-token: *****\nb: 2\n"),
        ("headers:\n- k=v\n- l=w\nb: 2\n", "headers: *****\nb: 2\n"),
        ("headers:\n  k: v\nb: 2\n", "headers: *****\nb: 2\n"),
        ('"api-key": "x"', '"api-key": *****'),
        ("url: https://me:pw@host/x\n", "url: https://*****@host/x\n"),
    ],
)
def test_secrets_in_settings_files(text: str, expected: str) -> None:
    """Values, lists and mappings of names that stand for secrets, and names in addresses."""
    assert expected == settings_text("tetragon.yaml", text).replace(":*****", ": *****")


def test_secrets_in_settings() -> None:
    """Also in addresses."""
    given = {"log-level": "info", "x-secret": "s", "y-token": "", "endpoint": "http://a:b@h/"}

    expected = given | {"x-secret": "*****", "endpoint": "http://*****@h/"}
    assert expected == without_secrets(given)


def test_private_parts_of_events() -> None:
    """In parents and ancestors as well; lines that are no events are left out."""
    process = {"arguments": "-u me --password='x y' --api_key k z", "argv": ["a"], "pid": 1}
    event = {"process_exec": {"process": process, "ancestors": [{"environment_variables": [1]}]}}

    lines, left_out = without_private(f"{json.dumps(event)}\n[\n".encode())

    seen = json.loads(lines)["process_exec"]
    assert 1 == left_out
    assert {"arguments", "pid"} == seen["process"].keys()
    assert "--password=*****" in seen["process"]["arguments"]
    assert "--api_key ***** z" in seen["process"]["arguments"]
    assert [{}] == seen["ancestors"]


def test_as_a_user_runs_it(agent: Any, tmp_path: Path, run_client: Run) -> None:
    """Without root, and with an agent that only knows its version, there is an archive."""
    info = {"server_address": agent.address, "pid": 1 << 22}
    (tmp_path / "tetragon-info.json").write_text(json.dumps(info))
    out = tmp_path / "report.tgz"

    done = run_client("bugtool", "--run-dir", str(tmp_path), "-o", str(out))

    assert (0, f"wrote {out}\n") == (done.returncode, done.stdout)
    assert "tetragon-bugtool.log" in done.stderr
    seen = entries(out)
    assert info == json.loads(seen["tetragon-info.json"])
    assert b"does not offer GetInfo" in seen[LOG]
