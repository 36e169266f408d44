# SPDX-License-Identifier: Apache-2.0
"""Features are tried for real, and nothing is left behind."""

from __future__ import annotations

import os

import pytest

from kernel.descriptors import nothing_leaks
from tetragon_sensors.kernel.abilities import Abilities
from tetragon_sensors.kernel.btf import Btf
from tetragon_sensors.kernel.probes import FEATURES, probe_features

pytestmark = pytest.mark.usefixtures(nothing_leaks.__name__)

EVERYWHERE = {"signal", "large", "batch_update", "mix_bpf_and_tail_calls"}
"""What every kernel from 5.10 on has that is built as distributions build it; the last on x86."""


def test_every_feature_is_told_once_and_in_order() -> None:
    """The names are Tetragon's, and those that no kernel of ours lacks are there."""
    seen = dict(probe_features())

    assert FEATURES == tuple(seen)
    wanted = (
        EVERYWHERE if os.uname().machine == "x86_64" else EVERYWHERE - {"mix_bpf_and_tail_calls"}
    )
    assert wanted <= {name for name, has in seen.items() if has}


def test_ways_of_attaching_agree_with_abilities() -> None:
    """What the agent goes by is what is told."""
    abilities, seen = Abilities(Btf.vmlinux()), dict(probe_features())

    methods = {"fentry": "fentry", "fmodret": "fmod_ret", "lsm": "lsm"}
    methods |= {"kprobe_multi": "kprobe.multi", "uprobe_multi": "uprobe.multi"}
    assert {name: bool(abilities.method(method)) for name, method in methods.items()} == {
        name: seen[name] for name in methods
    }
