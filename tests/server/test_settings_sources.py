# SPDX-License-Identifier: Apache-2.0
"""Settings come from Tetragon's sources, and the stronger one wins."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from server.settings_host import SOURCES, Host
from tetragon_core.errors import UsageError
from tetragon_server.config import OPTIONS
from tetragon_server.settings.drop_ins import PROTECTIVE

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = list(itertools.combinations([one for one in SOURCES if one != "cwd"], 2))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host without any setting."""
    return Host(tmp_path)


@pytest.mark.parametrize(("weaker", "stronger"), PAIRS, ids="-".join)
def test_the_stronger_source_wins(host: Host, weaker: str, stronger: str) -> None:
    """Flags, environment, config-dir, /etc and packages, in this order."""
    host.set(stronger, "cluster-name", "strong")
    host.set(weaker, "cluster-name", "weak")

    assert "strong" == host.settings().config.cluster_name


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_sets_an_option(host: Host, source: str) -> None:
    """A setting counts wherever it is written, and messages can say where that was."""
    host.set(source, "rb-size", "512K")

    settings = host.settings()

    places = {"flag": "--rb-size", "environment": "TETRAGON_RB_SIZE"}
    files = {one: f"{host.root}/{one}.yaml:1" for one in ("cwd", "etc")}
    place = (places | files).get(source, f"{host.root}/{source}/rb-size")
    assert (512 * 1024, place) == (settings.config.rb_size, settings.given["rb-size"].place)


def test_a_file_in_the_working_directory_hides_the_one_in_etc(host: Host) -> None:
    """Not only its options: nothing of the other file counts, as in Tetragon."""
    host.set("cwd", "cluster-name", "here")
    host.write("etc.yaml", "cluster-name: there\nenable-process-ns: true\n")

    config = host.settings().config

    assert ("here", False) == (config.cluster_name, config.enable_process_ns)


def test_packaged_files_count_beside_the_working_directory(host: Host) -> None:
    """Only the other tetragon.yaml is hidden."""
    host.set("cwd", "cluster-name", "here")
    host.set("packaged", "enable-process-ns", "true")
    host.set("admin", "enable-process-cred", "true")

    config = host.settings().config

    assert ("here", True, True) == (
        config.cluster_name,
        config.enable_process_ns,
        config.enable_process_cred,
    )


def test_an_empty_variable_does_not_count(host: Host) -> None:
    """An empty file does: that is how the metrics server is switched off."""
    host.set("admin", "metrics-server", ":2112")
    host.set("environment", "metrics-server", "")
    host.set("admin", "health-server-address", "")

    config = host.settings().config

    assert (":2112", "") == (config.metrics_server, config.health_server_address)


@pytest.mark.parametrize("source", ["environment", "etc", "admin", "packaged"])
def test_config_dir_may_be_named_anywhere(host: Host, source: str) -> None:
    """In the environment and in files that are read before it, too."""
    host.write("more/cluster-name", "c")
    host.set(source, "config-dir", str(host.root / "more"))

    assert "c" == host.settings().config.cluster_name


@pytest.mark.parametrize("source", ["flag", "environment", "etc", "admin"])
def test_a_missing_config_dir_is_an_error(host: Host, source: str) -> None:
    """Somebody wanted it, unlike the directories that are always looked for."""
    host.set(source, "config-dir", str(host.root / "none"))

    with pytest.raises(UsageError) as raised:
        host.settings()

    assert f"cannot read {host.root}/none: No such file or directory" in str(raised.value)


def test_a_mounted_config_map_is_read(host: Host) -> None:
    """Kubernetes links each key through ..data, and swaps that link to change all at once."""
    mounted = host.root / "map"
    version = mounted / "..2026_11_21"
    version.mkdir(parents=True)
    (version / "cluster-name").write_text("k8s\n", encoding="utf-8")
    (mounted / "..data").symlink_to(version.name)
    (mounted / "cluster-name").symlink_to("..data/cluster-name")
    (mounted / "subdirectory").mkdir()
    host.set("flag", "config-dir", str(mounted))

    settings = host.settings()

    assert ("k8s", ()) == (settings.config.cluster_name, settings.warnings)


