/* How many CPUs this process may use: affinity, then the control group's quota. */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/internal.h"
#include "base/pool.h"
#include "base/text.h"

enum { PATH_BYTES = 4096 };

static bool read_line(const char *folder, const char *name, char *line, int size)
{
    char path[PATH_BYTES + 64];
    FILE *file;
    bool got;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "re");
    if (!file)
        return false;
    got = fgets(line, size, file) != NULL;
    fclose(file);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* "max" and -1 are no quota. */
static int cpus_of(const char *quota_text, const char *period_text)
{
    double quota, period;
    int cpus;

    if (text_to_real(quota_text, &quota) < 0 || text_to_real(period_text, &period) < 0)
        return 0;
    if (quota <= 0 || period <= 0 || quota / period > 1e6)
        return 0;
    cpus = (int)(quota / period);
    return cpus < quota / period ? cpus + 1 : cpus;
}

/* The quota of one group's folder, of either version; 0 where there is none. */
static int quota_of(const char *folder)
{
    char quota[64], period[64], *blank;

    if (read_line(folder, "cpu.max", quota, sizeof(quota))) { /* QUOTA PERIOD */
        blank = strchr(quota, ' ');
        if (!blank)
            return 0;
        *blank = '\0';
        return cpus_of(quota, blank + 1);
    }
    if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof(quota)) ||
        !read_line(folder, "cpu.cfs_period_us", period, sizeof(period)))
        return 0;
    return cpus_of(quota, period);
}

/* The least quota from the group up to the root: every level binds. */
static int least_quota(const char *root, const char *group)
{
    char folder[PATH_BYTES];
    const size_t stop = strlen(root);
    int least = 0;

    if ((size_t)snprintf(folder, sizeof(folder), "%s%s", root, group) >= sizeof(folder))
        return 0;
    for (;;) {
        const int cpus = quota_of(folder);
        char *slash;

        if (cpus && (!least || cpus < least))
            least = cpus;
        if (strlen(folder) <= stop)
            return least;
        slash = strrchr(folder, '/');
        *slash = '\0';
    }
}

/* Whether a version 1 hierarchy ("cpu,cpuacct") has the cpu controller. */
static bool has_cpu(const char *controllers, size_t length)
{
    for (size_t i = 0; i + 3 <= length; i++) {
        const bool starts = i == 0 || controllers[i - 1] == ',';
        const bool ends = i + 3 == length || controllers[i + 3] == ',';

        if (starts && ends && memcmp(controllers + i, "cpu", 3) == 0)
            return true;
    }
    return false;
}

int cgroup_cpus(const char *membership, const char *root)
{
    FILE *file = fopen(membership, "re");
    char line[PATH_BYTES], mount[PATH_BYTES];
    int least = 0;

    if (!file)
        return 0;
    while (fgets(line, sizeof(line), file)) { /* ID:CONTROLLERS:PATH */
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        size_t length;
        int cpus;

        if (!group)
            continue;
        length = (size_t)(group - controllers - 1);
        group[1 + strcspn(group + 1, "\n")] = '\0';
        if (length && !has_cpu(controllers + 1, length))
            continue;
        snprintf(mount, sizeof(mount), length ? "%s/cpu" : "%s", root);
        cpus = least_quota(mount, group + 1);
        if (cpus && (!least || cpus < least))
            least = cpus;
    }
    fclose(file);
    return least;
}

int pool_available_cpus(void)
{
    const int quota = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    cpu_set_t set;
    int cpus;

    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cpus = CPU_COUNT(&set);
    else /* more CPUs than the set holds */
        cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (quota && quota < cpus)
        cpus = quota;
    return cpus > 0 ? cpus : 1;
}
