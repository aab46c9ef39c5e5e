/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "units.h"

#define INTERVAL_MS 500

static bool can_erase(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
}

/* Behind a prompt, or while another tool has the terminal, a progress line would get in their way. */
static bool in_background(void)
{
	pid_t foreground = tcgetpgrp(STDERR_FILENO);

	return foreground != -1 && foreground != getpgrp();
}

void report_init(struct report *r, bool progress)
{
	*r = (struct report){ .progress = progress && can_erase() };
	r->next_ms = units_monotonic_ms() + INTERVAL_MS;
}

void report_refused(struct report *r, uint64_t n, struct str why, const char *hint)
{
	bool with_hint = hint != NULL && !r->hinted;
	const char *sep = with_hint ? "; " : "";

	r->refused++;
	if (r->named == REPORT_LINES_MAX)
		return;
	r->named++;
	r->hinted |= with_hint;
	report_clear(r);
	if (r->single)
		log_error("%.*s%s%s", (int)why.n, why.p, sep, with_hint ? hint : "");
	else
		log_error("line %" PRIu64 ": %.*s%s%s", n, (int)why.n, why.p, sep,
			with_hint ? hint : "");
}

void report_unnamed(struct report *r, uint64_t n)
{
	r->refused += n;
}

void report_accepted(struct report *r, uint64_t n)
{
	r->accepted += n;
}

int report_due(const struct report *r, uint64_t now_ms)
{
	if (!r->progress)
		return -1;
	return now_ms >= r->next_ms ? 0 : (int)(r->next_ms - now_ms);
}

void report_progress(struct report *r, uint64_t now_ms)
{
	uint64_t ms = now_ms - (r->next_ms - INTERVAL_MS);
	char text[96];
	int n;

	if (!r->progress || now_ms < r->next_ms)
		return;
	if (!in_background()) {
		n = snprintf(text, sizeof(text), "\r\033[Krt-pub: %" PRIu64 " lines, %" PRIu64 "/s",
			r->accepted, (r->accepted - r->shown_accepted) * 1000 / (ms > 0 ? ms : 1));
		r->progress = write(STDERR_FILENO, text, (size_t)n) == n;
		r->shown = true;
	}
	r->shown_accepted = r->accepted;
	r->next_ms = now_ms + INTERVAL_MS;
}

void report_clear(struct report *r)
{
	static const char erase[] = "\r\033[K";

	if (r->shown)
		r->progress = write(STDERR_FILENO, erase, sizeof(erase) - 1) > 0;
	r->shown = false;
}

void report_end(struct report *r)
{
	report_clear(r);
	if (r->refused > 0 && !r->single)
		log_error("%" PRIu64 " of %" PRIu64 " lines were not accepted", r->refused,
			r->refused + r->accepted);
}
