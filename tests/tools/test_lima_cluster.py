# SPDX-License-Identifier: Apache-2.0
"""What lima/provision does for the cluster, with stand-ins for what comes from the internet."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tools.provisioned import FETCH, Machine

if TYPE_CHECKING:
    from pathlib import Path

INSTALL = """\
#/usr/bin/env sh
[[ -f contrib/bridge ]] && mkdir -p "$ETC/cni/net.d" "$PROGRAMS"
cp contrib/bridge "$ETC/cni/net.d/10-crio-bridge.conflist.disabled"
cp contrib/bridge "$PROGRAMS/crio" && chmod +x "$PROGRAMS/crio"
"""
ADMIN = "clusters:\n- cluster:\n    server: https://192.168.5.15:6443\n  name: kubernetes\n"

architectures = pytest.mark.parametrize(
    ("kernel_name", "debian_name"), [("x86_64", "amd64"), ("aarch64", "arm64")]
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose /etc and folder of programs are below the test's directory."""
    made = Machine(tmp_path)
    made.add("fetch", FETCH)
    return made


def places(tmp_path: Path) -> dict[str, Path | str]:
    """Variables that keep the scripts out of this host's folders."""
    return {
        "ETC": tmp_path / "etc",
        "PROGRAMS": tmp_path / "programs",
        "DOWNLOADS": tmp_path / "downloads",
        "TREE": tmp_path / "tree",
        "ARCHIVE": tmp_path / "archive",
        "FETCH": "fetch",
    }


def settings_of(tmp_path: Path) -> dict[str, str]:
    """The agent's settings by name."""
    folder = tmp_path / "etc/tetragon/tetragon.conf.d"
    return {path.name: path.read_text().strip() for path in folder.glob("*")}


