/* Forks in every state: before the first load and during it, between calls, while another thread is inside one of any kind,
 * inside a callback, after an error, with other models in the shadow, and in a child of a child. A child works, or is told
 * that what it asks for is busy; none hangs. */
#define _XOPEN_SOURCE 700
#include "check.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONFIG "{\"max_jobs\": 50}"

enum { WORKED, BUSY, OTHER, HUNG };

/* Ends a child: how, after `status`. */
static void end_child(int32_t status) {
    if (failed != 0 || (status != EVSCALE_OK && status != EVSCALE_BUSY)) _exit(OTHER);
    _exit(status == EVSCALE_OK ? WORKED : BUSY);
}

/* How a child ended. It is killed when it hangs. */
static int end_of(pid_t child) {
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : HUNG;
}

/* A fork whose child is killed after 20 s. */
static pid_t forked(void) {
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) alarm(20);
    return child;
}

static void pause_for(long microseconds) {
    struct timespec length;
    length.tv_sec = microseconds / 1000000;
    length.tv_nsec = microseconds % 1000000 * 1000;
    nanosleep(&length, NULL);
}

static void no_child_hung(const char *during, const int ends[HUNG + 1]) {
    printf("forks %s: %d worked, %d refused as busy, %d hung\n", during, ends[WORKED], ends[BUSY], ends[HUNG]);
#ifndef __SANITIZE_ADDRESS__ /* whose allocator keeps locks over a fork */
    CHECK(ends[HUNG] == 0);
#endif
    CHECK(ends[OTHER] == 0);
}

/* A pool of the child's own decides. */
static void a_pool_of_its_own(void) {
    evscale_autoscaler *fresh = made(CONFIG);
    feed(fresh, 0, 3);
    free(decided(fresh));
    CHECK(evscale_free(fresh) == EVSCALE_OK);
}

/* In a child, and in children of that to the given depth: feeds a pool and sends the decision of the deepest to the parent. */
static char *decided_below(evscale_autoscaler *scaler, int depth) {
    static char received[65536];
    size_t length = 0;
    ssize_t got;
    int ends[2];
    pid_t child;
    CHECK(pipe(ends) == 0);
    child = forked();
    if (child == 0) {
        char *text;
        ssize_t sent;
        if (scaler == NULL) scaler = made(CONFIG);
        if (depth == 1) {
            feed(scaler, 20, 25);
            text = decided(scaler);
        } else {
            text = strdup(decided_below(scaler, depth - 1));
        }
        sent = write(ends[1], text, strlen(text));
        free(text);
        end_child(sent > 0 ? EVSCALE_OK : EVSCALE_PANIC);
    }
    close(ends[1]);
    while ((got = read(ends[0], received + length, sizeof received - 1 - length)) > 0) length += (size_t)got;
    received[length] = '\0';
    close(ends[0]);
    CHECK(end_of(child) == WORKED);
    return received;
}

/* The pool, fed further, says here what its copies said below. */
static void goes_on_like(evscale_autoscaler *scaler, const char *there) {
    char *here;
    feed(scaler, 20, 25);
    here = decided(scaler);
    CHECK(strcmp(here, there) == 0 && here[0] == '{');
    free(here);
    evscale_free(scaler);
}

/* Must come first. Nothing is loaded in this process, and this test loads nothing: each case has a fresh process of its own. */
static void nothing_is_needed_before_a_fork(void) {
    pid_t fresh = forked();
    if (fresh == 0) {
        const char *there = decided_below(NULL, 2);
        goes_on_like(made(CONFIG), there);
        end_child(EVSCALE_OK);
    }
    CHECK(end_of(fresh) == WORKED);
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
    child = forked();
    if (child == 0) {
        evscale_autoscaler *scaler = NULL;
        const int32_t made_it = evscale_new(CONFIG, NULL, &scaler, NULL);
        if (made_it == EVSCALE_OK) free(decided(scaler));
        end_child(made_it);
    }
    CHECK(pthread_join(loader, NULL) == 0 && status == EVSCALE_OK);
    return failed == 0 ? end_of(child) : OTHER;
}

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
    no_child_hung("during the first load", ends);
    CHECK(ends[BUSY] > 0 && ends[WORKED] > 0);
}

