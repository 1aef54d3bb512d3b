/* What people and the host say through the C ABI: what pools are, classes of events, announcements, orders. */
#define _XOPEN_SOURCE 700
#include "check.h"

/* The jobs after sixty records of a pool of this configuration, whose decision must tell `told`. */
static int32_t jobs_of(const char *config, const char *told) {
    evscale_autoscaler *scaler = made(config);
    evscale_decision decision;
    char *text;
    decision.struct_size = sizeof decision;
    feed(scaler, 0, 60);
    text = decided(scaler);
    CHECK(strstr(text, told) != NULL);
    free(text);
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    evscale_free(scaler);
    return (int32_t)decision.recommended_jobs;
}

#define TWO_CLASSES                                                                                     \
    "{\"use_networks\": false, \"max_jobs\": 7, \"classes\": ["                                           \
    "{\"name\": \"alerts\", \"service_time_seconds\": 0.5, \"sla_wait_seconds\": 5},"                     \
    "{\"name\": \"exports\", \"service_time_seconds\": 10, \"sla_wait_seconds\": 3600, \"priority\": 1}]}"

static evscale_class_counts class_of(const char *name, double came, double done, double waits, double late) {
    evscale_class_counts counts;
    CHECK(evscale_class_counts_init(&counts, sizeof counts) == EVSCALE_OK);
    counts.name = name;
    counts.logged_events_count = came;
    counts.processed_events_count = done;
    counts.queued_events_count = waits;
    counts.sla_violations_count = late;
    return counts;
}

/* Record i of a pool of two classes, whose jobs can do half of what comes of the second. */
static evscale_metrics record_of_classes(int i, evscale_class_counts counts[2]) {
    evscale_metrics record = record_at(i);
    const int waiting = 36 * i;
    record.logged_events_count = 1260;
    record.processed_events_count = 1224;
    record.queued_events_count = waiting;
    record.average_processing_duration_ms = 686;
    record.current_job_count = 7;
    counts[0] = class_of("alerts", 1200, 1200, 0, 0);
    counts[1] = class_of("exports", 60, 24, waiting, waiting > 720 ? 24 : 0);
    record.classes = counts;
    record.class_count = 2;
    return record;
}

/* A pool of two classes in the order of their priorities: by structs, by JSON and in the tick of a fleet it decides the same. */
static void classes_of_events_are_served_in_their_order(void) {
    evscale_autoscaler *scaler = made(TWO_CLASSES), *by_json = made(TWO_CLASSES);
    evscale_fleet *fleet = NULL;
    evscale_decision decision, other, in_fleet;
    evscale_class_counts counts[2];
    const char *key = "a";
    char text[2048], *told, *again;
    int i;
    decision.struct_size = other.struct_size = in_fleet.struct_size = sizeof decision;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", TWO_CLASSES, NULL) == EVSCALE_OK);
    for (i = 0; i < 200; i++) {
        const evscale_metrics record = record_of_classes(i, counts);
        const int waiting = 36 * i;
        snprintf(text, sizeof text, "{\"timestamp\": %lld, \"logged_events_count\": 1260, \"current_job_count\": 7, "
            "\"processed_events_count\": 1224, \"queued_events_count\": %d, \"average_processing_duration_ms\": 686, \"classes\": {"
            "\"alerts\": {\"logged_events_count\": 1200, \"processed_events_count\": 1200, \"queued_events_count\": 0, \"sla_violations_count\": 0}, "
            "\"exports\": {\"logged_events_count\": 60, \"processed_events_count\": 24, \"queued_events_count\": %d, \"sla_violations_count\": %d}}}",
            (long long)record.timestamp_ms, waiting, waiting, waiting > 720 ? 24 : 0);
        CHECK(evscale_observe(scaler, &record, NULL, NULL) == EVSCALE_OK);
        CHECK(evscale_observe_json(by_json, text, NULL, NULL) == EVSCALE_OK);
        CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
        CHECK(evscale_decide(by_json, &other, NULL) == EVSCALE_OK);
        CHECK(evscale_fleet_tick(fleet, &key, &record, 1, NULL, &in_fleet, NULL, NULL) == EVSCALE_OK);
        CHECK(memcmp(&decision, &other, sizeof decision) == 0 && memcmp(&decision, &in_fleet, sizeof decision) == 0);
    }
    CHECK(decision.recommended_jobs == 7);
    told = text_of(scaler, evscale_decision_json);
    again = text_of(by_json, evscale_decision_json);
    CHECK(strstr(told, "`max_jobs` is not enough for all, what waits is exports") != NULL && strcmp(told, again) == 0);
    free(told);
    free(again);
    told = text_of(scaler, evscale_report_json);
    CHECK(strstr(told, "\"classes\":[{\"name\":\"alerts\",\"waiting\":0.0") != NULL);
    free(told);
    told = text_of(scaler, evscale_health_json);
    CHECK(strstr(told, "of the events of class exports were late") != NULL);
    free(told);
    evscale_free(scaler);
    evscale_free(by_json);
    evscale_fleet_free(fleet);
}

