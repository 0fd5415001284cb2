#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "cmd/share.h"
#include "registry/release.h"
#include "serve/serve.h"

struct args {
    struct texts listen;
    int64_t queue, max_batch, connections, max_header, max_body, timeout, drain, exit_idle;
    double batch_delay;
    bool tuned;
};

static const struct option options[] = {
    { "listen", 'l', OPTION_LIST, FIELD(struct args, listen), .value = "WHERE",
      .help = "ADDR:PORT or unix:PATH; else sockets of systemd, else 127.0.0.1:8080; port 0 is any free one" },
    { "queue", 0, OPTION_INT, FIELD(struct args, queue), .value = "N", .initial = "256", .min = 1, .max = 65536,
      .help = "requests that may wait or run; one more is answered with 503" },
    { "max-batch", 0, OPTION_INT, FIELD(struct args, max_batch), .value = "N", .initial = "1", .min = 1, .max = 256,
      .help = "samples that may share a run of a model, of one request or of many" },
    { "batch-delay", 0, OPTION_REAL, FIELD(struct args, batch_delay), .value = "MS", .initial = "0", .min = 0,
      .max = 60000, .help = "how long a request may wait for others to share its run" },
    { "connections", 0, OPTION_INT, FIELD(struct args, connections), .value = "N", .initial = "512", .min = 1,
      .max = 65536, .help = "connections that may be open, for each place to listen" },
    { "max-header", 0, OPTION_INT, FIELD(struct args, max_header), .value = "BYTES", .initial = "65536", .min = 1024,
      .max = 16777216, .help = "largest header of a request, and memory of each connection" },
    { "max-body", 0, OPTION_INT, FIELD(struct args, max_body), .value = "BYTES", .initial = "33554432", .min = 1,
      .max = 1073741824, .help = "largest body of a request; those at hand have eight times as much together" },
    { "timeout", 0, OPTION_INT, FIELD(struct args, timeout), .value = "S", .initial = "15", .min = 1, .max = 86400,
      .help = "close a connection without a byte for so long, or that has been slow for twice as long" },
    { "drain", 0, OPTION_INT, FIELD(struct args, drain), .value = "S", .initial = "30", .min = 0, .max = 86400,
      .help = "on SIGTERM or SIGINT, how long requests may take that have begun" },
    { "exit-idle", 0, OPTION_INT, FIELD(struct args, exit_idle), .value = "S", .initial = "0", .min = 0, .max = 1e9,
      .help = "end when nothing was asked for so long; 0: never" },
    OPTION_ROW_TUNED(struct args),
    { 0 }
};

static const struct example examples[] = {
    { "coedge serve model.coedge --listen 127.0.0.1:0 --exit-idle 1", "one model, as long as somebody asks" },
    { "coedge pull registry/solder:stable --install && coedge serve @solder:stable --listen unix:solder.sock "
      "--exit-idle 1",
      "what the store means by a name, also when that changes, for programs on this machine" },
    { 0 }
};

/* ---- signals: the first is a wish, the second an order ---- */

/* A handler knows nothing but globals. */
static int wake[2] = { -1, -1 };

static void on_signal(int number)
{
    const int kept = errno;
    const char byte = (char)number;

    (void)!write(wake[1], &byte, 1);
    errno = kept;
}

static int catch_signals(struct error *err)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }, before;

    if (pipe(wake) < 0)
        return error_errno(err, ERROR_IO, "pipe");
    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN)
            continue;
        sigaction(numbers[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN); /* a client that goes away is no reason to end */
    return 0;
}

/* ---- models, as every command names them ---- */

static int locate(void *context, const char *what, struct arena *arena, const char **path, struct error *err)
{
    (void)context;
    *path = what;
    return *what == '@' ? store_find(arena, what, path, err) : 0;
}

/* A server answers with the usual kernels rather than not at all, and a new package is not to blame. */
static void try_tuned(const struct invocation *inv, const char *what, struct model *model)
{
    const struct args *args = inv->args;
    struct error why = { 0 };

    if (use_tuned(inv, args->tuned, what, model, &why) < 0)
        job_note(inv->job, "%s goes with the usual kernels: %s%s%s", what, why.message, why.hint[0] != '\0' ? "; " : "",
                 why.hint);
}

/* By its path also for what the store holds: it is verified again, for it shall answer for a long time. */
static int load(void *context, const char *what, const char *path, struct model *model, void **user, struct error *err)
{
    struct invocation one = *(const struct invocation *)context;
    struct trial *trial = calloc(1, sizeof(*trial));

    if (trial == NULL)
        return error_memory(err);
    one.operand = &path;
    one.operand_count = 1;
    *user = trial;
    if (trial_begin(trial, what, one.arena, one.job, err) == 0 && open_fixed(&one, 0, model, err) == 0) {
        try_tuned(&one, what, model);
        return 0;
    }
    trial_refused(trial, err);
    free(trial);
    return -1;
}

