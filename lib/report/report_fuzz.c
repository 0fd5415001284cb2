/* report_fuzz.c - any bytes as lines: refused with the line, or a page without a bare angle bracket of theirs. */
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct report *report = report_new("night", 4, &err);
    struct text page = { 0 };

    if (report == NULL)
        abort();
    if (report_read(report, "a<z", (const char *)data, size, &err) < 0) {
        if (err.kind != ERROR_INPUT && err.kind != ERROR_LIMIT)
            abort();
    } else if (report_write(&page, report, "t", &err) < 0 || strstr(page.chars, "<script") != NULL ||
               strstr(page.chars, "a<z") != NULL) {
        abort();
    }
    text_free(&page);
    report_free(report);
    return 0;
}
