# SPDX-License-Identifier: Apache-2.0
"""The launcher's folders: what is put in its way between two of its calls is not changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

LAUNCHER = Path(__file__).parents[2] / "tools/launcher"
MAIN = """\
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "launcher.h"

int __real_mkdirat(int above, const char *name, mode_t mode);

/* Somebody is faster. */
int __wrap_mkdirat(int above, const char *name, mode_t mode)
{
	if (symlinkat(getenv("VICTIM"), above, name) != 0)
		abort();
	return __real_mkdirat(above, name, mode);
}

void fail(const char *format, ...)
{
	(void)format;
	exit(1);
}

int main(int count, char **arguments)
{
	const char *reason = "";

	(void)count;
	return open_place(arguments[1], geteuid(), true, &reason) < 0 ? 0 : 2;
}
"""


def test_a_link_that_is_made_meanwhile(tmp_path: Path) -> None:
    """In /tmp everybody can make one to a folder of ours, whose mode stays."""
    victim = tmp_path / "victim"
    victim.mkdir(0o700)
    victim.chmod(0o711)
    (tmp_path / "main.c").write_text(MAIN)
    sources = [str(tmp_path / "main.c"), str(LAUNCHER / "places.c")]
    options = ["-D_GNU_SOURCE", f"-I{LAUNCHER}", "-Wl,--wrap=mkdirat", "-o", f"{tmp_path}/program"]
    subprocess.run(["gcc", *options, *sources], check=True)

    subprocess.run(
        [tmp_path / "program", tmp_path / "place"], env={"VICTIM": str(victim)}, check=False
    )

    assert (tmp_path / "place").is_symlink()
    assert 0o711 == victim.stat().st_mode & 0o777
