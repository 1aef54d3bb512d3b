/* What the C tests share: counted checks, and a pool with a simple load. */
#ifndef CHECK_H
#define CHECK_H

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

static inline int summary(void) {
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

static inline evscale_autoscaler *made(const char *config) {
    evscale_autoscaler *scaler = NULL;
    CHECK(evscale_new(config, NULL, &scaler, NULL) == EVSCALE_OK);
    return scaler;
}

/* Record i of a load that goes up and down. */
static inline evscale_metrics record_at(int i) {
    evscale_metrics record;
    CHECK(evscale_metrics_init(&record, sizeof record) == EVSCALE_OK);
    record.timestamp_ms = 1767600000000 + (int64_t)i * 120000;
    record.logged_events_count = 1000 + 300 * sin(i / 40.0);
    record.current_job_count = 8;
    record.average_processing_duration_ms = 500;
    return record;
}

static inline void feed(evscale_autoscaler *scaler, int first, int last) {
    int i;
    for (i = first; i < last; i++) {
        evscale_metrics record = record_at(i);
        evscale_observation seen;
        seen.struct_size = sizeof seen;
        CHECK(evscale_observe(scaler, &record, &seen, NULL) == EVSCALE_OK);
        CHECK(seen.verdict == EVSCALE_VERDICT_ACCEPTED);
    }
}

typedef int32_t text_call(evscale_autoscaler *, char *, size_t, size_t *, evscale_error **);

/* Text of a function with two-call sizing; the caller frees it. */
static inline char *text_of(evscale_autoscaler *scaler, text_call *call) {
    size_t needed = 0;
    char *text;
    CHECK(call(scaler, NULL, 0, &needed, NULL) == EVSCALE_BUFFER_TOO_SMALL);
    text = malloc(needed);
    CHECK(call(scaler, text, needed, NULL, NULL) == EVSCALE_OK);
    CHECK(strlen(text) + 1 == needed);
    return text;
}

/* A new decision with everything that led to it; the caller frees it. */
static inline char *decided(evscale_autoscaler *scaler) {
    evscale_decision decision;
    decision.struct_size = sizeof decision;
    CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK);
    return text_of(scaler, evscale_decision_json);
}

#endif
