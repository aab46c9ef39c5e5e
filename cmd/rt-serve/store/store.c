/* SPDX-License-Identifier: MIT */
#include "store/store.h"

const char *store_ack_name(enum store_ack a)
{
	static const char *const names[] = {
		[STORE_ACK_MEMORY] = "memory",
		[STORE_ACK_WRITTEN] = "written",
		[STORE_ACK_SYNCED] = "synced",
		[STORE_ACK_REPLICATED] = "replicated",
	};

	return names[a];
}

struct store *store_open(const struct store_config *c, struct buf *why)
{
	if (strcmp(c->path, "memory:") == 0)
		return memory_store_open(c, why);
	/* What SQLite calls a database in memory; nobody means a file of that name. */
	if (strcmp(c->path, ":memory:") == 0) {
		buf_adds(why, "to keep events in memory only, call the store memory:");
		return NULL;
	}
	return sqlite_store_open(c, why);
}

void store_append(struct store *s, struct batch *b)
{
	s->ops->append(s, b);
}

size_t store_queued(const struct store *s)
{
	return s->ops->queued(s);
}

bool store_read(struct store *s, struct read *r)
{
	return s->ops->read(s, r);
}

bool store_is_quiet(struct store *s, const struct filters *f, struct str position, uint64_t *pos)
{
	return s->ops->is_quiet != NULL && s->ops->is_quiet(s, f, position, pos);
}

uint64_t store_tail_pos(const struct store *s)
{
	return s->ops->tail_pos(s);
}

int store_tail(struct store *s, uint64_t after, struct event **out, size_t max)
{
	return s->ops->tail(s, after, out, max);
}

char *store_tail_cursor(struct store *s, uint64_t *pos)
{
	return s->ops->tail_cursor(s, pos);
}

void store_watch(struct store *s, void (*wake)(void *arg), void *arg)
{
	s->ops->watch(s, wake, arg);
}

const char *store_identity(const struct store *s)
{
	return s->ops->identity(s);
}

bool store_began_after(const struct store *s, struct str text)
{
	return s->ops->began_after != NULL && s->ops->began_after(s, text);
}

bool store_cursor_valid(const struct store *s, struct str text)
{
	return s->ops->cursor_valid(s, text);
}

int store_cursor_compare(const struct store *s, struct str a, struct str b)
{
	return s->ops->cursor_compare(s, a, b);
}

void store_topics(struct store *s, struct str after, struct str pattern, size_t max,
	bool (*fn)(void *arg, const struct topic_info *t), void *arg)
{
	s->ops->topics(s, after, pattern, max, fn, arg);
}

void store_stats(struct store *s, struct store_stats *out)
{
	s->ops->stats(s, out);
}

int store_reconfigure(struct store *s, const struct store_config *c)
{
	return s->ops->reconfigure(s, c);
}

void store_close(struct store *s)
{
	if (s != NULL)
		s->ops->close(s);
}