static void pools_say_what_they_are(void) {
    static const char *const impossible[][2] = {
        {"{\"job_step\": 4, \"job_counts\": [4]}", "leave one of them out"},
        {"{\"spare_jobs\": 4, \"job_hours_per_day\": 90}", "keep fewer idle"},
        {"{\"events_per_job\": 0}", "1 to 100000"},
        {"{\"late_event_price\": 1}", "set `job_hour_price`"},
        {"{\"classes\": [{\"name\": \"a\", \"service_time_seconds\": 1, \"sla_wait_seconds\": 1}]}", "expected 2 to 8"},
    };
    evscale_autoscaler *scaler = made("{\"use_networks\": false, \"job_hour_price\": 2, \"late_event_price\": 0.1}");
    char *report;
    size_t i;
    CHECK(jobs_of("{\"use_networks\": false, \"job_step\": 16}", "\"rule\":\"job_numbers\"") == 16);
    CHECK(jobs_of("{\"use_networks\": false, \"job_counts\": [1, 2, 30]}", "\"rule\":\"job_numbers\"") == 30);
    CHECK(jobs_of("{\"use_networks\": false, \"spare_jobs\": 20}", "20 are kept idle above a need of") > 8); /* as far as one step goes */
    CHECK(jobs_of("{\"use_networks\": false, \"most_events_per_second\": 2}", "\"rule\":\"downstream_limit\"") <= 8);
    CHECK(jobs_of("{\"use_networks\": false, \"events_per_job\": 8}", "recommended_jobs") <= jobs_of("{\"use_networks\": false}", "recommended_jobs"));
    feed(scaler, 0, 60);
    CHECK(evscale_reconfigure(scaler, "{\"use_networks\": false, \"job_hour_price\": 3, \"late_event_price\": 5}", NULL) == EVSCALE_OK);
    report = text_of(scaler, evscale_report_json);
    CHECK(strstr(report, "\"cost_day\":32.0") != NULL); /* 60 records of 8 jobs for two minutes, at 2 */
    free(report);
    evscale_free(scaler);
    for (i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        evscale_autoscaler *none = NULL;
        evscale_error *error = NULL;
        CHECK(evscale_new(impossible[i][0], NULL, &none, &error) == EVSCALE_INVALID_CONFIG);
        CHECK(strstr(evscale_error_message(error), impossible[i][1]) != NULL);
        evscale_error_free(error);
    }
}

