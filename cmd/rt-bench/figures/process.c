/* SPDX-License-Identifier: MIT */
#include "figures/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 16	/* of children of children; they could become ours while we read */
#define PATH_LEN 64

static FILE *open_task(pid_t pid, int tid, const char *file)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, tid, file);
	return fopen(path, "re");
}

/* The first of its numbers is the time on a processor. A thread that ended meanwhile has none. */
static void add_cpu(pid_t pid, int tid, struct process_usage *u)
{
	FILE *f = open_task(pid, tid, "schedstat");
	unsigned long long ns;

	if (f == NULL)
		return;
	if (fscanf(f, "%llu", &ns) == 1) {
		u->cpu_ns += ns;
		u->threads++;
	}
	fclose(f);
}

static void add_pss(pid_t pid, struct process_usage *u, bool *unknown)
{
	char path[PATH_LEN], line[128];
	unsigned long long kb, all = 0, own = 0;
	bool found = false, parted = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	errno = 0;
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %llu kB", &kb) == 1) {
			all = kb;
			found = true;
		} else if (sscanf(line, "Pss_Anon: %llu kB", &kb) == 1 ||
				sscanf(line, "Pss_Shmem: %llu kB", &kb) == 1) {
			own += kb;
			parted = true;
		}
	/* Its share of libraries changes with whoever else uses them. Old kernels do not tell it apart. */
	u->pss_bytes += (parted ? own : all) * 1024;
	/* One that has just ended has no memory: that is known. */
	if (!found && errno != ESRCH && errno != ENOENT)
		*unknown = true;
	if (f != NULL)
		fclose(f);
}

static int add_process(pid_t pid, struct process_usage *u, unsigned depth, bool *unknown);

static void add_children(pid_t pid, int tid, struct process_usage *u, unsigned depth, bool *unknown)
{
	FILE *f = open_task(pid, tid, "children");
	int child;

	if (f == NULL)
		return;
	while (fscanf(f, "%d", &child) == 1)
		add_process(child, u, depth + 1, unknown);
	fclose(f);
}

static int add_process(pid_t pid, struct process_usage *u, unsigned depth, bool *unknown)
{
	char path[PATH_LEN];
	const struct dirent *e;
	DIR *d;

	if (depth > DEPTH_MOST)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	d = opendir(path);
	if (d == NULL) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	u->processes++;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		add_cpu(pid, atoi(e->d_name), u);
		add_children(pid, atoi(e->d_name), u, depth, unknown);
	}
	closedir(d);
	add_pss(pid, u, unknown);
	return 0;
}

int process_usage(pid_t pid, struct process_usage *u)
{
	bool unknown = false;

	memset(u, 0, sizeof(*u));
	if (add_process(pid, u, 0, &unknown) != 0)
		return -1;
	if (u->threads == 0) {	/* it was a zombie, or ended just now */
		errno = ESRCH;
		return -1;
	}
	if (unknown)
		u->pss_bytes = 0;
	return 0;
}
