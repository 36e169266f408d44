# SPDX-License-Identifier: Apache-2.0
"""Containers of runc and crun that nobody else made, found by the state that these keep below /run.

runc writes ROOT/ID/state.json, crun ROOT/ID/status, each after the container's cgroup was made;
both have the cgroup's path. Their roots belong to root alone. States of containers whose ids have
64 digits are passed over: Podman and CRI-O have theirs in the same place.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tetragon_core.cgroups import container_id
from tetragon_core.workloads.model import Container

from .files import read_file
from .id_names import maker
from .runtime import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tetragon_core.workloads.cgroup_table import Cgroup

__all__ = ["OciRuntime"]

_FILES: Final = {"runc": "state.json", "crun": "status"}
_MAX_STATE_BYTES: Final = 4 << 20
_MAKING_S: Final = 3.0
"""How long a container may be without state before it counts as left behind."""
_UNITS: Final = (".slice", ".service", ".scope", ".mount")
_IMAGE_KEYS: Final = ("org.opencontainers.image.ref.name", "org.opencontainers.image.base.name")


class _State(NamedTuple):
    cgroup: str
    """Its path in the hierarchy that names containers; empty if the state has none."""
    image: str


class OciRuntime:
    """One directory of states."""

    patience_s = 1.0
    """crun writes its state long before the first process runs."""

    def __init__(
        self,
        runtime: str,
        root: str,
        controller: str,
        mount: str,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`runtime`: runc or crun. `controller` and `mount`: of the hierarchy whose paths cgroups
        have; the controller is empty for version 2.
        """
        self.name = f"{runtime} in {root}"
        self._runtime = runtime
        self._root = root
        self._controller = controller
        self._mount = mount
        self._clock_s = clock_s
        self._states: dict[str, _State] = {}
        self._by_cgroup: dict[str, str] = {}
        self._unread: dict[str, float] = {}
        """Containers without state, and since when."""

    def start(self) -> None:
        """Read the states of containers that run already."""
        self._read()

    def claims(self, cgroup: Cgroup) -> bool:
        """A cgroup that a state has, or any that may be one's while a container is being made."""
        if cgroup.pod_uid or not cgroup.path or maker(cgroup.path) not in {None, ""}:
            return False
        if not self._read():
            return False
        return cgroup.path in self._by_cgroup or self._is_making(cgroup)

    async def find(self, cgroups: Sequence[Cgroup]) -> Mapping[int, Found | None]:
        """Short files in memory: read here."""
        self._read()
        found: dict[int, Found | None] = {}
        for cgroup in cgroups:
            name = self._by_cgroup.get(cgroup.path)
            if name is not None:
                found[cgroup.id] = self._found(name, cgroup)
            elif not self._is_making(cgroup):
                found[cgroup.id] = None
        return found

    async def close(self) -> None:
        """Nothing is open."""

    def _is_making(self, cgroup: Cgroup) -> bool:
        """With crun the directory comes after the cgroup: any can be one, except for those
        that systemd makes for others, and those that are older than the agent.
        """
        if cgroup.is_old:
            return False
        name = cgroup.path.rpartition("/")[2]
        if name.endswith(_UNITS) and not name.startswith(f"{self._runtime}-"):
            return False
        now = self._clock_s()
        is_new = any(now - since < _MAKING_S for since in self._unread.values())
        return is_new or self._runtime == "crun"

    def _found(self, name: str, cgroup: Cgroup) -> Found:
        container = Container(
            id=cgroup.container_id or name,
            runtime=self._runtime,
            name=name,
            image=self._states[name].image,
        )
        return Found(container=container)

    def _read(self) -> bool:
        """Read new states; false when there is no such directory."""
        try:
            listed = os.listdir(self._root)  # noqa: PTH208  # for each new cgroup
            names = {one for one in listed if not container_id(one)}
        except OSError:
            names = set()
        for gone in self._states.keys() - names:
            self._by_cgroup.pop(self._states.pop(gone).cgroup, None)
        for gone in self._unread.keys() - names:
            del self._unread[gone]
        for name in names - self._states.keys():
            state = self._read_state(name)
            if state is None:
                self._unread.setdefault(name, self._clock_s())
                continue
            self._unread.pop(name, None)
            self._states[name] = state
            if state.cgroup:
                self._by_cgroup[state.cgroup] = name
        return os.path.isdir(self._root)  # noqa: PTH112  # for each new cgroup

    def _read_state(self, name: str) -> _State | None:
        try:
            text = read_file(f"{self._root}/{name}/{_FILES[self._runtime]}", _MAX_STATE_BYTES)
            state = json.loads(text)
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(state, dict):
            return _State("", "")
        if self._runtime == "crun":
            return _State(_crun_cgroup(state), _crun_image(state))
        return _State(self._runc_cgroup(state), _runc_image(state))

    def _runc_cgroup(self, state: Mapping[str, Any]) -> str:
        paths = state.get("cgroup_paths")
        path = paths.get(self._controller) if isinstance(paths, dict) else None
        if not isinstance(path, str) or not path.startswith(f"{self._mount}/"):
            return ""
        return path.removeprefix(self._mount)


def _crun_cgroup(state: Mapping[str, Any]) -> str:
    """The unit's, where the processes are in `container` inside of it (systemd)."""
    path = state.get("cgroup-path")
    if not isinstance(path, str) or not path.strip("/"):
        return ""
    return "/" + path.strip("/").removesuffix("/container")


def _crun_image(state: Mapping[str, Any]) -> str:
    """Annotations are in the bundle only, whose path the state has."""
    try:
        text = read_file(f"{state['bundle']}/config.json", _MAX_STATE_BYTES)
        return _image(json.loads(text)["annotations"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return ""


def _runc_image(state: Mapping[str, Any]) -> str:
    """Annotations are labels in its state: "key=value"."""
    config = state.get("config")
    labels = config.get("labels") if isinstance(config, dict) else None
    pairs = [str(one).partition("=") for one in labels] if isinstance(labels, list) else []
    return _image({key: value for key, _, value in pairs})


def _image(annotations: Mapping[str, str]) -> str:
    found = (annotations.get(key) for key in _IMAGE_KEYS)
    return next((one for one in found if isinstance(one, str) and one), "")