static void events_are_announced(void) {
    evscale_autoscaler *scaler = made("{\"use_networks\": false, \"max_jobs\": 50, \"min_jobs\": 2, \"schedule\": ["
                                      "{\"cron\": \"0 0 1 1 *\", \"seconds\": 3600, \"min_jobs\": 9}]}");
    const int64_t start = record_at(0).timestamp_ms;
    evscale_decision decision;
    uint32_t id = 0;
    size_t size = 0;
    char known[512];
    decision.struct_size = sizeof decision;
    feed(scaler, 0, 4);
    CHECK(evscale_announce(scaler, EVSCALE_ANNOUNCED_MIN_JOBS, 44, start + 3600000, start + 7200000, &id, NULL) == EVSCALE_OK);
    CHECK(id == 1);
    CHECK(evscale_announce(scaler, EVSCALE_ANNOUNCED_EVENTS, 1e6, start + 90000000, start + 93600000, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_decide_at(scaler, start + 1200000, &decision, NULL) == EVSCALE_OK && decision.recommended_jobs < 44);
    CHECK(evscale_decide_at(scaler, start + 3300000, &decision, NULL) == EVSCALE_OK && decision.recommended_jobs == 44);
    CHECK(evscale_announcements_json(scaler, known, sizeof known, &size, NULL) == EVSCALE_OK);
    CHECK(strstr(known, "\"what\":{\"min_jobs\":44}") && strstr(known, "\"ended\":false"));
    CHECK(evscale_announce(scaler, EVSCALE_ANNOUNCED_MIN_JOBS, 9, start + 3600000, start + 7200000, &id, NULL)
          == EVSCALE_INVALID_ARGUMENT);
    CHECK(id == 1);
    CHECK(evscale_cancel_announcement(scaler, 1, NULL) == EVSCALE_OK);
    CHECK(evscale_cancel_announcement(scaler, 1, NULL) == EVSCALE_INVALID_ARGUMENT);
    /* a batch has its jobs when a job that is asked for now is ready by then, and not earlier */
    const int64_t due = record_at(120).timestamp_ms;
    const double batch = 20000;
    feed(scaler, 4, 60);
    CHECK(evscale_set_due(scaler, start, &batch, &due, 1, NULL) == EVSCALE_OK);
    char foreseen[16384];
    CHECK(evscale_forecast_json(scaler, foreseen, sizeof foreseen, &size, NULL) == EVSCALE_OK);
    CHECK(strstr(foreseen, "\"due\":[{\"at\":\"") && strstr(foreseen, "\"events\":20000.0"));
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK && decision.emergency == 0);
    const uint32_t usual = decision.recommended_jobs;
    const int64_t soon = record_at(61).timestamp_ms;
    CHECK(evscale_set_due(scaler, start, &batch, &soon, 1, NULL) == EVSCALE_OK);
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.emergency == 1 && decision.recommended_jobs > usual);
    CHECK(evscale_set_due(scaler, start, NULL, NULL, 0, NULL) == EVSCALE_OK);
    CHECK(evscale_forecast_json(scaler, foreseen, sizeof foreseen, &size, NULL) == EVSCALE_OK);
    CHECK(strstr(foreseen, "\"due\"") == NULL);
    evscale_free(scaler);

    evscale_fleet *fleet = NULL;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_announce(fleet, "a", EVSCALE_ANNOUNCED_MULTIPLIER, 3, start, start + 3600000, &id, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_announcements_json(fleet, "a", known, sizeof known, &size, NULL) == EVSCALE_OK);
    CHECK(strstr(known, "\"multiplier\":3.0"));
    CHECK(evscale_fleet_cancel_announcement(fleet, "a", id, NULL) == EVSCALE_OK);
    evscale_fleet_free(fleet);
}

/* The number after `key` in a text, at its n-th place. */
static double value_of(const char *text, const char *key, int n) {
    for (; n > 0 && text != NULL; n--) text = strstr(text, key) != NULL ? strstr(text, key) + strlen(key) : NULL;
    return text == NULL ? -1 : strtod(text, NULL);
}

