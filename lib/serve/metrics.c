/*
 * metrics.c - counters as Prometheus reads them.
 *
 * Source: Prometheus, "Exposition formats", text-based format 0.0.4.
 */
#include <inttypes.h>

#include "base/clock.h"
#include "serve/internal.h"
#include "json/json.h"

const double latency_bounds[LATENCY_BUCKETS] = { 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                 0.1,    0.2,   0.5,   1,     2,    5,    10 };

static void head(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Names and versions have no character that would need an escape. */
static void labels(struct text *out, const char *metric, const struct entry *entry, const char *more)
{
    text_printf(out, "%s{model=\"%s\",version=\"%s\"%s} ", metric, entry->name, entry->version, more);
}

static void add_requests(struct text *out, const struct serve *serve)
{
    static const char *const status[OUTCOME_COUNT] = { ",status=\"200\"", ",status=\"400\"", ",status=\"413\"",
                                                       ",status=\"503\"", ",status=\"500\"" };

    head(out, "coedge_requests_total", "counter", "Inference requests by model and status.");
    for (int i = 0; i < serve->entry_count; i++)
        for (int k = 0; k < OUTCOME_COUNT; k++) {
            labels(out, "coedge_requests_total", &serve->entry[i], status[k]);
            text_printf(out, "%" PRId64 "\n", serve->entry[i].requests[k]);
        }
    head(out, "coedge_samples_total", "counter", "Samples that were answered.");
    for (int i = 0; i < serve->entry_count; i++) {
        labels(out, "coedge_samples_total", &serve->entry[i], "");
        text_printf(out, "%" PRId64 "\n", serve->entry[i].samples);
    }
    head(out, "coedge_runs_total", "counter", "Runs of the model, each of one sample or of some together.");
    for (int i = 0; i < serve->entry_count; i++) {
        labels(out, "coedge_runs_total", &serve->entry[i], "");
        text_printf(out, "%" PRId64 "\n", serve->entry[i].runs);
    }
}

static void add_latency(struct text *out, const struct entry *entry)
{
    int64_t sum = 0;

    for (int k = 0; k <= LATENCY_BUCKETS; k++) {
        text_printf(out, "coedge_request_seconds_bucket{model=\"%s\",version=\"%s\",le=\"", entry->name,
                    entry->version);
        if (k < LATENCY_BUCKETS)
            json_add_real(out, latency_bounds[k]);
        else
            text_add(out, "+Inf");
        sum += entry->latency[k];
        text_printf(out, "\"} %" PRId64 "\n", sum);
    }
    labels(out, "coedge_request_seconds_sum", entry, "");
    json_add_real(out, entry->latency_sum);
    text_add(out, "\n");
    labels(out, "coedge_request_seconds_count", entry, "");
    text_printf(out, "%" PRId64 "\n", sum);
}

static void add_models(struct text *out, const struct serve *serve)
{
    head(out, "coedge_request_seconds", "histogram", "From a whole request to its reply.");
    for (int i = 0; i < serve->entry_count; i++)
        add_latency(out, &serve->entry[i]);
    head(out, "coedge_model_info", "gauge", "The model that answers now.");
    for (int i = 0; i < serve->entry_count; i++) {
        const struct entry *entry = &serve->entry[i];

        text_printf(out, "coedge_model_info{model=\"%s\",version=\"%s\",identity=\"%s\"} 1\n", entry->name,
                    entry->version, entry->current->identity);
    }
    head(out, "coedge_swaps_total", "counter", "Times that another package took a model's place, or was refused.");
    for (int i = 0; i < serve->entry_count; i++) {
        labels(out, "coedge_swaps_total", &serve->entry[i], ",result=\"done\"");
        text_printf(out, "%" PRId64 "\n", serve->entry[i].swaps);
        labels(out, "coedge_swaps_total", &serve->entry[i], ",result=\"refused\"");
        text_printf(out, "%" PRId64 "\n", serve->entry[i].refused_swaps);
    }
}

static void add_server(struct text *out, struct serve *serve)
{
    struct http_counts counts;

    http_count(serve->http, &counts);
    head(out, "coedge_http_replies_total", "counter", "Replies of any kind by status.");
    for (int i = 0; i < (int)COUNT(counts.status); i++)
        if (counts.status[i] > 0)
            text_printf(out, "coedge_http_replies_total{status=\"%d\"} %" PRId64 "\n", i + HTTP_STATUS_FIRST,
                        counts.status[i]);
    head(out, "coedge_connections", "gauge", "Connections that are open.");
    text_printf(out, "coedge_connections %" PRId64 "\n", counts.connections);
    head(out, "coedge_overdue_connections_total", "counter", "Connections closed because they took too long.");
    text_printf(out, "coedge_overdue_connections_total %" PRId64 "\n", counts.overdue);
    head(out, "coedge_workers", "gauge", "Samples that can run at a time.");
    text_printf(out, "coedge_workers %d\n", serve->options->workers);
    head(out, "coedge_uptime_seconds", "gauge", "Since the server began.");
    text_add(out, "coedge_uptime_seconds ");
    json_add_real(out, clock_seconds() - serve->began);
    text_add(out, "\n");
    head(out, "coedge_build_info", "gauge", "What this program is.");
    text_add(out, "coedge_build_info{version=\"" COEDGE_VERSION "\"} 1\n");
}

void metrics_write(struct text *out, struct serve *serve)
{
    pthread_mutex_lock(&serve->lock);
    add_requests(out, serve);
    add_models(out, serve);
    head(out, "coedge_queue_length", "gauge", "Inference requests that wait or run.");
    text_printf(out, "coedge_queue_length %d\n", serve->queued);
    head(out, "coedge_queue_limit", "gauge", "As many may; one more gets 503.");
    text_printf(out, "coedge_queue_limit %d\n", serve->options->queue);
    pthread_mutex_unlock(&serve->lock);
    add_server(out, serve);
}