static int32_t load_other_models(evscale_bundle **bundle) {
    static char text[1 << 20];
    const uint8_t *files[3];
    size_t lengths[3];
    const char *at;
    size_t before;
    CHECK(evscale_bundled_file("manifest.json", &files[0], &lengths[0], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("forecaster.onnx", &files[1], &lengths[1], NULL) == EVSCALE_OK);
    CHECK(evscale_bundled_file("policy.onnx", &files[2], &lengths[2], NULL) == EVSCALE_OK);
    memcpy(text, files[0], lengths[0]);
    text[lengths[0]] = '\0';
    at = strstr(text, "\"version\": \"");
    CHECK(at != NULL);
    before = (size_t)(at - text) + strlen("\"version\": \"");
    memmove(text + before + 1, text + before, lengths[0] - before);
    text[before] = 'x';
    return evscale_bundle_load((const uint8_t *)text, lengths[0] + 1, files[1], lengths[1], files[2], lengths[2], bundle, NULL);
}

static evscale_bundle *other_models(void) {
    evscale_bundle *bundle = NULL;
    CHECK(load_other_models(&bundle) == EVSCALE_OK);
    return bundle;
}

/* Parent, child and grandchild go on with copies of one handle, with and without other models in the shadow, and after an error. */
static void copies_go_on(void) {
    evscale_autoscaler *plain = made(CONFIG), *challenged = made(CONFIG), *after_an_error = made(CONFIG);
    evscale_bundle *other = other_models();
    evscale_metrics wrong = record_at(20);
    feed(plain, 0, 20);
    goes_on_like(plain, decided_below(plain, 1));
    CHECK(evscale_challenge(challenged, other, NULL) == EVSCALE_OK);
    evscale_bundle_free(other);
    feed(challenged, 0, 20);
    goes_on_like(challenged, decided_below(challenged, 2));
    feed(after_an_error, 0, 20);
    wrong.is_peak_hours = 3;
    CHECK(evscale_observe(after_an_error, &wrong, NULL, NULL) == EVSCALE_INVALID_ARGUMENT);
    CHECK(evscale_new("{\"max_job\": 3}", NULL, &plain, NULL) == EVSCALE_INVALID_CONFIG);
    goes_on_like(after_an_error, decided_below(after_an_error, 2));
}

/* What a thread does over and over, and a child tries once. */
struct busy_thread {
    int32_t (*work)(struct busy_thread *);
    void (*end)(struct busy_thread *);
    evscale_autoscaler *scaler;
    evscale_fleet *fleet;
    evscale_meter *meter;
    evscale_forecaster *forecaster;
    char path[32];
    int next;
    volatile int stop;
};

static int32_t observe_and_decide(struct busy_thread *thread) {
    evscale_metrics record = record_at(thread->next++);
    evscale_decision decision;
    int32_t status = evscale_observe(thread->scaler, &record, NULL, NULL);
    CHECK(evscale_decision_init(&decision, sizeof decision) == EVSCALE_OK);
    return status != EVSCALE_OK ? status : evscale_decide(thread->scaler, &decision, NULL);
}

static void free_scaler(struct busy_thread *thread) { evscale_free(thread->scaler); }

static int32_t tick(struct busy_thread *thread) {
    static const char *const keys[] = {"a", "b", "c", "d"};
    evscale_metrics records[4];
    int i;
    for (i = 0; i < 4; i++) records[i] = record_at(thread->next);
    thread->next++;
    return evscale_fleet_tick(thread->fleet, keys, records, 4, NULL, NULL, NULL, NULL);
}

static void free_fleet(struct busy_thread *thread) { evscale_fleet_free(thread->fleet); }

static int32_t save(struct busy_thread *thread) { return evscale_save(thread->path, (const uint8_t *)"a state", 7, NULL); }

static void remove_file(struct busy_thread *thread) { CHECK(remove(thread->path) == 0); }

static int32_t load_other(struct busy_thread *thread) {
    evscale_bundle *bundle = NULL;
    const int32_t status = load_other_models(&bundle);
    (void)thread;
    evscale_bundle_free(bundle);
    return status;
}

static int32_t replay(struct busy_thread *thread) {
    double events[1500];
    evscale_backtest *result = NULL;
    int32_t status;
    int i;
    (void)thread;
    for (i = 0; i < 1500; i++) events[i] = 1000;
    status = evscale_backtest_new("{\"use_networks\": false, \"service_time_ms\": 300}", 1767600000000, 120, events, NULL, 1500, NULL, NULL,
                                  NULL, NULL, &result, NULL);
    evscale_backtest_free(result);
    return status;
}

static int32_t forecast_alone(struct busy_thread *thread) {
    const double count = 1000 + thread->next++ % 7;
    const int32_t status = evscale_forecaster_observe(thread->forecaster, &count, 1, NULL);
    return status != EVSCALE_OK ? status : evscale_forecaster_json(thread->forecaster, NULL, 0, NULL, NULL) == EVSCALE_BUFFER_TOO_SMALL
        ? EVSCALE_OK : EVSCALE_BUSY;
}

static void free_forecaster(struct busy_thread *thread) { evscale_forecaster_free(thread->forecaster); }

static int32_t count_events(struct busy_thread *thread) {
    const int64_t now = 1767600000000 + (int64_t)thread->next++ * 120000;
    evscale_metrics record;
    size_t count = 0;
    int32_t status = EVSCALE_OK;
    int i;
    CHECK(evscale_metrics_init(&record, sizeof record) == EVSCALE_OK);
    for (i = 0; i < 100 && status == EVSCALE_OK; i++) status = evscale_meter_arrived(thread->meter, 1, NULL);
    return status != EVSCALE_OK ? status : evscale_meter_tick(thread->meter, now, 4, 0, 2, &record, 1, &count, NULL);
}

static void free_meter(struct busy_thread *thread) { evscale_meter_free(thread->meter); }

static int32_t fail(struct busy_thread *thread) {
    evscale_autoscaler *scaler = NULL;
    evscale_error *error = NULL;
    const int32_t status = evscale_new("{\"max_job\": 3}", NULL, &scaler, &error);
    (void)thread;
    evscale_error_free(error);
    return status == EVSCALE_INVALID_CONFIG && error != NULL ? EVSCALE_OK : EVSCALE_PANIC;
}

static void *work_on(void *argument) {
    struct busy_thread *thread = argument;
    while (!thread->stop) CHECK(thread->work(thread) == EVSCALE_OK);
    return NULL;
}

/* Forks while a thread works on a handle: the child tries the same, and works with handles of its own. How many were refused as busy. */
static int no_child_hangs(const char *during, struct busy_thread thread, int forks) {
    pthread_t number;
    int ends[HUNG + 1] = {0}, i;
#ifdef __SANITIZE_ADDRESS__ /* under which a fork takes ten times as long */
    forks = 1 + forks / 10;
#endif
    CHECK(pthread_create(&number, NULL, work_on, &thread) == 0);
    for (i = 0; i < forks; i++) {
        pid_t child;
        pause_for(3000 + 517 * i);
        child = forked();
        if (child == 0) {
            const int32_t status = thread.work(&thread);
            if (thread.end != NULL) thread.end(&thread);
            a_pool_of_its_own();
            end_child(status);
        }
        ends[end_of(child)]++;
    }
    thread.stop = 1;
    CHECK(pthread_join(number, NULL) == 0);
    if (thread.end != NULL) thread.end(&thread);
    no_child_hung(during, ends);
    return ends[BUSY];
}

static evscale_fleet *fleet_of(size_t threads) {
    static const char *const keys[] = {"a", "b", "c", "d"};
    evscale_fleet *fleet = NULL;
    int i;
    CHECK(evscale_fleet_new(NULL, &fleet, NULL) == EVSCALE_OK && evscale_fleet_set_threads(fleet, threads, NULL) == EVSCALE_OK);
    for (i = 0; i < 4; i++) CHECK(evscale_fleet_add(fleet, keys[i], CONFIG, NULL) == EVSCALE_OK);
    return fleet;
}

static void no_child_hangs_that_was_forked_during_a_call(void) {
    evscale_bundle *other = other_models();
    int ends;
    struct busy_thread call = {observe_and_decide, free_scaler, NULL, NULL, NULL, NULL, "", 1000, 0};
    struct busy_thread thread = call;
    thread.scaler = made(CONFIG);
    CHECK(no_child_hangs("during observe and decide", thread, 40) > 0);
    thread.scaler = made(CONFIG);
    CHECK(evscale_challenge(thread.scaler, other, NULL) == EVSCALE_OK);
    evscale_bundle_free(other);
    no_child_hangs("during calls with other models in the shadow", thread, 10);
    thread = call, thread.work = tick, thread.end = free_fleet, thread.fleet = fleet_of(1);
    no_child_hangs("during a tick", thread, 10);
    thread.fleet = fleet_of(2);
    no_child_hangs("during a tick on two threads", thread, 10);
    thread = call, thread.work = save, thread.end = NULL;
    strcpy(thread.path, "/tmp/evscale-forks-XXXXXX");
    close(mkstemp(thread.path));
    no_child_hangs("during a save", thread, 10);
    remove_file(&thread);
    thread = call, thread.work = load_other, thread.end = NULL;
    ends = no_child_hangs("during a load of other models", thread, 10);
    /* loads take a lock where backtraces are asked for */
    CHECK(getenv("RUST_BACKTRACE") == NULL ? ends == 0 : ends > 0);
    thread.work = replay;
    no_child_hangs("during a backtest", thread, 10);
    thread.work = fail;
    no_child_hangs("during failures", thread, 10);
    thread.work = forecast_alone, thread.end = free_forecaster;
    CHECK(evscale_forecaster_new(120, 1767600000000, 1, NULL, &thread.forecaster, NULL) == EVSCALE_OK);
    no_child_hangs("during forecasts alone", thread, 10);
    thread = call, thread.work = count_events, thread.end = free_meter;
    CHECK(evscale_meter_new(NULL, 1767600000000, &thread.meter, NULL) == EVSCALE_OK);
    no_child_hangs("during calls of a meter", thread, 100);
}

/* What a callback knows: how often it was asked, and how the children ended that it forked. */
struct forking {
    evscale_autoscaler *scaler;
    int asked, ends[HUNG + 1];
    pid_t child;
};

/* Forks at the first call: a child that ends here, and one that goes on with the call. */
static void fork_inside(struct forking *forking) {
    pid_t child;
    if (forking->asked++ > 0) return;
    child = forked();
    if (child == 0) {
        evscale_decision decision;
        CHECK(evscale_decision_init(&decision, sizeof decision) == EVSCALE_OK);
        if (forking->scaler != NULL) {
            CHECK(evscale_decide(forking->scaler, &decision, NULL) == EVSCALE_BUSY);
            CHECK(evscale_free(forking->scaler) == EVSCALE_BUSY);
        }
        a_pool_of_its_own();
        end_child(EVSCALE_OK);
    }
    forking->ends[end_of(child)]++;
    forking->child = forked();
}

static int32_t forecast(void *context, const double *counts, size_t count, int64_t end_ms, double interval_seconds, double *quantiles) {
    int i;
    (void)end_ms, (void)interval_seconds;
    fork_inside(context);
    for (i = 0; i < EVSCALE_HORIZONS * EVSCALE_LEVELS; i++) quantiles[i] = counts[count - 1];
    return 0;
}

static int32_t propose(void *context, const char *state_json, double *jobs) {
    (void)state_json;
    fork_inside(context);
    *jobs = 9;
    return 0;
}

static int32_t progress(void *context, size_t done, size_t all) {
    (void)done, (void)all;
    fork_inside(context);
    return 0;
}

static void in_silence(void *context) { (void)context; }

/* The child that went on with the call ends here, and the parent looks at how. */
static void both_went_on(const char *inside, struct forking *forking) {
    if (forking->child == 0) end_child(EVSCALE_OK);
    CHECK(forking->asked > 1);
    forking->ends[end_of(forking->child)]++;
    no_child_hung(inside, forking->ends);
    CHECK(forking->ends[WORKED] == 2);
}

static void a_callback_may_fork(void) {
    const struct forking not_asked = {NULL, 0, {0}, -1};
    struct forking forecaster = not_asked, policy = not_asked, replayed = not_asked;
    double events[1500];
    evscale_backtest *result = NULL;
    int i;
    forecaster.scaler = made(CONFIG);
    CHECK(evscale_use_forecaster(forecaster.scaler, forecast, &forecaster, in_silence, NULL) == EVSCALE_OK);
    feed(forecaster.scaler, 0, 30);
    free(decided(forecaster.scaler));
    CHECK(evscale_free(forecaster.scaler) == EVSCALE_OK);
    both_went_on("inside a forecaster of the host's", &forecaster);
    policy.scaler = made(CONFIG);
    CHECK(evscale_use_policy(policy.scaler, propose, &policy, in_silence, NULL) == EVSCALE_OK);
    feed(policy.scaler, 0, 30);
    free(decided(policy.scaler));
    CHECK(evscale_free(policy.scaler) == EVSCALE_OK);
    both_went_on("inside a policy of the host's", &policy);
    for (i = 0; i < 1500; i++) events[i] = 1000;
    CHECK(evscale_backtest_new("{\"service_time_ms\": 300}", 1767600000000, 120, events, NULL, 1500, NULL, NULL, progress, &replayed,
                               &result, NULL) == EVSCALE_OK);
    evscale_backtest_free(result);
    both_went_on("inside the progress of a backtest", &replayed);
}

int main(void) {
    nothing_is_needed_before_a_fork();
    no_child_hangs_that_was_forked_while_the_models_were_loaded();
    copies_go_on();
    no_child_hangs_that_was_forked_during_a_call();
    a_callback_may_fork();
    return summary();
}
