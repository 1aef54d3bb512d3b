/* The C ABI as it is meant to be used. With `golden CONFIG RECORDS`: prints the decision after every record; with
   `report CONFIG RECORDS`: report and alerts after every 720th. */
#define _XOPEN_SOURCE 700 /* lstat, symlink */
#include "check.h"

#include <sys/stat.h>
#include <unistd.h>

static void snapshot_goes_on_as_before(void) {
    evscale_autoscaler *one = made("{\"max_jobs\": 50}"), *two = NULL;
    evscale_error *error = NULL;
    size_t length = 0;
    uint8_t *state;
    char *a, *b;
    feed(one, 0, 6);
    CHECK(evscale_snapshot(one, NULL, 0, &length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(length);
    CHECK(evscale_snapshot(one, state, length, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_restore("{\"max_jobs\": 50}", NULL, state, length, &two, NULL) == EVSCALE_OK);
    feed(one, 6, 8);
    feed(two, 6, 8);
    a = decided(one);
    b = decided(two);
    CHECK(strcmp(a, b) == 0);
    free(a);
    free(b);
    evscale_free(two);
    two = NULL;
    state[length / 2] ^= 1;
    CHECK(evscale_restore(NULL, NULL, state, length, &two, &error) == EVSCALE_INVALID_SNAPSHOT);
    CHECK(two == NULL && strstr(evscale_error_message(error), "checksum") != NULL);
    CHECK(evscale_error_code(error) == EVSCALE_INVALID_SNAPSHOT);
    evscale_error_free(error);
    CHECK(evscale_restore(NULL, NULL, state, 9, &two, NULL) == EVSCALE_INVALID_SNAPSHOT);
    free(state);
    evscale_free(one);
}

/* Whether a file holds this text. */
static int holds(const char *path, const char *text) {
    char found[64] = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) return 0;
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    return strcmp(found, text) == 0;
}

static int32_t saved(const char *path, const char *text, evscale_error **error) {
    return evscale_save(path, (const uint8_t *)text, strlen(text), error);
}

static void a_saved_snapshot_takes_the_place_of_the_one_before(const char *program) {
    char path[4096], link_at[4096], victim[4096], planted[4096];
    evscale_error *error = NULL;
    struct stat known;
    snprintf(path, sizeof path, "%s.state", program);
    snprintf(planted, sizeof planted, "%s.state.tmp", program);
    snprintf(link_at, sizeof link_at, "%s.link", program);
    snprintf(victim, sizeof victim, "%s.victim", program);
    remove(planted);
    remove(link_at);
    CHECK(saved(victim, "precious", NULL) == EVSCALE_OK);
    CHECK(symlink(victim, planted) == 0 && symlink(victim, link_at) == 0);
    CHECK(saved(path, "before", NULL) == EVSCALE_OK);
    CHECK(chmod(path, 0600) == 0);
    CHECK(saved(path, "now", NULL) == EVSCALE_OK && holds(path, "now"));
    CHECK(lstat(path, &known) == 0 && S_ISREG(known.st_mode) && (known.st_mode & 0777) == 0600);
    CHECK(saved(link_at, "elsewhere", &error) == EVSCALE_IO);
    CHECK(strstr(evscale_error_message(error), link_at) != NULL);
    CHECK(strstr(evscale_error_message(error), "symbolic link") != NULL);
    evscale_error_free(error);
    CHECK(saved("/dev/null", "nowhere", NULL) == EVSCALE_IO);
    CHECK(lstat("/dev/null", &known) == 0 && S_ISCHR(known.st_mode));
    CHECK(holds(victim, "precious"));
    remove(path);
    remove(planted);
    remove(link_at);
    remove(victim);
}

static void reports_tell_what_is_known(void) {
    static const uint32_t minutes[] = {12, 48, 180};
    static const double levels[] = {0.1, 0.5, 0.9, 0.95};
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50}");
    evscale_metrics late = record_at(0);
    double values[3][4], once_more;
    char *text;
    int row;
    feed(scaler, 1, 8);
    CHECK(evscale_forecast_quantiles(scaler, minutes, 3, levels, 4, values[0], NULL) == EVSCALE_OK);
    for (row = 0; row < 3; row++) {
        CHECK(0 < values[row][0] && values[row][0] <= values[row][1] && values[row][1] <= values[row][2]);
        CHECK(values[row][2] <= values[row][3] && values[row][3] < 1e6);
    }
    CHECK(evscale_forecast_quantiles(scaler, minutes + 1, 1, levels + 2, 1, &once_more, NULL) == EVSCALE_OK);
    CHECK(once_more == values[1][2]);
    CHECK(evscale_observe(scaler, &late, NULL, NULL) == EVSCALE_OK);
    text = text_of(scaler, evscale_observation_json);
    CHECK(strstr(text, "\"rejected\"") != NULL);
    free(text);
    text = decided(scaler);
    free(text);
    text = text_of(scaler, evscale_health_json);
    CHECK(strstr(text, "\"status\"") != NULL && strstr(text, "\"source\"") != NULL);
    free(text);
    text = text_of(scaler, evscale_forecast_json);
    CHECK(strstr(text, "\"horizons\"") != NULL);
    free(text);
    evscale_free(scaler);
}

/* No record for long is an alert, which can be silenced. */
static void metrics_and_alerts_are_told_by_their_names(void) {
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50}");
    evscale_fleet *fleet = NULL;
    evscale_metrics record = record_at(0);
    evscale_decision decision;
    evscale_error *error = NULL;
    const int64_t day = 86400000;
    double value = 0;
    char *text, sums[4096];
    decision.struct_size = sizeof decision;
    feed(scaler, 0, 8);
    CHECK(evscale_report_metric(scaler, "jobs", &value, NULL) == EVSCALE_OK && value > 0);
    CHECK(evscale_report_metric(scaler, "cost_day", &value, NULL) == EVSCALE_OK && isnan(value));
    CHECK(evscale_report_metric(scaler, "nonsense", &value, &error) == EVSCALE_INVALID_ARGUMENT);
    CHECK(strstr(evscale_error_message(error), "nonsense") != NULL);
    evscale_error_free(error);
    text = text_of(scaler, evscale_report_json);
    CHECK(strstr(text, "\"accuracy\":") != NULL && strstr(text, "\"day\":{") != NULL);
    free(text);
    CHECK(evscale_decide_at(scaler, record.timestamp_ms + day, &decision, NULL) == EVSCALE_OK);
    CHECK(evscale_silence(scaler, "blind", record.timestamp_ms + 2 * day, NULL) == EVSCALE_OK);
    CHECK(evscale_silence(scaler, "deaf", 0, NULL) == EVSCALE_INVALID_ARGUMENT);
    text = text_of(scaler, evscale_alerts_json);
    CHECK(strstr(text, "\"name\":\"blind\"") != NULL && strstr(text, "\"silenced_until\":\"2026") != NULL);
    free(text);
    evscale_free(scaler);
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", "{}", NULL) == EVSCALE_OK && evscale_fleet_add(fleet, "b", "{}", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_silence(fleet, "a", "blind", record.timestamp_ms, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_silence(fleet, "c", "blind", record.timestamp_ms, NULL) == EVSCALE_UNKNOWN_POOL);
    CHECK(evscale_fleet_sums_json(fleet, sums, sizeof sums, NULL, NULL) == EVSCALE_OK);
    CHECK(strstr(sums, "\"missed_intervals\":0.0") != NULL);
    evscale_fleet_free(fleet);
}

