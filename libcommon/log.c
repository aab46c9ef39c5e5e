/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "utf8.h"

#define MESSAGE_MAX 4096	/* bytes before escaping; what is longer ends in "..." */

static const char *prefix = "rt";
static atomic_int shown = LOG_INFO;

void log_init(const char *tool, enum log_level level)
{
	prefix = tool;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&shown, (int)level, memory_order_relaxed);
}

bool log_shows(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&shown, memory_order_relaxed);
}

/*
 * Copy (n) bytes to (dst), room for four times as many. Control characters, and bytes that are
 * not UTF-8 (an old terminal takes some of them for control characters), become \xNN.
 */
static size_t escape(char *dst, const char *p, size_t n)
{
	static const char digits[16] = "0123456789abcdef";
	char *out = dst;
	uint32_t cp;
	unsigned len;

	for (size_t i = 0; i < n; i += len) {
		len = utf8_decode(p + i, n - i, &cp);
		if (len > 0 && !utf8_is_control(cp)) {
			memcpy(out, p + i, len);
			out += len;
			continue;
		}
		len += len == 0;
		for (unsigned j = 0; j < len; j++) {
			unsigned char c = (unsigned char)p[i + j];

			*out++ = '\\';
			*out++ = 'x';
			*out++ = digits[c >> 4];
			*out++ = digits[c & 0xF];
		}
	}
	return (size_t)(out - dst);
}

/* How many of the (n) bytes to keep so that no character is cut in two. */
static size_t whole_characters(const char *p, size_t n)
{
	size_t back = 0;

	while (back < 3 && back < n && ((unsigned char)p[n - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back < n && (unsigned char)p[n - 1 - back] >= 0xC0)
		return n - 1 - back;
	return n;
}

static void vlog(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void vlog(enum log_level level, const char *fmt, va_list ap)
{
	char message[MESSAGE_MAX + 1], line[64 + 4 * MESSAGE_MAX + sizeof("...\n")];
	int saved = errno, len;
	size_t n;
	ssize_t r;

	if (!log_shows(level))
		return;
	len = vsnprintf(message, sizeof(message), fmt, ap);
	if (len >= 0) {
		n = (size_t)snprintf(line, 64, "%.60s: ", prefix);
		if (len <= MESSAGE_MAX) {
			n += escape(line + n, message, (size_t)len);
		} else {
			n += escape(line + n, message, whole_characters(message, MESSAGE_MAX));
			memcpy(line + n, "...", 3);
			n += 3;
		}
		line[n++] = '\n';
		do
			r = write(STDERR_FILENO, line, n);
		while (r < 0 && errno == EINTR);
	}
	errno = saved;
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_ERROR, fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_WARN, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_INFO, fmt, ap);
	va_end(ap);
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(LOG_DEBUG, fmt, ap);
	va_end(ap);
}
