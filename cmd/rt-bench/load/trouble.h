/* SPDX-License-Identifier: MIT */
#ifndef RT_TROUBLE_H
#define RT_TROUBLE_H

/*
 * What subscribers do to a server that it would rather not have: stall, come and go, come back all
 * at once.
 */
struct worker;

void trouble_init(struct worker *w);

/** When publishing begins: slow ones stop reading, and churn begins. */
void trouble_begin(struct worker *w);

/** Nobody leaves any more; slow ones stay slow until their time is over. */
void trouble_end_churn(struct worker *w);

/** The same, and everybody reads. */
void trouble_end(struct worker *w);

/** All leave, and come back. */
void trouble_herd(struct worker *w);

#endif
