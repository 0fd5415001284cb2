/* net.c - see net.h. */
#include "net/net.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "net/internal.h"

enum {
    SLOW_BYTES = 1000, /* fewer a second, for so long, is a link that hangs */
    SLOW_SECONDS = 30,
};

static const double first_wait_seconds = 0.25, longest_wait_seconds = 30;

/* One file on its way. */
struct transfer {
    struct net *net;
    struct net_sink *sink;
    struct answer_head head;
    uint64_t most;
    uint64_t refused; /* bytes of an answer that is not the file */
    bool exact;
    bool begun;  /* the answer was found to be the file */
    bool failed; /* err is set: what the sink or we said */
    struct error *err;
};

bool net_is_address(const char *text)
{
    return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static const char *odd_in_address(const char *address)
{
    const char *host = strstr(address, "://");

    if (!net_is_address(address) || host == NULL)
        return "neither http:// nor https://";
    host += 3;
    if (strcspn(host, "/:") == 0)
        return "no host";
    for (const unsigned char *c = (const unsigned char *)host; *c; c++)
        if (*c <= ' ' || *c == 0x7f)
            return "a blank or a control character";
    return strpbrk(host, "@?#") ? "a user, a query or a fragment" : NULL;
}

int net_check_address(const char *address, struct error *err)
{
    const char *odd = odd_in_address(address);

    if (odd == NULL)
        return 0;
    /* It is not repeated: there may be a password in it. */
    error_set(err, ERROR_USAGE, "an address with %s", odd);
    return error_hint(err, "a folder's address is http(s)://HOST[:PORT]/PATH");
}

/* What all requests have. */
static int prepare_all(struct net *net, struct error *err)
{
    const struct curl_calls *call = &net->call;

    if (call->set(net->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        call->set(net->curl, CURLOPT_ERRORBUFFER, net->why) == CURLE_OK &&
        call->set(net->curl, CURLOPT_USERAGENT, "coedge/" COEDGE_VERSION) == CURLE_OK)
        return 0;
    return error_set(err, ERROR_IO, "this libcurl lacks an option that is needed");
}

/* Where OpenSSL's own programs look too; libcurl alone would not. */
static int trust_authorities(struct net *net, struct error *err)
{
    const char *file = getenv("SSL_CERT_FILE");

    if (file == NULL || *file == '\0')
        return 0;
    if (net->call.set(net->curl, CURLOPT_CAINFO, file) == CURLE_OK &&
        net->call.set(net->curl, CURLOPT_CAPATH, (char *)NULL) == CURLE_OK) /* those, and no others */
        return 0;
    return error_set(err, ERROR_IO, "this libcurl takes no SSL_CERT_FILE");
}

struct net *net_open(const struct net_limits *limits, const struct job *job, struct error *err)
{
    struct arena arena = { 0 };
    struct net *net = arena_alloc(&arena, sizeof(*net));

    if (net == NULL) {
        error_memory(err);
        return NULL;
    }
    net->arena = arena;
    net->limits = *limits;
    net->job = job;
    if (curl_find(&net->call, err) == 0) {
        net->curl = net->call.begin();
        if (net->curl == NULL)
            error_memory(err);
        else if (prepare_all(net, err) == 0 && trust_authorities(net, err) == 0)
            return net;
    }
    net_close(net);
    return NULL;
}

void net_close(struct net *net)
{
    struct arena arena;

    if (net == NULL)
        return;
    if (net->curl != NULL)
        net->call.end(net->curl);
    arena = net->arena; /* which has `net` itself */
    arena_free(&arena);
}

/* ---- libcurl calls these ---- */

static size_t take_line(char *line, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;

    answer_line(&transfer->head, line, size * count);
    if (transfer->head.bytes <= HEAD_BYTES)
        return size * count;
    error_set(transfer->err, ERROR_LIMIT, "more than %d bytes of headers", HEAD_BYTES);
    transfer->failed = true;
    return 0;
}

/* The file, or from where it was asked for; else it begins anew. 0; 1: another answer. */
static int begin_body(struct transfer *transfer, struct error *err)
{
    const struct answer_head *head = &transfer->head;
    struct net_sink *sink = transfer->sink;

    if (head->status == 200)
        return sink->have > 0 ? sink->restart(sink, err) : 0;
    if (head->status != 206)
        return 1;
    if (head->has_range && head->first == sink->have &&
        (!transfer->exact || head->whole == 0 || head->whole == transfer->most))
        return 0;
    if (sink->restart(sink, err) < 0) /* of another file: the next try has nothing to go on from */
        return -1;
    return error_set(err, ERROR_NETWORK, "answers with another range than was asked for");
}

static int take_body(struct transfer *transfer, const void *bytes, size_t count, struct error *err)
{
    struct net_sink *sink = transfer->sink;

    if (!transfer->begun) {
        int rc = begin_body(transfer, err);

        if (rc < 0)
            return -1;
        transfer->refused += rc == 1 ? count : 0;
        if (rc == 1)
            return transfer->refused <= REFUSED_BYTES ? 0 : -1;
        transfer->begun = true;
    }
    if (count > transfer->most - sink->have)
        return transfer->exact
                   ? error_set(err, ERROR_TRUST, "sends more than the %" PRIu64 " bytes it should have", transfer->most)
                   : error_set(err, ERROR_LIMIT, "longer than the limit of %" PRIu64 " bytes", transfer->most);
    if (sink->write(sink, bytes, count, err) < 0)
        return -1;
    if (transfer->exact)
        job_step(transfer->net->job, "download", sink->have, transfer->most);
    return 0;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;

    if (take_body(transfer, bytes, size * count, transfer->err) == 0)
        return size * count;
    transfer->failed = transfer->refused <= REFUSED_BYTES; /* a long page of an error says nothing new */
    return 0;
}

/* ---- one try ---- */

static int prepare(struct transfer *transfer, const char *address, double seconds, struct error *err)
{
    const struct curl_calls *call = &transfer->net->call;
    CURL *curl = transfer->net->curl;
    const long secure = CURLPROTO_HTTPS, any = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    const bool is_secure = strncmp(address, "https://", 8) == 0;
    char range[32];
    int rc = 0;

    snprintf(range, sizeof(range), "%" PRIu64 "-", transfer->sink->have);
    transfer->net->why[0] = '\0';
    rc |= call->set(curl, CURLOPT_URL, address) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_RANGE, transfer->sink->have > 0 ? range : NULL) != CURLE_OK;
    rc |= call->set(curl, (CURLoption)SET_PROTOCOLS, is_secure ? secure : any) != CURLE_OK;
    rc |= call->set(curl, (CURLoption)SET_REDIRECTS, is_secure ? secure : any) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_TIMEOUT_MS, (long)(seconds * 1000) + 1) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_LOW_SPEED_TIME, (long)SLOW_SECONDS) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERFUNCTION, take_line) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERDATA, transfer) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEFUNCTION, take_bytes) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEDATA, transfer) != CURLE_OK;
    return rc ? error_set(err, ERROR_IO, "this libcurl lacks an option that is needed") : 0;
}

