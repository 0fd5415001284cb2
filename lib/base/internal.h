/* internal.h - what the files of base share with each other and with their tests. */
#ifndef BASE_INTERNAL_H
#define BASE_INTERNAL_H

#include "base/processor.h"

/*
 * cgroup_cpus - how many CPUs the CPU quota of this process' control group
 * allows, rounded up; 0 where there is none.
 *
 *   membership  what /proc/self/cgroup says
 *   root        where control groups are mounted, /sys/fs/cgroup
 *
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and
 * Documentation/scheduler/sched-bwc.rst (cpu.cfs_quota_us).
 */
int cgroup_cpus(const char *membership, const char *root);

/* processor_name() out of a file that is like /proc/cpuinfo. */
void processor_of(const char *path, char name[PROCESSOR_NAME]);

#endif
