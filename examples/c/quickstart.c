/* The quickstart of the README. */
#include <evscale.h>
#include <stdio.h>

int main(void) {
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    evscale_decision decision = {.struct_size = sizeof decision};
    char why[4096];
    if (evscale_new("{\"min_jobs\": 5}", NULL, &scaler, &error)) {
        fprintf(stderr, "%s\n", evscale_error_message(error));
        return 1;
    }
    for (int minute = 2; minute <= 60; minute += 2) {
        evscale_metrics record;
        evscale_metrics_init(&record, sizeof record);
        record.timestamp_ms = 1767607200000 + minute * 60000LL;
        record.logged_events_count = 3000 + 20 * minute;
        record.current_job_count = 12;
        record.average_processing_duration_ms = 400;
        evscale_observe(scaler, &record, NULL, NULL);
    }
    evscale_decide(scaler, &decision, NULL);
    evscale_decision_json(scaler, why, sizeof why, NULL, NULL);
    if (decision.has_recommendation) printf("%u jobs\n", (unsigned)decision.recommended_jobs);
    printf("%s\n", why);
    evscale_free(scaler);
    return 0;
}
