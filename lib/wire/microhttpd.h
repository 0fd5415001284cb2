/* microhttpd.h - the functions of libmicrohttpd that http.c calls, found when a server begins. */
#ifndef WIRE_MICROHTTPD_H
#define WIRE_MICROHTTPD_H

#include <microhttpd.h>

#include "base/error.h"

struct microhttpd {
    void *library;
    struct MHD_Daemon *(*start)(unsigned flags, uint16_t port, MHD_AcceptPolicyCallback accept, void *accept_context,
                                MHD_AccessHandlerCallback handler, void *context, ...);
    MHD_socket (*quiesce)(struct MHD_Daemon *daemon);
    void (*stop)(struct MHD_Daemon *daemon);
    struct MHD_Response *(*response)(size_t size, void *buffer, enum MHD_ResponseMemoryMode mode);
    enum MHD_Result (*add_header)(struct MHD_Response *response, const char *header, const char *content);
    enum MHD_Result (*queue)(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response);
    void (*destroy)(struct MHD_Response *response);
    void (*suspend)(struct MHD_Connection *connection);
    void (*resume)(struct MHD_Connection *connection);
    const char *(*lookup)(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *key);
    const union MHD_ConnectionInfo *(*info)(struct MHD_Connection *connection, enum MHD_ConnectionInfoType type, ...);
};

/* ERROR_USAGE with the Debian package's name when it is not installed. */
MUST_CHECK int microhttpd_open(struct microhttpd *mhd, struct error *err);
void microhttpd_close(struct microhttpd *mhd);

#endif
