/* SPDX-License-Identifier: MIT */
#ifndef RT_PROCESS_H
#define RT_PROCESS_H

/*
 * What another process, with its children, has used so far: CPU time from /proc/PID/task/N/schedstat
 * (utime and stime have a grain of 10 ms), memory from smaps_rollup (its proportional share of
 * what is no file).
 */
#include <stdint.h>
#include <sys/types.h>

struct process_usage {
	uint64_t cpu_ns;	/* all threads, those that ended meanwhile not included */
	uint64_t pss_bytes;	/* 0: may not be read */
	unsigned processes, threads;
};

/** Read it. 0, or -1 with errno (ESRCH: it is gone). */
int process_usage(pid_t pid, struct process_usage *u);

#endif
