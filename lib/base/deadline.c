#include "base/deadline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

struct moment moment_now(void)
{
    struct timespec steady, wall;

    clock_gettime(CLOCK_MONOTONIC, &steady);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct moment){ (double)steady.tv_sec + (double)steady.tv_nsec * 1e-9,
                            (double)wall.tv_sec + (double)wall.tv_nsec * 1e-9 };
}

/* Exactly `count` digits of at most `most`. */
static bool take_number(const char **text, int count, int least, int most, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++, ++*text) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return *number >= least && *number <= most;
}

static bool take_char(const char **text, char c)
{
    if (**text != c)
        return false;
    ++*text;
    return true;
}

static bool take_clock(const char **text, struct tm *tm)
{
    return take_number(text, 2, 0, 23, &tm->tm_hour) && take_char(text, ':') &&
           take_number(text, 2, 0, 59, &tm->tm_min) &&
           (!take_char(text, ':') || take_number(text, 2, 0, 59, &tm->tm_sec));
}

/* "+30m" */
static bool parse_duration(const char *text, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    const size_t length = strlen(text);
    char number[16];
    int64_t count;

    if (!take_char(&text, '+') || length < 3 || length > sizeof(number))
        return false;
    snprintf(number, sizeof(number), "%.*s", (int)length - 2, text);
    if (text_to_int(number, &count) < 0 || count < 0 || number[0] == '+')
        return false;
    for (size_t i = 0; i < COUNT(units); i++)
        if (text[length - 2] == units[i].unit) {
            *seconds = (double)count * units[i].seconds;
            return count <= 1000000000;
        }
    return false;
}

/* "06:00": today, or tomorrow when that is over. */
static bool parse_time(const char *text, double now, double *at)
{
    const time_t second = (time_t)now;
    struct tm tm, when = { 0 };

    if (!take_clock(&text, &when) || *text != '\0' || localtime_r(&second, &tm) == NULL)
        return false;
    tm.tm_hour = when.tm_hour;
    tm.tm_min = when.tm_min;
    tm.tm_sec = when.tm_sec;
    tm.tm_isdst = -1;
    *at = (double)mktime(&tm);
    if (*at > now)
        return true;
    tm.tm_mday++; /* mktime() has made the fields a real time, and does again */
    tm.tm_hour = when.tm_hour;
    tm.tm_min = when.tm_min;
    tm.tm_isdst = -1;
    *at = (double)mktime(&tm);
    return true;
}

/* "2026-11-29T06:00Z" */
static bool parse_date(const char *text, double *at)
{
    struct tm tm = { .tm_isdst = -1 };
    int year, day, sign = 0, hours = 0, minutes = 0;
    bool local;

    if (!take_number(&text, 4, 1970, 9999, &year) || !take_char(&text, '-') ||
        !take_number(&text, 2, 1, 12, &tm.tm_mon) || !take_char(&text, '-') || !take_number(&text, 2, 1, 31, &day) ||
        !take_char(&text, 'T') || !take_clock(&text, &tm))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon--;
    tm.tm_mday = day;
    local = *text == '\0';
    if (!local && !take_char(&text, 'Z')) {
        sign = *text == '-' ? -1 : *text == '+' ? 1 : 0;
        text++;
        if (sign == 0 || !take_number(&text, 2, 0, 23, &hours) || !take_char(&text, ':') ||
            !take_number(&text, 2, 0, 59, &minutes))
            return false;
    }
    if (*text != '\0')
        return false;
    *at = (double)(local ? mktime(&tm) : timegm(&tm)) - sign * (hours * 3600.0 + minutes * 60.0);
    return tm.tm_mday == day; /* there is no 31st of November */
}

int deadline_parse(struct deadline *deadline, const char *text, const struct moment *now, struct error *err)
{
    double at;

    if (parse_duration(text, &at)) {
        *deadline = (struct deadline){ .at = now->steady + at };
        return 0;
    }
    if (parse_time(text, now->wall, &at) || parse_date(text, &at)) {
        *deadline = (struct deadline){ .wall = true, .at = at };
        return 0;
    }
    error_set(err, ERROR_USAGE, "expected a time, found '%s'", text);
    return error_hint(err, "+30m, 06:00 and 2026-11-29T06:00Z are times");
}

double deadline_left(const struct deadline *deadline, const struct moment *now)
{
    return deadline->at - (deadline->wall ? now->wall : now->steady);
}

const char *deadline_text(const struct deadline *deadline, const struct moment *now, char buf[96])
{
    const time_t second = (time_t)deadline->at;
    char date[48];
    struct tm tm;

    if (deadline->wall && localtime_r(&second, &tm) != NULL &&
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S %z", &tm) > 0)
        snprintf(buf, 96, "until %s by this machine's clock", date);
    else
        snprintf(buf, 96, "for %.0f s", deadline_left(deadline, now));
    return buf;
}
