/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel path -> text. bpf_d_path() may only be called from a short list of functions, tracepoints
 * not among them, so the tree is walked here: from the name up to the root of the process,
 * prepending, and across mounts. The walk takes no lock: a rename during it can tear the result, as
 * in /proc.
 */
#ifndef TM_PATH_H
#define TM_PATH_H

/*
 * A path of PATH_MAX has at most 2048 components. The walk goes in legs, because one loop as long
 * pushes more branches than the verifier keeps ("The sequence of 8193 jumps is too complex").
 */
#define LEG_STEPS 128
#define LEGS 17	       /* 2048 components and 128 mount crossings */
#define NAME_BYTES 256 /* NAME_MAX + 1 */

enum path_result {
	PATH_WHOLE = 0, /* reached the root of the process */
	PATH_OUTSIDE =
		1,    /* reached a root that is not the process's: another tree, or a pseudo file */
	PATH_CUT = 2, /* too long or too deep: what is there is its end */
	PATH_MORE = 3, /* not there yet: walk another leg */
};

/* Where the walk is, and the text so far: `from` is the offset of its first byte, PATH_BYTES its
 * end. */
struct path_walk {
	struct path at, root;
	u32 from;
	char text[PATH_BYTES + NAME_BYTES];
};

/* `text` has room for a whole name beyond PATH_BYTES, which is all the verifier can see. */
static __always_inline bool prepend(struct path_walk *out, const struct qstr *name)
{
	u32 len = name->len;
	u32 from = out->from;

	if (len >= NAME_BYTES || from < len + 1)
		return false;
	from -= len + 1;
	/* the mask says again what the test above proved; the verifier forgets it ("unbounded") */
	from &= PATH_BYTES - 1;
	out->text[from] = '/';
	bpf_probe_read_kernel(out->text + from + 1, len, name->name);
	out->from = from;
	return true;
}

/* Goes on from w->at for one leg; returns an enum path_result. */
static __always_inline int walk_leg(struct path_walk *w)
{
	struct dentry *dentry = w->at.dentry, *parent;
	struct vfsmount *vfsmnt = w->at.mnt;
	struct dentry *mnt_root = BPF_CORE_READ(vfsmnt, mnt_root);
	const u64 mnt_offset = bpf_core_field_offset(struct mount, mnt);
	struct path root = w->root;
	int i;

	for (i = 0; i < LEG_STEPS; i++) {
		struct qstr name;

		if (dentry == root.dentry && vfsmnt == root.mnt)
			return PATH_WHOLE;
		if (dentry == mnt_root) {
			struct mount *mount = (void *)vfsmnt - mnt_offset;
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				return PATH_OUTSIDE;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmnt = (void *)above + mnt_offset;
			mnt_root = BPF_CORE_READ(vfsmnt, mnt_root);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (bpf_core_read(&name, sizeof(name), &dentry->d_name) || !prepend(w, &name))
			return PATH_CUT;
		if (parent == dentry)
			return PATH_OUTSIDE;
		dentry = parent;
	}
	w->at.dentry = dentry;
	w->at.mnt = vfsmnt;
	return PATH_MORE;
}

#endif
