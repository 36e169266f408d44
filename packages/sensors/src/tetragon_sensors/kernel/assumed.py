# SPDX-License-Identifier: Apache-2.0
"""Which ways of attaching a kernel should allow of which there are types only."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from .abilities import METHODS, Abilities, Ability
from .btf import BtfError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .btf import Btf

__all__ = ["AssumedAbilities"]


def _has_attach_type(btf: Btf, name: str) -> bool:
    try:
        btf.enum_value("bpf_attach_type", name)
    except BtfError:
        return False
    return True


def _has_kprobes(btf: Btf) -> bool:
    return btf.find_struct("kprobe") is not None


def _has_uprobes(btf: Btf) -> bool:
    return btf.find_struct("uprobe_consumer") is not None


_Fact = tuple[str, "Callable[[Btf], bool]", str]
_FACTS: Final[tuple[_Fact, ...]] = (
    ("kprobe", _has_kprobes, "that kernel has no kprobes"),
    ("kprobe.multi", _has_kprobes, "that kernel has no kprobes"),
    (
        "kprobe.multi",
        lambda btf: _has_attach_type(btf, "BPF_TRACE_KPROBE_MULTI"),
        "that kernel is older than 5.18",
    ),
    ("uprobe", _has_uprobes, "that kernel has no uprobes"),
    (
        "uprobe.multi",
        lambda btf: _has_attach_type(btf, "BPF_TRACE_UPROBE_MULTI"),
        "that kernel is older than 6.6",
    ),
    (
        "uprobe.write",
        lambda btf: btf.has_member("bpf_prog_aux", "kprobe_write_ctx"),
        "that kernel is older than 6.18",
    ),
)
"""Method, what its kernels have, and why it is not possible without."""


class AssumedAbilities(Abilities):
    """Another machine's, of which only the types are known: what such a kernel should allow."""

    @functools.cache  # noqa: B019  (as in Abilities)
    def method(self, name: str) -> Ability:
        """Whether one of METHODS should work there."""
        if name not in METHODS:
            raise KeyError(name)
        if name == "uprobe.sleep" and not self.has_helper("ktime_get_tai_ns"):  # is as old
            return Ability(allowed=False, reason="that kernel is older than 6.1")
        for method, holds, reason in _FACTS:
            if method == name and not holds(self.btf):
                return Ability(allowed=False, reason=reason)
        return Ability(allowed=True)

    @functools.cache  # noqa: B019  (as in Abilities)
    def can_modify(self, function: str) -> Ability:
        """Security hooks only: whether it was built for error injection is not in its types."""
        if function.startswith("security_"):
            return self.can_fmod_ret
        return Ability(allowed=False, reason="whether it has error injection is not known")
