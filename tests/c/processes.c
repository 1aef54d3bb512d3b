/* Threads and forks: one handle in two threads, two handles in two threads, handles on both sides of a fork, a fork while
 * another thread is inside a call or loads the models. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "check.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

/* In a child process: feeds a pool (a new one for NULL) and sends the decision to the parent. */
static char *decided_in_child(evscale_autoscaler *scaler) {
    static char received[65536];
    size_t length = 0;
    ssize_t got;
    int ends[2], status = 1;
    pid_t child;
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        char *text;
        ssize_t sent;
        if (scaler == NULL) scaler = made(CONFIG);
        feed(scaler, 20, 25);
        text = decided(scaler);
        sent = write(ends[1], text, strlen(text));
        _exit(sent == (ssize_t)strlen(text) && failed == 0 && threads_of_this_process() == 1 ? 0 : 1);
    }
    CHECK(child > 0);
    close(ends[1]);
    while ((got = read(ends[0], received + length, sizeof received - 1 - length)) > 0) length += (size_t)got;
    received[length] = '\0';
    close(ends[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return received;
}

static void forks_go_on(void) {
    evscale_autoscaler *before = made(CONFIG), *fresh;
    char *here, *there;
    feed(before, 0, 20);
    CHECK(threads_of_this_process() == 1);
    there = decided_in_child(before);
    feed(before, 20, 25);
    here = decided(before);
    CHECK(strcmp(here, there) == 0 && here[0] == '{');
    free(here);
    evscale_free(before);
    there = decided_in_child(NULL);
    fresh = made(CONFIG);
    feed(fresh, 20, 25);
    here = decided(fresh);
    CHECK(strcmp(here, there) == 0 && here[0] == '{');
    free(here);
    evscale_free(fresh);
}

enum { WORKED, BUSY, OTHER, HUNG };

/* Ends a child: how, after `status`; a handle that could be used is used. */
static void end_child(int32_t status, evscale_autoscaler *scaler) {
    if (status == EVSCALE_OK && scaler != NULL) free(decided(scaler));
    _exit(failed != 0 ? OTHER : status == EVSCALE_OK ? WORKED : status == EVSCALE_BUSY ? BUSY : OTHER);
}

/* How a child ended. It is killed when it hangs. */
static int end_of(pid_t child) {
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : HUNG;
}

static void pause_for(long microseconds) {
    struct timespec length;
    length.tv_sec = microseconds / 1000000;
    length.tv_nsec = microseconds % 1000000 * 1000;
    nanosleep(&length, NULL);
}

static void *load(void *status) {
    evscale_autoscaler *scaler = NULL;
    *(int32_t *)status = evscale_new(CONFIG, NULL, &scaler, NULL);
    evscale_free(scaler);
    return NULL;
}

/* In a process that has not loaded the models yet: forks while a thread does. How the child's evscale_new ended. */
static int forked_while_loading(long microseconds) {
    pthread_t loader;
    int32_t status = EVSCALE_PANIC;
    pid_t child;
    CHECK(pthread_create(&loader, NULL, load, &status) == 0);
    pause_for(microseconds);
    child = fork();
    if (child == 0) {
        evscale_autoscaler *scaler = NULL;
        alarm(20);
        end_child(evscale_new(CONFIG, NULL, &scaler, NULL), scaler);
    }
    CHECK(pthread_join(loader, NULL) == 0 && status == EVSCALE_OK);
    return failed == 0 ? end_of(child) : OTHER;
}

/* Must come first: later the models are there. Each fork has a fresh process of its own. */
static void no_child_hangs_that_was_forked_while_the_models_were_loaded(void) {
    static const long moments[] = {0, 1000, 3000, 10000, 20000, 30000, 3000000};
    int ends[HUNG + 1] = {0};
    size_t i;
    for (i = 0; i < sizeof moments / sizeof *moments; i++) {
        pid_t fresh;
        fflush(NULL);
        fresh = fork();
        if (fresh == 0) _exit(forked_while_loading(moments[i]));
        ends[end_of(fresh)]++;
    }
    printf("forks during the first load: %d worked, %d refused as busy, %d hung\n", ends[WORKED], ends[BUSY], ends[HUNG]);
#ifndef __SANITIZE_ADDRESS__ /* whose allocator keeps locks over a fork */
    CHECK(ends[HUNG] == 0);
#endif
    CHECK(ends[OTHER] == 0 && ends[BUSY] > 0 && ends[WORKED] > 0);
}

struct spinner {
    evscale_autoscaler *scaler;
    volatile int stop;
};

static void *spin(void *argument) {
    struct spinner *spinner = argument;
    int i;
    for (i = 1000; !spinner->stop; i++) {
        evscale_metrics record = record_at(i);
        CHECK(evscale_observe(spinner->scaler, &record, NULL, NULL) == EVSCALE_OK);
    }
    return NULL;
}

static void no_child_hangs_that_was_forked_during_a_call(void) {
    struct spinner spinner = {0};
    pthread_t thread;
    int ends[HUNG + 1] = {0}, i;
    spinner.scaler = made(CONFIG);
    CHECK(pthread_create(&thread, NULL, spin, &spinner) == 0);
    for (i = 0; i < 40; i++) {
        pid_t child;
        pause_for(3000 + 517 * i);
        fflush(NULL);
        child = fork();
        if (child == 0) {
            evscale_decision decision;
            evscale_autoscaler *fresh;
            int32_t status;
            alarm(20);
            decision.struct_size = sizeof decision;
            status = evscale_decide(spinner.scaler, &decision, NULL);
            evscale_free(spinner.scaler);
            fresh = made(CONFIG);
            feed(fresh, 0, 3);
            end_child(status, NULL);
        }
        ends[end_of(child)]++;
    }
    spinner.stop = 1;
    CHECK(pthread_join(thread, NULL) == 0);
    printf("forks during calls: %d worked, %d refused as busy, %d hung\n", ends[WORKED], ends[BUSY], ends[HUNG]);
#ifndef __SANITIZE_ADDRESS__ /* whose allocator keeps locks over a fork */
    CHECK(ends[HUNG] == 0);
#endif
    CHECK(ends[OTHER] == 0 && ends[BUSY] > 0);
    evscale_free(spinner.scaler);
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
    no_child_hangs_that_was_forked_while_the_models_were_loaded();
    forks_go_on();
    no_child_hangs_that_was_forked_during_a_call();
    one_handle_serves_one_thread_at_a_time();
    one = duration(1, records);
    two = duration(2, records);
    printf("two handles in two threads: %.2f times the records per second of one\n", 2 * one / two);
    return summary();
}
