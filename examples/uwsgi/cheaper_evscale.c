/* uWSGI cheaper algorithm: evscale says how many workers there should be.
 *
 * uwsgi --plugin cheaper_evscale --cheaper-algo evscale --workers 16 --cheaper 1 ...
 *   --cheaper-evscale-config JSON   settings beyond the number of workers, which uWSGI knows
 *   --cheaper-evscale-speed N       for demonstrations: a second counts as N
 * The handle is made before uWSGI forks its workers, and used by the master alone.
 */
#include <uwsgi.h>
#include <evscale.h>

extern struct uwsgi_server uwsgi;

/* Totals of all workers, and what is in the system now. */
struct totals {
    uint64_t finished, busy_us;
    int busy, waiting, workers;
};

static struct {
    char *config;
    int speed;
    evscale_autoscaler *scaler;
    struct totals last;
    int64_t start_ms, next_ms;
    int wanted;
} plugin = {.speed = 1};

static struct uwsgi_option options[] = {
    {"cheaper-evscale-config", required_argument, 0, "settings of evscale as JSON", uwsgi_opt_set_str, &plugin.config, 0},
    {"cheaper-evscale-speed", required_argument, 0, "a second counts as so many", uwsgi_opt_set_int, &plugin.speed, 0},
    {0, 0, 0, 0, 0, 0, 0},
};

/* Tells a failure; 1 for success. */
static int succeeded(int32_t status, evscale_error **error) {
    if (status == EVSCALE_OK) return 1;
    uwsgi_log("[evscale] %s\n", evscale_error_message(*error));
    evscale_error_free(*error);
    return 0;
}

static int init(void) {
    evscale_error *error = NULL;
    const char *more = plugin.config == NULL ? "" : plugin.config;
    char config[4096];
    if (uwsgi.requested_cheaper_algo == NULL || strcmp(uwsgi.requested_cheaper_algo, "evscale") != 0) return 0;
    snprintf(config, sizeof config, "{\"interval_seconds\": 10, \"decision_interval_seconds\": 10, \"min_jobs\": %d, \"max_jobs\": %d%s%s}",
             uwsgi.cheaper_count > 0 ? uwsgi.cheaper_count : 1, uwsgi.numproc, *more == '\0' ? "" : ", ", more);
    if (!succeeded(evscale_new(config, NULL, &plugin.scaler, &error), &error)) exit(1);
    return 0;
}

static struct totals measure(void) {
    struct totals totals = {0, 0, 0, 0, 0};
    int i;
    for (i = 1; i <= uwsgi.numproc; i++) {
        totals.finished += uwsgi.workers[i].requests;
        totals.busy_us += uwsgi.workers[i].running_time;
        if (uwsgi.workers[i].cheaped == 0 && uwsgi.workers[i].pid > 0) {
            totals.workers++;
            totals.busy += uwsgi_worker_is_busy(i) != 0;
        }
    }
    totals.waiting = (int)uwsgi.shared->backlog;
    return totals;
}

/* Hands the interval since the last record to evscale, and asks for its decision. */
static void observe(int64_t now_ms) {
    struct totals now = measure(), last = plugin.last;
    double finished = (double)(now.finished - last.finished);
    double arrived = finished + (now.busy + now.waiting) - (last.busy + last.waiting);
    evscale_metrics record;
    evscale_decision decision;
    evscale_error *error = NULL;
    char why[4096];
    plugin.last = now;
    evscale_metrics_init(&record, sizeof record);
    record.timestamp_ms = now_ms;
    record.logged_events_count = arrived > 0 ? arrived : 0;
    record.current_job_count = now.workers;
    record.processed_events_count = finished;
    record.queued_events_count = now.waiting;
    if (finished > 0) {
        record.average_processing_duration_ms = plugin.speed * (double)(now.busy_us - last.busy_us) / 1000 / finished;
    }
    decision.struct_size = sizeof decision;
    if (!succeeded(evscale_observe(plugin.scaler, &record, NULL, &error), &error)) return;
    if (!succeeded(evscale_decide(plugin.scaler, &decision, &error), &error)) return;
    if (!decision.has_recommendation) return;
    if (decision.recommended_jobs != (uint32_t)plugin.wanted &&
        evscale_explanation(plugin.scaler, why, sizeof why, NULL, NULL) == EVSCALE_OK) {
        uwsgi_log("[evscale] %.0f requests, %d waiting, %d workers -> %u: %s\n", arrived, now.waiting, now.workers,
                  (unsigned)decision.recommended_jobs, why);
    }
    plugin.wanted = (int)decision.recommended_jobs;
}

/* Called by the master every second: workers to start, -1 to stop an idle one. */
static int algorithm(int can_spawn) {
    int64_t now_ms = (int64_t)(uwsgi_micros() / 1000);
    int workers = 0, i;
    if (plugin.scaler == NULL) return 0;
    if (plugin.start_ms == 0) plugin.start_ms = now_ms;
    now_ms = plugin.start_ms + plugin.speed * (now_ms - plugin.start_ms);
    if (now_ms >= plugin.next_ms) {
        plugin.next_ms = now_ms + 10000;
        observe(now_ms);
    }
    for (i = 1; i <= uwsgi.numproc; i++) workers += uwsgi.workers[i].cheaped == 0 && uwsgi.workers[i].pid > 0;
    if (plugin.wanted > workers) return can_spawn ? plugin.wanted - workers : 0;
    return plugin.wanted > 0 && plugin.wanted < workers ? -1 : 0;
}

static void on_load(void) {
    uwsgi_register_cheaper_algo("evscale", algorithm);
}

struct uwsgi_plugin cheaper_evscale_plugin = {
    .name = "cheaper_evscale",
    .options = options,
    .on_load = on_load,
    .init = init,
};
