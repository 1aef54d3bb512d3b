/* A tiny job scheduler: threads take tasks from a queue, and evscale says how many threads there should be.
 *
 * The threads, the queue and the waits are real; the clock runs 400 times faster than evscale believes, so that twenty
 * minutes pass in three seconds. A task takes 4 s, a thread 15 s to start, and 30 s of waiting are allowed.
 * cc -std=c99 scheduler.c $(pkg-config --cflags --libs evscale) -lpthread -lm
 */
#define _POSIX_C_SOURCE 200809L
#include <evscale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPEED 400.0
#define INTERVAL 10.0 /* s */
#define TASK 4.0    /* s */
#define STARTUP 15.0 /* s */
#define ALLOWED 30.0 /* s */
#define QUEUE 16384

static const char config[] =
    "{\"interval_seconds\": 10, \"decision_interval_seconds\": 30, \"min_jobs\": 1, \"max_jobs\": 24,"
    " \"job_startup_seconds\": 15, \"sla_wait_seconds\": 30, \"scale_down_stabilization_seconds\": 60,"
    " \"cooldown_down_seconds\": 30, \"max_step_down_jobs\": 4}";

/* What happened in one interval. */
struct counts {
    int arrived, finished, taken, late;
    double worked, waited; /* s */
    int ready;
    double startup; /* s */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    double queue[QUEUE]; /* times of arrival, s */
    size_t head, tail;
    int jobs, wanted, over;
    struct counts counts;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Seconds of the pool's fast clock. */
static double now(void) {
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    return SPEED * ((double)clock.tv_sec + (double)clock.tv_nsec * 1e-9);
}

static void pass(double seconds) {
    struct timespec real;
    if (seconds <= 0) return;
    seconds /= SPEED;
    real.tv_sec = (time_t)seconds;
    real.tv_nsec = (long)((seconds - (double)real.tv_sec) * 1e9);
    nanosleep(&real, NULL);
}

/* A job: starts, then works until the pool should be smaller. */
static void *job(void *asked_at) {
    pass(STARTUP);
    pthread_mutex_lock(&pool.lock);
    pool.counts.ready++;
    pool.counts.startup += now() - *(double *)asked_at;
    free(asked_at);
    for (;;) {
        double started, waited;
        while (pool.head == pool.tail && pool.jobs <= pool.wanted && !pool.over) {
            pthread_cond_wait(&pool.changed, &pool.lock);
        }
        if (pool.over || pool.jobs > pool.wanted) break;
        started = now();
        waited = started - pool.queue[pool.head++ % QUEUE];
        pool.counts.taken++;
        pool.counts.waited += waited;
        pool.counts.late += waited > ALLOWED;
        pthread_mutex_unlock(&pool.lock);
        pass(TASK);
        pthread_mutex_lock(&pool.lock);
        pool.counts.finished++;
        pool.counts.worked += now() - started;
    }
    pool.jobs--;
    pthread_cond_broadcast(&pool.changed);
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Starts jobs until there are as many as wanted; too many leave after their task. The lock is held. */
static void resize(int wanted) {
    pool.wanted = wanted;
    while (pool.jobs < wanted) {
        pthread_t thread;
        double *asked_at = malloc(sizeof *asked_at);
        if (asked_at == NULL) break;
        *asked_at = now();
        if (pthread_create(&thread, NULL, job, asked_at) != 0) {
            free(asked_at);
            break;
        }
        pthread_detach(thread);
        pool.jobs++;
    }
    pthread_cond_broadcast(&pool.changed);
}

/* Tasks of an interval: a calm pool, a rush, calm again. */
static int load(int interval) {
    double rush = exp(-pow((interval - 50) / 15.0, 2));
    return (int)(4 + 26 * rush + 2 * sin(interval));
}

/* Tells a failure; 1 for success. */
static int succeeded(int32_t status, evscale_error **error) {
    if (status == EVSCALE_OK) return 1;
    fprintf(stderr, "evscale: %s\n", evscale_error_message(*error));
    evscale_error_free(*error);
    return 0;
}

/* scheduler [INTERVALS] */
int main(int argc, char **argv) {
    const int intervals = argc > 1 ? atoi(argv[1]) : 120;
    static char json[16384];
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    evscale_decision decision = {.struct_size = sizeof decision};
    double started;
    int interval, slot, tasks = 0, late = 0, most = 0;
    if (evscale_version_number() / 100 != EVSCALE_VERSION_NUMBER / 100) {
        fprintf(stderr, "evscale.h is of another version than the library %s\n", evscale_version());
        return 1;
    }
    if (!succeeded(evscale_new(config, NULL, &scaler, &error), &error)) return 1;
    pthread_mutex_lock(&pool.lock);
    resize(2);
    pthread_mutex_unlock(&pool.lock);
    started = now();
    for (interval = 1; interval <= intervals; interval++) {
        evscale_metrics record;
        struct counts counts;
        const struct counts none = {0};
        int64_t end = 1767607200000 + (int64_t)(interval * INTERVAL * 1000);
        int jobs, queued;
        for (slot = 1; slot <= 5; slot++) {
            int arrivals = load(interval) * slot / 5 - load(interval) * (slot - 1) / 5;
            pthread_mutex_lock(&pool.lock);
            pool.counts.arrived += arrivals;
            while (arrivals-- > 0 && pool.tail - pool.head < QUEUE) pool.queue[pool.tail++ % QUEUE] = now();
            pthread_cond_broadcast(&pool.changed);
            pthread_mutex_unlock(&pool.lock);
            pass(started + ((interval - 1) + slot / 5.0) * INTERVAL - now());
        }
        pthread_mutex_lock(&pool.lock);
        counts = pool.counts;
        pool.counts = none;
        jobs = pool.jobs;
        queued = (int)(pool.tail - pool.head);
        pthread_mutex_unlock(&pool.lock);
        tasks += counts.taken;
        late += counts.late;

        evscale_metrics_init(&record, sizeof record);
        record.timestamp_ms = end;
        record.logged_events_count = counts.arrived;
        record.current_job_count = jobs;
        record.processed_events_count = counts.finished;
        record.queued_events_count = queued;
        record.sla_violations_count = counts.late;
        if (counts.finished > 0) record.average_processing_duration_ms = 1000 * counts.worked / counts.finished;
        if (counts.taken > 0) record.average_queue_wait_time_ms = 1000 * counts.waited / counts.taken;
        if (counts.ready > 0) {
            snprintf(json, sizeof json, "{\"timestamp\": %lld, \"ready\": %d, \"startup_seconds\": %.1f}", (long long)end,
                     counts.ready, counts.startup / counts.ready);
            if (!succeeded(evscale_acknowledge_json(scaler, json, &error), &error)) return 1;
        }
        if (!succeeded(evscale_observe(scaler, &record, NULL, &error), &error)) return 1;
        if (!succeeded(evscale_decide(scaler, &decision, &error), &error)) return 1;
        if (decision.has_recommendation && decision.recommended_jobs != (uint32_t)jobs) {
            printf("%4.0f s: %2d tasks, %2d waiting, %2d jobs -> %2u\n", interval * INTERVAL, counts.arrived, queued, jobs,
                   (unsigned)decision.recommended_jobs);
            if (!succeeded(evscale_explanation(scaler, json, sizeof json, NULL, &error), &error)) return 1;
            printf("      %s\n", json);
            pthread_mutex_lock(&pool.lock);
            resize((int)decision.recommended_jobs);
            pthread_mutex_unlock(&pool.lock);
        }
        if (decision.has_recommendation && (int)decision.recommended_jobs > most) most = (int)decision.recommended_jobs;
    }
    pthread_mutex_lock(&pool.lock);
    pool.over = 1;
    pthread_cond_broadcast(&pool.changed);
    while (pool.jobs > 0) pthread_cond_wait(&pool.changed, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    evscale_free(scaler);
    printf("%d tasks, %d late; at most %d jobs, %u at the end\n", tasks, late, most, (unsigned)decision.recommended_jobs);
    return 0;
}
