/* The quickstart of the README: every status is looked at. */
#include <evscale.h>
#include <stdio.h>

static int failed(const char *what, evscale_error *error) {
    fprintf(stderr, "%s: %s\n", what, evscale_error_message(error));
    evscale_error_free(error);
    return 1;
}

int main(void) {
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    evscale_decision decision;
    evscale_metrics record;
    char why[4096];
    int minute;
    if (evscale_new("{\"min_jobs\": 5}", NULL, &scaler, &error)) return failed("evscale_new", error);
    for (minute = 2; minute <= 60; minute += 2) {
        evscale_metrics_init(&record, sizeof record);
        record.timestamp_ms = 1767607200000 + minute * 60000LL;
        record.logged_events_count = 3000 + 20 * minute;
        record.current_job_count = 12;
        record.average_processing_duration_ms = 400;
        if (evscale_observe(scaler, &record, NULL, &error)) return failed("evscale_observe", error);
    }
    evscale_decision_init(&decision, sizeof decision);
    if (evscale_decide(scaler, &decision, &error)) return failed("evscale_decide", error);
    if (evscale_explanation(scaler, why, sizeof why, NULL, &error)) return failed("evscale_explanation", error);
    if (decision.has_recommendation) printf("%u jobs\n", (unsigned)decision.recommended_jobs);
    printf("%s\n", why);
    evscale_free(scaler);
    return 0;
}
