# SPDX-License-Identifier: Apache-2.0
"""What each field of a policy is for, in one or two sentences, and examples; for `explain`.

A key is the end of a field's path, as short as it says what is meant: `args.index` stands for that
field in every list `args`. Of several that fit, the longest holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["EXAMPLES", "RESOURCE_TEXT", "TEXTS", "text_of"]

RESOURCE_TEXT: Final = (
    "A policy: functions and events of the kernel and of programs to watch, which of their calls"
    " matter, and what to do about them."
)

_LABELS: Final = "Conditions on labels that must all hold."
_VALUES: Final = "Values that the operator compares with."

TEXTS: Final[Mapping[str, str]] = {
    "apiVersion": "Version of the format.",
    "kind": "Whether it applies to the whole cluster or to one namespace of Kubernetes.",
    "metadata": "What the policy is called.",
    "metadata.name": "Name of the policy; unique in its namespace and domain.",
    "metadata.namespace": "Namespace of Kubernetes the policy belongs to.",
    "metadata.labels": "Labels for tools; without meaning to the agent.",
    "metadata.annotations": "Notes for tools; without meaning to the agent.",
    "spec": "What the policy does.",
    "kprobes": "Functions of the kernel to watch; system calls are among them.",
    "fentries": "As kprobes, but attached by trampolines only, which cost less.",
    "tracepoints": "Tracepoints of the kernel to watch.",
    "lsmhooks": "Hooks of the kernel's security modules to watch; their results can be decided.",
    "uprobes": "Functions of executables and libraries to watch.",
    "usdts": "Probes that a program's authors have put into it.",
    "loader": "Report each mapping of a file as code, with path and build id.",
    "lists": "Named lists of functions, which `call` refers to.",
    "lists.name": "Name of the list; `call: list:NAME` stands for all of its functions.",
    "lists.type": "What the names are, or where they come from when they are generated.",
    "lists.values": "The functions.",
    "lists.pattern": "Regular expression that generated names must match.",
    "enforcers": "Functions whose calls other hooks can deny, by the action NotifyEnforcer.",
    "enforcers.calls": "The functions; `list:NAME` for those of a list.",
    "options": "Settings of this policy.",
    "options.name": "Name of the setting, as `policy-mode`.",
    "options.value": "Its value, always as text.",
    "podSelector": "Only pods with such labels.",
    "containerSelector": "Only containers with such name or image, in the form of labels.",
    "hostSelector": "Only processes of the host itself, outside of pods; `{}` takes them all.",
    "nodeSelector": "Only on nodes with such labels; elsewhere the policy is not loaded.",
    "selectorsMacros": "Parts of selectors by name, which selectors include with `macros`.",
    "matchLabels": "Labels and the values they must have.",
    "matchExpressions": _LABELS,
    "matchExpressions.key": "The label.",
    "matchExpressions.operator": "How its value is compared, or whether it is there at all.",
    "matchExpressions.values": _VALUES,
    "call": "The function: a symbol of the kernel, a system call as `sys_NAME`, or `list:NAME`.",
    "syscall": "The function is a system call: arguments are taken from its registers.",
    "returnArgAction": "What becomes of the socket that the function returns.",
    "kprobes.ignore": "Problems that do not keep the policy from loading.",
    "fentries.ignore": "Problems that do not keep the policy from loading.",
    "callNotFound": "Leave the function out when this kernel has none of that name.",
    "data": "Values beside the arguments, such as fields of the task that makes the call.",
    "data.index": "Number of the value, for filters.",
    "args": "Arguments to report, and to filter by.",
    "args.index": "Which argument of the function; counted from 0.",
    "tracepoints.args.index": "Which field of the event's format, common fields included; from 0.",
    "returnArg.index": "Not needed: a function returns one value.",
    "returnArg": "How to read the value that the function returns.",
    "return": "Report when the function returns, with its result.",
    "type": "What the value is, which decides how it is read and shown.",
    "resolve": "Path from the value through members of structures to what is wanted: `a.b[2].c`.",
    "btfType": "The structure that the value points to, where the function's own type is no help.",
    "btfTypeModule": "The kernel module whose types have that structure.",
    "source": "Where the value is read from, when that is no argument.",
    "sizeArgIndex": "The argument, counted from 1, that tells how many bytes this one has.",
    "returnCopy": "Read the value when the function returns: it is filled in by the call.",
    "maxData": "Copy as much as possible of a long buffer.",
    "label": "A name for the value in events.",
    "message": "Text that goes into the events of this hook.",
    "tags": "Words that go into the events of this hook.",
    "selectors": "Filters with actions. The first whose conditions all hold decides.",
    "selectors.label": "A name for the selector in statistics.",
    "selectorsMacros.label": "A name for the selector in statistics.",
    "macros": "Names of macros whose conditions are added to this selector.",
    "matchPIDs": "Conditions on process numbers.",
    "matchPIDs.operator": "Whether the process must be among them, or must not.",
    "matchPIDs.values": "Process numbers.",
    "isNamespacePID": "The numbers are those of the process's own pid namespace.",
    "followForks": "Descendants of these processes count too.",
    "matchArgs": "Conditions on arguments; all must hold.",
    "matchData": "Conditions on values of `data`; all must hold.",
    "matchReturnArgs": "Conditions on the result; all must hold.",
    "matchArgs.index": "The argument, by its `index`.",
    "matchData.index": "The value, by its `index`.",
    "matchReturnArgs.index": "Always 0: there is one result.",
    "matchArgs.args": "The arguments by number, where the operator compares several.",
    "matchData.args": "The values by number, where the operator compares several.",
    "matchReturnArgs.args": "Not needed: there is one result.",
    "matchArgs.operator": "How the argument is compared.",
    "matchData.operator": "How the value is compared.",
    "matchReturnArgs.operator": "How the result is compared.",
    "matchArgs.values": _VALUES,
    "matchData.values": _VALUES,
    "matchReturnArgs.values": _VALUES,
    "matchBinaries": "Conditions on the executable of the process.",
    "matchParentBinaries": "Conditions on the executable of the parent process.",
    "matchBinaries.operator": "How the path is compared.",
    "matchParentBinaries.operator": "How the path is compared.",
    "matchBinaries.values": "Paths, or their beginnings or ends.",
    "matchParentBinaries.values": "Paths, or their beginnings or ends.",
    "followChildren": "Descendants of such processes count too, whatever they execute.",
    "matchNamespaces": "Conditions on the namespaces of the process.",
    "matchNamespaces.namespace": "Kind of the namespace.",
    "matchNamespaces.operator": "Whether it must be among the values, or must not.",
    "matchNamespaces.values": "Numbers of namespaces (inodes of /proc/PID/ns), or `host_ns`.",
    "matchNamespaceChanges": "Only processes whose namespaces changed since they started.",
    "matchNamespaceChanges.operator": "Whether a change of these kinds must be, or must not.",
    "matchNamespaceChanges.values": "Kinds of namespaces.",
    "matchCapabilities": "Conditions on the capabilities of the process.",
    "matchCapabilityChanges": "Only processes whose capabilities changed since they started.",
    "matchCapabilities.type": "The set of capabilities that is looked at.",
    "matchCapabilityChanges.type": "The set of capabilities that is looked at.",
    "matchCapabilities.operator": "Whether one of these must be in the set, or none may.",
    "matchCapabilityChanges.operator": "Whether one of these must have changed, or none may.",
    "isNamespaceCapability": "Capabilities inside of a user namespace other than the host's.",
    "matchCapabilities.values": "Names, such as CAP_SYS_ADMIN.",
    "matchCapabilityChanges.values": "Names, such as CAP_SYS_ADMIN.",
    "matchWorkloads": "Conditions on the workload that the process belongs to.",
    "matchActions": "What is done when the conditions hold; without it: an event.",
    "matchReturnActions": "What is done when the function returns and its result matches.",
    "action": "What is done.",
    "argFqdn": "DnsLookup: the name that is looked up.",
    "argUrl": "GetUrl: the address that is asked for.",
    "argError": "Override, NotifyEnforcer: what the call returns instead, as a negative errno.",
    "argSig": "Signal, NotifyEnforcer: number of the signal that the process gets.",
    "argSock": "TrackSock, UntrackSock: the argument that is the socket.",
    "argIndex": "Set: the argument that is written through.",
    "argValue": "Set: the number that is written.",
    "argRegs": "Override in uprobes: registers and what they become, as `rax=0`.",
    "argNewSymbol": "Override in uprobes: the function that runs instead, by name.",
    "argNewAddr": "Override in uprobes: the function that runs instead, by address.",
    "argNewOffset": "Override in uprobes: the function that runs instead, by place in the file.",
    "rateLimit": "Post: one event in this time for the same arguments: `5`, `5s`, `1m`, `1h`.",
    "rateLimitScope": "Whose events are counted together for the limit.",
    "kernelStackTrace": "Add the stack inside the kernel to the event.",
    "userStackTrace": "Add the stack of the program to the event.",
    "imaHash": "Add the hash of the file, which the kernel's IMA measures.",
    "subsystem": "Group of the tracepoint, as below /sys/kernel/tracing/events.",
    "event": "Name of the tracepoint in its group.",
    "raw": "Attach before the kernel formats the event: arguments are those of the kernel's code.",
    "hook": "Name of the hook without `security_`, such as `file_open`.",
    "path": "The file: an executable or a library.",
    "btfPath": "A file with types of the program, for `resolve`.",
    "symbols": "Functions by name.",
    "offsets": "Functions by their place in the file.",
    "addrs": "Functions by their address, as the file's own tables have it.",
    "refCtrOffsets": "Places of counters that switch a probe on, one for each function.",
    "binaryDigests": "Hashes of files that may be meant, as `sha256:HEX` or `build-id:HEX`.",
    "uprobes.ignore": "Problems that do not keep the policy from loading.",
    "digestVerificationFailure": "Leave a file out whose hash is none of those given.",
    "usdts.provider": "Group of the probe, as its note in the file has it.",
    "usdts.name": "Name of the probe, as its note in the file has it.",
}
"""Each field of the schema has one; a test sees to that."""

EXAMPLES: Final[Mapping[str, str]] = {
    "": """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: outgoing