typedef int32_t list_call(char *, size_t, size_t *, evscale_error **);

/* Whether a list holds a text, and begins and ends as one. */
static int lists(list_call *call, const char *expected) {
    size_t needed = 0;
    int found;
    char *text;
    CHECK(call(NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    text = malloc(needed);
    CHECK(call(text, needed, NULL, NULL) == EVSCALE_OK);
    CHECK(strlen(text) + 1 == needed && text[0] == '[' && text[needed - 2] == ']');
    found = strstr(text, expected) != NULL;
    free(text);
    return found;
}

static void the_library_documents_settings_fields_and_rules(void) {
    CHECK(lists(evscale_settings_json, "{\"name\":\"decision_interval_seconds\",\"description\":\"Time between two "
                                       "decisions, seconds. Emergencies do not wait for it.\",\"default\":360,"
                                       "\"range\":[\"interval_seconds\",86400]}"));
    CHECK(lists(evscale_settings_json, "\"default\":\"UTC\",\"range\":null}"));
    CHECK(lists(evscale_fields_json, "{\"name\":\"error_rate_percent\",\"description\":\"Share of events that failed, "
                                     "0 to 100 %.\",\"range\":[0.0,100.0],\"required\":false}"));
    CHECK(lists(evscale_rules_json, "{\"name\":\"bounds\",\"description\":\"keeps between the fewest and the most jobs\"}"));
    CHECK(lists(evscale_metrics_json, "{\"name\":\"jobs\",\"unit\":\"jobs\",\"description\":\"Jobs of the newest record.\",\"adds_up\":true}"));
    CHECK(lists(evscale_alert_rules_json, "{\"name\":\"blind\",\"severity\":\"critical\""));
}

/* A long history is remembered; a slow host is told so. */
static void hosts_remember_and_measure(void) {
    evscale_autoscaler *scaler = made("{\"latency_budget_ms\": 50}");
    evscale_observation seen;
    char *health;
    int i;
    seen.struct_size = sizeof seen;
    for (i = 0; i < 100; i++) {
        evscale_metrics record = record_at(i);
        CHECK(evscale_backfill(scaler, &record, &seen, NULL) == EVSCALE_OK && seen.verdict == EVSCALE_VERDICT_ACCEPTED);
    }
    feed(scaler, 100, 102);
    CHECK(evscale_report_latency(scaler, 20, NULL) == EVSCALE_OK);
    health = text_of(scaler, evscale_health_json);
    CHECK(strstr(health, "expected at most 50 ms") == NULL);
    free(health);
    CHECK(evscale_report_latency(scaler, 70, NULL) == EVSCALE_OK);
    health = text_of(scaler, evscale_health_json);
    CHECK(strstr(health, "expected at most 50 ms") != NULL);
    free(health);
    evscale_free(scaler);
}

static void settings_change_while_it_runs(void) {
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50, \"min_jobs\": 2}");
    evscale_fleet *fleet = NULL;
    evscale_decision decision;
    char *why;
    decision.struct_size = sizeof decision;
    feed(scaler, 0, 20);
    CHECK(evscale_reconfigure(scaler, "{\"min_jobs\": 2, \"max_jobs\": 0}", NULL) == EVSCALE_INVALID_CONFIG);
    CHECK(evscale_reconfigure(scaler, "{\"min_jobs\": 2, \"max_jobs\": 3, \"interval_seconds\": 60}", NULL) == EVSCALE_OK);
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    CHECK(decision.recommended_jobs <= 3);
    why = text_of(scaler, evscale_decision_json);
    CHECK(strstr(why, "`max_jobs` is 3, was 50") != NULL && strstr(why, "`interval_seconds` is 60, was 120") != NULL);
    free(why);
    evscale_free(scaler);
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_add(fleet, "a", NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_reconfigure(fleet, "a", "{\"use_networks\": false}", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_reconfigure(fleet, "b", NULL, NULL) == EVSCALE_UNKNOWN_POOL);
    CHECK(evscale_fleet_set_override_from(fleet, "a", EVSCALE_ORDER_CAP, 9, 0, 1000, NULL) == EVSCALE_OK);
    evscale_fleet_free(fleet);
}

/* Whoever carries out a number without looking keeps the pool as it is. */
static void no_number_is_recommended_while_the_count_is_unknown(void) {
    evscale_autoscaler *scaler = made("{\"max_jobs\": 50, \"min_jobs\": 2}"), *again = NULL;
    evscale_metrics uncounted = record_at(0);
    evscale_decision decision;
    uint8_t *state;
    size_t length = 0;
    decision.struct_size = sizeof decision;
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    CHECK(!decision.has_recommendation && decision.action == EVSCALE_ACTION_HOLD && decision.recommended_jobs == 0);
    uncounted.current_job_count = NAN;
    CHECK(evscale_observe(scaler, &uncounted, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK && !decision.has_recommendation);
    feed(scaler, 1, 4);
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK && decision.has_recommendation);
    CHECK(evscale_snapshot(scaler, NULL, 0, &length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(length);
    CHECK(evscale_snapshot(scaler, state, length, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_restore("{\"max_jobs\": 50}", NULL, state, length, &again, NULL) == EVSCALE_OK);
    CHECK(evscale_decide(again, &decision, NULL) == EVSCALE_OK && !decision.has_recommendation);
    CHECK(decision.current_jobs > 0 && decision.recommended_jobs == decision.current_jobs);
    feed(again, 4, 5);
    CHECK(evscale_decide(again, &decision, NULL) == EVSCALE_OK && decision.has_recommendation);
    free(state);
    evscale_free(again);
    evscale_free(scaler);
}

#define POOLS 3

/* A fleet decides like autoscalers of their own, and a pool that is not there disturbs nobody. */
static void fleet_decides_like_single_pools(void) {
    static const char *const keys[POOLS + 1] = {"c", "nobody", "a", "b"};
    evscale_autoscaler *single[POOLS + 1];
    evscale_fleet *fleet = NULL;
    evscale_error *error = NULL;
    evscale_metrics records[POOLS + 1];
    evscale_observation seen[POOLS + 1];
    evscale_decision decisions[POOLS + 1], expected;
    int32_t statuses[POOLS + 1];
    size_t count = 0, length = 0;
    uint8_t *state;
    char json[16384], *text;
    int i, slot;
    expected.struct_size = sizeof expected;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK);
    for (i = 0; i <= POOLS; i++) {
        single[i] = i == 1 ? NULL : made("{\"max_jobs\": 50}");
        if (i != 1) CHECK(evscale_fleet_add(fleet, keys[i], "{\"max_jobs\": 50}", NULL) == EVSCALE_OK);
    }
    CHECK(evscale_fleet_count(fleet, &count, NULL) == EVSCALE_OK && count == POOLS);
    for (slot = 0; slot < 2; slot++) {
        for (i = 0; i <= POOLS; i++) {
            records[i] = record_at(slot);
            records[i].logged_events_count += 500 * i;
        }
        memset(decisions, 0, sizeof decisions);
        seen[0].struct_size = sizeof seen[0];
        decisions[0].struct_size = sizeof decisions[0];
        CHECK(evscale_fleet_tick(fleet, keys, records, POOLS + 1, seen, decisions, statuses, &error) ==
              EVSCALE_UNKNOWN_POOL);
        CHECK(strstr(evscale_error_message(error), "nobody") != NULL);
        evscale_error_free(error);
        for (i = 0; i <= POOLS; i++) {
            CHECK(statuses[i] == (i == 1 ? EVSCALE_UNKNOWN_POOL : EVSCALE_OK));
            if (i == 1) continue;
            CHECK(evscale_observe(single[i], &records[i], NULL, NULL) == EVSCALE_OK);
            CHECK(evscale_decide(single[i], &expected, NULL) == EVSCALE_OK);
            CHECK(memcmp(&expected, &decisions[i], sizeof expected) == 0);
            CHECK(seen[i].verdict == EVSCALE_VERDICT_ACCEPTED);
        }
    }
    CHECK(evscale_fleet_decision_json(fleet, "a", json, sizeof json, NULL, NULL) == EVSCALE_OK);
    text = text_of(single[2], evscale_decision_json);
    CHECK(strcmp(json, text) == 0);
    free(text);
    CHECK(evscale_fleet_health_json(fleet, "a", json, sizeof json, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_acknowledge_json(fleet, "a", "{\"timestamp\": 0, \"ready\": 1}", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_set_override(fleet, "a", EVSCALE_ORDER_FIXED, 7, INT64_C(1767700000000), NULL) == EVSCALE_OK);
    expected.struct_size = sizeof expected;
    CHECK(evscale_fleet_decide_at(fleet, "a", record_at(20).timestamp_ms, &expected, NULL) == EVSCALE_OK);
    CHECK(expected.recommended_jobs == 7);
    CHECK(evscale_fleet_clear_override(fleet, "a", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_set_pause(fleet, "a", EVSCALE_PAUSE_ALL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_snapshot(fleet, "b", NULL, 0, &length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(length);
    CHECK(evscale_fleet_snapshot(fleet, "b", state, length, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_restore(fleet, "again", NULL, state, length, NULL) == EVSCALE_OK);
    {
        char learned[512];
        double ms = 0;
        CHECK(evscale_fleet_add_like(fleet, "new", "{\"max_jobs\": 9}", "[\"a\", \"again\"]", NULL) == EVSCALE_OK);
        CHECK(evscale_fleet_learned_json(fleet, "new", learned, sizeof learned, NULL, NULL) == EVSCALE_OK);
        CHECK(strstr(learned, "\"service_time_ms\":") && sscanf(strstr(learned, "\"service_time_ms\":"), "\"service_time_ms\":%lf", &ms) == 1);
        CHECK(ms > 0 && evscale_fleet_remove(fleet, "new", NULL) == EVSCALE_OK);
    }
    free(state);
    CHECK(evscale_fleet_remove(fleet, "b", NULL) == EVSCALE_OK);
    CHECK(evscale_fleet_remove(fleet, "b", NULL) == EVSCALE_UNKNOWN_POOL);
    CHECK(evscale_fleet_tick(fleet, NULL, NULL, 0, NULL, NULL, NULL, NULL) == EVSCALE_OK);
    for (i = 0; i <= POOLS; i++) evscale_free(single[i]);
    evscale_fleet_free(fleet);
}

static char *contents(const char *path) {
    FILE *file = fopen(path, "rb");
    size_t length = 0, got;
    char *text = malloc(1 << 16);
    if (file == NULL || text == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    while ((got = fread(text + length, 1, (1 << 16) - 1 - length, file)) > 0) length += got;
    text[length] = '\0';
    fclose(file);
    return text;
}

/* Decisions after every record or, with `reports`, report and alerts after every 720th. */
static int golden(const char *config_path, const char *records_path, int reports) {
    static char line[8192], json[65536];
    int count = 0;
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    evscale_decision decision;
    char *config = contents(config_path);
    FILE *records = fopen(records_path, "r");
    decision.struct_size = sizeof decision;
    if (records == NULL || evscale_new(config, NULL, &scaler, &error) != EVSCALE_OK) {
        fprintf(stderr, "%s\n", evscale_error_message(error));
        return 2;
    }
    while (fgets(line, sizeof line, records) != NULL) {
        if (evscale_observe_json(scaler, line, NULL, &error) != EVSCALE_OK ||
            evscale_decide(scaler, &decision, &error) != EVSCALE_OK ||
            evscale_decision_json(scaler, json, sizeof json, NULL, &error) != EVSCALE_OK) {
            fprintf(stderr, "%s\n", evscale_error_message(error));
            return 2;
        }
        if (!reports) puts(json);
        if (!reports || ++count % 720 != 0) continue;
        CHECK(evscale_report_json(scaler, json, sizeof json, NULL, NULL) == EVSCALE_OK);
        puts(json);
        CHECK(evscale_alerts_json(scaler, json, sizeof json, NULL, NULL) == EVSCALE_OK);
        puts(json);
    }
    fclose(records);
    evscale_free(scaler);
    free(config);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "golden") == 0) return golden(argv[2], argv[3], 0);
    if (argc == 4 && strcmp(argv[1], "report") == 0) return golden(argv[2], argv[3], 1);
    CHECK(evscale_version()[0] != '\0' && evscale_version_number() == EVSCALE_VERSION_NUMBER);
    snapshot_goes_on_as_before();
    a_saved_snapshot_takes_the_place_of_the_one_before(argv[0]);
    reports_tell_what_is_known();
    metrics_and_alerts_are_told_by_their_names();
    the_library_documents_settings_fields_and_rules();
    hosts_remember_and_measure();
    settings_change_while_it_runs();
    no_number_is_recommended_while_the_count_is_unknown();
    fleet_decides_like_single_pools();
    return summary();
}