static void proved(void *user)
{
    trial_proved(user);
}

static void freed(void *user, const struct error *why)
{
    if (why == NULL)
        trial_end(user);
    else
        trial_refused(user, why);
    free(user);
}

/* ---- where to listen ---- */

struct places {
    struct listener *listener;
    int count;
};

static int open_places(const struct invocation *inv, struct places *places, struct error *err)
{
    const struct args *args = inv->args;
    const char *const usual[] = { "127.0.0.1:8080" };
    const char *const *asked = args->listen.count > 0 ? (const char *const *)args->listen.item : usual;
    struct listener *inherited, *all;
    int asked_count;

    if (listeners_inherited(&inherited, &places->count, inv->arena, err) < 0)
        return -1;
    asked_count = args->listen.count > 0 ? args->listen.count : places->count == 0;
    all = arena_array(inv->arena, (size_t)places->count + (size_t)asked_count, sizeof(*all));
    if (all == NULL)
        return error_memory(err);
    for (int i = 0; i < places->count; i++)
        all[i] = inherited[i];
    places->listener = all;
    for (int i = 0; i < asked_count; i++) {
        if (listener_open(&all[places->count], asked[i], inv->arena, err) < 0)
            return -1;
        places->count++;
    }
    return 0;
}

/* Who starts it with port 0 learns here which it got. */
static int say_places(const struct invocation *inv, const struct places *places, struct error *err)
{
    for (int i = 0; i < places->count; i++) {
        struct tree *map = tree_map(inv->arena);

        tree_add_text(inv->arena, map, "listening", places->listener[i].name);
        if (inv->json && print_json(map, err) < 0)
            return -1;
        if (!inv->json && !inv->quiet)
            printf("listening on %s\n", places->listener[i].name);
    }
    return fflush(stdout) == 0 ? 0 : error_errno(err, ERROR_IO, "standard output");
}

static void serve_until_told(const struct args *args, struct serve *serve)
{
    struct pollfd told = { .fd = wake[0], .events = POLLIN };

    service_notify("READY=1");
    while (poll(&told, 1, 1000) <= 0) {
        if (args->exit_idle > 0 && serve_idle_seconds(serve) >= (double)args->exit_idle)
            break;
        serve_tick(serve);
    }
    service_notify("STOPPING=1");
}

static int listen_and_serve(const struct invocation *inv, struct serve *serve, struct error *err)
{
    struct places places = { 0 };
    int rc = open_places(inv, &places, err);

    if (rc == 0)
        rc = serve_start(serve, places.listener, places.count, err);
    if (rc == 0)
        rc = say_places(inv, &places, err);
    if (rc == 0)
        serve_until_told(inv->args, serve);
    serve_stop(serve);
    for (int i = 0; i < places.count; i++)
        listener_close(&places.listener[i]);
    return rc;
}

static int run(const struct invocation *inv, struct error *err)
{
    const struct args *args = inv->args;
    const struct serve_options o = {
        .operand = inv->operand,
        .operand_count = inv->operand_count,
        .limits = { .header_bytes = (size_t)args->max_header,
                    .body_bytes = (size_t)args->max_body,
                    .bodies_bytes = 8 * (size_t)args->max_body,
                    .connections = (int)args->connections,
                    .idle_s = (int)args->timeout },
        .workers = pool_threads(inv->job->pool),
        .queue = (int)args->queue,
        .most_batch = (int)args->max_batch,
        .delay_ms = args->batch_delay,
        .drain_s = (int)args->drain,
        .locate = locate,
        .load = load,
        .proved = proved,
        .freed = freed,
        .context = (void *)(uintptr_t)inv,
        .job = inv->job,
    };
    struct serve *serve = serve_new(&o, err);

    if (serve == NULL)
        return -1;
    if (catch_signals(err) < 0) {
        serve_stop(serve);
        return -1;
    }
    return listen_and_serve(inv, serve, err);
}

const struct command cmd_serve = {
    .name = "serve",
    .summary = "answer over HTTP, by the Open Inference Protocol",
    .operands = "[NAME[:VERSION]=]MODEL...",
    .min_operands = 1,
    .max_operands = -1,
    .about = "Serves packages, ONNX models and what the store has installed (@NAME:TAG) under\n"
             "/v2/models/NAME, as Triton and KServe do, with JSON, raw tensors and encoded images;\n"
             "and counters for Prometheus under /metrics. Each thread answers one sample at a time.\n\n"
             "What the store means by a name may change meanwhile: the new package is loaded\n"
             "beside the old one, verified, and takes its place without losing a request.",
    .options = options,
    .examples = examples,
    .args_size = sizeof(struct args),
    .threads = true,
    .run = run,
};