def test_the_config_map_of_a_chart_is_no_news(host: Host) -> None:
    """What Tetragon's Helm chart writes when nothing was chosen starts with one warning."""
    texts = {
        "cluster-name": "",
        "procfs": "/procRoot",
        "debug": "false",
        "enable-process-cred": "false",
        "enable-ancestors": "",
        "process-cache-size": "65536",
        "deleted-pod-cache-size": "1024",
        "export-filename": "/var/run/cilium/tetragon/tetragon.log",
        "export-file-perm": "600",
        "export-file-max-size-mb": "10",
        "export-allowlist": '{"event_set":["PROCESS_EXEC", "PROCESS_EXIT"]}',
        "export-denylist": '{"health_check":true}\n{"namespace":["", "cilium", "kube-system"]}',
        "field-filters": "",
        "redaction-filters": "",
        "export-rate-limit": "-1",
        "enable-k8s-api": "true",
        "metrics-server": ":2112",
        "metrics-label-filter": "namespace,workload,pod,binary",
        "server-address": "localhost:54321",
        "health-server-address": ":6789",
        "health-server-interval": "10",
        "enable-pod-info": "false",
        "enable-tracing-policy-crd": "true",
        "event-cache-retries": "15",
        "event-cache-retry-delay": "2",
        "process-cache-gc-interval": "30s",
        "enable-cri": "false",
        "enable-cgidmap": "false",
        "enable-pod-annotations": "false",
        "use-perf-ring-buffer": "false",
    }
    for name, text in texts.items():
        host.set("config-dir", name, text)

    settings = host.settings()

    assert () == tuple(settings.warnings)
    assert ("/procRoot", "") == (settings.config.procfs, settings.config.cluster_name)


def test_a_file_that_cannot_be_read_is_told(host: Host) -> None:
    """One bad drop-in file costs its own option only."""
    host.set("admin", "cluster-name", "c")
    (host.root / "admin/log-level").symlink_to("nowhere")
    (host.root / "admin/log-file").write_bytes(b"\xff\xfe")
    os.mkfifo(host.root / "admin/log-format")

    settings = host.settings()

    admin = host.root / "admin"
    assert "c" == settings.config.cluster_name
    assert (
        f"{admin}/log-file is not used: no UTF-8 text: invalid start byte at byte 0",
        f"{admin}/log-format is not used: it is no regular file",
        f"{admin}/log-level is not used: No such file or directory",
    ) == settings.warnings


@pytest.mark.parametrize("name", ["redaction-filters", "Export-Denylist", "read-only"])
def test_a_file_that_protects_has_to_be_readable(host: Host, name: str) -> None:
    """Without it secrets or rights would be given away; a reload leaves all as it was."""
    host.set("admin", "cluster-name", "c")
    (host.root / "admin" / name).symlink_to("nowhere")

    with pytest.raises(UsageError) as error:
        host.settings()
    assert (
        f"cannot read {host.root}/admin/{name}: No such file or directory; mend or remove it"
        == str(error.value)
    )


def test_what_protects_are_options() -> None:
    """None of them is misspelt."""
    assert {option.name for option in OPTIONS} >= PROTECTIVE


def test_names_are_the_same_in_any_case(host: Host) -> None:
    """In files, as in Tetragon."""
    host.write("etc.yaml", "Cluster-Name: c\n")
    host.write("admin/ENABLE-process-ns", "true")

    config = host.settings().config

    assert ("c", True) == (config.cluster_name, config.enable_process_ns)


def test_files_that_were_read_are_listed(host: Host) -> None:
    """In their order, so that a forgotten one is found."""
    host.set("etc", "cluster-name", "c")
    host.set("admin", "debug", "true")

    assert (f"{host.root}/etc.yaml", f"{host.root}/admin") == host.settings().read
