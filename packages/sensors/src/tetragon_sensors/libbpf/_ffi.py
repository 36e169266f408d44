# SPDX-License-Identifier: Apache-2.0
"""C signatures of the libbpf functions we call (libbpf 1.0 or newer), and where the library is."""

from __future__ import annotations

import ctypes as c
from typing import Any, Final

from tetragon_sensors.shared_library import Signatures, open_library

__all__ = [
    "PRINT_CALLBACK",
    "SAMPLE_CALLBACK",
    "ObjectOpenOpts",
    "ProgInfo",
    "load_library",
]

SAMPLE_CALLBACK: Final = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_void_p, c.c_size_t)
PRINT_CALLBACK: Final = c.CFUNCTYPE(c.c_int, c.c_int, c.c_char_p, c.c_void_p)


class ObjectOpenOpts(c.Structure):
    """The first members of struct bpf_object_open_opts; `sz` tells libbpf how many there are."""

    _fields_ = (("sz", c.c_size_t), ("object_name", c.c_char_p))


class ProgInfo(c.Structure):
    """The part of struct bpf_prog_info (include/uapi/linux/bpf.h) up to recursion_misses."""

    _fields_ = (
        ("head", c.c_uint8 * 192),
        ("run_time_ns", c.c_uint64),
        ("run_cnt", c.c_uint64),
        ("recursion_misses", c.c_uint64),
    )


_P: Final = c.c_void_p
_SIGNATURES: Final[Signatures] = {
    "libbpf_set_print": (_P, (PRINT_CALLBACK,)),
    "bpf_object__open_mem": (_P, (c.c_char_p, c.c_size_t, c.POINTER(ObjectOpenOpts))),
    "bpf_object__load": (c.c_int, (_P,)),
    "bpf_object__close": (None, (_P,)),
    "bpf_object__next_map": (_P, (_P, _P)),
    "bpf_object__next_program": (_P, (_P, _P)),
    "bpf_object__find_map_by_name": (_P, (_P, c.c_char_p)),
    "bpf_map__name": (c.c_char_p, (_P,)),
    "bpf_map__fd": (c.c_int, (_P,)),
    "bpf_map__set_max_entries": (c.c_int, (_P, c.c_uint32)),
    "bpf_map__max_entries": (c.c_uint32, (_P,)),
    "bpf_map__reuse_fd": (c.c_int, (_P, c.c_int)),
    "bpf_map__initial_value": (_P, (_P, c.POINTER(c.c_size_t))),
    "bpf_program__name": (c.c_char_p, (_P,)),
    "bpf_program__fd": (c.c_int, (_P,)),
    "bpf_program__section_name": (c.c_char_p, (_P,)),
    "bpf_program__attach": (_P, (_P,)),
    "bpf_link__destroy": (c.c_int, (_P,)),
    "bpf_link__fd": (c.c_int, (_P,)),
    "bpf_map_lookup_elem": (c.c_int, (c.c_int, _P, _P)),
    "bpf_map_get_next_key": (c.c_int, (c.c_int, _P, _P)),
    "bpf_obj_get_info_by_fd": (c.c_int, (c.c_int, _P, c.POINTER(c.c_uint32))),
    "libbpf_num_possible_cpus": (c.c_int, ()),
    "ring_buffer__new": (_P, (c.c_int, SAMPLE_CALLBACK, _P, _P)),
    "ring_buffer__consume": (c.c_int, (_P,)),
    "ring_buffer__free": (None, (_P,)),
}


def load_library(signatures: Signatures = _SIGNATURES) -> Any:  # noqa: ANN401  (a ctypes library has no useful static type)
    """Open libbpf and declare what we call. Raises TetragonError when it is not installed."""
    return open_library("libbpf.so.1", "libbpf1 or libbpf", signatures)