/* What the server said, when it is not the file. 1: worth another try. */
static int judge_status(const struct transfer *transfer, struct error *err)
{
    const int status = transfer->head.status;

    if (status == 416 && transfer->sink->have > 0) {
        if (transfer->sink->restart(transfer->sink, err) < 0)
            return -1;
        error_set(err, ERROR_NETWORK, "has nothing from there on (416)");
        return 1;
    }
    if (status == 404 || status == 410)
        return error_set(err, ERROR_ANSWER, "no such file there (%d)", status);
    return judge_refusal(status, err);
}

/* 0: the file is whole; 1: worth another try, err says what happened; -1. */
static int try_once(struct transfer *transfer, const char *address, double seconds, struct error *err)
{
    CURLcode code;
    int rc;

    transfer->head = (struct answer_head){ 0 };
    transfer->refused = 0;
    transfer->begun = transfer->failed = false;
    transfer->err = err;
    if (prepare(transfer, address, seconds, err) < 0)
        return -1;
    code = transfer->net->call.perform(transfer->net->curl);
    if (transfer->failed)
        return err->kind == ERROR_NETWORK ? 1 : -1;
    if (transfer->refused > 0 || (code == CURLE_OK && transfer->head.status >= 300))
        return judge_status(transfer, err);
    if (code != CURLE_OK)
        return judge_code(transfer->net, code, err);
    if (!transfer->begun) { /* an empty body */
        rc = begin_body(transfer, err);
        if (rc != 0)
            return rc < 0 && err->kind != ERROR_NETWORK ? -1 : judge_status(transfer, err);
    }
    if (!transfer->exact || transfer->sink->have == transfer->most)
        return 0;
    error_set(err, ERROR_NETWORK, "ended after %" PRIu64 " of %" PRIu64 " bytes", transfer->sink->have, transfer->most);
    return 1;
}

/* ---- all of them ---- */

/* Doubled from try to try; where many devices fail together they do not come back together. */
static void wait_before_try(const struct transfer *transfer, int tries, double left)
{
    const double now = clock_seconds() * 1e6, jitter = 0.5 + 0.5 * (now - (double)(int64_t)now);
    double seconds = first_wait_seconds * (double)(1 << (tries < 7 ? tries : 7)) * jitter;
    struct timespec time;

    if (seconds < transfer->head.wait_seconds)
        seconds = transfer->head.wait_seconds;
    if (seconds > longest_wait_seconds)
        seconds = longest_wait_seconds;
    if (seconds > left)
        seconds = left;
    time.tv_sec = (time_t)seconds;
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

int net_get(struct net *net, const char *address, uint64_t most, bool exact, struct net_sink *sink, struct error *err)
{
    const double end = clock_seconds() + net->limits.seconds;
    struct transfer transfer = { .net = net, .sink = sink, .most = most, .exact = exact };
    struct error why = { 0 };
    uint64_t best = sink->have;

    if (exact && sink->have == most)
        return 0;
    for (int tries = 0;; tries++) {
        int rc = try_once(&transfer, address, end - clock_seconds(), &why);

        if (rc == 0)
            return 0;
        if (sink->have > best)
            tries = 0; /* it goes on: a link that is cut again and again still brings it all */
        best = sink->have > best ? sink->have : best;
        if (rc < 0 || tries >= net->limits.retries || job_stopped(net->job) || clock_seconds() >= end)
            break;
        wait_before_try(&transfer, tries, end - clock_seconds());
    }
    error_set(err, why.kind, "%s: %s", address, why.message);
    return why.hint[0] ? error_hint(err, "%s", why.hint) : -1;
}