@architectures
def test_crio_is_installed_by_its_own_installer(
    machine: Machine, tmp_path: Path, kernel_name: str, debian_name: str
) -> None:
    """The archive of the architecture, unpacked, installed once, its network switched on."""
    contrib = tmp_path / "cri-o/contrib"
    contrib.mkdir(parents=True)
    (contrib / "bridge").write_text("{}")
    (tmp_path / "cri-o/install").write_text(INSTALL)
    subprocess.run(["tar", "-czf", "archive", "cri-o"], cwd=tmp_path, check=True)
    machine.add("uname", f"echo {kernel_name}\n")
    functions = "export ETC PROGRAMS; install_crio; enable_network\n"

    done = machine.run("crio.sh", functions * 2, **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    fetched = [line for line in machine.called() if line.startswith("fetch")]
    assert 1 == len(fetched)
    assert f"/cri-o.{debian_name}.v" in fetched[0]
    assert ["10-crio-bridge.conflist"] == [
        path.name for path in (tmp_path / "etc/cni/net.d").iterdir()
    ]
    assert not (tmp_path / "downloads/cri-o").exists()


def test_an_architecture_without_crio_ends_it(machine: Machine, tmp_path: Path) -> None:
    """Nothing is downloaded for a machine that has no checksum."""
    machine.add("uname", "echo riscv64\n")

    done = machine.run("crio.sh", "install_crio", **places(tmp_path))

    assert (1, True) == (done.returncode, "CRI-O is not known for riscv64" in done.stderr)
    assert ["uname -m"] == machine.called()


def test_the_kernel_is_prepared_now_and_at_the_next_start(machine: Machine, tmp_path: Path) -> None:
    """Modules are loaded and listed; settings are written and set."""
    done = machine.run("crio.sh", "prepare_kernel", **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    (modules,) = (tmp_path / "etc/modules-load.d").iterdir()
    (settings,) = (tmp_path / "etc/sysctl.d").iterdir()
    expected = [f"modprobe --all {modules.read_text().replace(chr(10), ' ').strip()}"]
    assert [*expected, f"sysctl --quiet --load {settings}"] == machine.called()
    assert "net.ipv4.ip_forward = 1" in settings.read_text().splitlines()


def test_the_hook_does_not_stop_containers(machine: Machine, tmp_path: Path) -> None:
    """While the agent is built anew the cluster's own containers start all the same."""
    machine.run("crio.sh", "install_hook", **places(tmp_path))

    expected = ["tetragon-mini hook install --runtime crio --on-failure start"]
    assert expected == machine.called()


@architectures
def test_programs_of_kubernetes_are_of_the_architecture(
    machine: Machine, tmp_path: Path, kernel_name: str, debian_name: str
) -> None:
    """Three programs of one version, each with a sum of its own."""
    (tmp_path / "archive").write_text("program")
    machine.add("dpkg", f"echo {debian_name}\n")

    done = machine.run("kubernetes.sh", "install_programs", **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    fetched = [line.split() for line in machine.called() if line.startswith("fetch")]
    assert 3 == len({line[2] for line in fetched}), kernel_name
    assert all(f"/bin/linux/{debian_name}/kube" in line[1] for line in fetched)
    for name in ("kubeadm", "kubectl", "kubelet"):
        assert (tmp_path / "programs" / name).stat().st_mode & 0o777 == 0o755


def test_settings_of_the_cluster_are_yaml(machine: Machine, tmp_path: Path) -> None:
    """The file of kubeadm names CRI-O's socket and the network of its bridge."""
    done = machine.run("kubernetes.sh", "write_settings", **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    text = (tmp_path / "etc/kubernetes/kubeadm.yaml").read_text()
    node, cluster, kubelet = yaml.safe_load_all(text)
    assert "unix:///run/crio/crio.sock" == node["nodeRegistration"]["criSocket"]
    assert [] == node["nodeRegistration"]["taints"]
    assert "10.85.0.0/16" == cluster["networking"]["podSubnet"]
    assert "KubeletConfiguration" == kubelet["kind"]


def test_the_service_of_the_kubelet_is_whole(machine: Machine, tmp_path: Path) -> None:
    """Its command is one line for systemd, with the variable that kubeadm's file sets."""
    done = machine.run("kubernetes.sh", "write_service", **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    text = (tmp_path / "etc/systemd/system/kubelet.service").read_text()
    assert "\t[" not in text
    (command,) = [
        line for line in text.replace("\\\n", "").splitlines() if line.startswith("ExecStart=")
    ]
    assert command.startswith(f"ExecStart={tmp_path}/programs/kubelet --kubeconfig=")
    assert command.endswith(" $KUBELET_KUBEADM_ARGS")
    assert ["systemctl daemon-reload", "systemctl enable kubelet"] == machine.called()


def test_the_cluster_is_made_once(machine: Machine, tmp_path: Path) -> None:
    """A cluster that is there is not made again; the agent is told of it, once."""
    admin = tmp_path / "etc/kubernetes/admin.conf"
    programs = tmp_path / "programs"
    programs.mkdir()
    machine.add("kubeadm", f"mkdir -p {admin.parent}; printf '{ADMIN}' >{admin}\n")
    machine.add("kubectl")
    for name in ("kubeadm", "kubectl"):
        (machine.bin / name).rename(programs / name)
    functions = "make_cluster; write_kubeconfig; tell_agent\n"

    done = machine.run("kubernetes.sh", functions * 2, **places(tmp_path))

    assert (0, "") == (done.returncode, done.stderr)
    names = [line.split()[0] for line in machine.called()]
    assert ["kubeadm", "kubectl", "systemctl"] == names
    copy = admin.with_name("tetragon-mini-lima.conf")
    expected = "https://127.0.0.1:6443"
    assert expected == yaml.safe_load(copy.read_text())["clusters"][0]["cluster"]["server"]
    assert 0o600 == copy.stat().st_mode & 0o777
    expected_settings = {
        "enable-k8s-api": "true",
        "k8s-controlplane-retry": "-1",
        "k8s-kubeconfig-path": "/etc/kubernetes/admin.conf",
    }
    assert expected_settings == settings_of(tmp_path)
