/* SPDX-License-Identifier: MIT */
#ifndef RT_TOKEN_H
#define RT_TOKEN_H

/*
 * The bearer token of a client (RFC 6750): out of a file, from a command, or RT_TOKEN. What goes
 * wrong is reported here; the token itself never is.
 */
#include <stdbool.h>

struct token;

/**
 * Read (file), or run (command); both NULL: look into RT_TOKEN, where there may be none. The texts
 * must stay. NULL, reported, if what they give is no token, or there is no memory.
 */
struct token *token_new(const char *file, const char *command);
void token_free(struct token *t);

/** Printable characters without white space, or NULL: there is none. Until token_refresh. */
const char *token_text(const struct token *t);

/** Is it from RT_TOKEN, which is in every environment below it? */
bool token_is_ambient(const struct token *t);

/** Read the file or run the command again. True if there is another token now. */
bool token_refresh(struct token *t);

#endif
