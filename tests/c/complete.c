/* A pool of a fleet says what a single one says; a bad record disturbs no other; functions of the host's own, the log, the texts
 * of the statuses, configurations, bundles, meters, a small stack. */
#define _XOPEN_SOURCE 700
#include "check.h"

#include <limits.h>
#include <pthread.h>

#define CONFIG "{\"max_jobs\": 50, \"latency_budget_ms\": 5}"

typedef int32_t fleet_text_call(evscale_fleet *, const char *, char *, size_t, size_t *, evscale_error **);

static char *fleet_text(evscale_fleet *fleet, const char *key, fleet_text_call *call) {
    size_t needed = 0;
    char *text;
    CHECK(call(fleet, key, NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    text = malloc(needed);
    CHECK(call(fleet, key, text, needed, NULL, NULL) == EVSCALE_OK);
    return text;
}

static void same(evscale_autoscaler *one, text_call *alone, evscale_fleet *fleet, fleet_text_call *in_fleet) {
    char *a = text_of(one, alone), *b = fleet_text(fleet, "a", in_fleet);
    CHECK(strcmp(a, b) == 0 && strlen(a) > 2);
    free(a);
    free(b);
}

static int32_t keep(void *context, const char *key, const uint8_t *snapshot, size_t length) {
    (void)snapshot;
    CHECK(length > 100);
    strcat(context, key);
    return key[0] == 'b' ? 5 : 0;
}

static void a_pool_of_a_fleet_says_what_a_single_one_says(void) {
    static const uint32_t minutes[] = {12, 180};
    static const double levels[] = {0.1, 0.9};
    evscale_autoscaler *one = made(CONFIG);
    evscale_fleet *fleet = NULL;
    evscale_meter *meter = NULL;
    evscale_decision a, b;
    evscale_observation seen, seen_there;
    evscale_error *error = NULL;
    double quantiles[4], there[4], jobs = 0;
    char walked[16] = "", keys[16], budget[256];
    int32_t found = -1;
    int i;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "b", NULL, NULL) == EVSCALE_OK && evscale_fleet_add(fleet, "a", CONFIG, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", NULL, NULL) == EVSCALE_POOL_EXISTS);
    CHECK(evscale_fleet_observation_json(fleet, "a", NULL, 0, NULL, NULL) == EVSCALE_NOTHING_YET);
    CHECK(evscale_observation_init(&seen, sizeof seen) == EVSCALE_OK && evscale_observation_init(&seen_there, sizeof seen) == EVSCALE_OK);
    CHECK(evscale_decision_init(&a, sizeof a) == EVSCALE_OK && evscale_decision_init(&b, sizeof b) == EVSCALE_OK);
    CHECK(a.struct_size == sizeof a && a.has_recommendation == 0 && evscale_decision_init(&a, 7) == EVSCALE_BAD_STRUCT_SIZE);
    for (i = 0; i < 300; i++) {
        evscale_metrics record = record_at(i);
        CHECK(evscale_backfill(one, &record, &seen, NULL) == EVSCALE_OK);
        CHECK(evscale_fleet_backfill(fleet, "a", &record, &seen_there, NULL) == EVSCALE_OK);
    }
    for (i = 300; i < 330; i++) {
        evscale_metrics record = record_at(i);
        CHECK(evscale_observe(one, &record, &seen, NULL) == EVSCALE_OK);
        CHECK(evscale_fleet_observe(fleet, "a", &record, &seen_there, NULL) == EVSCALE_OK);
        CHECK(memcmp(&seen, &seen_there, sizeof seen) == 0);
        CHECK(evscale_report_latency(one, 1, NULL) == EVSCALE_OK && evscale_fleet_report_latency(fleet, "a", 1, NULL) == EVSCALE_OK);
        CHECK(evscale_decide(one, &a, NULL) == EVSCALE_OK && evscale_fleet_decide(fleet, "a", &b, NULL) == EVSCALE_OK);
        CHECK(memcmp(&a, &b, sizeof a) == 0);
    }
    CHECK(a.has_recommendation == 1);
    same(one, evscale_observation_json, fleet, evscale_fleet_observation_json);
    same(one, evscale_decision_json, fleet, evscale_fleet_decision_json);
    same(one, evscale_explanation, fleet, evscale_fleet_explanation);
    same(one, evscale_forecast_json, fleet, evscale_fleet_forecast_json);
    same(one, evscale_health_json, fleet, evscale_fleet_health_json);
    same(one, evscale_learned_json, fleet, evscale_fleet_learned_json);
    same(one, evscale_report_json, fleet, evscale_fleet_report_json);
    same(one, evscale_config_json, fleet, evscale_fleet_config_json);
    CHECK(evscale_forecast_quantiles(one, minutes, 2, levels, 2, quantiles, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_forecast_quantiles(fleet, "a", minutes, 2, levels, 2, there, NULL) == EVSCALE_OK);
    CHECK(memcmp(quantiles, there, sizeof there) == 0 && there[0] < there[1]);
    CHECK(evscale_fleet_report_metric(fleet, "a", "jobs", &jobs, NULL) == EVSCALE_OK && jobs == 8);
    CHECK(evscale_fleet_observe_json(fleet, "a", "{\"timestamp\": 1}", NULL, &error) == EVSCALE_INVALID_ARGUMENT);
    evscale_error_free(error);
    CHECK(evscale_fleet_has(fleet, "a", &found, NULL) == EVSCALE_OK && found == 1);
    CHECK(evscale_fleet_has(fleet, "z", &found, NULL) == EVSCALE_OK && found == 0);
    CHECK(evscale_fleet_keys_json(fleet, keys, sizeof keys, NULL, NULL) == EVSCALE_OK && strcmp(keys, "[\"a\",\"b\"]") == 0);
    CHECK(evscale_fleet_snapshots(fleet, keep, walked, NULL) == EVSCALE_STOPPED && strcmp(walked, "ab") == 0);
    CHECK(evscale_fleet_set_threads(fleet, 0, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_fleet_set_threads(fleet, 2, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_budget_json(fleet, keys, sizeof keys, NULL, NULL) == EVSCALE_OK && strcmp(keys, "null") == 0);
    CHECK(evscale_fleet_set_budget(fleet, "{\"jobs\": -1}", NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_fleet_set_budget(fleet, "{\"jobs\": 7}", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_budget_json(fleet, budget, sizeof budget, NULL, NULL) == EVSCALE_OK && strncmp(budget, "{\"budget\":{\"jobs\":7},", 21) == 0);
    CHECK(evscale_fleet_set_budget(fleet, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_new(NULL, 1767700000000, &meter, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_started(meter, 1767700000000, 1, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_meter_acknowledge(fleet, "a", meter, 1767700060000, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_meter_acknowledge(fleet, "z", meter, 1767700060000, NULL) == EVSCALE_UNKNOWN_POOL);
    evscale_meter_free(meter);
    CHECK(evscale_free(one) == EVSCALE_OK && evscale_fleet_free(fleet) == EVSCALE_OK);
}

/* Record 1 is malformed, the key of record 2 no text, pool z not there: the others are taken. */
static void a_bad_record_disturbs_no_other(void) {
    const char *keys[] = {"a", "b", "\xff", "z", NULL, "c"};
    evscale_metrics records[6];
    evscale_decision decisions[6];
    int32_t statuses[6];
    evscale_fleet *fleet = NULL;
    evscale_error *error = NULL;
    int i;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    for (i = 0; i < 6; i++) {
        if (i == 0 || i == 1 || i == 5) CHECK(evscale_fleet_add(fleet, keys[i], NULL, NULL) == EVSCALE_OK);
        records[i] = record_at(0);
        evscale_decision_init(&decisions[i], sizeof decisions[i]);
    }
    records[1].is_peak_hours = 3;
    CHECK(evscale_fleet_tick(fleet, keys, records, 6, NULL, decisions, statuses, &error) == EVSCALE_INVALID_ARGUMENT);
    CHECK(strstr(evscale_error_message(error), "record 1: pool `b`: `is_peak_hours`") == evscale_error_message(error));
    evscale_error_free(error);
    CHECK(statuses[0] == EVSCALE_OK && statuses[1] == EVSCALE_INVALID_ARGUMENT && statuses[2] == EVSCALE_BAD_UTF8);
    CHECK(statuses[3] == EVSCALE_UNKNOWN_POOL && statuses[4] == EVSCALE_NULL_POINTER && statuses[5] == EVSCALE_OK);
    CHECK(decisions[0].current_jobs == 8 && decisions[1].current_jobs == 0 && decisions[5].current_jobs == 8);
    CHECK(evscale_fleet_decision_json(fleet, "b", NULL, 0, NULL, NULL) == EVSCALE_NOTHING_YET);
    evscale_fleet_free(fleet);
}

struct own {
    int asked, released;
};

static int32_t forecast(void *context, const double *counts, size_t count, int64_t end_ms, double interval_seconds, double *quantiles) {
    struct own *own = context;
    int i;
    CHECK(count >= 1 && interval_seconds == 120 && end_ms >= 1767600000000);
    for (i = 0; i < EVSCALE_HORIZONS * EVSCALE_LEVELS; i++) quantiles[i] = counts[count - 1];
    return own->asked++ < 20 ? 0 : -3;
}

static int32_t propose(void *context, const char *state_json, double *jobs) {
    CHECK(state_json[0] == '{');
    ((struct own *)context)->asked++;
    *jobs = 9;
    return 0;
}

static void release(void *context) { ((struct own *)context)->released++; }

static void functions_of_the_host_take_the_places_of_networks(void) {
    evscale_autoscaler *scaler = made(CONFIG), *bare = made("{\"use_networks\": false}");
    struct own forecaster = {0, 0}, policy = {0, 0}, refused = {0, 0};
    char *health;
    CHECK(evscale_use_forecaster(bare, forecast, &refused, release, NULL) == EVSCALE_INVALID_ARGUMENT && refused.released == 1);
    CHECK(evscale_use_policy(NULL, propose, &refused, release, NULL) == EVSCALE_NULL_POINTER && refused.released == 2);
    CHECK(evscale_use_policy(scaler, NULL, NULL, NULL, NULL) == EVSCALE_NULL_POINTER);
    CHECK(evscale_use_forecaster(scaler, forecast, &forecaster, release, NULL) == EVSCALE_OK);
    CHECK(evscale_use_policy(scaler, propose, &policy, release, NULL) == EVSCALE_OK);
    feed(scaler, 0, 30);
    CHECK(forecaster.asked >= 21 && policy.asked > 0);
    health = text_of(scaler, evscale_health_json);
    CHECK(strstr(health, "it returned -3") != NULL);
    free(health);
    CHECK(forecaster.released == 0 && policy.released == 0);
    evscale_free(scaler);
    evscale_free(bare);
    CHECK(forecaster.released == 1 && policy.released == 1 && refused.released == 2);
}

static char logged[65536];

static void note(void *context, int32_t level, const char *message) {
    char line[4096];
    snprintf(line, sizeof line, "%d %s\n", level, message);
    CHECK(context == logged && strchr(message, '\n') == NULL);
    strncat(logged, line, sizeof logged - strlen(logged) - 1);
}

static void the_log_goes_to_the_host(void) {
    evscale_fleet *fleet = NULL;
    evscale_metrics record = record_at(0);
    const char *key = "orders";
    CHECK(evscale_set_log(note, logged, 4, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_set_log(note, logged, EVSCALE_LOG_INFO, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK && evscale_fleet_add(fleet, key, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_tick(fleet, &key, &record, 1, NULL, NULL, NULL, NULL) == EVSCALE_OK);
    CHECK(strstr(logged, "3 decision key=\"orders\"") != NULL && strstr(logged, "recommended_jobs=") != NULL);
    logged[0] = '\0';
    CHECK(evscale_set_log(note, logged, EVSCALE_LOG_WARNING, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_tick(fleet, &key, &record, 1, NULL, NULL, NULL, NULL) == EVSCALE_OK);
    CHECK(strstr(logged, "2 record rejected key=\"orders\"") == logged && strstr(logged, "decision key") == NULL);
    logged[0] = '\0';
    CHECK(evscale_set_log(NULL, NULL, 0, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_tick(fleet, &key, &record, 1, NULL, NULL, NULL, NULL) == EVSCALE_OK && logged[0] == '\0');
    evscale_fleet_free(fleet);
}

static void statuses_configurations_and_bundles_tell_of_themselves(void) {
    static char text[65536];
    const uint8_t *manifest = NULL, *forecaster = NULL, *policy = NULL;
    size_t lengths[3];
    uint8_t key[32] = {0}, signature[64] = {0};
    evscale_bundle *bundle = NULL;
    evscale_autoscaler *scaler = NULL;
    CHECK(strcmp(EVSCALE_VERSION_STRING, evscale_version()) == 0);
    CHECK(EVSCALE_VERSION_NUMBER == EVSCALE_VERSION_MAJOR * 10000 + EVSCALE_VERSION_MINOR * 100 + EVSCALE_VERSION_PATCH);
    CHECK(strstr(evscale_status_text(EVSCALE_BUSY), "BUSY: ") != NULL && strcmp(evscale_status_text(12345), "unknown status") == 0);
    CHECK(evscale_config_complete_json("{\"max_jobs\": 7}", text, sizeof text, NULL, NULL) == EVSCALE_OK);
    CHECK(strstr(text, "\"max_jobs\":7") != NULL && strstr(text, "\"min_jobs\":1") != NULL);
    CHECK(evscale_config_complete_json(text, text, sizeof text, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_config_complete_json("[60, 360, 7]", text, sizeof text, NULL, NULL) == EVSCALE_INVALID_CONFIG);
    CHECK(evscale_preload(NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("manifest.json", &manifest, &lengths[0], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("forecaster.onnx", &forecaster, &lengths[1], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("policy.onnx", &policy, &lengths[2], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("other", &policy, &lengths[2], NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_bundle_load(manifest, lengths[0], forecaster, lengths[1], policy, lengths[2], &bundle, NULL) == EVSCALE_OK);
    CHECK(evscale_bundle_json(bundle, text, sizeof text, NULL, NULL) == EVSCALE_OK && strstr(text, "\"manifest\":{") != NULL);
    evscale_bundle_free(bundle);
    bundle = NULL;
    CHECK(evscale_bundle_load_signed(manifest, lengths[0], forecaster, lengths[1], policy, lengths[2], signature, key, &bundle, NULL)
          == EVSCALE_INVALID_BUNDLE);
    CHECK(bundle == NULL && evscale_new("[]", NULL, &scaler, NULL) == EVSCALE_INVALID_CONFIG);
    scaler = made(CONFIG);
    CHECK(evscale_observe_json(scaler, "[1767607800000, 1000, 50]", NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_acknowledge_json(scaler, " [1767607800000, 1]", NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_report_latency(scaler, 1e300, NULL) == EVSCALE_INVALID_ARGUMENT);
    evscale_free(scaler);
}

static void *small_life(void *context) {
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50}");
    char *text;
    feed(scaler, 0, 30);
    text = decided(scaler);
    free(text);
    evscale_free(scaler);
    return context;
}

/* The header promises that models load with 128 KiB of stack; it must be the first use in the process. */
static void a_small_stack_is_enough(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 128 * 1024) == 0);
    CHECK(pthread_create(&thread, &attributes, small_life, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, 64 * 1024) == 0);
    CHECK(pthread_create(&thread, &attributes, small_life, NULL) == 0 && pthread_join(thread, NULL) == 0);
    pthread_attr_destroy(&attributes);
}

static int32_t count_progress(void *context, size_t done, size_t all) {
    CHECK(done <= all);
    return ++*(int *)context == 3 ? 1 : 0;
}

static void a_history_is_forecast_and_replayed(void) {
    static double events[1500];
    static char scores[65536];
    const uint32_t minutes = 12;
    const double level = 0.5, negative = -1;
    double median = 0;
    int told = 0, i;
    evscale_forecaster *forecaster = NULL;
    evscale_backtest *result = NULL;
    for (i = 0; i < 1500; i++) events[i] = 1000;
    CHECK(evscale_forecaster_new(120, 1767600000000, 1, NULL, &forecaster, NULL) == EVSCALE_OK);
    CHECK(evscale_forecaster_observe(forecaster, events, 200, NULL) == EVSCALE_OK);
    CHECK(evscale_forecaster_observe(forecaster, &negative, 1, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_forecaster_quantiles(forecaster, &minutes, 1, &level, 1, &median, NULL) == EVSCALE_OK);
    CHECK(700 < median && median < 1400);
    CHECK(evscale_forecaster_json(forecaster, scores, sizeof scores, NULL, NULL) == EVSCALE_OK && strstr(scores, "\"horizons\""));
    CHECK(evscale_forecaster_free(forecaster) == EVSCALE_OK);
    CHECK(evscale_forecaster_for_config("{\"use_networks\": false, \"interval_seconds\": 600, \"decision_interval_seconds\": 600}",
                                        1767600000000, NULL, &forecaster, NULL)
          == EVSCALE_OK);
    CHECK(evscale_forecaster_observe(forecaster, events, 200, NULL) == EVSCALE_OK);
    CHECK(evscale_forecaster_json(forecaster, scores, sizeof scores, NULL, NULL) == EVSCALE_OK && strstr(scores, "2026-01-06T17:20:00Z"));
    CHECK(evscale_forecaster_free(forecaster) == EVSCALE_OK);
    CHECK(evscale_forecaster_for_config("{\"interval_seconds\": 9}", 0, NULL, &forecaster, NULL) == EVSCALE_INVALID_CONFIG);
    CHECK(evscale_forecaster_new(9, 0, 0, NULL, &forecaster, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_forecaster_new(60, 0, 2, NULL, &forecaster, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_backtest_new("{\"service_time_ms\": 400}", 1767600000000, 120, events, NULL, 1500, "{\"baselines\": true}", NULL, NULL, NULL,
                               &result, NULL) == EVSCALE_OK);
    CHECK(evscale_backtest_scores_json(result, scores, sizeof scores, NULL, NULL) == EVSCALE_OK);
    CHECK(strstr(scores, "\"service_time_source\":\"config\"") != NULL && strstr(scores, "\"runs\":[{\"name\":") != NULL);
    CHECK(evscale_backtest_decisions_json(result, NULL, 0, NULL, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    evscale_backtest_free(result);
    CHECK(evscale_backtest_new(NULL, 1767600000000, 120, events, NULL, 1500, NULL, NULL, count_progress, &told, &result, NULL)
          == EVSCALE_STOPPED);
    CHECK(told == 3);
    CHECK(evscale_backtest_new(NULL, 0, 120, events, NULL, 1500, "[1]", NULL, NULL, NULL, &result, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_backtest_new(NULL, 0, 0, events, NULL, 1500, NULL, NULL, NULL, NULL, &result, NULL) == EVSCALE_INVALID_ARGUMENT);
}

/* Counts of one thread: a thousand events of half a second. */
static void *counts(void *given) {
    evscale_meter *meter = given;
    int i;
    for (i = 0; i < 1000; i++) {
        if (evscale_meter_arrived(meter, 1, NULL) != EVSCALE_OK) return NULL;
        if (evscale_meter_finished(meter, 0.5, NAN, 1, NULL) != EVSCALE_OK) return NULL;
    }
    return meter;
}

static void a_meter_makes_records(void) {
    const int64_t start = 1767600000000;
    evscale_meter *meter = NULL;
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50}");
    evscale_metrics records[3];
    evscale_totals totals;
    pthread_t threads[4];
    size_t count = 99, needed = 0, i;
    char text[512];
    for (i = 0; i < 3; i++) CHECK(evscale_metrics_init(&records[i], sizeof records[i]) == EVSCALE_OK);
    CHECK(evscale_meter_new("{\"max_jobs\": 50}", start, &meter, NULL) == EVSCALE_OK);
    for (i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, counts, meter) == 0);
    for (i = 0; i < 4; i++) {
        void *done = NULL;
        CHECK(pthread_join(threads[i], &done) == 0 && done == meter);
    }
    CHECK(evscale_meter_failed(meter, 40, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_tick(meter, start + 60000, 8, 5, NAN, records, 3, &count, NULL) == EVSCALE_OK && count == 0);
    /* 480 s: four intervals, for which the caller has room for three */
    CHECK(evscale_meter_tick(meter, start + 480000, 8, 5, NAN, records, 3, &count, NULL) == EVSCALE_OK && count == 4);
    CHECK(records[0].timestamp_ms == start + 120000 && records[0].logged_events_count == 4000);
    CHECK(records[0].processed_events_count == 4000 && records[0].average_processing_duration_ms == 500);
    CHECK(records[0].error_rate_percent == 1 && isnan(records[0].average_queue_wait_time_ms));
    CHECK(records[2].timestamp_ms == start + 360000 && records[2].logged_events_count == 0 && isnan(records[2].queued_events_count));
    CHECK(evscale_meter_tick(meter, start + 480000, 8, 5, NAN, records, 3, &count, NULL) == EVSCALE_OK && count == 1);
    CHECK(records[0].timestamp_ms == start + 480000 && records[0].queued_events_count == 5 && records[0].current_job_count == 8);
    CHECK(evscale_meter_estimates_json(meter, text, sizeof text, &needed, NULL) == EVSCALE_OK);
    CHECK(strstr(text, "without a tick") != NULL && needed == strlen(text) + 1);
    CHECK(evscale_totals_init(&totals, sizeof totals) == EVSCALE_OK && isnan(totals.late));
    totals.arrived = 1000;
    CHECK(evscale_meter_totals(meter, "broker", &totals, NULL) == EVSCALE_OK);
    totals.arrived = 1250;
    CHECK(evscale_meter_totals(meter, "broker", &totals, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_tick(meter, start + 600000, 8, 5, NAN, records, 1, &count, NULL) == EVSCALE_OK && count == 1);
    CHECK(records[0].logged_events_count == 250);
    CHECK(evscale_observe(scaler, &records[0], NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_started(meter, start, 3, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_ready(meter, start + 30000, 2, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_refused(meter, 1, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_drained(meter, 1, NULL) == EVSCALE_OK);
    CHECK(evscale_meter_acknowledge(meter, start + 30000, scaler, NULL) == EVSCALE_OK);
    evscale_meter_free(meter);
    evscale_meter_free(NULL);
    evscale_free(scaler);
}

/* The models inside the library under another manifest are other models. */
static evscale_bundle *same_weights(void) {
    const uint8_t *manifest = NULL, *forecaster = NULL, *policy = NULL;
    size_t lengths[3];
    evscale_bundle *bundle = NULL;
    uint8_t *other;
    CHECK(evscale_bundled_file("manifest.json", &manifest, &lengths[0], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("forecaster.onnx", &forecaster, &lengths[1], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("policy.onnx", &policy, &lengths[2], NULL) == EVSCALE_OK);
    other = malloc(lengths[0] + 1);
    memcpy(other, manifest, lengths[0]);
    other[lengths[0]] = ' ';
    CHECK(evscale_bundle_load(other, lengths[0] + 1, forecaster, lengths[1], policy, lengths[2], &bundle, NULL) == EVSCALE_OK);
    free(other);
    return bundle;
}

static void other_models_are_tried_promoted_brought_back_and_pinned(void) {
    evscale_autoscaler *one = made("{\"max_jobs\": 50}"), *restored = NULL;
    evscale_bundle *bundle = same_weights();
    evscale_fleet *fleet = NULL;
    evscale_decision decision;
    char *status, *there;
    uint8_t *state;
    size_t length = 0, pools = 9;
    int32_t ended = -1;
    int i;
    CHECK(evscale_models_json(one, NULL, 0, NULL, NULL) == EVSCALE_NOTHING_YET);
    CHECK(evscale_promote(one, NULL, NULL) == EVSCALE_INVALID_ARGUMENT && evscale_roll_back(one, NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_challenge(one, NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_challenge(one, bundle, NULL) == EVSCALE_OK);
    CHECK(evscale_decision_init(&decision, sizeof decision) == EVSCALE_OK);
    for (i = 0; i < 200; i++) {
        evscale_metrics record = record_at(i);
        CHECK(evscale_observe(one, &record, NULL, NULL) == EVSCALE_OK && evscale_decide(one, &decision, NULL) == EVSCALE_OK);
        if (i == 50) CHECK(evscale_pin_models(one, "a quiet week", NULL) == EVSCALE_OK);
        if (i == 60) CHECK(evscale_promote(one, "now", NULL) == EVSCALE_INVALID_ARGUMENT && evscale_pin_models(one, NULL, NULL) == EVSCALE_OK);
        if (i == 61) CHECK(evscale_promote(one, "now", NULL) == EVSCALE_OK);
        if (i == 120) CHECK(evscale_roll_back(one, NULL, NULL) == EVSCALE_OK);
    }
    status = text_of(one, evscale_models_json);
    CHECK(strstr(status, "\"promoted\"") && strstr(status, "\"rolled_back\"") && strstr(status, "a quiet week") && strstr(status, "by hand"));
    CHECK(evscale_snapshot(one, NULL, 0, &length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(length);
    CHECK(evscale_snapshot(one, state, length, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_restore("{\"max_jobs\": 50}", NULL, state, length, &restored, NULL) == EVSCALE_OK);
    there = text_of(restored, evscale_models_json);
    CHECK(strcmp(status, there) == 0);
    CHECK(evscale_set_bundle(one, bundle, "by an operator", NULL) == EVSCALE_OK);
    CHECK(evscale_end_challenge(one, NULL, &ended, NULL) == EVSCALE_OK && ended == 1);
    CHECK(evscale_end_challenge(one, NULL, &ended, NULL) == EVSCALE_OK && ended == 0 && evscale_end_challenge(one, NULL, NULL, NULL) == EVSCALE_OK);
    free(there);
    free(status);
    free(state);
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", NULL, NULL) == EVSCALE_OK && evscale_fleet_add(fleet, "b", NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_challenge(fleet, bundle, 1.5, &pools, NULL) == EVSCALE_INVALID_ARGUMENT && pools == 9);
    CHECK(evscale_fleet_challenge(fleet, bundle, 0, &pools, NULL) == EVSCALE_OK && pools == 0);
    CHECK(evscale_fleet_challenge(fleet, bundle, 1, &pools, NULL) == EVSCALE_OK && pools == 2);
    CHECK(evscale_fleet_promote(fleet, "a", NULL, NULL) == EVSCALE_OK && evscale_fleet_roll_back(fleet, "a", NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_pin_models(fleet, "b", "not this one", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_promote(fleet, "b", NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_fleet_promote(fleet, "c", NULL, NULL) == EVSCALE_UNKNOWN_POOL);
    CHECK(evscale_fleet_end_challenge(fleet, "b", "enough", &ended, NULL) == EVSCALE_OK && ended == 1);
    CHECK(evscale_fleet_end_challenge(fleet, "b", NULL, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_end_challenge(fleet, "c", NULL, &ended, NULL) == EVSCALE_UNKNOWN_POOL && ended == 1);
    CHECK(evscale_fleet_roll_out(fleet, bundle, 1, NULL, NULL, NULL) == EVSCALE_OK);
    status = fleet_text(fleet, "b", evscale_fleet_models_json);
    CHECK(strstr(status, "not this one") != NULL);
    free(status);
    evscale_bundle_free(bundle);
    evscale_fleet_free(fleet);
    evscale_free(restored);
    evscale_free(one);
}

int main(int count, char **arguments) {
    (void)arguments;
    a_small_stack_is_enough();
    a_pool_of_a_fleet_says_what_a_single_one_says();
    a_bad_record_disturbs_no_other();
    functions_of_the_host_take_the_places_of_networks();
    the_log_goes_to_the_host();
    statuses_configurations_and_bundles_tell_of_themselves();
    a_meter_makes_records();
    if (count == 1) { /* for minutes under valgrind, which gives an argument */
        other_models_are_tried_promoted_brought_back_and_pinned();
        a_history_is_forecast_and_replayed();
    }
    return summary();
}
