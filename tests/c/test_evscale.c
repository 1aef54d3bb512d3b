/* Tests of the C ABI. With `golden CONFIG RECORDS`: prints the decision after every record. */
#include <evscale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (condition) {                                                                \
            passed++;                                                                   \
        } else {                                                                        \
            failed++;                                                                   \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);     \
        }                                                                               \
    } while (0)

static evscale_autoscaler *made(void) {
    evscale_autoscaler *scaler = NULL;
    CHECK(evscale_new("{\"max_jobs\": 50}", NULL, &scaler, NULL) == EVSCALE_OK);
    return scaler;
}

static void feed(evscale_autoscaler *scaler, int first, int last) {
    int i;
    for (i = first; i < last; i++) {
        evscale_metrics record;
        evscale_observation seen;
        evscale_metrics_init(&record);
        record.timestamp_ms = 1767600000000 + (int64_t)i * 120000;
        record.logged_events_count = 1000 + 300 * sin(i / 40.0);
        record.current_job_count = 8;
        record.average_processing_duration_ms = 500;
        seen.struct_size = sizeof seen;
        CHECK(evscale_observe(scaler, &record, &seen, NULL) == EVSCALE_OK);
        CHECK(seen.verdict == 0);
    }
}

static char *decision_json(evscale_autoscaler *scaler) {
    evscale_decision decision;
    size_t needed = 0;
    char *text;
    decision.struct_size = sizeof decision;
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    CHECK(evscale_decision_json(scaler, NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    text = malloc(needed);
    CHECK(evscale_decision_json(scaler, text, needed - 1, NULL, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    CHECK(evscale_decision_json(scaler, text, needed, NULL, NULL) == EVSCALE_OK);
    CHECK(strlen(text) + 1 == needed);
    return text;
}

static void snapshot_goes_on_as_before(void) {
    evscale_autoscaler *one = made(), *two = NULL;
    evscale_error *error = NULL;
    size_t length = 0;
    uint8_t *state;
    char *a, *b;
    feed(one, 0, 100);
    CHECK(evscale_snapshot(one, NULL, 0, &length, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    state = malloc(length);
    CHECK(evscale_snapshot(one, state, length, NULL, NULL) == EVSCALE_OK);
    CHECK(evscale_restore("{\"max_jobs\": 50}", NULL, state, length, &two, NULL) == EVSCALE_OK);
    feed(one, 100, 120);
    feed(two, 100, 120);
    a = decision_json(one);
    b = decision_json(two);
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

static void misuse_is_refused(void) {
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    evscale_bundle *bundle = NULL;
    evscale_metrics record;
    struct {
        evscale_decision known;
        unsigned char beyond[8];
    } newer;
    evscale_decision decision;
    CHECK(evscale_new("{\"max_job\": 5}", NULL, &scaler, &error) == EVSCALE_INVALID_CONFIG);
    CHECK(strstr(evscale_error_message(error), "max_job") != NULL && scaler == NULL);
    evscale_error_free(error);
    CHECK(evscale_new("\xff\xfe", NULL, &scaler, NULL) == EVSCALE_BAD_UTF8);
    CHECK(evscale_new(NULL, NULL, NULL, NULL) == EVSCALE_NULL_POINTER);
    CHECK(evscale_bundle_load((const uint8_t *)"{", 1, (const uint8_t *)"", 0, (const uint8_t *)"", 0, &bundle, NULL) ==
          EVSCALE_INVALID_BUNDLE);
    scaler = made();
    evscale_metrics_init(&record);
    record.timestamp_ms = 1767600000000;
    CHECK(evscale_observe(NULL, &record, NULL, NULL) == EVSCALE_NULL_POINTER);
    CHECK(evscale_observe(scaler, NULL, NULL, NULL) == EVSCALE_NULL_POINTER);
    record.struct_size = 0;
    CHECK(evscale_observe(scaler, &record, NULL, NULL) == EVSCALE_BAD_STRUCT_SIZE);
    record.struct_size = (uint64_t)1 << 40;
    CHECK(evscale_observe(scaler, &record, NULL, NULL) == EVSCALE_BAD_STRUCT_SIZE);
    record.struct_size = sizeof record;
    {
        evscale_observation seen = {.struct_size = 8};
        record.logged_events_count = 10;
        record.current_job_count = 1;
        CHECK(evscale_observe(scaler, &record, &seen, NULL) == EVSCALE_BAD_STRUCT_SIZE);
        seen.struct_size = sizeof seen;
        /* the refused call took nothing: the same record is not late */
        CHECK(evscale_observe(scaler, &record, &seen, NULL) == EVSCALE_OK && seen.verdict != 2);
        evscale_free(scaler);
        scaler = made();
        evscale_metrics_init(&record);
    }
    record.timestamp_ms = INT64_MAX;
    CHECK(evscale_observe(scaler, &record, NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_observe_json(scaler, "{}", NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_decide(scaler, NULL, NULL) == EVSCALE_NULL_POINTER);
    decision.struct_size = 8;
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_BAD_STRUCT_SIZE);
    memset(&newer, 0xab, sizeof newer);
    newer.known.struct_size = sizeof newer;
    CHECK(evscale_decide(scaler, &newer.known, NULL) == EVSCALE_OK);
    CHECK(newer.known.struct_size == sizeof newer && newer.beyond[0] == 0xab && newer.beyond[7] == 0xab);
    CHECK(evscale_set_pause(scaler, 9, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_acknowledge_json(scaler, "{\"timestamp\": 0, \"ready\": 2, \"startup_seconds\": 60}", NULL) == EVSCALE_OK);
    evscale_free(scaler);
    evscale_free(NULL);
    evscale_bundle_free(NULL);
    evscale_error_free(NULL);
    CHECK(evscale_error_code(NULL) == EVSCALE_OK && evscale_error_message(NULL)[0] == '\0');
    CHECK(evscale_version()[0] != '\0');
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

static int golden(const char *config_path, const char *records_path) {
    static char line[8192], json[65536];
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
        puts(json);
    }
    fclose(records);
    evscale_free(scaler);
    free(config);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "golden") == 0) return golden(argv[2], argv[3]);
    snapshot_goes_on_as_before();
    misuse_is_refused();
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}
