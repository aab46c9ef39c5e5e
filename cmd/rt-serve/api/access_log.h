/* SPDX-License-Identifier: MIT */
#ifndef RT_ACCESS_LOG_H
#define RT_ACCESS_LOG_H

/*
 * One line per finished request, text or JSON, written once per turn of a loop. What is needed of
 * the head is noted on the exchange while it lasts.
 */
#include "net/http.h"

struct access_log;

/** Append to (path), "-" for stderr. One per loop. NULL with errno. */
struct access_log *access_log_open(const char *path, bool json);
void access_log_free(struct access_log *a);

/** Open the file anew, after rotation. 0, or -1 with errno and the old one kept. */
int access_log_reopen(struct access_log *a);

/** Remember the head of (x) and when it came. (client): address told by a trusted proxy, or p == NULL. */
void access_log_note(struct exchange *x, const struct http_request *r, struct str client);

/** The exchange is over: writes its line to (a), NULL: none, and frees the note. */
void access_log_finished(struct access_log *a, struct exchange *x, enum conn_end why);

/** A request that never became an exchange. */
void access_log_malformed(struct access_log *a, struct conn *c, unsigned status, const char *why);

#endif
