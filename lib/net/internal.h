/* internal.h - what of libcurl is used, found by name when it is first needed. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#define CURL_DISABLE_TYPECHECK /* its checks are of the functions by their own names */
#include <curl/curl.h>

#include "base/arena.h"
#include "net/net.h"

struct curl_calls {
    CURL *(*begin)(void);
    void (*end)(CURL *curl);
    CURLcode (*set)(CURL *curl, CURLoption option, ...);
    CURLcode (*perform)(CURL *curl);
    CURLcode (*ask)(CURL *curl, CURLINFO what, ...);
    const char *(*explain)(CURLcode code);
    struct curl_slist *(*list_add)(struct curl_slist *list, const char *line);
    void (*list_free)(struct curl_slist *list);
};

MUST_CHECK int curl_find(struct curl_calls *calls, struct error *err);

struct net {
    struct arena arena;
    struct net_limits limits;
    const struct job *job;
    struct curl_calls call;
    CURL *curl;
    char why[CURL_ERROR_SIZE];
};

/* An answer's first lines, as far as they matter. */
struct answer_head {
    int status;
    bool has_range;
    uint64_t first, whole; /* Content-Range: bytes FIRST-LAST/WHOLE; whole 0: not told */
    double wait_seconds;   /* Retry-After; 0: not told */
    size_t bytes;
};

/* One line, with or without its end. A status line begins anew. */
void answer_line(struct answer_head *head, const char *line, size_t count);

#endif
