/* head.c - the lines in front of an answer. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "net/internal.h"

/* Digits at `at`: where they end; NULL when there are none or too many. */
static const char *read_number(const char *at, const char *end, uint64_t *value)
{
    const char *begin = at;

    for (*value = 0; at < end && isdigit((unsigned char)*at); at++) {
        if (*value > (UINT64_MAX - 9) / 10)
            return NULL;
        *value = *value * 10 + (uint64_t)(*at - '0');
    }
    return at > begin ? at : NULL;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

/* "bytes 100-199/200", or a star for the whole. */
static void read_range(struct answer_head *head, const char *at, const char *end)
{
    uint64_t last;

    head->has_range = false; /* of two lines the last counts, be it none */
    if (end - at < 6 || strncasecmp(at, "bytes ", 6) != 0)
        return;
    at = read_number(skip_blanks(at + 6, end), end, &head->first);
    if (at == NULL || at == end || *at != '-')
        return;
    at = read_number(at + 1, end, &last);
    if (at == NULL || at == end || *at != '/' || last < head->first)
        return;
    if (at + 1 < end && at[1] == '*')
        head->whole = 0;
    else if (read_number(at + 1, end, &head->whole) == NULL || head->whole <= last)
        return;
    head->has_range = true;
}

static void read_status(struct answer_head *head, const char *at, const char *end)
{
    const size_t bytes = head->bytes;
    uint64_t status;

    *head = (struct answer_head){ .bytes = bytes }; /* a redirection's lines are over */
    while (at < end && *at != ' ')
        at++;
    if (read_number(skip_blanks(at, end), end, &status) != NULL && status < 1000)
        head->status = (int)status;
}

/* What follows the name and the colon, or NULL. */
static const char *value_of(const char *line, const char *end, const char *name)
{
    const size_t length = strlen(name);

    if ((size_t)(end - line) <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
        return NULL;
    return skip_blanks(line + length + 1, end);
}

void answer_line(struct answer_head *head, const char *line, size_t count)
{
    const char *end = line + count, *value;
    uint64_t seconds;

    head->bytes += count;
    if (count > 5 && memcmp(line, "HTTP/", 5) == 0)
        read_status(head, line, end);
    else if ((value = value_of(line, end, "Content-Range")) != NULL)
        read_range(head, value, end);
    else if ((value = value_of(line, end, "Retry-After")) != NULL && read_number(value, end, &seconds) != NULL)
        head->wait_seconds = seconds < NET_LONGEST_TOLD ? (double)seconds : NET_LONGEST_TOLD;
}
