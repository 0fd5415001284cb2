/* route.c - paths and methods: what is answered at once, and what is queued. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "serve/internal.h"
#include "json/json.h"

enum resource { R_NONE, R_SERVER, R_LIVE, R_READY, R_METRICS, R_MODEL, R_MODEL_READY, R_INFER };

struct route {
    enum resource resource;
    char model[130], version[130]; /* version: empty when none is named */
};

/* The next part of a path between slashes. */
static bool take_part(const char **path, char *part, size_t room)
{
    const size_t length = strcspn(*path, "/");

    if (length == 0 || length >= room)
        return false;
    memcpy(part, *path, length);
    part[length] = '\0';
    *path += length;
    *path += **path == '/';
    return true;
}

static bool take_word(const char **path, const char *word)
{
    const char *at = *path;
    char part[16];

    if (!take_part(&at, part, sizeof(part)) || strcmp(part, word) != 0)
        return false;
    *path = at;
    return true;
}

/* models/NAME[/versions/VERSION][/ready|/infer] */
static enum resource find_model(struct route *route, const char *path)
{
    if (!take_part(&path, route->model, sizeof(route->model)))
        return R_NONE;
    if (take_word(&path, "versions") && !take_part(&path, route->version, sizeof(route->version)))
        return R_NONE;
    if (*path == '\0')
        return R_MODEL;
    if (take_word(&path, "ready"))
        return *path == '\0' ? R_MODEL_READY : R_NONE;
    return take_word(&path, "infer") && *path == '\0' ? R_INFER : R_NONE;
}

static enum resource find(struct route *route, const char *path)
{
    static const struct {
        const char *path;
        enum resource resource;
    } plain[] = { { "/v2", R_SERVER },
                  { "/v2/", R_SERVER },
                  { "/v2/health/live", R_LIVE },
                  { "/v2/health/ready", R_READY },
                  { "/metrics", R_METRICS } };

    for (size_t i = 0; i < COUNT(plain); i++)
        if (strcmp(path, plain[i].path) == 0)
            return plain[i].resource;
    return strncmp(path, "/v2/models/", 11) == 0 ? find_model(route, path + 11) : R_NONE;
}

/* ---- answers at once ---- */

static void say_error(struct http_reply *reply, int status, const char *format, const char *what)
{
    struct text message = { 0 };

    reply->status = status;
    text_add(&message, format);
    text_add(&message, what);
    oip_error_write(&reply->body, message.chars ? message.chars : "");
    text_free(&message);
}

/* HEAD is GET without a body; whether a method fits. */
static bool method_fits(struct http_reply *reply, enum resource resource, const char *method)
{
    const bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    if (resource == R_INFER ? strcmp(method, "POST") == 0 : get)
        return true;
    reply->allow = resource == R_INFER ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
    if (strcmp(method, "OPTIONS") == 0)
        reply->status = 204;
    else
        say_error(reply, 405, "the method here is ", resource == R_INFER ? "POST" : "GET");
    return false;
}

static void say_of_model(struct serve *serve, struct entry *entry, enum resource resource, struct http_reply *reply)
{
    struct loaded *loaded;

    if (resource == R_MODEL_READY) {
        text_printf(&reply->body, "{\"name\":\"%s\",\"ready\":true}", entry->name);
        return;
    }
    loaded = entry_acquire(serve, entry);
    describe_model(&reply->body, serve, entry, loaded);
    loaded_release(serve, loaded);
}

static void say(struct serve *serve, const struct route *route, struct entry *entry, struct http_reply *reply)
{
    reply->status = 200;
    switch (route->resource) {
    case R_SERVER: describe_server(&reply->body); break;
    case R_LIVE: text_add(&reply->body, "{\"live\":true}"); break;
    case R_READY: text_add(&reply->body, "{\"ready\":true}"); break;
    case R_METRICS:
        reply->type = "text/plain; version=0.0.4; charset=utf-8";
        metrics_write(&reply->body, serve);
        break;
    default: say_of_model(serve, entry, route->resource, reply); break;
    }
}

/* ---- inference: later, by a worker ---- */

static void enqueue(struct serve *serve, struct entry *entry, struct http_exchange *exchange)
{
    struct http_reply reply = { .status = 503, .header_length = OIP_JSON_ONLY };
    struct task *task = calloc(1, sizeof(*task));

    if (task != NULL) {
        task->exchange = exchange;
        task->entry = entry;
        task->arrived = clock_seconds();
        task->loaded = entry_acquire(serve, entry);
        if (queue_put(serve, task))
            return;
        task_free(serve, task);
    }
    reply.retry_after_s = queue_patience(serve);
    say_error(&reply, 503, "too many requests are waiting", "");
    http_answer(exchange, &reply);
}

void route_request(void *context, struct http_exchange *exchange)
{
    struct serve *serve = context;
    const struct http_request *request = http_request(exchange);
    struct http_reply reply = { .header_length = OIP_JSON_ONLY };
    struct route route = { R_NONE, "", "" };
    struct entry *entry = NULL;

    route.resource = find(&route, request->path);
    if (route.resource >= R_MODEL)
        entry = entry_find(serve, route.model, *route.version ? route.version : NULL);
    if (route.resource == R_NONE)
        say_error(&reply, 404, "nothing is here; /v2 is where it begins", "");
    else if (route.resource >= R_MODEL && entry == NULL)
        say_error(&reply, 404, "no model or version of it here is called so: ", route.model);
    else if (method_fits(&reply, route.resource, request->method)) {
        if (route.resource == R_INFER) {
            enqueue(serve, entry, exchange);
            return;
        }
        say(serve, &route, entry, &reply);
    }
    http_answer(exchange, &reply);
}
