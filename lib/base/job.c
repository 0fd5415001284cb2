#include "base/job.h"

#include <stdarg.h>
#include <stdio.h>

void job_step(const struct job *job, const char *what, uint64_t done, uint64_t total)
{
    if (job && job->progress && job->progress->step)
        job->progress->step(job->progress, what, done, total);
}

void job_note(const struct job *job, const char *format, ...)
{
    char line[1024];
    va_list args;

    if (!job || !job->progress || !job->progress->note)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    job->progress->note(job->progress, line);
}

int job_stopped(const struct job *job)
{
    return job && job->stop && *job->stop;
}