spec:
  kprobes:
  - call: tcp_connect
    args:
    - index: 0
      type: sock
""",
    "kprobes": """\
- call: sys_openat
  syscall: true
  args:
  - index: 1
    type: string
  selectors:
  - matchArgs:
    - index: 1
      operator: Prefix
      values: ["/etc/"]
""",
    "tracepoints": """\
- subsystem: sched
  event: sched_process_exec
""",
    "lsmhooks": """\
- hook: file_open
  args:
  - index: 0
    type: file
""",
    "uprobes": """\
- path: /usr/bin/bash
  symbols: [readline]
  return: true
  returnArg:
    index: 0
    type: string
""",
    "usdts": """\
- path: /usr/bin/python3
  provider: python
  name: gc__start
""",
    "lists": """\
- name: dups
  type: syscalls
  values: [sys_dup, sys_dup2]
""",
    "matchArgs": """\
- index: 0
  operator: Equal
  values: ["1"]
""",
    "matchBinaries": """\
- operator: In
  values: [/usr/bin/curl]
  followChildren: true
""",
    "matchActions": """\
- action: Sigkill
""",
    "options": """\
- name: policy-mode
  value: monitor
""",
}
"""YAML by the end of a path, as in TEXTS; empty: the whole policy."""


def text_of(path: Sequence[str]) -> str | None:
    """What the field at a path is for; None when there is no text."""
    return _longest(TEXTS, path)


def _longest(table: Mapping[str, str], path: Sequence[str]) -> str | None:
    keys = (".".join(path[start:]) for start in range(len(path)))
    return next((table[key] for key in keys if key in table), None)
