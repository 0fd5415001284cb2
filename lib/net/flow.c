/* flow.c - a body that may have no end, read as it comes: see net.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/sys.h"
#include "net/internal.h"

enum { POLL_MS = 100 };

struct net_flow {
    struct net *net;
    struct curl_multi_calls call;
    CURLM *multi;
    const atomic_bool *over;
    const char *address;
    double until; /* 0: whenever */
    struct answer_head head;
    bool begun, chunked;
    struct text held; /* bytes that came; `at` of them were read */
    size_t at, refused;
    enum net_flow_state state;
};

const char *net_address_shown(struct arena *arena, const char *address)
{
    return arena_strndup(arena, address, strcspn(address, "?"));
}

/* A query is fine here. */
static int check_address(const char *address, struct error *err)
{
    struct arena arena = { 0 };
    const char *shown = net_address_shown(&arena, address);
    int rc = shown == NULL ? error_memory(err) : net_check_address(shown, err);

    if (rc == 0 && address[strcspn(address, "# \t\r\n")] != '\0')
        rc = error_set(err, ERROR_USAGE, "an address with a blank or a fragment");
    if (rc < 0 && strchr(address, '@') != NULL)
        error_hint(err, "name and password belong into ~/.netrc: machine HOST login NAME password WORD");
    else if (rc < 0)
        error_hint(err, "a camera's address is http(s)://HOST[:PORT]/PATH[?QUERY]");
    arena_free(&arena);
    return rc;
}

/* ---- libcurl calls these ---- */

static size_t take_line(char *line, size_t size, size_t count, void *user)
{
    static const char name[] = "Transfer-Encoding:";
    struct net_flow *flow = user;
    const size_t bytes = size * count;

    if (bytes > 5 && memcmp(line, "HTTP/", 5) == 0)
        flow->chunked = false; /* a redirection's lines are over */
    answer_line(&flow->head, line, bytes);
    flow->chunked |= bytes > strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
    return flow->head.bytes <= HEAD_BYTES ? bytes : 0;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct net_flow *flow = user;

    if (flow->head.status != 200) {
        flow->refused += size * count;
        return flow->refused <= REFUSED_BYTES ? size * count : 0;
    }
    text_add_bytes(&flow->held, bytes, size * count);
    return flow->held.failed ? 0 : size * count;
}

static int prepare(struct net_flow *flow, struct error *err)
{
    const struct curl_calls *call = &flow->net->call;
    const long secure = CURLPROTO_HTTPS, any = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    const long allowed = strncmp(flow->address, "https://", 8) == 0 ? secure : any;
    CURL *curl = flow->net->curl;
    int rc = 0;

    rc |= call->set(curl, CURLOPT_URL, flow->address) != CURLE_OK;
    rc |= call->set(curl, (CURLoption)SET_PROTOCOLS, allowed) != CURLE_OK;
    rc |= call->set(curl, (CURLoption)SET_REDIRECTS, allowed) != CURLE_OK;
    /* whose headers say whether a body's end can be told from a connection that broke */
    rc |= call->set(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_FOLLOWLOCATION, 1L) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_ANY) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERFUNCTION, take_line) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERDATA, flow) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEFUNCTION, take_bytes) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEDATA, flow) != CURLE_OK;
    return rc ? error_set(err, ERROR_IO, "this libcurl lacks an option that is needed") : 0;
}

struct net_flow *net_flow_open(const char *address, const atomic_bool *over, struct error *err)
{
    const struct net_limits limits = { 0, 0 };
    struct net_flow *flow;

    if (check_address(address, err) < 0)
        return NULL;
    flow = sys_alloc(sizeof(*flow));
    if (flow == NULL) {
        error_memory(err);
        return NULL;
    }
    flow->over = over;
    flow->net = net_open(&limits, NULL, err);
    if (flow->net != NULL && curl_find_multi(&flow->call, &flow->net->call, err) == 0) {
        flow->multi = flow->call.begin();
        flow->address = arena_strdup(&flow->net->arena, address);
        if (flow->multi == NULL || flow->address == NULL)
            error_memory(err);
        else if (prepare(flow, err) == 0)
            return flow;
    }
    net_flow_close(flow);
    return NULL;
}

void net_flow_until(struct net_flow *flow, double until)
{
    flow->until = until;
}

enum net_flow_state net_flow_state(const struct net_flow *flow)
{
    return flow->state;
}

double net_flow_wait(const struct net_flow *flow)
{
    return flow->head.status != 200 ? flow->head.wait_seconds : 0;
}

void net_flow_close(struct net_flow *flow)
{
    if (flow == NULL)
        return;
    if (flow->net != NULL && flow->begun)
        (void)flow->call.remove(flow->multi, flow->net->curl);
    if (flow->multi != NULL)
        (void)flow->call.end(flow->multi);
    net_close(flow->net);
    text_free(&flow->held);
    free(flow);
}

/* The transfer is over: whole, broken, or something else than a body. -1: an error. */
static int judge(struct net_flow *flow, CURLcode code, struct error *err)
{
    curl_off_t length = -1;
    int rc;

    if (flow->held.failed)
        return error_memory(err);
    if (flow->head.bytes > HEAD_BYTES)
        return error_set(err, ERROR_LIMIT, "more than %d bytes of headers", HEAD_BYTES);
    if (flow->head.status != 200 && (code == CURLE_OK || code == CURLE_WRITE_ERROR))
        rc = judge_refusal(flow->head.status, err);
    else
        rc = code == CURLE_OK ? 0 : judge_code(flow->net, code, err);
    if (rc != 0) {
        flow->state = rc > 0 ? NET_BROKE : NET_HOPELESS;
        return -1;
    }
    if (flow->net->call.ask(flow->net->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
        length = -1;
    flow->state = length >= 0 || flow->chunked ? NET_ENDED : NET_BROKE;
    return 0;
}

/* A little more of it, or the end. */
static int go_on(struct net_flow *flow, struct error *err)
{
    int running = 0, left;
    CURLMsg *told;

    if (!flow->begun) {
        if (flow->call.add(flow->multi, flow->net->curl) != CURLM_OK)
            return error_memory(err);
        flow->begun = true;
    }
    if (flow->call.perform(flow->multi, &running) != CURLM_OK)
        return error_set(err, ERROR_NETWORK, "libcurl gives up");
    if (flow->held.length > 0)
        return 0;
    if (running > 0)
        return flow->call.poll(flow->multi, NULL, 0, POLL_MS, NULL) == CURLM_OK
                   ? 0
                   : error_set(err, ERROR_NETWORK, "libcurl gives up");
    told = flow->call.told(flow->multi, &left);
    return judge(flow, told != NULL ? told->data.result : CURLE_OK, err);
}

int64_t net_flow_read(struct net_flow *flow, void *bytes, size_t count, struct error *err)
{
    while (flow->at == flow->held.length) {
        flow->at = flow->held.length = 0;
        if (flow->state != NET_FLOWS)
            return 0;
        if (atomic_load(flow->over))
            return error_set(err, ERROR_NETWORK, "ended from here");
        if (flow->until > 0 && clock_seconds() > flow->until) {
            flow->state = NET_BROKE;
            return error_set(err, ERROR_NETWORK, "nothing whole came in time");
        }
        if (go_on(flow, err) < 0) {
            flow->state = flow->state == NET_FLOWS ? NET_HOPELESS : flow->state;
            return -1;
        }
    }
    if (count > flow->held.length - flow->at)
        count = flow->held.length - flow->at;
    memcpy(bytes, flow->held.chars + flow->at, count);
    flow->at += count;
    return (int64_t)count;
}
