/* internal.h - what of libcurl is used, found by name when it is first needed. */
#ifndef NET_INTERNAL_H
#define NET_INTERNAL_H

#define CURL_DISABLE_TYPECHECK /* its checks are of the functions by their own names */
#include <curl/curl.h>

#include "base/arena.h"
#include "net/net.h"

enum {
    CONNECT_MS = 10 * 1000,
    HEAD_BYTES = 64 * 1024,
    REFUSED_BYTES = 64 * 1024, /* of the page that comes with an error */
    REDIRECTS = 5,
    /* CURLOPT_PROTOCOLS and CURLOPT_REDIR_PROTOCOLS: their successors are missing before libcurl 7.85. */
    SET_PROTOCOLS = CURLOPTTYPE_LONG + 181,
    SET_REDIRECTS = CURLOPTTYPE_LONG + 182,
};

struct curl_calls {
    void *library;
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

/* Those of a transfer that is read bit by bit. */
struct curl_multi_calls {
    CURLM *(*begin)(void);
    CURLMcode (*end)(CURLM *multi);
    CURLMcode (*add)(CURLM *multi, CURL *curl);
    CURLMcode (*remove)(CURLM *multi, CURL *curl);
    CURLMcode (*perform)(CURLM *multi, int *running);
    CURLMcode (*poll)(CURLM *multi, struct curl_waitfd *more, unsigned count, int ms, int *ready);
    CURLMsg *(*told)(CURLM *multi, int *left);
};

MUST_CHECK int curl_find_multi(struct curl_multi_calls *calls, const struct curl_calls *easy, struct error *err);

struct net {
    struct arena arena;
    struct net_limits limits;
    const struct job *job;
    struct curl_calls call;
    CURL *curl;
    char why[CURL_ERROR_SIZE];
};

/* Both say what went wrong. 1: worth another try; -1: not. */
int judge_code(const struct net *net, CURLcode code, struct error *err);
int judge_refusal(int status, struct error *err);

/* An answer's first lines, as far as they matter. */
struct answer_head {
    int status;
    bool has_range;
    uint64_t first, whole; /* Content-Range: bytes FIRST-LAST/WHOLE; whole 0: not told */
    double wait_seconds;   /* Retry-After, at most NET_LONGEST_TOLD; 0: not told */
    size_t bytes;
};

/* One line, with or without its end. A status line begins anew. */
void answer_line(struct answer_head *head, const char *line, size_t count);

#endif
