/* offload.c - see offload.h. */
#include "infer/offload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sys.h"
#include "infer/offload_internal.h"

enum { ANSWER_BYTES = 1 << 20 };

static const double hello_seconds = 2;

static int check_address(const char *address, struct error *err)
{
    if (strncmp(address, "unix:", 5) != 0 && net_check_address(address, err) < 0)
        return error_in(err, "--offload");
    if (strstr(address, "/v2/models/") != NULL)
        return 0;
    error_set(err, ERROR_USAGE, "--offload: '%.200s' names no model", address);
    return error_hint(err, "such as http://HOST:8080/v2/models/NAME");
}

/* From now on, for as long as it said or longer. */
static void leave_alone(struct server *server, double seconds)
{
    server->again = clock_seconds() + fmax(seconds, server->told_seconds);
    server->told_seconds = 0;
}

struct offload *offload_new(const struct offload_options *options, const struct model *model, const struct job *job,
                            struct error *err)
{
    const struct net_limits limits = { 0, 0 };
    struct offload *offload;

    offload = sys_alloc(sizeof(*offload));
    if (offload == NULL) {
        error_memory(err);
        return NULL;
    }
    offload->model = model;
    offload->options = options;
    for (int i = 0; i < options->remote_count; i++) {
        struct server *server = &offload->server[i];

        server->address = options->remote[i].url;
        if (check_address(server->address, err) == 0)
            server->net = net_open(&limits, job, err);
        if (server->net == NULL) {
            offload_free(offload);
            return NULL;
        }
    }
    if (options->head != NULL && head_begin(offload, job, err) < 0) {
        offload_free(offload);
        return NULL;
    }
    for (int i = 0; i < options->remote_count; i++) /* now, so that it takes no time of a sample's */
        if (offload_meet(offload, &offload->server[i], hello_seconds, NULL) < 0)
            leave_alone(&offload->server[i], 0);
    return offload;
}

void offload_free(struct offload *offload)
{
    if (offload == NULL)
        return;
    for (int i = 0; i < offload->options->remote_count; i++) {
        net_close(offload->server[i].net);
        arena_free(&offload->server[i].arena);
    }
    runner_free(offload->head);
    arena_free(&offload->arena);
    arena_free(&offload->answer);
    free(offload);
}

struct offload_counts offload_counts(const struct offload *offload)
{
    return offload->counts;
}

bool offload_clear(struct offload *offload, enum privacy level)
{
    bool some = false;

    for (int i = 0; i < offload->options->remote_count; i++) {
        const struct offload_remote *remote = &offload->options->remote[i];
        struct server *server = &offload->server[i];

        server->cleared = (int)level <= (offload->head != NULL ? remote->features : remote->data);
        some |= server->cleared;
    }
    return some;
}

static bool may_ask(const struct server *server)
{
    return server->cleared && clock_seconds() >= server->again;
}

bool offload_may(struct offload *offload, bool hard)
{
    bool some = false;

    offload->seen++;
    if (!hard || (double)(offload->counts.asked + 1) > offload->options->most_share * (double)offload->seen + 1e-9)
        return false;
    for (int i = 0; i < offload->options->remote_count; i++)
        some = some || may_ask(&offload->server[i]);
    offload->counts.alone += !some;
    return some;
}

/* ---- one question ---- */

static int read_class(struct offload_class *class, struct arena *arena, const struct model *model,
                      const unsigned char *bytes, size_t count, struct error *err)
{
    char *text = arena_strndup(arena, (const char *)bytes, count), *index, *label;
    double score;

    if (text == NULL)
        return error_memory(err);
    index = strchr(text, ':');
    label = index ? strchr(index + 1, ':') : NULL;
    if (label == NULL || strlen(text) != count)
        return error_set(err, ERROR_INPUT, "a class that is not SCORE:INDEX:LABEL");
    *index = '\0';
    if (text_to_real(text, &score) < 0 || !(score >= 0 && score <= 1.0001))
        return error_set(err, ERROR_INPUT, "a score that is not from 0 to 1");
    *class = (struct offload_class){ label + 1, model_find_label(model, label + 1), (float)fmin(score, 1) };
    return 0;
}

int offload_parse(struct offload_answer *answer, struct arena *arena, const struct model *model, const void *body,
                  size_t count, int64_t header_length, struct error *err)
{
    struct oip_response response;
    struct oip_bytes bytes;
    const unsigned char *element;
    size_t length;
    double sum = 0;
    int more;

    *answer = (struct offload_answer){ 0 };
    if (oip_response_parse(&response, arena, body, count, header_length, err) < 0)
        return -1;
    answer->identity = response.identity;
    if (response.output_count != 1 || !response.output[0].is_bytes)
        return error_set(err, ERROR_INPUT, "no classes in the answer");
    bytes = oip_bytes_of(&response.output[0]);
    while ((more = oip_bytes_next(&bytes, &element, &length)) == 1) {
        struct offload_class class;

        if (read_class(&class, arena, model, element, length, err) < 0)
            return -1;
        /* the first is the answer, which thresholds of the package may have put there */
        if (answer->count < ANSWER_TOP && answer->count > 1 && class.score > answer->top[answer->count - 1].score)
            return error_set(err, ERROR_INPUT, "classes that do not fall");
        sum += (double)class.score;
        if (answer->count < ANSWER_TOP)
            answer->top[answer->count++] = class;
    }
    if (more < 0 || answer->count == 0 || sum > 1.01)
        return error_set(err, ERROR_INPUT, "classes that do not add up");
    return 0;
}

