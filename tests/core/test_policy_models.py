# SPDX-License-Identifier: Apache-2.0
"""Policies like those in Tetragon's documentation, and the model that each becomes."""

from __future__ import annotations

from typing import Any

from policy_texts import HEAD, policy
from tetragon_core.policy.model import (
    Action,
    Argument,
    ArgumentFilter,
    BinaryFilter,
    CapabilityFilter,
    Enforcer,
    FunctionHook,
    HookKind,
    LabelExpression,
    LabelSelector,
    LsmHook,
    NamedList,
    NamespaceFilter,
    PidFilter,
    Selector,
    Spec,
    Text,
    TracepointHook,
    UprobeHook,
    UsdtHook,
    Workloads,
)
from tetragon_core.policy.parse import parse_policy


def texts(*values: str) -> tuple[Text, ...]:
    """Values as the model has them."""
    return tuple(Text(value) for value in values)


def kprobe(**fields: Any) -> FunctionHook:
    """A kprobe."""
    return FunctionHook(kind=HookKind.KPROBE, **fields)


def equal(position: int, *values: str, operator: str = "Equal") -> ArgumentFilter:
    """A filter on the argument in that position, which has the same index."""
    return ArgumentFilter(
        index=position, args=(position,), operator=operator, values=texts(*values)
    )


def test_watching_files() -> None:
    """A security hook with a path and a mask, its result, and two selectors."""
    text = policy("""
        kprobes:
        - call: security_file_permission
          syscall: false
          return: true
          args:
          - {index: 0, type: file}
          - {index: 1, type: int}
          returnArg: {index: 0, type: int}
          message: a file
          selectors:
          - matchArgs:
            - index: 0
              operator: Prefix
              values: [/boot, /etc/]
            - {index: 1, operator: Equal, values: ["4"]}
            matchBinaries:
            - {operator: NotIn, values: [/usr/bin/apt], followChildren: true}
          - matchArgs:
            - {index: 0, operator: Postfix, values: [.bashrc]}
    """)

    assert parse_policy(text).spec == Spec(
        hooks=(
            kprobe(
                call="security_file_permission",
                syscall=False,
                returns=True,
                message="a file",
                args=(Argument(index=0, type="file"), Argument(index=1, type="int")),
                return_arg=Argument(index=0, type="int"),
                selectors=(
                    Selector(
                        match_args=(equal(0, "/boot", "/etc/", operator="Prefix"), equal(1, "4")),
                        match_binaries=(
                            BinaryFilter(
                                operator="NotIn",
                                values=texts("/usr/bin/apt"),
                                follow_children=True,
                            ),
                        ),
                    ),
                    Selector(match_args=(equal(0, ".bashrc", operator="Postfix"),)),
                ),
            ),
        )
    )


def test_watching_the_network() -> None:
    """Everything that leaves for the world, once in a minute for each process."""
    text = policy("""
        kprobes:
        - call: tcp_connect
          syscall: false
          tags: [network, "T1071"]
          args: [{index: 0, type: sock, label: connection}]
          selectors:
          - matchArgs:
            - {index: 0, operator: NotDAddr, values: [127.0.0.0/8, "::1"]}
            - {index: 0, operator: DPort, values: [443, 8000:8080]}
            matchActions:
            - {action: Post, rateLimit: 1m, rateLimitScope: process, userStackTrace: true}
    """)

    assert parse_policy(text).spec.hooks == (
        kprobe(
            call="tcp_connect",
            syscall=False,
            tags=("network", "T1071"),
            args=(Argument(index=0, type="sock", label="connection"),),
            selectors=(
                Selector(
                    match_args=(
                        equal(0, "127.0.0.0/8", "::1", operator="NotDAddr"),
                        equal(0, "443", "8000:8080", operator="DPort"),
                    ),
                    match_actions=(
                        Action(
                            action="Post",
                            rate_limit="1m",
                            rate_limit_scope="process",
                            user_stack_trace=True,
                        ),
                    ),
                ),
            ),
        ),
    )


def test_lists_of_system_calls() -> None:
    """A list as a call makes it a system call; a list as a value; a generated list."""
    text = policy("""
        lists:
        - {name: calls, type: syscalls, values: [sys_dup, i386/sys_dup2]}
        - {name: all, type: generated_syscalls}
        - {name: functions, type: generated_ftrace, pattern: ^ksys_}
        enforcers: [{calls: ["list:calls", security_file_open]}]
        options: [{name: disable-kprobe-multi, value: "1"}]
        kprobes:
        - {call: "list:all", syscall: false}
        - {call: "list:functions", ignore: {callNotFound: true}}
        tracepoints:
        - subsystem: raw_syscalls
          event: sys_enter
          args: [{index: 4, type: syscall64}]
          selectors:
          - matchArgs: [{index: 0, operator: InMap, values: ["list:calls"]}]
            matchActions: [{action: NotifyEnforcer, argError: -1, argSig: 9}]
    """)

    assert parse_policy(text).spec == Spec(
        lists=(
            NamedList(name="calls", type="syscalls", values=texts("sys_dup", "i386/sys_dup2")),
            NamedList(name="all", type="generated_syscalls"),
            NamedList(name="functions", type="generated_ftrace", pattern="^ksys_"),
        ),
        enforcers=(Enforcer(calls=texts("list:calls", "security_file_open")),),
        options={"disable-kprobe-multi": Text("1")},
        hooks=(
            kprobe(call="list:all", syscall=True),
            kprobe(call="list:functions", syscall=False, ignore_call_not_found=True),
            TracepointHook(
                kind=HookKind.TRACEPOINT,
                subsystem="raw_syscalls",
                event="sys_enter",
                args=(Argument(index=4, type="syscall64"),),
                selectors=(
                    Selector(
                        match_args=(equal(0, "list:calls", operator="InMap"),),
                        match_actions=(Action(action="NotifyEnforcer", arg_error=-1, arg_sig=9),),
                    ),
                ),
            ),
        ),
    )


