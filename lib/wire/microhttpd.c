/* microhttpd.c - see microhttpd.h. */
#include "wire/microhttpd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libmicrohttpd.so.12"

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    { "MHD_start_daemon", offsetof(struct microhttpd, start) },
    { "MHD_quiesce_daemon", offsetof(struct microhttpd, quiesce) },
    { "MHD_stop_daemon", offsetof(struct microhttpd, stop) },
    { "MHD_create_response_from_buffer", offsetof(struct microhttpd, response) },
    { "MHD_add_response_header", offsetof(struct microhttpd, add_header) },
    { "MHD_queue_response", offsetof(struct microhttpd, queue) },
    { "MHD_destroy_response", offsetof(struct microhttpd, destroy) },
    { "MHD_suspend_connection", offsetof(struct microhttpd, suspend) },
    { "MHD_resume_connection", offsetof(struct microhttpd, resume) },
    { "MHD_lookup_connection_value", offsetof(struct microhttpd, lookup) },
    { "MHD_get_connection_info", offsetof(struct microhttpd, info) },
};

static int refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_USAGE, "cannot open " LIBRARY ": %.200s", why ? why : "unknown");
    return error_hint(err, "install Debian's package libmicrohttpd12");
}

int microhttpd_open(struct microhttpd *mhd, struct error *err)
{
    mhd->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (mhd->library == NULL)
        return refuse(err, dlerror());
    for (size_t i = 0; i < COUNT(symbols); i++) {
        void *found = dlsym(mhd->library, symbols[i].name);

        if (found == NULL) {
            refuse(err, dlerror());
            microhttpd_close(mhd);
            return -1;
        }
        memcpy((char *)mhd + symbols[i].offset, &found, sizeof(found));
    }
    return 0;
}

void microhttpd_close(struct microhttpd *mhd)
{
    if (mhd->library != NULL)
        dlclose(mhd->library);
    mhd->library = NULL;
}