/* Features mean something to the tail that was met alone. */
static int check_identity(const struct offload *offload, const struct server *server,
                          const struct offload_answer *answer, struct error *err)
{
    if (offload->head == NULL || server->identity == NULL)
        return 0;
    if (answer->identity != NULL && strcmp(answer->identity, server->identity) == 0)
        return 0;
    return error_set(err, ERROR_INPUT, "%s: another model answered than was met", server->address);
}

static int ask_server(struct offload *offload, struct server *server, const struct item *item, double end,
                      struct offload_answer *answer, struct error *err)
{
    struct net_question question = { .address = server->address, .most = ANSWER_BYTES, .tell = OIP_HEADER_LENGTH };
    const char *header[4] = { "Content-Type: application/octet-stream" };
    struct text body = { 0 };
    struct net_answer got = { 0 };
    int64_t header_length = OIP_JSON_ONLY;
    char length[64];
    int rc = offload_meet(offload, server, end - clock_seconds(), err);

    if (rc == 0)
        rc = offload->head != NULL ? write_features(&body, &header_length, offload, server, err)
                                   : write_image(&body, &header_length, offload, server, item, err);
    question.address = arena_printf(&offload->answer, "%s/infer", server->address);
    if (rc == 0 && question.address == NULL)
        rc = error_memory(err);
    if (rc == 0) {
        snprintf(length, sizeof(length), OIP_HEADER_LENGTH ": %lld", (long long)header_length);
        header[1] = length;
        question.header = header;
        question.body = body.chars;
        question.count = body.length;
        question.seconds = end - clock_seconds();
        offload->counts.bytes += body.length;
        rc = question.seconds > 0 ? net_ask(server->net, &question, &got, err)
                                  : error_set(err, ERROR_NETWORK, "%s: no time is left", server->address);
    }
    text_free(&body);
    if (rc == 0 && got.status != 200)
        rc = offload_refused(server, &got, err);
    header_length = OIP_JSON_ONLY;
    if (rc == 0 && got.told[0] != '\0')
        rc = oip_header_length_parse(&header_length, got.told, err);
    if (rc == 0) /* labels and names stay in the arena, the body does not */
        rc = offload_parse(answer, &offload->answer, offload->model, got.body.chars ? got.body.chars : "",
                           got.body.length, header_length, err);
    text_free(&got.body);
    return rc == 0 ? check_identity(offload, server, answer, err) : -1;
}

static void judge(struct server *server, double alone_seconds, bool answered)
{
    if (answered) {
        server->failures = 0;
        return;
    }
    server->input_count = 0; /* another model may be there when it comes back */
    server->failures++;
    leave_alone(server, server->failures >= OFFLOAD_FAILURES ? alone_seconds : 0);
}

static bool ask_all(struct offload *offload, const struct item *item, double end, struct offload_answer *answer,
                    struct error *why)
{
    const double told = offload->options->alone_seconds, alone_seconds = told > 0 ? told : OFFLOAD_ALONE_SECONDS;

    for (int i = 0; i < offload->options->remote_count && clock_seconds() < end; i++) {
        struct server *server = &offload->server[i];
        bool answered;

        if (!may_ask(server))
            continue;
        arena_free(&offload->answer);
        answered = ask_server(offload, server, item, end, answer, why) == 0;
        judge(server, alone_seconds, answered);
        if (answered)
            return true;
    }
    return false;
}

bool offload_ask(struct offload *offload, const struct item *item, struct offload_answer *answer, struct error *why)
{
    const double end = clock_seconds() + offload->options->deadline_ms / 1000;
    struct image image = { item->height, item->width, item->channels, (uint8_t *)(uintptr_t)item->bytes };
    struct item encoded = { .bytes = item->bytes, .count = item->count };
    uint8_t *png = NULL;
    bool answered;

    offload->counts.asked++;
    if (offload->head != NULL) {
        if (runner_load(offload->head, item, why) < 0)
            return false;
        runner_run(offload->head);
    } else if (strcmp(item->ext, "raw") == 0) {
        if (image_encode_png(&image, &png, &encoded.count, why) < 0)
            return false;
        encoded.bytes = png;
    }
    answered = ask_all(offload, &encoded, end, answer, why);
    offload->counts.answered += answered;
    free(png);
    return answered;
}
