/* Nanoseconds of calls in C that do little inside; benchmarks/src/bin/bench-boundary.rs times the same work in Rust. */
#define _POSIX_C_SOURCE 200809L
#include <evscale.h>
#include <stdio.h>
#include <time.h>

#define CALLS 200000

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The best of 15 rounds. */
#define TIME(name, call)                                                        \
    do {                                                                        \
        double best = 1e9;                                                      \
        int round, i;                                                           \
        for (round = 0; round < 15; round++) {                                  \
            double start = seconds(), took;                                     \
            for (i = 0; i < CALLS; i++) failed |= (call);                       \
            took = seconds() - start;                                           \
            if (took < best) best = took;                                       \
        }                                                                       \
        printf("%s %.0f\n", name, best / CALLS * 1e9);                          \
    } while (0)

int main(void) {
    evscale_autoscaler *scaler = NULL;
    evscale_metrics record;
    evscale_observation seen;
    evscale_decision decision;
    int32_t failed = evscale_new(NULL, NULL, &scaler, NULL);
    seen.struct_size = sizeof seen;
    decision.struct_size = sizeof decision;
    evscale_metrics_init(&record, sizeof record);
    record.timestamp_ms = 1767607200000;
    record.logged_events_count = 1000;
    record.current_job_count = 5;
    record.average_processing_duration_ms = 300;
    failed |= evscale_observe(scaler, &record, &seen, NULL);
    TIME("set_pause", evscale_set_pause(scaler, EVSCALE_PAUSE_OFF, NULL));
    TIME("repeated_record", evscale_observe(scaler, &record, &seen, NULL));
    TIME("standing_decision", evscale_decide(scaler, &decision, NULL));
    evscale_free(scaler);
    return failed != 0;
}
