#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void set(struct error *err, enum error_kind kind, const char *format, va_list args)
{
    err->kind = kind;
    err->hint[0] = '\0';
    vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    set(err, kind, format, args);
    va_end(args);
    return -1;
}

int error_errno(struct error *err, enum error_kind kind, const char *format, ...)
{
    const int number = errno; /* before anything below can change it */
    char reason[128];
    va_list args;
    size_t length;

    if (!err)
        return -1;
    va_start(args, format);
    set(err, kind, format, args);
    va_end(args);
    length = strlen(err->message);
    snprintf(err->message + length, sizeof(err->message) - length, ": %s", strerror_r(number, reason, sizeof(reason)));
    return -1;
}

/* "12:7: ..." follows its file without a space, as editors read places; "0001: ..." is a sample's key. */
static bool is_place(const char *message)
{
    const size_t line = strspn(message, "0123456789");
    const size_t column = message[line] == ':' ? strspn(message + line + 1, "0123456789") : 0;

    return line > 0 && column > 0 && message[line + 1 + column] == ':';
}

int error_in(struct error *err, const char *format, ...)
{
    char message[sizeof(err->message)];
    va_list args;
    int length;

    if (!err)
        return -1;
    va_start(args, format);
    length = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof(message))
        return -1; /* a place that leaves no room for the message is worth less than it */
    snprintf(message + length, sizeof(message) - (size_t)length, "%s%s", is_place(err->message) ? ":" : ": ",
             err->message);
    memcpy(err->message, message, sizeof(message));
    return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
    return -1;
}

int error_memory(struct error *err)
{
    return error_set(err, ERROR_LIMIT, "out of memory");
}
