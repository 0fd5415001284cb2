/* http_reply.c - what a handler answered, as libmicrohttpd sends it. */
#include <stdatomic.h>
#include <stdio.h>

#include "wire/http_internal.h"
#include "wire/oip.h"

static void count_status(struct http_server *server, int status)
{
    if (status >= HTTP_STATUS_FIRST && status <= HTTP_STATUS_LAST)
        atomic_fetch_add_explicit(&server->status[status - HTTP_STATUS_FIRST], 1, memory_order_relaxed);
}

static void add_number(const struct microhttpd *mhd, struct MHD_Response *response, const char *name, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    mhd->add_header(response, name, text);
}

enum MHD_Result http_send(struct http_server *server, struct MHD_Connection *connection, struct http_reply *reply)
{
    const struct microhttpd *mhd = &server->mhd;
    struct MHD_Response *response;
    enum MHD_Result rc;

    if (reply->body.failed) {
        text_free(&reply->body);
        reply->status = 500;
        reply->header_length = OIP_JSON_ONLY;
    }
    response = mhd->response(reply->body.length, reply->body.chars ? reply->body.chars : (void *)(uintptr_t) "",
                             reply->body.chars ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        text_free(&reply->body);
        return MHD_NO;
    }
    if (reply->body.length > 0)
        mhd->add_header(response, "Content-Type", reply->type ? reply->type : "application/json");
    if (reply->header_length >= 0) /* the type says that there is more than JSON, as Triton does */
        add_number(mhd, response, OIP_HEADER_LENGTH, reply->header_length);
    if (reply->retry_after_s > 0)
        add_number(mhd, response, "Retry-After", reply->retry_after_s);
    if (reply->allow != NULL)
        mhd->add_header(response, "Allow", reply->allow);
    if (atomic_load(&server->draining))
        mhd->add_header(response, "Connection", "close");
    rc = mhd->queue(connection, (unsigned)reply->status, response);
    mhd->destroy(response);
    reply->body = (struct text){ 0 }; /* the response's, and so gone */
    count_status(server, reply->status);
    return rc;
}

enum MHD_Result http_send_refusal(struct http_exchange *exchange)
{
    struct http_reply reply = { .status = exchange->refused, .header_length = OIP_JSON_ONLY };

    reply.retry_after_s = reply.status == 503;
    oip_error_write(&reply.body, exchange->why);
    return http_send(exchange->server, exchange->mhd, &reply);
}
