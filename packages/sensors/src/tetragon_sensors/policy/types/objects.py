# SPDX-License-Identifier: Apache-2.0
"""Credentials, namespaces, modules, BPF objects and perf events: which members, and as what texts.

The names are Tetragon's, numbers it has no name for are decimal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .structures import Member, Structure, text_of_array

if TYPE_CHECKING:
    from collections.abc import Mapping

    Read = Mapping[str, int | bytes]
    Value = Mapping[str, object]

__all__ = ["OBJECT_TYPES"]

_PROGRAM_NAMES: Final = (
    *("UNSPEC", "SOCKET_FILTER", "KPROBE", "SCHED_CLS", "SCHED_ACT", "TRACEPOINT", "XDP"),
    *("PERF_EVENT", "CGROUP_SKB", "CGROUP_SOCK", "LWT_IN", "LWT_OUT", "LWT_XMIT", "SOCK_OPS"),
    *("SK_SKB", "CGROUP_DEVICE", "SK_MSG", "RAW_TRACEPOINT", "CGROUP_SOCK_ADDR"),
    *("LWT_SEG6LOCAL", "LIRC_MODE2", "SK_REUSEPORT", "FLOW_DISSECTOR", "CGROUP_SYSCTL"),
    *("RAW_TRACEPOINT_WRITABLE", "CGROUP_SOCKOPT", "TRACING", "STRUCT_OPS", "EXT", "LSM"),
    *("SK_LOOKUP", "SYSCALL"),
)
"""enum bpf_prog_type (include/uapi/linux/bpf.h), as far as Tetragon names it."""
_MAP_NAMES: Final = (
    *("UNSPEC", "HASH", "ARRAY", "PROG_ARRAY", "PERF_EVENT_ARRAY", "PERCPU_HASH"),
    *("PERCPU_ARRAY", "STACK_TRACE", "CGROUP_ARRAY", "LRU_HASH", "LRU_PERCPU_HASH", "LPM_TRIE"),
    *("ARRAY_OF_MAPS", "HASH_OF_MAPS", "DEVMAP", "SOCKMAP", "CPUMAP", "XSKMAP", "SOCKHASH"),
    *("CGROUP_STORAGE", "REUSEPORT_SOCKARRAY", "PERCPU_CGROUP_STORAGE", "QUEUE", "STACK"),
    *("SK_STORAGE", "DEVMAP_HASH", "STRUCT_OPS", "RINGBUF", "INODE_STORAGE", "TASK_STORAGE"),
    "BLOOM_FILTER",
)
"""enum bpf_map_type, likewise."""
_EVENT_NAMES: Final = (
    *("HARDWARE", "SOFTWARE", "TRACEPOINT", "HW_CACHE", "RAW", "BREAKPOINT", "MAX"),
)
"""enum perf_type_id (include/uapi/linux/perf_event.h)."""
_TAINTS: Final = (1, 2, 4, 1024, 4096, 8192, 32768, 262144)
"""Numbers of TaintedBitsType: those a module can have."""
_SECURE_BITS: Final = 8
"""enum SecureBitsType has one number for each of so many bits."""


def _named(prefix: str, names: tuple[str, ...], number: int | bytes) -> str:
    assert isinstance(number, int)
    return prefix + names[number] if number < len(names) else str(number)


def _bits(mask: int | bytes, count: int = 64) -> list[int]:
    assert isinstance(mask, int)
    return [bit for bit in range(count) if mask >> bit & 1]


def _user_namespace(read: Read) -> Value:
    return {
        "level": read["level"],
        "uid": read["owner"],
        "gid": read["group"],
        "ns": {"inum": read["inum"], "is_host": read["level"] == 0},
    }


_IDS: Final = ("uid", "gid", "euid", "egid", "suid", "sgid", "fsuid", "fsgid")
_CAPABILITY_SETS: Final = ("permitted", "effective", "inheritable")


def _credentials(read: Read) -> Value:
    return {
        **{name: read[name] for name in _IDS},
        "securebits": [1 << bit for bit in _bits(read["securebits"], _SECURE_BITS)],
        "caps": {name: _bits(read[name]) for name in _CAPABILITY_SETS},
        "user_ns": _user_namespace(read),
    }


def _program(read: Read) -> Value:
    return {
        "ProgType": _named("BPF_PROG_TYPE_", _PROGRAM_NAMES, read["type"]),
        "InsnCnt": read["length"],
        "ProgName": text_of_array(read["name"]),
    }


def _map(read: Read) -> Value:
    return {
        "MapType": _named("BPF_MAP_TYPE_", _MAP_NAMES, read["type"]),
        "KeySize": read["key_size"],
        "ValueSize": read["value_size"],
        "MaxEntries": read["max_entries"],
        "MapName": text_of_array(read["name"]),
    }


def _perf_event(read: Read) -> Value:
    return {
        "KprobeFunc": text_of_array(read["text"]),
        "Type": _named("PERF_TYPE_", _EVENT_NAMES, read["type"]),
        "Config": read["config"],
        "ProbeOffset": read["offset"],
    }


def _tainted(taints: int | bytes) -> list[int]:
    assert isinstance(taints, int)
    return [bit for bit in _TAINTS if taints & bit]


def _module(read: Read) -> Value:
    return {"name": text_of_array(read["name"]), "tainted": _tainted(read["taints"])}


def _load_info(read: Read) -> Value:
    return {
        "name": text_of_array(read["text"]),
        "signature_ok": bool(read["sig_ok"]),
        "tainted": _tainted(read["taints"]),
    }


def _members(struct: str, *members: tuple[str, str, str]) -> tuple[Member, ...]:
    return tuple(Member(name, form, ((struct, path),)) for name, form, path in members)


_NAMESPACE: Final = (
    *(("level", "i", "level"), ("owner", "I", "owner"), ("group", "I", "group")),
    ("inum", "I", "ns.inum"),
)

OBJECT_TYPES: Final = (
    Structure(
        "user_namespace",
        "user_namespace",
        "user_ns_arg",
        _members("user_namespace", *_NAMESPACE),
        _user_namespace,
    ),
    Structure(
        "cred",
        "cred",
        "process_credentials_arg",
        (
            *_members("cred", *((name, "Q", f"cap_{name}") for name in _CAPABILITY_SETS)),
            *_members("cred", *((name, "I", name) for name in _IDS)),
            *_members("cred", ("securebits", "I", "securebits")),
            *(
                Member(name, form, (("cred", "user_ns"), ("user_namespace", path)))
                for name, form, path in _NAMESPACE
            ),
        ),
        _credentials,
    ),
    Structure(
        "bpf_attr",
        "bpf_attr",
        "bpf_attr_arg",
        _members(
            "bpf_attr",
            *(
                ("type", "I", "prog_type"),
                ("length", "I", "insn_cnt"),
                ("name", "16s", "prog_name"),
            ),
        ),
        _program,
    ),
    Structure(
        "bpf_prog",
        "bpf_prog",
        "bpf_prog_arg",
        (
            *_members("bpf_prog", ("type", "I", "type"), ("length", "I", "len")),
            Member("name", "16s", (("bpf_prog", "aux"), ("bpf_prog_aux", "name"))),
        ),
        _program,
    ),
    Structure(
        "bpf_map",
        "bpf_map",
        "bpf_map_arg",
        _members(
            "bpf_map",
            *(("type", "I", "map_type"), ("key_size", "I", "key_size")),
            *(("value_size", "I", "value_size"), ("max_entries", "I", "max_entries")),
            ("name", "16s", "name"),
        ),
        _map,
    ),
    Structure(
        "perf_event",
        "perf_event",
        "perf_event_arg",
        _members(
            "perf_event",
            *(("config", "Q", "attr.config"), ("offset", "Q", "attr.probe_offset")),
            ("type", "I", "attr.type"),
        ),
        _perf_event,
        text=(("perf_event", "attr.kprobe_func"),),
    ),
    Structure(
        "module",
        "module",
        "module_arg",
        _members("module", ("taints", "Q", "taints"), ("name", "64s", "name")),
        _module,
    ),
    Structure(
        "load_info",
        "load_info",
        "module_arg",
        (
            # the first member tells whether the address is right; the module comes late
            *_members("load_info", ("name", "Q", "name")),
            Member("taints", "Q", (("load_info", "mod"), ("module", "taints"))),
            *_members("load_info", ("sig_ok", "B", "sig_ok")),
        ),
        _load_info,
        text=(("load_info", "name"),),
    ),
)
