/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_KEEPER_H
#define RT_SUB_KEEPER_H

/*
 * -S: keeps the position and the store's identity in a file, so that the next run goes on from
 * there. Only what was written out, or whose command has ended, may be given to it: a crash can
 * then repeat events, never skip one.
 */
#include <ev.h>

#include "config.h"
#include "position.h"

#define STORE_MAX 64	/* of an identity */

struct keeper;

/**
 * Open the state file for what (c) asks for. NULL if that fails, after an error message, with
 * *status to exit with.
 */
struct keeper *keeper_new(struct ev_loop *loop, const struct config *c, int *status);
void keeper_free(struct keeper *k);

/** What the last run left; no position if this is the first. */
void keeper_load(const struct keeper *k, struct position *at, char store[STORE_MAX + 1]);

/** Keep this. It is saved soon, at most ten times a second. */
void keeper_set(struct keeper *k, const struct position *at, const char *store);

/** Save now what is not saved yet, and make it durable. 0, or -1 after an error message. */
int keeper_save(struct keeper *k);

#endif
