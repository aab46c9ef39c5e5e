/* SPDX-License-Identifier: MIT */
#ifndef RT_SUB_FORMAT_H
#define RT_SUB_FORMAT_H

/*
 * What -F and -r make of an event: text with %-tokens after mosquitto_sub's pattern.
 *
 *	%t topic	%p payload	%i id		%k key		%e type
 *	%I time		%s seq		%f from		%l length of the payload in bytes
 *	%x payload in hexadecimal	%j envelope	%% a percent sign
 *
 * and the escapes \\ \0 \a \b \e \n \r \t \v. What an event does not have is empty.
 */
#include "buf.h"
#include "envelope.h"

struct format;

/**
 * Compile (text). NULL with a sentence in *wrong that says what is wrong with it, or without
 * memory.
 */
struct format *format_new(const char *text, const char **wrong);

void format_free(struct format *f);

/**
 * Append what (f) makes of (e), whose members have all been found; the whole envelope if (f) is
 * NULL. 0, or -1 as buf_add.
 */
int format_add(const struct format *f, struct buf *b, const struct envelope *e);

#endif
