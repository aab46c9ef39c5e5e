/* SPDX-License-Identifier: MIT */
#ifndef RT_ADDRESS_H
#define RT_ADDRESS_H

/*
 * Addresses to listen at, as people write them: HOST:PORT, [IPV6]:PORT, :PORT (everywhere), PORT (this
 * machine only) or unix:PATH.
 */
#include "buf.h"

/** NULL if (address) has such a form; else what would be right. Whether it can be had is not asked. */
const char *address_check(const char *address);

/**
 * A socket that listens there, non-blocking, or -1 with a sentence in (why). A unix socket's file is
 * 0600; one that nobody listens on any more is replaced.
 */
int address_listen(const char *address, int backlog, struct buf *why);

#endif
