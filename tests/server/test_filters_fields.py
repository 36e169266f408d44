# SPDX-License-Identifier: Apache-2.0
"""Each field of Filter: what it matches, what it does not, and what it does without a process."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from server.filtered import THROTTLE, event, in_pod, keeps, of, process
from tetragon import capabilities_pb2 as caps
from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_server.filters import FilterError, FilterRules, compile_filters

Filter = events_pb.Filter


class Case(NamedTuple):
    """A filter with one field set."""

    wanted: events_pb.Filter
    match: events_pb.GetEventsResponse
    other: events_pb.GetEventsResponse
    without_process: bool = False


def parent_of(**fields: Any) -> events_pb.GetEventsResponse:
    return event(process=process(), parent=process(1, **fields))


def with_caps(*effective: str) -> events_pb.GetEventsResponse:
    return of(cap=pb.Capabilities(effective=effective))


def container(**fields: Any) -> dict[str, Any]:
    return {"container": pb.Container(**fields)}


SYS_ADMIN = caps.CapabilitiesType.Value("CAP_SYS_ADMIN")

CASES = {
    "binary_regex": Case(
        Filter(binary_regex=["^/opt", "/l[a-z]$"]), of(binary="/bin/ls"), of(binary="/bin/lsof")
    ),
    "namespace": Case(Filter(namespace=["a", "b"]), in_pod(namespace="b"), in_pod(namespace="ab")),
    "health_check": Case(
        Filter(health_check={"value": True}),
        in_pod(**container(maybe_exec_probe=True)),
        in_pod(**container(maybe_exec_probe=False)),
    ),
    "pid": Case(Filter(pid=[6, 7]), of(pid=7), of(pid=8)),
    "pid_set": Case(Filter(pid_set=[7]), of(pid=7), of(pid=8)),
    "event_set": Case(
        Filter(event_set=[events_pb.PROCESS_EXEC, events_pb.PROCESS_THROTTLE]),
        of(),
        event("process_exit", process=process()),
        without_process=True,
    ),
    "pod_regex": Case(Filter(pod_regex=["^web-"]), in_pod(name="web-1"), in_pod(name="my-web-1")),
    "arguments_regex": Case(
        Filter(arguments_regex=[r"--port \d+"]),
        of(arguments="-v --port 80"),
        of(arguments="--port x"),
    ),
    "labels": Case(
        Filter(labels=["app=web", "tier in (db)"]),
        in_pod(pod_labels={"tier": "db"}),
        in_pod(pod_labels={"tier": "web"}),
    ),
    "policy_names": Case(
        Filter(policy_names=["files"]),
        event("process_kprobe", process=process(), policy_name="files"),
        event("process_kprobe", process=process(), policy_name="filesystem"),
    ),
    "capabilities": Case(
        Filter(capabilities={"effective": {"any": [SYS_ADMIN]}}),
        with_caps("CAP_CHOWN", "CAP_SYS_ADMIN"),
        with_caps("CAP_CHOWN"),
    ),
    "parent_binary_regex": Case(
        Filter(parent_binary_regex=["sh$"]), parent_of(binary="/bin/sh"), of(binary="/bin/sh")
    ),
    "cel_expression": Case(
        Filter(cel_expression=["process_exec.process.pid == 7u"]), of(pid=7), of(pid=8)
    ),
    "parent_arguments_regex": Case(
        Filter(parent_arguments_regex=["^-c"]),
        parent_of(arguments="-c x"),
        parent_of(arguments="x -c"),
    ),
    "container_id": Case(Filter(container_id=["^ab"]), of(docker="abc"), of(docker="cab")),
    "in_init_tree": Case(
        Filter(in_init_tree={"value": True}), of(in_init_tree={"value": True}), of()
    ),
    "ancestor_binary_regex": Case(
        Filter(ancestor_binary_regex=["sshd"]),
        event(process=process(), ancestors=[process(2, binary="/a"), process(1, binary="/sshd")]),
        event(process=process(binary="sshd"), ancestors=[process(2, binary="/a")]),
    ),
    "container_name_regex": Case(
        Filter(container_name_regex=["^side"]),
        in_pod(**container(name="sidecar")),
        in_pod(**container(name="main")),
    ),
    "namespace_regex": Case(
        Filter(namespace_regex=["^kube-"]), in_pod(namespace="kube-system"), in_pod(namespace="x")
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_field_matches_what_it_names(case: Case) -> None:
    """An event with the value is kept, one with another value is not, in a deny list vice versa."""
    assert [True, False] == [keeps(one, [case.wanted]) for one in (case.match, case.other)]
    assert [False, True] == [keeps(one, [], [case.wanted]) for one in (case.match, case.other)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_without_a_process(case: Case) -> None:
    """An event that has no process, or an empty envelope, matches only where the table says so."""
    assert case.without_process == keeps(THROTTLE, [case.wanted])
    assert not keeps(events_pb.GetEventsResponse(node_name="n"), [case.wanted])
    if case.wanted.ListFields()[0][0].name != "event_set":
        assert not keeps(event(), [case.wanted])


def test_every_field_is_in_the_table() -> None:
    """A new field of the API needs a case here."""
    assert [field.name for field in Filter.DESCRIPTOR.fields] == list(CASES)
    assert [[name] for name in CASES] == [
        [field.name for field, _ in case.wanted.ListFields()] for case in CASES.values()
    ]


def test_the_empty_namespace_is_no_pod() -> None:
    """`""` matches processes outside of pods, and pods whose namespace is empty."""
    wanted = [Filter(namespace=["x", ""])]

    assert keeps(of(), wanted)
    assert keeps(in_pod(namespace="x"), wanted)
    assert keeps(in_pod(name="p"), wanted)
    assert not keeps(in_pod(namespace="y"), wanted)
    assert not keeps(THROTTLE, wanted)


@pytest.mark.parametrize("field", ["pod_regex", "namespace_regex", "container_name_regex"])
def test_patterns_for_pods_need_a_pod(field: str) -> None:
    """A pattern that takes everything takes no process outside of a pod."""
    for pattern in (".*", ""):
        values: Any = {field: [pattern]}
        assert not keeps(of(), [Filter(**values)])


def test_a_container_name_needs_a_container() -> None:
    """A pod without a container has no container name, not an empty one."""
    assert not keeps(in_pod(name="p"), [Filter(container_name_regex=[".*"])])
    assert keeps(in_pod(**container(id="1")), [Filter(container_name_regex=[".*"])])


def test_container_ids_of_host_processes_are_empty() -> None:
    """So a pattern that takes the empty text takes them."""
    assert keeps(of(), [Filter(container_id=[".*"])])
    assert not keeps(of(), [Filter(container_id=["."])])


def test_labels_need_a_pod() -> None:
    """An empty selector takes every pod, and no process outside of one."""
    assert keeps(in_pod(name="p"), [Filter(labels=[""])])
    assert not keeps(of(), [Filter(labels=[""])])
    assert not keeps(of(), [Filter(labels=["!app"])])


def test_health_checks_of_the_parent_count() -> None:
    """A process that a probe started is part of the check; `false` takes all but checks."""
    probe = pb.Pod(**container(maybe_exec_probe=True))
    started = event(process=process(), parent=process(1, pod=probe))
    check, none = Filter(health_check={"value": True}), Filter(health_check={"value": False})

    assert [keeps(started, [check]), keeps(started, [none])] == [True, False]
    assert [keeps(of(), [check]), keeps(of(), [none])] == [False, True]
    assert [keeps(THROTTLE, [check]), keeps(THROTTLE, [none])] == [False, True]


def test_processes_outside_of_the_init_tree() -> None:
    """What is not said is false; an event without a process matches neither."""
    outside = [Filter(in_init_tree={"value": False})]

    assert keeps(of(), outside)
    assert not keeps(of(in_init_tree={"value": True}), outside)
    assert not keeps(THROTTLE, outside)


@pytest.mark.parametrize("kind", ["kprobe", "tracepoint", "uprobe", "lsm", "usdt"])
def test_policies_of_every_kind_of_hook(kind: str) -> None:
    """All events that name a policy can be chosen by it, other than with Tetragon usdt ones too."""
    hit = event(f"process_{kind}", process=process(), policy_name="p")

    assert keeps(hit, [Filter(policy_names=["p"])])
    assert not keeps(hit, [Filter(policy_names=["q", ""])])


def test_events_of_no_policy_have_no_name() -> None:
    """An empty name in the list matches nothing."""
    nameless = event("process_kprobe", process=process())

    assert not keeps(nameless, [Filter(policy_names=[""])])
    assert not keeps(of(), [Filter(policy_names=[""])])


def test_loads_have_a_parent() -> None:
    """`process_loader` numbers its parent otherwise; filters find it by name."""
    load = event("process_loader", process=process(), parent=process(1, binary="/bin/sh"))

    assert keeps(load, [Filter(parent_binary_regex=["sh$"])])


def test_pid_sets_follow_descendants() -> None:
    """A child is remembered by its pid, so that its own children are found; the filter keeps it."""
    _, matches = compile_filters([Filter(pid_set=[100])], [], FilterRules())
    assert matches is not None

    def start(pid: int, parent: int) -> bool:
        return matches(event(process=process(pid), parent=process(parent)))

    assert [start(100, 1), start(200, 100), start(300, 200)] == [True, True, True]
    assert [start(300, 1), start(400, 1), start(500, 400)] == [True, False, False]


def test_pid_sets_see_what_other_fields_hide() -> None:
    """A filter for exits of descendants learns of them from their execs, which it does not take."""
    wanted = Filter(pid_set=[100], event_set=[events_pb.PROCESS_EXIT], binary_regex=["/leaf$"])
    kinds, matches = compile_filters([wanted], [], FilterRules())
    assert matches is not None
    assert kinds is not None
    assert events_pb.PROCESS_EXEC in kinds

    def offer(kind: str, pid: int, parent: int, binary: str) -> bool:
        return matches(event(kind, process=process(pid, binary=binary), parent=process(parent)))

    assert not offer("process_exec", 200, 100, "/branch")
    assert not offer("process_exec", 300, 200, "/leaf")
    assert offer("process_exit", 300, 200, "/leaf")
    assert not offer("process_exit", 301, 1, "/leaf")


def test_two_pid_sets_know_nothing_of_each_other() -> None:
    """State belongs to one filter of one request."""
    family = event(process=process(200), parent=process(100))
    wanted = [Filter(pid_set=[100]), Filter(pid_set=[1])]
    _, first = compile_filters(wanted[:1], [], FilterRules())
    _, second = compile_filters(wanted[1:], [], FilterRules())
    grandchild = event(process=process(300), parent=process(200))
    assert first is not None
    assert second is not None

    assert [first(family), second(family)] == [True, False]
    assert [first(grandchild), second(grandchild)] == [True, False]


def test_ancestors_have_to_be_enabled() -> None:
    """For every type of the filter's event_set, and for all types without one."""
    pattern: Any = {"ancestor_binary_regex": ["x"]}
    rules = FilterRules(ancestors=frozenset({"base", "kprobe"}))
    enabled = [events_pb.PROCESS_EXEC, events_pb.PROCESS_EXIT, events_pb.PROCESS_KPROBE]

    compile_filters([Filter(**pattern, event_set=enabled)], [], rules)
    with pytest.raises(FilterError, match=r"PROCESS_LSM has no ancestors .*base,lsm"):
        compile_filters([Filter(**pattern, event_set=[events_pb.PROCESS_LSM])], [], rules)
    with pytest.raises(FilterError, match="PROCESS_TRACEPOINT"):
        compile_filters([Filter(**pattern)], [], rules)
    with pytest.raises(FilterError, match="PROCESS_THROTTLE never"):
        compile_filters([Filter(**pattern, event_set=[events_pb.PROCESS_THROTTLE])], [], rules)
    with pytest.raises(FilterError, match="event type 99 never"):
        compile_filters([Filter.FromString(b"\x32\x01\x63\x8a\x01\x01x")], [], rules)
    with pytest.raises(FilterError, match=r"PROCESS_EXEC has no ancestors .*=base,"):
        compile_filters([Filter(**pattern, event_set=[events_pb.PROCESS_EXEC])], [], FilterRules())
