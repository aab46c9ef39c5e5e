/* SPDX-License-Identifier: MIT */
#ifndef RT_LIMIT_H
#define RT_LIMIT_H

/* Was rt-bench itself the limit, so that its figures are not the server's? */
#include "load/session.h"

/** While it published, from s->begin to s->end: fills own_busiest and, if there is a reason, limit. */
void limit_judge(const struct session *s, struct result *r);

/** While it connected, the same marks: a reason, or NULL. */
const char *limit_connecting(const struct session *s);

#endif
