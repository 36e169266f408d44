/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an exec record says of task and file, part by part; identity and argv are in exec.bpf.c. */
#ifndef TM_EXEC_PARTS_H
#define TM_EXEC_PARTS_H

static __always_inline void put_creds(struct rec_exec *rec, const struct cred *cred)
{
	rec->creds.uid = cred->uid.val;
	rec->creds.gid = cred->gid.val;
	rec->creds.euid = cred->euid.val;
	rec->creds.egid = cred->egid.val;
	rec->creds.suid = cred->suid.val;
	rec->creds.sgid = cred->sgid.val;
	rec->creds.fsuid = cred->fsuid.val;
	rec->creds.fsgid = cred->fsgid.val;
	rec->creds.securebits = cred->securebits;
	bpf_core_read(&rec->caps.permitted, sizeof(u64), &cred->cap_permitted);
	bpf_core_read(&rec->caps.effective, sizeof(u64), &cred->cap_effective);
	bpf_core_read(&rec->caps.inheritable, sizeof(u64), &cred->cap_inheritable);
	rec->ns.user = cred->user_ns->ns.inum;
}

static __always_inline void put_namespaces(struct wire_namespaces *ns, struct nsproxy *proxy)
{
	ns->uts = proxy->uts_ns->ns.inum;
	ns->ipc = proxy->ipc_ns->ns.inum;
	ns->mnt = proxy->mnt_ns->ns.inum;
	ns->pid_for_children = proxy->pid_ns_for_children->ns.inum;
	ns->net = proxy->net_ns->ns.inum;
	ns->cgroup = proxy->cgroup_ns->ns.inum;
	ns->time = 0;
	ns->time_for_children = 0;
	if (bpf_core_field_exists(proxy->time_ns)) {
		ns->time = proxy->time_ns->ns.inum;
		ns->time_for_children = proxy->time_ns_for_children->ns.inum;
	}
}

/*
 * The credentials before the exec are gone by now, but what raised them can be told from the
 * result: exec leaves the real ids alone, and the kernel sets per_clear only if it honoured a
 * set-id bit or file capabilities (fs/exec.c bprm_fill_uid, security/commoncap.c
 * cap_bprm_creds_from_file). Permitted capabilities of a process that is not root come from the
 * file, or are ambient.
 */
static __always_inline void flag_privileges(struct scratch *s, struct linux_binprm *bprm,
					    const struct cred *cred, u16 mode)
{
	struct rec_exec *rec = &s->rec;
	u64 ambient = 0;

	if (!bprm->per_clear)
		return;
	if (mode & S_ISUID && rec->creds.euid != rec->creds.uid)
		flag(s, EXEC_SETUID);
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	    rec->creds.egid != rec->creds.gid)
		flag(s, EXEC_SETGID);
	bpf_core_read(&ambient, sizeof(ambient), &cred->cap_ambient);
	if (rec->creds.euid && rec->creds.uid && rec->caps.permitted && !ambient)
		flag(s, EXEC_FILE_CAPS);
}

/* The file that runs: its inode and links, and what its mode did to the credentials. */
static __always_inline void put_file(struct scratch *s, struct linux_binprm *bprm,
				     const struct cred *cred)
{
	struct inode *inode = bprm->file->f_inode;
	struct dentry *dentry = bprm->file->f_path.dentry;

	flag_privileges(s, bprm, cred, inode->i_mode);
	s->rec.inode = inode->i_ino;
	s->rec.nlink = inode->i_nlink;
	if (!s->rec.nlink || (!dentry->d_hash.pprev && dentry->d_parent != dentry))
		flag(s, EXEC_DELETED);
}

static __always_inline void put_cgroup(struct scratch *s, struct kernfs_node *kn)
{
	s->rec.cgroup_id = BPF_CORE_READ(kn, id);
	if (!put_string(s, &s->rec.cgroup_len, CGROUP_NAME_BYTES, BPF_CORE_READ(kn, name)))
		flag(s, EXEC_ERROR_CGROUP);
}

static __always_inline void put_tty(struct scratch *s, struct tty_struct *tty)
{
	if (tty)
		put_string(s, &s->rec.tty_len, TTY_NAME_BYTES, tty->name);
}

/* The names given to exec. */
static __always_inline void put_names(struct scratch *s, struct linux_binprm *bprm)
{
	if (!put_string(s, &s->rec.filename_len, PATH_BYTES, bprm->filename))
		flag(s, EXEC_ERROR_FILENAME);
	if (bprm->interp != bprm->filename)
		put_string(s, &s->rec.interpreter_len, PATH_BYTES, bprm->interp);
	/* since 5.9 (60d9ad1d1d7f); before it the name alone, /dev/fd/N, tells */
	if (bpf_core_field_exists(bprm->fdpath) && bprm->fdpath)
		flag(s, EXEC_BY_EXECVEAT);
}

static __always_inline void put_paths(struct scratch *s, struct fs_struct *fs, struct file *file)
{
	int result;

	result = put_path(s, &s->rec.cwd_len, &fs->pwd, &fs->root);
	if (!s->rec.cwd_len)
		flag(s, EXEC_ERROR_CWD);
	else if (result != PATH_WHOLE)
		flag(s, EXEC_PARTIAL_CWD);

	/* a pseudo file (memfd) or one of another root has no path here, but all of its name is
	 * there */
	result = put_path(s, &s->rec.executable_len, &file->f_path, &fs->root);
	if (result != PATH_WHOLE && result != PATH_OUTSIDE)
		flag(s, EXEC_PARTIAL_EXECUTABLE);
}

#endif