def test_filters_on_the_process() -> None:
    """Each of them, with its defaults and its flags."""
    text = policy("""
        kprobes:
        - call: sys_mount
          selectors:
          - label: escape
            matchPIDs:
            - {operator: NotIn, followForks: true, isNamespacePID: true, values: [0, 1]}
            - {operator: In, values: [77]}
            matchParentBinaries: [{operator: Prefix, values: [/tmp/]}]
            matchNamespaces: [{namespace: Pid, operator: NotIn, values: [host_ns, "4026531836"]}]
            matchNamespaceChanges: [{operator: In, values: [Mnt, Uts]}]
            matchCapabilities: [{operator: In, values: [CAP_SYS_ADMIN]}]
            matchCapabilityChanges:
            - {type: Permitted, operator: NotIn, isNamespaceCapability: true, values: [CAP_BPF]}
            matchWorkloads: {podSelector: {matchLabels: {app: web}}, hostSelector: {}}
    """)

    selector = parse_policy(text).spec.hooks[0].selectors[0]

    assert selector.label == "escape"
    assert selector.match_pids == (
        PidFilter(operator="NotIn", values=(0, 1), is_namespace_pid=True, follow_forks=True),
        PidFilter(operator="In", values=(77,)),
    )
    assert selector.match_parent_binaries == (
        BinaryFilter(operator="Prefix", values=texts("/tmp/")),
    )
    assert selector.match_namespaces == (
        NamespaceFilter(namespace="Pid", operator="NotIn", values=texts("host_ns", "4026531836")),
    )
    assert [text.value for text in selector.match_namespace_changes[0].values] == ["Mnt", "Uts"]
    assert selector.match_capabilities == (
        CapabilityFilter(type="Effective", operator="In", values=texts("CAP_SYS_ADMIN")),
    )
    assert selector.match_capability_changes == (
        CapabilityFilter(
            type="Permitted",
            operator="NotIn",
            is_namespace_capability=True,
            values=texts("CAP_BPF"),
        ),
    )
    assert selector.match_workloads == Workloads(
        pod_selector=LabelSelector(match_labels={"app": "web"}), host_selector=LabelSelector()
    )


def test_hooks_of_all_sections_are_in_one_order() -> None:
    """Several sections in one policy, which Tetragon refuses."""
    text = policy("""
        usdts: [{path: /bin/a, provider: p, name: n, btfPath: /b}]
        uprobes:
        - path: /bin/a
          addrs: [0x10, "32"]
          refCtrOffsets: [7, 8]
          binaryDigests: ["build-id:abcd"]
          ignore: {digestVerificationFailure: true}
          data: [{type: uint32, source: current_task, resolve: loginuid.val}]
        lsmhooks: [{hook: file_open, args: [{index: 0, type: file}]}]
        tracepoints: [{subsystem: sched, event: sched_switch, raw: true}]
        fentries: [{call: sys_read}]
        kprobes: [{call: sys_write}]
    """)

    assert parse_policy(text).spec.hooks == (
        kprobe(call="sys_write"),
        FunctionHook(kind=HookKind.FENTRY, call="sys_read"),
        TracepointHook(kind=HookKind.TRACEPOINT, subsystem="sched", event="sched_switch", raw=True),
        LsmHook(kind=HookKind.LSM, hook="file_open", args=(Argument(index=0, type="file"),)),
        UprobeHook(
            kind=HookKind.UPROBE,
            path="/bin/a",
            addrs=(16, 32),
            ref_ctr_offsets=(7, 8),
            binary_digests=("build-id:abcd",),
            ignore_digest_failure=True,
            data=(Argument(index=0, type="uint32", source="current_task", resolve="loginuid.val"),),
        ),
        UsdtHook(kind=HookKind.USDT, path="/bin/a", provider="p", name="n", btf_path="/b"),
    )


def test_a_namespaced_policy_and_its_metadata() -> None:
    """What Kubernetes adds is accepted and left out."""
    head = HEAD.replace("TracingPolicy", "TracingPolicyNamespaced").replace(
        "{name: p}",
        "{name: a.b-c, namespace: web, labels: {team: x}, annotations: {y: z}, uid: 1}",
    )
    arch = "{matchExpressions: [{key: arch, operator: In, values: [arm64]}]}"

    found = parse_policy(f"{head}spec: {{nodeSelector: {arch}}}", "a.yaml")

    assert (found.name, found.namespace, found.source) == ("a.b-c", "web", "a.yaml")
    assert (found.labels, found.annotations) == ({"team": "x"}, {"y": "z"})
    assert found.spec.node_selector == LabelSelector(
        match_expressions=(LabelExpression(key="arch", operator="In", values=("arm64",)),)
    )
    assert "default" == parse_policy(head.replace("namespace: web, ", "") + "spec: {}").namespace