static void people_give_orders(void) {
    char *said;
    int i;
    evscale_autoscaler *scaler = made("{\"use_networks\": false, \"max_jobs\": 50, \"min_jobs\": 2}");
    const int64_t start = record_at(0).timestamp_ms;
    evscale_decision decision;
    decision.struct_size = sizeof decision;
    feed(scaler, 0, 4);
    CHECK(evscale_set_override(scaler, EVSCALE_ORDER_FIXED, 33, start + 3 * 3600000, NULL) == EVSCALE_OK);
    CHECK(evscale_decide_at(scaler, start + 1200000, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs == 33 && decision.action == EVSCALE_ACTION_SCALE_UP);
    CHECK(evscale_set_override(scaler, EVSCALE_ORDER_CAP, 3, start + 3 * 3600000, NULL) == EVSCALE_OK);
    CHECK(evscale_decide_at(scaler, start + 1800000, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs == 3);
    CHECK(evscale_set_override_from(scaler, EVSCALE_ORDER_FLOOR, 40, start + 3600000, start + 7200000, NULL) == EVSCALE_OK);
    CHECK(evscale_decide_at(scaler, start + 1800000, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs < 40);
    CHECK(evscale_decide_at(scaler, start + 3600000, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs >= 40);
    CHECK(evscale_set_override(scaler, EVSCALE_ORDER_FIXED, 51, start + 7200000, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_set_override(scaler, EVSCALE_ORDER_FIXED, 33, start, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_clear_override(scaler, NULL) == EVSCALE_OK);
    CHECK(evscale_set_pause(scaler, EVSCALE_PAUSE_ALL, NULL) == EVSCALE_OK);
    CHECK(evscale_decide_at(scaler, start + 2400000, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs == decision.current_jobs);
    said = text_of(scaler, evscale_learned_json);
    CHECK(value_of(said, "\"job_startup_seconds\":", 1) == 180);
    free(said);
    for (i = 0; i < 2; i++) {
        /* no startup takes that long: it teaches nothing */
        CHECK(evscale_acknowledge_json(scaler, "{\"timestamp\": 0, \"ready\": 2, \"startup_seconds\": 1e30}", NULL) == EVSCALE_OK);
        CHECK(evscale_acknowledge_json(scaler, "{\"timestamp\": 0, \"ready\": 2, \"startup_seconds\": -1}", NULL) == EVSCALE_OK);
    }
    said = text_of(scaler, evscale_learned_json);
    CHECK(value_of(said, "\"job_startup_seconds\":", 1) == 180);
    free(said);
    for (i = 0; i < 3; i++) {
        CHECK(evscale_acknowledge_json(scaler, "{\"timestamp\": 0, \"ready\": 2, \"startup_seconds\": 60}", NULL) == EVSCALE_OK);
    }
    said = text_of(scaler, evscale_learned_json);
    CHECK(value_of(said, "\"job_startup_seconds\":", 1) == 60);
    free(said);
    evscale_free(scaler);
}

/* Scores of a backtest of 1500 intervals; `config` and `options` say what the pool is. */
static void scores_of(const char *config, const double *events, const char *options, char *scores, size_t size) {
    evscale_backtest *result = NULL;
    evscale_error *error = NULL;
    CHECK(evscale_backtest_new(config, 1767600000000, 120, events, NULL, 1500, options, NULL, NULL, NULL, &result, &error) == EVSCALE_OK);
    if (error != NULL) fprintf(stderr, "%s\n", evscale_error_message(error));
    CHECK(evscale_backtest_scores_json(result, scores, size, NULL, NULL) == EVSCALE_OK);
    evscale_error_free(error);
    evscale_backtest_free(result);
}

static void a_backtest_knows_what_pools_say(void) {
    static double events[1500];
    static char scores[65536], other[65536], options[200000];
    static const char *const classes = "{\"use_networks\": false, \"job_hour_price\": 2, \"classes\": ["
        "{\"name\": \"alerts\", \"service_time_seconds\": 0.5, \"sla_wait_seconds\": 15},"
        "{\"name\": \"exports\", \"service_time_seconds\": 10, \"sla_wait_seconds\": 3600, \"priority\": 1}]}";
    static const char *const plain = "{\"use_networks\": false, \"service_time_ms\": 300, \"sla_wait_seconds\": 120, \"max_jobs\": 120}";
    evscale_backtest *result = NULL;
    size_t length;
    int i;
    /* counts of each class in every interval; one of the second is unknown */
    length = (size_t)sprintf(options, "{\"classes\": {\"alerts\": [");
    for (i = 0; i < 1500; i++) length += (size_t)sprintf(options + length, "%s%d", i > 0 ? "," : "", 1200 + i % 50);
    length += (size_t)sprintf(options + length, "], \"exports\": [");
    for (i = 0; i < 1500; i++) length += (size_t)sprintf(options + length, "%s%s", i > 0 ? "," : "", i == 7 ? "null" : "60");
    sprintf(options + length, "]}}");
    for (i = 0; i < 1500; i++) events[i] = 1260 + (i % 289 == 288 ? 20000 : 0);
    scores_of(classes, events, options, scores, sizeof scores);
    CHECK(strstr(scores, "\"classes\":[{\"name\":\"alerts\",\"sla_compliance_percent\":") != NULL);
    CHECK(value_of(scores, "\"sla_compliance_percent\":", 2) > 99 && value_of(scores, "\"sla_compliance_percent\":", 3) > 95);
    CHECK(fabs(value_of(scores, "\"cost\":", 1) - 2 * value_of(scores, "\"job_hours\":", 1)) < 1e-6);
    CHECK(evscale_backtest_new(classes, 0, 120, events, NULL, 1500, NULL, NULL, NULL, NULL, &result, NULL) == EVSCALE_INVALID_ARGUMENT);
    /* batches known two hours ahead, and the same when they come */
    for (i = 0; i < 2; i++) {
        int k;
        length = (size_t)sprintf(options, "{\"due\": [");
        for (k = 288; k < 1500; k += 289) {
            const long long at = 1767600000000 + 120000LL * k + 60000;
            length += (size_t)sprintf(options + length, "%s{\"at\": %lld, \"events\": 20000, \"known_at\": %lld}", k > 288 ? "," : "", at,
                                      i == 0 ? at - 7200000 : at);
        }
        sprintf(options + length, "]}");
        scores_of(plain, events, options, i == 0 ? scores : other, sizeof scores);
    }
    CHECK(value_of(scores, "\"sla_compliance_percent\":", 1) > 99.9 && value_of(other, "\"sla_compliance_percent\":", 1) < 99);
    CHECK(value_of(scores, "\"job_hours\":", 1) < 0.9 * value_of(other, "\"job_hours\":", 1));
    CHECK(strstr(scores, "\"cost\"") == NULL);
    /* every other setting: what would have been, as many job-hours or more */
    scores_of("{\"use_networks\": false, \"service_time_ms\": 300, \"job_step\": 8}", events, NULL, scores, sizeof scores);
    scores_of("{\"use_networks\": false, \"service_time_ms\": 300, \"events_per_job\": 8}", events, NULL, other, sizeof other);
    CHECK(value_of(other, "\"job_hours\":", 1) < 0.5 * value_of(scores, "\"job_hours\":", 1));
    scores_of("{\"use_networks\": false, \"service_time_ms\": 300, \"spare_jobs\": 20}", events, NULL, other, sizeof other);
    CHECK(value_of(other, "\"job_hours\":", 1) > 1.5 * value_of(scores, "\"job_hours\":", 1));
    scores_of("{\"use_networks\": false, \"service_time_ms\": 300, \"most_events_per_second\": 5}", events, NULL, other, sizeof other);
    CHECK(value_of(other, "\"job_hours\":", 1) < value_of(scores, "\"job_hours\":", 1));
    scores_of("{\"use_networks\": false, \"service_time_ms\": 300, \"job_hour_price\": 1, \"schedule\": ["
              "{\"cron\": \"0 0 * * *\", \"seconds\": 86400, \"min_jobs\": 50, \"job_hour_price\": 3}]}", events, NULL, other, sizeof other);
    CHECK(value_of(other, "\"cost\":", 1) > 2.9 * value_of(other, "\"job_hours\":", 1));
    CHECK(value_of(other, "\"job_hours\":", 1) > 2 * value_of(scores, "\"job_hours\":", 1));
}

int main(int count, char **arguments) {
    (void)arguments;
    pools_say_what_they_are();
    events_are_announced();
    classes_of_events_are_served_in_their_order();
    people_give_orders();
    if (count == 1) a_backtest_knows_what_pools_say(); /* for minutes under valgrind, which gives an argument */
    return summary();
}
