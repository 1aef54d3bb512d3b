/* Every misuse is refused with a status and a message that names it, and changes nothing. */
#include "check.h"

static evscale_autoscaler *scaler;
static evscale_fleet *fleet;
static evscale_error *error;

/* The call is refused with this status, and its message has this word. */
#define REFUSED(status, word, call)                                                                       \
    do {                                                                                                  \
        error = NULL;                                                                                     \
        CHECK((call) == (status));                                                                        \
        CHECK(evscale_error_code(error) == (status));                                                     \
        CHECK(strstr(evscale_error_message(error), word) != NULL);                                        \
        if (strstr(evscale_error_message(error), word) == NULL) fputs(evscale_error_message(error), stderr); \
        evscale_error_free(error);                                                                        \
    } while (0)

/* `part` repeated to `length` bytes. */
static char *repeated(const char *part, size_t length) {
    char *text = malloc(length + 1);
    size_t i, size = strlen(part);
    for (i = 0; i < length; i++) text[i] = part[i % size];
    text[length] = '\0';
    return text;
}

static void handles_that_are_null(void) {
    evscale_metrics record = record_at(0);
    evscale_decision decision;
    char buffer[64];
    double value;
    size_t size;
    uint32_t minutes = 12;
    double level = 0.5;
    const char *key = "a";
    decision.struct_size = sizeof decision;
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_observe(NULL, &record, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_backfill(NULL, &record, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_report_latency(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler",
            evscale_observe_json(NULL, "{\"timestamp\":0,\"logged_events_count\":1,\"current_job_count\":1}", NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_decide(NULL, &decision, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_decide_at(NULL, 0, &decision, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_observation_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_decision_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_forecast_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_health_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_learned_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_report_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_alerts_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_report_metric(NULL, "jobs", &value, &error));
    REFUSED(EVSCALE_NULL_POINTER, "name", evscale_report_metric(scaler, NULL, &value, &error));
    REFUSED(EVSCALE_NULL_POINTER, "value", evscale_report_metric(scaler, "jobs", NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_silence(NULL, "blind", 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "alert", evscale_silence(scaler, NULL, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_snapshot(NULL, NULL, 0, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler",
            evscale_forecast_quantiles(NULL, &minutes, 1, &level, 1, &value, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_acknowledge_json(NULL, "{\"timestamp\": 0}", &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_set_pause(NULL, EVSCALE_PAUSE_ALL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_set_override(NULL, EVSCALE_ORDER_CAP, 1, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_set_override_from(NULL, EVSCALE_ORDER_CAP, 1, 0, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_announce(NULL, 0, 2, 0, 1, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_cancel_announcement(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_set_due(NULL, 0, NULL, NULL, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_announcements_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_reconfigure(NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_clear_override(NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_add(NULL, "a", NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_add_like(NULL, "a", NULL, "[]", &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_restore(NULL, "a", NULL, (const uint8_t *)"", 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_remove(NULL, "a", &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_count(NULL, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_tick(NULL, &key, &record, 1, NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_decide_at(NULL, "a", 0, &decision, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_decision_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_health_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_learned_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_report_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_alerts_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_silence(NULL, "a", "blind", 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_sums_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_snapshot(NULL, "a", NULL, 0, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_acknowledge_json(NULL, "a", "{\"timestamp\": 0}", &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_set_pause(NULL, "a", 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_set_override(NULL, "a", 0, 1, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_set_override_from(NULL, "a", 0, 1, 0, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_announce(NULL, "a", 0, 2, 0, 1, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_cancel_announcement(NULL, "a", 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_set_due(NULL, "a", 0, NULL, NULL, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_announcements_json(NULL, "a", buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_reconfigure(NULL, "a", NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_clear_override(NULL, "a", &error));
}

static void meters_that_are_misused(void) {
    evscale_meter *meter = NULL;
    evscale_metrics record = record_at(0);
    evscale_totals totals;
    char buffer[64];
    size_t size;
    CHECK(evscale_totals_init(&totals, sizeof totals) == EVSCALE_OK);
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_arrived(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_finished(NULL, 1, 1, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_failed(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_totals(NULL, NULL, &totals, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_started(NULL, 0, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_ready(NULL, 0, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_refused(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_drained(NULL, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_tick(NULL, 0, 1, 1, 1, &record, 1, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_acknowledge(NULL, 0, scaler, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_estimates_json(NULL, buffer, 64, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "meter", evscale_meter_new(NULL, 0, NULL, &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "interval_seconds", evscale_meter_new("{\"interval_seconds\": 5}", 0, &meter, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1900", evscale_meter_new(NULL, INT64_MAX, &meter, &error));
    CHECK(meter == NULL);
    CHECK(evscale_meter_new(NULL, 0, &meter, NULL) == EVSCALE_OK);
    REFUSED(EVSCALE_NULL_POINTER, "count", evscale_meter_tick(meter, 0, 1, 1, 1, &record, 1, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1900", evscale_meter_tick(meter, INT64_MIN, 1, 1, 1, &record, 1, &size, &error));
    record.struct_size = 7;
    REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_metrics", evscale_meter_tick(meter, 0, 1, 1, 1, &record, 1, &size, &error));
    REFUSED(EVSCALE_NULL_POINTER, "evscale_totals", evscale_meter_totals(meter, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_meter_acknowledge(meter, 0, NULL, &error));
    REFUSED(EVSCALE_BUFFER_TOO_SMALL, "0 bytes", evscale_meter_estimates_json(meter, NULL, 0, &size, &error));
    REFUSED(EVSCALE_BAD_UTF8, "source", evscale_meter_totals(meter, "\xff", &totals, &error));
    totals.failed = -1;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "failed", evscale_meter_totals(meter, NULL, &totals, &error));
    totals.struct_size = 48;
    REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_totals", evscale_meter_totals(meter, NULL, &totals, &error));
    CHECK(evscale_totals_init(&totals, 48) == EVSCALE_BAD_STRUCT_SIZE);
    CHECK(evscale_totals_init(NULL, sizeof totals) == EVSCALE_NULL_POINTER);
    evscale_meter_free(meter);
}

static void pointers_that_are_null(void) {
    const uint8_t byte = 0;
    const char *key = "a", *no_key = NULL;
    evscale_bundle *bundle = NULL;
    evscale_autoscaler *other = NULL;
    evscale_metrics record = record_at(0);
    uint32_t minutes = 12;
    double level = 0.5, value;
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_new(NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "snapshot", evscale_restore(NULL, NULL, NULL, 9, &other, &error));
    REFUSED(EVSCALE_NULL_POINTER, "autoscaler", evscale_restore(NULL, NULL, &byte, 1, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "path", evscale_save(NULL, &byte, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "snapshot", evscale_save("unwritten", NULL, 1, &error));
    REFUSED(EVSCALE_IO, "no such folder/state", evscale_save("no such folder/state", &byte, 1, &error));
    REFUSED(EVSCALE_NULL_POINTER, "bundle", evscale_bundle_load(&byte, 1, &byte, 1, &byte, 1, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "manifest", evscale_bundle_load(NULL, 1, &byte, 1, &byte, 1, &bundle, &error));
    REFUSED(EVSCALE_NULL_POINTER, "forecaster", evscale_bundle_load(&byte, 1, NULL, 1, &byte, 1, &bundle, &error));
    REFUSED(EVSCALE_NULL_POINTER, "policy", evscale_bundle_load(&byte, 1, &byte, 1, NULL, 1, &bundle, &error));
    REFUSED(EVSCALE_NULL_POINTER, "evscale_metrics", evscale_observe(scaler, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "record_json", evscale_observe_json(scaler, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "evscale_decision", evscale_decide(scaler, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "evscale_decision", evscale_decide_at(scaler, 0, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "outcome_json", evscale_acknowledge_json(scaler, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "minutes", evscale_forecast_quantiles(scaler, NULL, 1, &level, 1, &value, &error));
    REFUSED(EVSCALE_NULL_POINTER, "levels", evscale_forecast_quantiles(scaler, &minutes, 1, NULL, 1, &value, &error));
    REFUSED(EVSCALE_NULL_POINTER, "values", evscale_forecast_quantiles(scaler, &minutes, 1, &level, 1, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "fleet", evscale_fleet_new(NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "key", evscale_fleet_add(fleet, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "key", evscale_fleet_set_pause(fleet, NULL, 0, &error));
    REFUSED(EVSCALE_NULL_POINTER, "key", evscale_fleet_reconfigure(fleet, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "count", evscale_fleet_count(fleet, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "keys", evscale_fleet_tick(fleet, NULL, &record, 1, NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "record 0: `key`", evscale_fleet_tick(fleet, &no_key, &record, 1, NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_NULL_POINTER, "records", evscale_fleet_tick(fleet, &key, NULL, 1, NULL, NULL, NULL, &error));
    CHECK(evscale_metrics_init(NULL, sizeof record) == EVSCALE_NULL_POINTER);
    CHECK(evscale_observe(scaler, NULL, NULL, NULL) == EVSCALE_NULL_POINTER);
    CHECK(bundle == NULL && other == NULL);
}

static void classes_that_cannot_be(void) {
    evscale_metrics record = record_at(0);
    evscale_class_counts counts[2];
    const char *key = "a";
    int32_t status = -1;
    CHECK(evscale_class_counts_init(&counts[0], sizeof counts[0]) == EVSCALE_OK && isnan(counts[0].queued_events_count));
    CHECK(evscale_class_counts_init(&counts[1], 48) == EVSCALE_BAD_STRUCT_SIZE);
    counts[0].name = "mail";
    counts[1] = counts[0];
    record.classes = counts;
    record.class_count = 2;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "has \"mail\" twice", evscale_observe(scaler, &record, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "twice", evscale_fleet_tick(fleet, &key, &record, 1, NULL, NULL, &status, &error));
    CHECK(status == EVSCALE_INVALID_ARGUMENT);
    counts[1].name = NULL;
    REFUSED(EVSCALE_NULL_POINTER, "name of evscale_class_counts", evscale_observe(scaler, &record, NULL, &error));
    counts[1].name = "\xff";
    REFUSED(EVSCALE_BAD_UTF8, "name of evscale_class_counts", evscale_observe(scaler, &record, NULL, &error));
    counts[1].name = "exports";
    counts[1].reserved = 1;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "`reserved` of evscale_class_counts is 1", evscale_observe(scaler, &record, NULL, &error));
    counts[1].reserved = 0;
    counts[1].struct_size = 48;
    REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_class_counts", evscale_backfill(scaler, &record, NULL, &error));
    record.class_count = 65;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "expected at most 64", evscale_observe(scaler, &record, NULL, &error));
    record.classes = NULL;
    record.class_count = 1;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "`classes` of evscale_metrics is NULL", evscale_observe(scaler, &record, NULL, &error));
}

static void struct_sizes_that_cannot_be(void) {
    static const uint64_t sizes[] = {0, 8, 31, 47, 65537, 70000, (uint64_t)1 << 40, UINT64_MAX};
    const char *keys[2] = {"a", "a"};
    evscale_metrics record = record_at(0), records[2];
    evscale_observation seen;
    evscale_decision decision;
    size_t i;
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        record.struct_size = seen.struct_size = decision.struct_size = sizes[i];
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_metrics", evscale_observe(scaler, &record, NULL, &error));
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_decision", evscale_decide(scaler, &decision, &error));
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_metrics",
                evscale_fleet_tick(fleet, keys, &record, 1, NULL, NULL, NULL, &error));
        CHECK(evscale_metrics_init(&record, (size_t)sizes[i]) == EVSCALE_BAD_STRUCT_SIZE);
        record.struct_size = sizeof record;
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_observation", evscale_observe(scaler, &record, &seen, &error));
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_observation",
                evscale_fleet_tick(fleet, keys, &record, 1, &seen, NULL, NULL, &error));
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_decision",
                evscale_fleet_tick(fleet, keys, &record, 1, NULL, &decision, NULL, &error));
        REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_decision",
                evscale_fleet_decide_at(fleet, "a", record.timestamp_ms, &decision, &error));
    }
    records[0] = records[1] = record;
    CHECK(evscale_class_counts_init(NULL, 56) == EVSCALE_NULL_POINTER);
    records[1].struct_size = 144;
    REFUSED(EVSCALE_BAD_STRUCT_SIZE, "evscale_metrics 1",
            evscale_fleet_tick(fleet, keys, records, 2, NULL, NULL, NULL, &error));
}

static void texts_that_make_no_sense(void) {
    static const char bad[] = "\xff\xfe";
    const char *bad_key = bad;
    evscale_autoscaler *other = NULL;
    evscale_metrics record = record_at(0);
    char *deep = repeated("[", 60000), *deeper = repeated("{\"a\":", 1000000), *endless = repeated(" ", 1048577);
    char *holidays = repeated("{\"holidays\":[[[[[[[[", 60000);
    REFUSED(EVSCALE_BAD_UTF8, "config_json", evscale_new(bad, NULL, &other, &error));
    REFUSED(EVSCALE_BAD_UTF8, "record_json", evscale_observe_json(scaler, bad, NULL, &error));
    REFUSED(EVSCALE_BAD_UTF8, "outcome_json", evscale_acknowledge_json(scaler, bad, &error));
    REFUSED(EVSCALE_BAD_UTF8, "key", evscale_fleet_add(fleet, bad, NULL, &error));
    REFUSED(EVSCALE_BAD_UTF8, "key", evscale_fleet_tick(fleet, &bad_key, &record, 1, NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "`what` is 3", evscale_announce(scaler, 3, 1, 0, 1, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "whole number", evscale_announce(scaler, 2, 1.5, 0, 1, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "0.01 to 100", evscale_announce(scaler, 0, NAN, INT64_C(1767700000000), INT64_C(1767700060000), NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "expected one of: none", evscale_cancel_announcement(scaler, 7, &error));
    {
        const double few = -1;
        const int64_t at = INT64_C(1767700000000);
        REFUSED(EVSCALE_NULL_POINTER, "events", evscale_set_due(scaler, at, NULL, &at, 1, &error));
        REFUSED(EVSCALE_NULL_POINTER, "due_ms", evscale_set_due(scaler, at, &few, NULL, 1, &error));
        REFUSED(EVSCALE_INVALID_ARGUMENT, "-1 events fall due", evscale_set_due(scaler, at, &few, &at, 1, &error));
    }
    REFUSED(EVSCALE_INVALID_CONFIG, "max_job", evscale_new("{\"max_job\": 5}", NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "configuration", evscale_new("", NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "configuration", evscale_new(deep, NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "configuration", evscale_new(holidays, NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "65536", evscale_new(deeper, NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1048576", evscale_new(endless, NULL, &other, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "record_json", evscale_observe_json(scaler, deep, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "record_json", evscale_observe_json(scaler, deeper, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1048576", evscale_observe_json(scaler, endless, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "timestamp", evscale_observe_json(scaler, "{}", NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "number",
            evscale_observe_json(scaler, "{\"timestamp\":0,\"logged_events_count\":1e999}", NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "duplicate",
            evscale_observe_json(scaler, "{\"current_job_count\":1,\"current_job_count\":2}", NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "outcome_json", evscale_acknowledge_json(scaler, deeper, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "outcome_json", evscale_acknowledge_json(scaler, "[]", &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1048576", evscale_fleet_add(fleet, endless, NULL, &error));
    CHECK(other == NULL);
    free(deep);
    free(deeper);
    free(endless);
    free(holidays);
}

static void values_that_make_no_sense(void) {
    const uint8_t byte = 0;
    const char *key = "a";
    evscale_bundle *bundle = NULL;
    evscale_autoscaler *other = NULL;
    evscale_decision decision;
    evscale_metrics record;
    uint32_t minutes = 7;
    double level = 0.5, value = -5;
    decision.struct_size = sizeof decision;
#define RECORD(field, wrong, word)                                                                          \
    record = record_at(0);                                                                                  \
    record.field = wrong;                                                                                   \
    REFUSED(EVSCALE_INVALID_ARGUMENT, word, evscale_observe(scaler, &record, NULL, &error));                \
    REFUSED(EVSCALE_INVALID_ARGUMENT, word, evscale_fleet_tick(fleet, &key, &record, 1, NULL, NULL, NULL, &error))
    RECORD(is_business_hours, 2, "is_business_hours");
    RECORD(is_peak_hours, -2, "is_peak_hours");
    RECORD(is_maintenance_window, INT32_MAX, "is_maintenance_window");
    RECORD(is_deploy_in_progress, 2, "is_deploy_in_progress");
    RECORD(timestamp_ms, INT64_MAX, "9223372036854775807");
    RECORD(timestamp_ms, INT64_MIN, "9223372036854775808");
    REFUSED(EVSCALE_INVALID_ARGUMENT, "9223372036854775807", evscale_decide_at(scaler, INT64_MAX, &decision, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "-1", evscale_report_latency(scaler, -1, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "NaN", evscale_report_latency(scaler, NAN, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "inf", evscale_report_latency(scaler, INFINITY, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "pause", evscale_set_pause(scaler, 4, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "pause", evscale_fleet_set_pause(fleet, "a", -1, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "order", evscale_set_override(scaler, 3, 1, 0, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "order", evscale_set_override_from(scaler, 3, 1, 0, 1, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "expected later than", evscale_set_override_from(scaler, 1, 1, INT64_C(4000000000001), INT64_C(4000000000000), &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "`max_jobs`", evscale_set_override(scaler, 0, UINT32_MAX, INT64_C(4000000000000), &error));
    REFUSED(EVSCALE_INVALID_CONFIG, "max_job", evscale_reconfigure(scaler, "{\"max_job\": 3}", &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "order", evscale_fleet_set_override(fleet, "a", -1, 1, 0, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "has 7",
            evscale_forecast_quantiles(scaler, &minutes, 1, &level, 1, &value, &error));
    minutes = 12;
    level = 1.5;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "1.5", evscale_forecast_quantiles(scaler, &minutes, 1, &level, 1, &value, &error));
    level = NAN;
    REFUSED(EVSCALE_INVALID_ARGUMENT, "NaN", evscale_forecast_quantiles(scaler, &minutes, 1, &level, 1, &value, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "levels",
            evscale_forecast_quantiles(scaler, &minutes, 1, &level, SIZE_MAX, &value, &error));
    CHECK(value == -5);
    REFUSED(EVSCALE_INVALID_ARGUMENT, "keys", evscale_fleet_tick(fleet, &key, &record, SIZE_MAX, NULL, NULL, NULL, &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "snapshot", evscale_restore(NULL, NULL, &byte, SIZE_MAX, &other, &error));
    REFUSED(EVSCALE_INVALID_SNAPSHOT, "snapshot", evscale_restore(NULL, NULL, NULL, 0, &other, &error));
    REFUSED(EVSCALE_INVALID_BUNDLE, "manifest", evscale_bundle_load(&byte, 1, &byte, 1, &byte, 1, &bundle, &error));
    REFUSED(EVSCALE_POOL_EXISTS, "`a`", evscale_fleet_add(fleet, "a", NULL, &error));
    REFUSED(EVSCALE_POOL_EXISTS, "`a`", evscale_fleet_add_like(fleet, "a", NULL, "[\"a\"]", &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_add_like(fleet, "c", NULL, "[\"a\", \"b\"]", &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "0 keys", evscale_fleet_add_like(fleet, "c", NULL, "[]", &error));
    REFUSED(EVSCALE_INVALID_ARGUMENT, "like_json", evscale_fleet_add_like(fleet, "c", NULL, "{}", &error));
    REFUSED(EVSCALE_NULL_POINTER, "like_json", evscale_fleet_add_like(fleet, "c", NULL, NULL, &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_remove(fleet, "b", &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_decide_at(fleet, "b", 0, &decision, &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_decision_json(fleet, "b", NULL, 0, NULL, &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_snapshot(fleet, "b", NULL, 0, NULL, &error));
    REFUSED(EVSCALE_UNKNOWN_POOL, "`b`", evscale_fleet_clear_override(fleet, "b", &error));
}

static void answers_that_are_not_there_yet(void) {
    evscale_autoscaler *fresh = made("{\"use_networks\": false}");
    REFUSED(EVSCALE_NOTHING_YET, "record", evscale_observation_json(fresh, NULL, 0, NULL, &error));
    REFUSED(EVSCALE_NOTHING_YET, "decision", evscale_decision_json(fresh, NULL, 0, NULL, &error));
    evscale_free(fresh);
    REFUSED(EVSCALE_NOTHING_YET, "decision", evscale_fleet_decision_json(fleet, "a", NULL, 0, NULL, &error));
}

static void buffers_one_byte_too_small(void) {
    text_call *const calls[] = {evscale_observation_json, evscale_decision_json, evscale_forecast_json,
                                evscale_health_json};
    size_t i, j, needed;
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        char *buffer;
        CHECK(calls[i](scaler, NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
        buffer = malloc(needed - 1);
        memset(buffer, '#', needed - 1);
        REFUSED(EVSCALE_BUFFER_TOO_SMALL, "expected at least", calls[i](scaler, buffer, needed - 1, NULL, &error));
        for (j = 0; j < needed - 1 && buffer[j] == '#'; j++) {}
        CHECK(j == needed - 1);
        free(buffer);
    }
    {
        uint8_t *state;
        CHECK(evscale_snapshot(scaler, NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
        state = malloc(needed - 1);
        REFUSED(EVSCALE_BUFFER_TOO_SMALL, "expected at least", evscale_snapshot(scaler, state, needed - 1, NULL, &error));
        free(state);
    }
}

/* A newer header's longer struct: what lies beyond this library's knowledge is left alone. */
static void structs_of_a_newer_header(void) {
    struct {
        evscale_decision known;
        unsigned char beyond[8];
    } newer;
    struct {
        evscale_metrics known;
        double beyond;
    } record;
    evscale_autoscaler *other = made("{\"use_networks\": false}");
    memset(&record, 0xab, sizeof record);
    CHECK(evscale_metrics_init(&record.known, sizeof record) == EVSCALE_OK);
    CHECK(record.known.struct_size == sizeof record && ((unsigned char *)&record.beyond)[0] == 0xab);
    record.known.timestamp_ms = 1767600000000;
    CHECK(evscale_observe(other, &record.known, NULL, NULL) == EVSCALE_OK);
    memset(&newer, 0xab, sizeof newer);
    newer.known.struct_size = sizeof newer;
    CHECK(evscale_decide(other, &newer.known, NULL) == EVSCALE_OK);
    CHECK(newer.known.struct_size == sizeof newer && newer.beyond[0] == 0xab && newer.beyond[7] == 0xab);
    evscale_free(other);
}

static void null_is_freed_twice(void) {
    evscale_free(NULL);
    evscale_free(NULL);
    evscale_fleet_free(NULL);
    evscale_fleet_free(NULL);
    evscale_bundle_free(NULL);
    evscale_bundle_free(NULL);
    evscale_error_free(NULL);
    evscale_error_free(NULL);
    CHECK(evscale_error_code(NULL) == EVSCALE_OK && evscale_error_message(NULL)[0] == '\0');
}

static uint8_t *state_of(size_t *length) {
    uint8_t *state;
    CHECK(evscale_snapshot(scaler, NULL, 0, length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(*length);
    CHECK(evscale_snapshot(scaler, state, *length, NULL, NULL) == EVSCALE_OK);
    return state;
}

int main(void) {
    uint8_t *before, *after;
    size_t length, length_after;
    scaler = made("{\"max_jobs\": 50}");
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", NULL, NULL) == EVSCALE_OK);
    feed(scaler, 1, 4);
    free(decided(scaler));
    before = state_of(&length);
    handles_that_are_null();
    pointers_that_are_null();
    meters_that_are_misused();
    classes_that_cannot_be();
    struct_sizes_that_cannot_be();
    texts_that_make_no_sense();
    values_that_make_no_sense();
    answers_that_are_not_there_yet();
    buffers_one_byte_too_small();
    structs_of_a_newer_header();
    null_is_freed_twice();
    after = state_of(&length_after);
    CHECK(length == length_after && memcmp(before, after, length) == 0);
    free(before);
    free(after);
    evscale_free(scaler);
    evscale_fleet_free(fleet);
    return summary();
}
