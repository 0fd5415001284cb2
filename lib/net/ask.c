/* ask.c - one question to a server within a deadline: see net.h. */
#include <string.h>
#include <strings.h>

#include "net/internal.h"

/* The first part of a unix: address is the socket's path, which ends where the server's own paths begin. */
static const char unix_scheme[] = "unix:", first_path[] = "/v2/";

enum { SOCKET_BYTES = 108 };

struct asking {
    const struct net_question *question;
    struct net_answer *answer;
    struct answer_head head;
    bool too_long;
};

static size_t take_line(char *line, size_t size, size_t count, void *user)
{
    struct asking *asking = user;
    const char *name = asking->question->tell;
    const size_t bytes = size * count, length = name ? strlen(name) : 0;
    size_t at = length + 1, end = bytes;

    answer_line(&asking->head, line, bytes);
    if (name == NULL || bytes <= length || line[length] != ':' || strncasecmp(line, name, length) != 0)
        return bytes;
    while (at < end && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (end > at && (unsigned char)line[end - 1] <= ' ')
        end--;
    if (end - at < sizeof(asking->answer->told)) {
        memcpy(asking->answer->told, line + at, end - at);
        asking->answer->told[end - at] = '\0';
    }
    return bytes;
}

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user)
{
    struct asking *asking = user;

    asking->too_long = size * count > asking->question->most - asking->answer->body.length;
    if (asking->too_long)
        return 0;
    text_add_bytes(&asking->answer->body, bytes, size * count);
    return asking->answer->body.failed ? 0 : size * count;
}

/* "unix:SOCKET/v2/..." to the socket and an address of the same path. 1; 0: it is no such address; -1. */
static int take_apart(const char *address, char socket[SOCKET_BYTES], struct text *url, struct error *err)
{
    const char *path;

    if (strncmp(address, unix_scheme, strlen(unix_scheme)) != 0)
        return 0;
    address += strlen(unix_scheme);
    path = strstr(address, first_path);
    if (path == NULL || path == address || (size_t)(path - address) >= SOCKET_BYTES)
        return error_set(err, ERROR_USAGE, "expected unix:SOCKET%smodels/NAME", first_path);
    memcpy(socket, address, (size_t)(path - address));
    socket[path - address] = '\0';
    text_printf(url, "http://localhost%s", path);
    return text_check(url, err) < 0 ? -1 : 1;
}

static int set_address(struct net *net, const char *address, const char *socket, struct error *err)
{
    const long any = CURLPROTO_HTTP | CURLPROTO_HTTPS;
    int rc = net->call.set(net->curl, CURLOPT_URL, address) != CURLE_OK;

    rc |= net->call.set(net->curl, CURLOPT_UNIX_SOCKET_PATH, socket) != CURLE_OK;
    rc |= net->call.set(net->curl, (CURLoption)(CURLOPTTYPE_LONG + 181), any) != CURLE_OK; /* as in net.c */
    return rc ? error_set(err, ERROR_IO, "this libcurl lacks an option that is needed") : 0;
}

static int set_question(struct net *net, struct asking *asking, struct curl_slist *lines, struct error *err)
{
    const struct net_question *q = asking->question;
    const struct curl_calls *call = &net->call;
    CURL *curl = net->curl;
    int rc = 0;

    net->why[0] = '\0';
    rc |= call->set(curl, CURLOPT_HTTPHEADER, lines) != CURLE_OK;
    if (q->body != NULL) {
        rc |= call->set(curl, CURLOPT_POST, 1L) != CURLE_OK;
        rc |= call->set(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->count) != CURLE_OK;
        rc |= call->set(curl, CURLOPT_POSTFIELDS, q->body) != CURLE_OK;
    } else {
        rc |= call->set(curl, CURLOPT_HTTPGET, 1L) != CURLE_OK;
    }
    rc |= call->set(curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_TIMEOUT_MS, (long)(q->seconds * 1000) + 1) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERFUNCTION, take_line) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_HEADERDATA, asking) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEFUNCTION, take_bytes) != CURLE_OK;
    rc |= call->set(curl, CURLOPT_WRITEDATA, asking) != CURLE_OK;
    return rc ? error_set(err, ERROR_IO, "this libcurl lacks an option that is needed") : 0;
}

static int perform(struct net *net, struct asking *asking, struct error *err)
{
    const CURLcode code = net->call.perform(net->curl);
    long status = 0;

    if (asking->too_long)
        return error_set(err, ERROR_NETWORK, "an answer of more than %zu bytes", asking->question->most);
    if (asking->answer->body.failed)
        return error_memory(err);
    if (code == CURLE_OK && net->call.ask(net->curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        asking->answer->status = (int)status;
        asking->answer->wait_seconds = asking->head.wait_seconds;
        return 0;
    }
    (void)judge_code(net, code, err);
    return -1;
}

/* Lines of our own first: libcurl would wait for "100 Continue" with a body of some size. */
static struct curl_slist *make_lines(const struct net *net, const struct net_question *q)
{
    struct curl_slist *lines = net->call.list_add(NULL, "Expect:");

    for (const char *const *line = q->header; line != NULL && *line != NULL; line++) {
        struct curl_slist *more = net->call.list_add(lines, *line);
        lines = more != NULL ? more : lines;
    }
    return lines;
}

int net_ask(struct net *net, const struct net_question *question, struct net_answer *answer, struct error *err)
{
    struct asking asking = { .question = question, .answer = answer };
    struct curl_slist *lines = make_lines(net, question);
    char socket[SOCKET_BYTES];
    struct text url = { 0 };
    int rc;

    *answer = (struct net_answer){ 0 };
    rc = take_apart(question->address, socket, &url, err);
    if (rc >= 0)
        rc = set_address(net, rc == 1 ? url.chars : question->address, rc == 1 ? socket : NULL, err);
    if (rc == 0)
        rc = set_question(net, &asking, lines, err);
    if (rc == 0)
        rc = perform(net, &asking, err);
    net->call.list_free(lines);
    text_free(&url);
    if (rc == 0)
        return 0;
    text_free(&answer->body);
    return error_in(err, "%s", question->address);
}
