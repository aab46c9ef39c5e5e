/* SPDX-License-Identifier: MIT */
#ifndef RT_LINE_H
#define RT_LINE_H

/*
 * Splits a stream of bytes, fed in pieces of any size, into lines that end in LF, CRLF or the
 * end of the stream. A line longer than the maximum is reported once and skipped to its end.
 */
#include <stdint.h>

#include "buf.h"
#include "str.h"

struct line {
	struct buf partial;	/* the beginning of a line whose end has not come yet */
	uint64_t number;	/* of the line last returned, from 1 */
	bool skipping;		/* in the rest of a line that was too long */
};

enum line_result {
	LINE_MORE,	/* the input is used up */
	LINE_READY,	/* one line */
	LINE_TOO_LONG,	/* one line over the maximum; what follows it is intact */
	LINE_NOMEM,	/* as LINE_TOO_LONG, for want of memory */
};

/** Lines of at most (max) bytes, their ending not counted. */
void line_init(struct line *l, size_t max);
void line_fini(struct line *l);

/**
 * Take the next line from (input), which is advanced past what was used. On LINE_READY (out) is
 * the line without its ending (one LF, or CR LF), valid until the next call and as long as the
 * input is. Does not copy lines that lie whole in the input. Call until LINE_MORE.
 */
enum line_result line_next(struct line *l, struct str *input, struct str *out);

/**
 * At the end of the stream: LINE_READY with a last line that had no ending, or LINE_MORE; or
 * LINE_TOO_LONG if that line is over the maximum just by a CR, which no LF followed.
 */
enum line_result line_end(struct line *l, struct str *out);

#endif
