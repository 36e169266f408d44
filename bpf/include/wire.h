/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Everything user space reads or writes: records in the ring buffer, values of shared maps, flag
 * bits. This is the only definition; the Python side is generated from the BTF of the built
 * objects.
 *
 * Records: fixed width, explicit padding, no pointers. All times are nanoseconds of CLOCK_BOOTTIME.
 */
#ifndef TM_WIRE_H
#define TM_WIRE_H

#define TICK_NS \
	10000000ULL /* one USER_HZ tick: the resolution of the start time in /proc/PID/stat */

#define PATH_BYTES 4096 /* PATH_MAX */
#define CGROUP_NAME_BYTES 256
#define TTY_NAME_BYTES 64
#define ARGS_BYTES 131072     /* what one exec record carries of argv and environment at most */
#define CALM_NS 5000000000ULL /* a cgroup is under its rate again when it was so for this long */

enum rec_kind {
	REC_EXEC = 1,
	REC_FORK = 2,
	REC_EXIT = 3,
	REC_THROTTLE = 4,
	REC_CGROUP = 5,
};

enum exec_flag {
	EXEC_FIRST = 0x1,
	EXEC_BY_EXECVEAT = 0x2,
	EXEC_SETUID = 0x4,
	EXEC_SETGID = 0x8,
	EXEC_FILE_CAPS = 0x10,
	EXEC_TRUNCATED_ARGS = 0x20,
	EXEC_ERROR_ARGS = 0x40,
	EXEC_ERROR_FILENAME = 0x80,
	EXEC_ERROR_CWD = 0x100,
	EXEC_PARTIAL_CWD = 0x200,
	EXEC_PARTIAL_EXECUTABLE = 0x400,
	EXEC_DELETED = 0x800,
	EXEC_UNTRACKED = 0x1000,
	EXEC_PARENT_UNTRACKED = 0x2000,
	EXEC_ERROR_CGROUP = 0x4000,
	EXEC_ENVIRON = 0x8000, /* what is behind argv is the environment */
	EXEC_TRUNCATED_ENVIRON = 0x10000,
	EXEC_ERROR_ENVIRON = 0x20000,
	EXEC_THROTTLED = 0x40000, /* its cgroup does more than the settings allow */
};

enum exit_flag {
	EXIT_KERNEL_THREAD = 0x1,
};

/* One image of one process; see messages.py for how the times are chosen. */
struct proc_key {
	u64 ktime;
	u32 tgid;
	u32 pad;
};

struct rec_header {
	u32 size; /* bytes of this record that mean something, header included */
	u16 kind; /* enum rec_kind */
	u16 pad;
	u32 flags;
	u32 nspid; /* pid in the innermost pid namespace, 0 when that is the initial one */
	struct proc_key process;
	struct proc_key parent;
};

struct rec_fork {
	struct rec_header h;
};

struct rec_exit {
	struct rec_header h;
	u64 ktime;
	u32 code; /* as wait(2) reports it */
	u32 pad;
};

/*
 * A cgroup began to do more on this CPU than the settings allow; sent with the fork or exec that
 * was one too many, before its record. Followed by the cgroup's name.
 */
struct rec_throttle {
	struct rec_header h;
	u64 ktime;
	u64 cgroup_id;
};

enum cgroup_flag {
	CGROUP_GONE = 0x1,    /* removed; no path follows */
	CGROUP_RENAMED = 0x2, /* and with it all that are inside */
	CGROUP_NAME = 0x4,    /* what follows is the last component alone: the path is too long */
};

/*
 * A cgroup of the hierarchy that names containers was made, renamed or removed; before the record
 * of the first exec in it, after that of the last exit. The header names no process. Followed by
 * the path in the hierarchy, from its root.
 */
struct rec_cgroup {
	struct rec_header h;
	u64 ktime;
	u64 cgroup_id;
	u64 parent_id; /* of the cgroup it is in */
};

struct wire_creds {
	u32 uid, gid, euid, egid, suid, sgid, fsuid, fsgid;
	u32 securebits;
};

struct wire_caps {
	u64 permitted, effective, inheritable;
};

struct wire_namespaces {
	u32 uts, ipc, mnt, pid, pid_for_children, net, time, time_for_children, cgroup, user;
};

/*
 * Followed by `data`: the strings cgroup, tty, filename, interpreter, cwd, executable without their
 * final NUL, then argv as it lies in the process's memory; their lengths are in the *_len fields.
 * With EXEC_ENVIRON the rest is the environment, as it lies there.
 */
struct rec_exec {
	struct rec_header h;
	struct proc_key previous;
	u64 fork_ktime;
	u64 cgroup_id;
	u64 inode;
	struct wire_caps caps;
	u32 nlink;
	u32 tid;
	u32 auid;
	struct wire_creds creds;
	struct wire_namespaces ns;
	u32 args_len;
	u16 cgroup_len;
	u16 tty_len;
	u16 filename_len;
	u16 interpreter_len;
	u16 cwd_len;
	u16 executable_len;
};

/* Value of the process table: what later hooks need to name the process they run in. */
struct proc_entry {
	u64 ktime;
	u64 parent_ktime;
	u32 parent_tgid;
	u32 flags; /* enum proc_flag */
};

/* Forks and execs of one cgroup on one CPU; see rate.h. */
struct cgroup_rate {
	u64 window;	       /* when the present interval began */
	u64 current, previous; /* events in it, and in the one before */
	u64 over;	       /* when the cgroup last did too much; 0: never */
};

enum proc_flag {
	PROC_EXECED = 0x1, /* ktime is that of an exec */
};

/* Which hierarchy names containers on this host. */
enum cgroup_hierarchy {
	CGROUP_V2 = 0,
	CGROUP_MEMORY = 1, /* the v1 hierarchy of that controller */
	CGROUP_PIDS = 2,
	CGROUP_CPUSET = 3,
};

/* What the loader sets in each object. */
struct loader_config {
	u32 cgroup_hierarchy; /* enum cgroup_hierarchy: whose cgroup is reported */
	u32 copies;	      /* how many times this program is attached; see seen.h */
	u32 copy;	      /* which of them this is, from 0, in the order of their attachment */
	u32 with_environ;     /* not 0: exec records carry the environment */
	u64 rate_events;   /* so many forks and execs of a cgroup on a CPU are too many; 0: none */
	u64 rate_interval; /* in this time, in nanoseconds */
};

/* What the loader writes while the programs are attached. */
struct control {
	u32 armed; /* not 0: events are handled */
};

/* Index into the counters map. */
enum counter {
	COUNT_LOST_EXEC = 0,
	COUNT_LOST_FORK = 1,
	COUNT_LOST_EXIT = 2,
	COUNT_LOST_THROTTLE = 3,
	COUNT_LOST_CGROUP = 4,
	COUNT_TABLE_FULL = 5,
	COUNT_RESCUED = 6,	   /* events that another copy than the first handled */
	COUNT_RATES_FULL = 7,	   /* cgroups whose events could not be counted for the rate */
	COUNT_CONTAINERS_FULL = 8, /* cgroups in containers that the table had no room for */
	COUNT_MAX = 9,
};

#endif
