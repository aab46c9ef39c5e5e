/* SPDX-License-Identifier: MIT */
#ifndef RT_EXITCODE_H
#define RT_EXITCODE_H

/* Exit status of every tool; rt(7), EXIT STATUS, says the same to people. */
enum exitcode {
	EXIT_DONE = 0,
	EXIT_NOTHING = 1,	/* nothing new */
	EXIT_USAGE = 2,
	EXIT_INPUT = 3,		/* bad input or configuration */
	EXIT_REFUSED = 4,	/* the server said no, and will say so again */
	EXIT_UNREACHABLE = 5,	/* or retries used up */
	EXIT_PROTOCOL = 6,	/* protocol or TLS error */
	EXIT_PARTIAL = 7,	/* some lines were not accepted */
	EXIT_LOSS = 8,
	EXIT_THRESHOLD = 9,
	EXIT_RESOURCES = 10,	/* out of memory, descriptors or disk */
	EXIT_COMMAND = 11,	/* a command of -x failed */
	EXIT_TIMEOUT = 124,
};

#endif
