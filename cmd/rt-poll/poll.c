/* SPDX-License-Identifier: MIT */
#include "poll.h"

#include <errno.h>
#include <string.h>

#include "exitcode.h"
#include "log.h"

const char *poll_header(struct buf *b, const char *name, const char *value, bool quoted)
{
	const char *q = quoted ? "\"" : "";

	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return NULL;
	buf_reset(b);
	return buf_addf(b, "%s: %s%s%s", name, q, value, q) == 0 ? buf_cstr(b) : NULL;
}

int poll_bad_state(const struct poll *p)
{
	log_error("%s %s", p->c->state_file, state_error_text(STATE_DAMAGED));
	return EXIT_INPUT;
}

int poll_commit(struct poll *p)
{
	int r = output_flush(&p->out);

	if (r != 0)
		return r;
	if (state_save(p->state, true) == 0)
		return 0;
	log_error("%s: %s; the next run will repeat what this one printed", p->c->state_file,
		strerror(errno));
	return EXIT_RESOURCES;
}

int poll_remember(struct poll *p, const char *name, const char *value)
{
	if (state_set(p->state, name, value) == 0)
		return 0;
	if (errno == ENOMEM || state_set(p->state, name, NULL) != 0) {
		log_error("out of memory");
		return EXIT_RESOURCES;
	}
	return 0;
}
