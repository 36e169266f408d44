# SPDX-License-Identifier: Apache-2.0
"""Random selectors, and what the language reference says about them: an independent model.

It knows nothing of the compiler. A selector is the dictionary that stands in the policy; a call is
what the kernel sees: the raw arguments, the text or file behind them, who calls.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = [
    "INTEGERS",
    "Call",
    "Caller",
    "file_filter",
    "integer_filter",
    "integer_inputs",
    "process_filters",
    "text_filter",
    "texts",
    "verdict",
]

Filter = dict[str, Any]

INTEGERS: Final = {
    "int": (4, True),
    "sint32": (4, True),
    "uint32": (4, False),
    "int8": (1, True),
    "uint8": (1, False),
    "int16": (2, True),
    "uint16": (2, False),
    "int64": (8, True),
    "uint64": (8, False),
    "size_t": (8, False),
}
"""Type -> bytes, whether it is signed."""
_POOL: Final = (0, 1, 2, 7, 100, 101, 102, 127, 128, 200, 254, 255, 32767, 32768, 65535)
_COUNTS: Final = (1, 1, 1, 2, 3, 5, 40)
_KINDS: Final = {"reg": stat.S_ISREG, "dir": stat.S_ISDIR, "char": stat.S_ISCHR}


@dataclass(frozen=True)
class Caller:
    """The process whose calls are judged, as a child of this one will be."""

    parents: frozenset[int] = field(default_factory=lambda: frozenset({os.getpid()}))
    mount_namespace: int = field(default_factory=lambda: Path("/proc/self/ns/mnt").stat().st_ino)
    capabilities: int = field(
        default_factory=lambda: int(
            Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0], 16
        )
    )


@dataclass(frozen=True)
class Call:
    """One input."""

    numbers: tuple[int, ...]
    """Arguments as the registers have them, 64 bits each."""
    text: str | None = None
    """What argument 0 leads to; None when it leads nowhere."""
    mode: int = 0
    """Of the file that argument 0 leads to."""
    result: int = 0


def as_type(number: int, name: str) -> int:
    """A register, or a number of a policy, as a number of that type."""
    width, signed = INTEGERS[name]
    number %= 1 << 8 * width
    return number - (1 << 8 * width) if signed and number >> 8 * width - 1 else number


# ---- the model ----


def verdict(
    selectors: Sequence[dict[str, Any]], kinds: Sequence[str], call: Call, caller: Caller
) -> bool:
    """Whether the call is reported: the first selector whose filters all hold decides."""
    for selector in selectors:
        if not _selector_holds(selector, kinds, call, caller):
            continue
        if any(one["action"] == "NoPost" for one in selector.get("matchActions", ())):
            return False
        results = selector.get("matchReturnArgs", ())
        return all(_integer_holds(one, call.result, "int") for one in results)
    return not selectors


def _selector_holds(
    selector: dict[str, Any], kinds: Sequence[str], call: Call, caller: Caller
) -> bool:
    for one in selector.get("matchPIDs", ()):
        inside = bool(one.get("followForks") and caller.parents & set(one["values"]))
        if inside != (one["operator"] == "In"):
            return False
    for one in selector.get("matchNamespaces", ()):
        inside = str(caller.mount_namespace) in one["values"]
        if inside != (one["operator"] == "In"):
            return False
    for one in selector.get("matchCapabilities", ()):
        inside = any(caller.capabilities >> _CAPABILITIES[name] & 1 for name in one["values"])
        if inside != (one["operator"] == "In"):
            return False
    return all(_argument_holds(one, kinds, call) for one in selector.get("matchArgs", ()))


def _argument_holds(wanted: Filter, kinds: Sequence[str], call: Call) -> bool:
    kind = kinds[wanted["index"]]
    if kind in INTEGERS:
        return _integer_holds(wanted, call.numbers[wanted["index"]], kind)
    if call.text is None:
        return False  # what cannot be read holds for neither polarity
    operator, values = wanted["operator"], wanted["values"]
    match operator.removeprefix("Not"):
        case "Equal":
            inside = call.text in values
        case "Prefix":
            inside = any(call.text.startswith(value) for value in values)
        case "Postfix":
            inside = any(call.text.endswith(value) for value in values)
        case "FileType":
            inside = any(_KINDS[value](call.mode) for value in values)
        case other:
            raise AssertionError(other)
    return bool(inside != operator.startswith("Not"))


def _integer_holds(wanted: Filter, register: int, kind: str) -> bool:
    number = as_type(register, kind)
    operator = wanted["operator"]
    ends = [[int(end, 0) for end in value.split(":")] for value in wanted["values"]]
    match operator:
        case "GT":
            return any(number > as_type(one[0], kind) for one in ends)
        case "LT":
            return any(number < as_type(one[0], kind) for one in ends)
        case "Mask":
            return any(number & one[0] for one in ends)
        case _:
            inside = any(
                one[0] <= number <= one[1] if len(one) > 1 else number == as_type(one[0], kind)
                for one in ends
            )
            return bool(inside != operator.startswith("Not"))


# ---- the generator ----


def integer_filter(chance: random.Random, index: int, kind: str) -> Filter:
    """A filter on an argument of an integer type."""
    width, signed = INTEGERS[kind]
    operators = [
        "Equal",
        "NotEqual",
        "GT",
        "LT",
        "Mask",
        "InRange",
        "NotInRange",
        "InMap",
        "NotInMap",
    ]
    operator = chance.choice(operators)
    numbers = [as_type(_number(chance), kind) for _ in range(chance.choice(_COUNTS))]
    if operator in {"GT", "LT"}:
        numbers = numbers[:1]
    if operator == "Mask":
        numbers = [number & (1 << 8 * width - signed) - 1 or 1 for number in numbers]
    values = [_text_of(chance, number) for number in numbers]
    if operator.endswith("InRange") or (operator.endswith("InMap") and chance.random() < 0.4):
        last = (1 << 8 * width - signed) - 1
        sizes = [chance.choice((0, 1, 30, 1000)) for _ in numbers]
        pairs = zip(numbers, sizes, strict=True)
        values = [f"{number}:{min(number + size, last)}" for number, size in pairs]
    return {"index": index, "operator": operator, "values": values}


def integer_inputs(chance: random.Random, count: int) -> list[int]:
    """Registers: numbers that filters have, neighbours of them, and all kinds of upper halves."""
    numbers = []
    for _ in range(count):
        number = _number(chance) + chance.choice((-1, 0, 0, 1))
        if chance.random() < 0.3:
            number |= chance.getrandbits(32) << 32
        numbers.append(number % (1 << 64))
    return numbers


def _number(chance: random.Random) -> int:
    number = chance.choice(_POOL) + (chance.choice((0, 0, 0, 1 << 31, 1 << 40, 1 << 63)))
    return number * chance.choice((1, 1, 1, -1))


def _text_of(chance: random.Random, number: int) -> str:
    return hex(number) if number >= 0 and chance.random() < 0.3 else str(number)


def texts(chance: random.Random, count: int) -> list[str]:
    """Texts of which many are starts or ends of others; some long, one empty."""
    stems = ["", "/", "/tmp/", "/usr/lib/x86_64/", "b" * 31, "long" * 70]
    found = [""]
    while len(found) < count:
        letters = "".join(chance.choice("ab/") for _ in range(chance.randrange(12)))
        found.append(chance.choice(stems) + letters + chance.choice(stems[:4]))
    return found


def text_filter(chance: random.Random, index: int, pool: Sequence[str]) -> Filter:
    """A filter on an argument that is a text; values are texts of the pool, cut or not."""
    operator = chance.choice(["Equal", "Prefix", "Postfix"])
    values = []
    for _ in range(chance.choice(_COUNTS)):
        value = chance.choice(pool) or "x"
        if operator == "Prefix":
            value = value[: chance.randint(1, 60)]
        elif operator == "Postfix":
            value = value[-chance.randint(1, 60) :]
        values.append(value)
    negation = chance.choice(["", "Not"])
    return {"index": index, "operator": negation + operator, "values": values}


def file_filter(chance: random.Random, index: int, pool: Sequence[str]) -> Filter:
    """A filter on an argument that leads to a file."""
    if chance.random() < 0.7:
        return text_filter(chance, index, pool)
    values = chance.sample(sorted(_KINDS), k=chance.randint(1, 2))
    return {
        "index": index,
        "operator": chance.choice(["FileType", "NotFileType"]),
        "values": values,
    }


_CAPABILITIES: Final = {"CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}


def process_filters(chance: random.Random, caller: Caller) -> dict[str, list[Filter]]:
    """Filters on the process, mostly none."""
    operator = chance.choice(["In", "NotIn"])
    wanted: Filter
    match chance.randrange(10):
        case 0:
            values = [chance.choice((*caller.parents, 1 << 22))]
            wanted = {"operator": operator, "values": values, "followForks": True}
            return {"matchPIDs": [wanted]}
        case 1:
            return {"matchPIDs": [{"operator": operator, "values": sorted(caller.parents)}]}
        case 2:
            number = caller.mount_namespace + chance.randrange(2)
            wanted = {"namespace": "Mnt", "operator": operator, "values": [str(number)]}
            return {"matchNamespaces": [wanted]}
        case 3:
            name = chance.choice(sorted(_CAPABILITIES))
            wanted = {"type": "Effective", "operator": operator, "values": [name]}
            return {"matchCapabilities": [wanted]}
        case _:
            return {}
