/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loader sets before load; the verifier then removes the branches it switches off. */
#ifndef TM_CONFIG_H
#define TM_CONFIG_H

const volatile struct loader_config config SEC(".rodata.config") = {.copies = 1};

#endif
