# SPDX-License-Identifier: Apache-2.0
"""Random CEL expressions of type bool over the API's events: most are right, some are ill-typed,
many have errors at run time. The same seed gives the same expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["random_expression"]

_DEEPEST = 4
_ILL_TYPED = 0.02
"""Chance that a part is of another type than is wanted."""

_ATOMS = {
    "bool": "true false has(process_exec.parent) process_exec.process.in_init_tree.x "
    "has(process_exec.process.pod.pod_labels.app) has(process_kprobe.process)",
    "bytes": "b'' b'ab' b'\\xff' bytes('a')",
    "double": "0.0 1.5 -2.0 1e9 3.0",
    "duration": "duration('1s') duration('-1h') duration('0') duration('2562047h')",
    "int": "0 1 2 -1 7 9223372036854775807 -9223372036854775808 process_kprobe.action "
    "KprobeAction.KPROBE_ACTION_POST size(process_exec.ancestors)",
    "ints": "[1,2,3] [7] [0,-1]",
    "map": "{'a':1,'b':2} {'app':7}",
    "message": "process_exec.process process_exec.parent process_exit.process Process{pid:7u}",
    "string": "'' 'a' 'abc' '7' 'true' 'é' process_exec.process.binary "
    "process_exec.process.arguments process_exec.process.pod.name '1h' '2020-01-02T03:04:05Z'",
    "strings": "['a','abc'] [process_exec.process.binary]",
    "timestamp": "timestamp('2020-01-02T03:04:05Z') timestamp(0) process_exec.process.start_time",
    "uint": "0u 1u 7u 18446744073709551615u process_exec.process.pid "
    "process_exec.process.refcnt process_exec.process.tid process_kprobe.process.pid",
}
_WRONG = ("bool", "bytes", "double", "int", "ints", "message", "string", "timestamp", "uint")
"""Kinds of ill-typed parts: the two libraries convert durations differently."""

_COMPOSED = {
    "bool": (
        *("{bool}&&{bool}", "{bool}||{bool}", "!{bool}", "{bool}?{bool}:{bool}", "{bool}=={bool}"),
        *(f"{{{one}}}{op}{{{one}}}" for op in ("==", "!=") for one in _ATOMS),
        *(f"{{{one}}}{op}{{{one}}}" for op in ("<", ">=") for one in ("int", "uint", "string")),
        *(f"{{{one}}}{op}{{{one}}}" for op in ("<=", ">") for one in ("duration", "timestamp")),
        *("{int} in {ints}", "{string} in {strings}", "{string} in {map}", "{uint} in [{uint}]"),
        *("{ints}.all(x, x < {int})", "{ints}.exists(x, x == {int})", "{map}.all(k, {bool})"),
        *("{ints}.exists_one(x, x > {int})", "{strings}.exists(s, s.contains({string}))"),
        *("{string}.startsWith({string})", "{string}.endsWith({string})", "bool({string})"),
        *("dyn({int}) == dyn({uint})", "dyn({uint}) == dyn({string})", "dyn({int}) < dyn({uint})"),
        *("dyn({bool})&&{bool}", "dyn({double}) == dyn({int})", "type({int}) == int"),
        *("{string}.matches('a|b+$')", "{string}.matches({string})", "{uint} == null"),
        *(
            "{message} == null",
            "has({message}.pod)",
            "process_exec.ancestors.all(p, p == {message})",
        ),
    ),
    "bytes": ("{bytes}+{bytes}", "bytes({string})"),
    "double": ("{double}+{double}", "{double}*{double}", "-{double}", "double({int})"),
    "duration": (
        "{duration}+{duration}",
        "-{duration}",
        "duration('1m')",
        "{timestamp}-{timestamp}",
    ),
    "int": (
        *("{int}+{int}", "{int}-{int}", "{int}*{int}", "{int}/{int}", "{int}%{int}", "-{int}"),
        *("size({string})", "{ints}.size()", "{ints}[{int}]", "{map}[{string}]", "{map}.a"),
        *(
            "int({uint})",
            "int({string})",
            "int({double})",
            "{bool}?{int}:{int}",
            "int(process_exec.process.start_time)",
        ),
        *("{timestamp}.getHours()", "{timestamp}.getDayOfYear('+01:30')", "{bytes}.size()"),
        *("{duration}.getMinutes()", "{timestamp}.getFullYear()", "dyn({int})", "dyn({uint})"),
    ),
    "ints": ("{ints}+{ints}", "{ints}.map(x, x + {int})", "{ints}.filter(x, {bool})", "[{int}]"),
    "map": ("{{{string}:{int}}}", "{{'a':{int},'app':{int}}}"),
    "message": (
        *(
            "{bool}?{message}:{message}",
            "Process{{pid:{message}.pid}}",
            "process_exec.ancestors[{int}]",
        ),
        *("Process{{binary:{string},in_init_tree:{bool}}}", "Process{{start_time:{timestamp}}}"),
    ),
    "string": (
        *("{string}+{string}", "string({int})", "string({uint})", "string({bool})"),
        *("{bool}?{string}:{string}", "string({bytes})", "{strings}[{int}]", "{message}.binary"),
        "process_exec.process.pod.pod_labels[{string}]",
    ),
    "strings": ("{strings}+{strings}", "{strings}.map(s, s + {string})", "[{string},{string}]"),
    "timestamp": ("{timestamp}+{duration}", "{timestamp}-{duration}", "timestamp({string})"),
    "uint": ("{uint}+{uint}", "{uint}-{uint}", "{uint}/{uint}", "uint({int})", "{message}.pid"),
}


def random_expression(random: Random) -> str:
    """Make one expression that ought to be a bool."""
    return _part(random, "bool", 0)


def _part(random: Random, kind: str, depth: int) -> str:
    if random.random() < _ILL_TYPED:
        kind = random.choice(_WRONG)
    if depth >= _DEEPEST or random.random() < depth * 0.2:
        return random.choice(_ATOMS[kind].split(" "))
    form = random.choice(_COMPOSED[kind])
    return "(" + form.format_map(_Parts(random, depth + 1)) + ")"


class _Parts(dict[str, str]):
    """What stands for {kind} in a form: a new random part each time it is asked for."""

    def __init__(self, random: Random, depth: int) -> None:
        super().__init__()
        self._random = random
        self._depth = depth

    def __missing__(self, kind: str) -> str:
        return _part(self._random, kind, self._depth)
