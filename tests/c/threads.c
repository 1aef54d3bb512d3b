/* Threads: one handle in two threads, two handles in two threads. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CONFIG "{\"max_jobs\": 50}"

static int threads_of_this_process(void) {
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;
    if (tasks == NULL) return 1;
    while ((entry = readdir(tasks)) != NULL) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

struct worker {
    pthread_t thread;
    evscale_autoscaler *scaler;
    int first, last;
    int taken, busy, other;
    long waits;
};

/* Times that this thread gave up its processor to wait for something, such as a lock. */
static long waits_of_this_thread(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw;
}

static void *observe_all(void *argument) {
    struct worker *worker = argument;
    const long waits = waits_of_this_thread();
    int i;
    for (i = worker->first; i < worker->last; i++) {
        evscale_metrics record;
        int32_t status;
        evscale_metrics_init(&record, sizeof record);
        record.timestamp_ms = 1767600000000 + (int64_t)i * 120000;
        record.logged_events_count = 1000 + i % 50;
        record.current_job_count = 8;
        record.average_processing_duration_ms = 500;
        status = evscale_observe(worker->scaler, &record, NULL, NULL);
        if (status == EVSCALE_OK) worker->taken++;
        else if (status == EVSCALE_BUSY) worker->busy++;
        else worker->other++;
    }
    worker->waits = waits_of_this_thread() - waits;
    return NULL;
}

/* Both threads offer records until one of them has been refused; a refused call does nothing. */
static void one_handle_serves_one_thread_at_a_time(void) {
    evscale_autoscaler *scaler = made(CONFIG);
    struct worker workers[2];
    int round, i, busy = 0, taken = 0;
    for (round = 0; round < 200 && busy == 0; round++) {
        for (i = 0; i < 2; i++) {
            struct worker fresh = {0};
            workers[i] = fresh;
            workers[i].scaler = scaler;
            workers[i].first = 1 + 50 * round;
            workers[i].last = 51 + 50 * round;
            CHECK(pthread_create(&workers[i].thread, NULL, observe_all, &workers[i]) == 0);
        }
        for (i = 0; i < 2; i++) {
            CHECK(pthread_join(workers[i].thread, NULL) == 0);
            CHECK(workers[i].other == 0 && workers[i].taken + workers[i].busy == 50);
            busy += workers[i].busy;
            taken += workers[i].taken;
        }
    }
    CHECK(busy > 0 && taken > 0);
    printf("one handle, two threads: %d calls done, %d refused as busy\n", taken, busy);
    free(decided(scaler));
    evscale_free(scaler);
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Seconds that `count` threads take, each with a pool of its own and `records` records. None waits for the other. */
static double duration(int count, int records) {
    struct worker workers[2];
    double start;
    int i;
    for (i = 0; i < count; i++) {
        struct worker fresh = {0};
        workers[i] = fresh;
        workers[i].scaler = made(CONFIG);
        workers[i].last = records;
    }
    start = seconds();
    for (i = 0; i < count; i++) CHECK(pthread_create(&workers[i].thread, NULL, observe_all, &workers[i]) == 0);
    for (i = 0; i < count; i++) CHECK(pthread_join(workers[i].thread, NULL) == 0);
    start = seconds() - start;
    for (i = 0; i < count; i++) {
        CHECK(workers[i].taken == records);
#ifndef __SANITIZE_ADDRESS__ /* whose allocator takes locks */
        CHECK(workers[i].waits < records / 2);
#endif
        evscale_free(workers[i].scaler);
    }
    return start;
}

int main(int argc, char **argv) {
    const int records = argc > 1 ? atoi(argv[1]) : 100;
    double one, two;
    CHECK(threads_of_this_process() == 1);
    one_handle_serves_one_thread_at_a_time();
    one = duration(1, records);
    two = duration(2, records);
    printf("two handles in two threads: %.2f times the records per second of one\n", 2 * one / two);
    return summary();
}
