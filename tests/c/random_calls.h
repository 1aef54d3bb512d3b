/* What tests/c/random_calls.py makes its calls of: a seeded source of arguments, memory that ends at a guard page, live handles. */
#ifndef RANDOM_CALLS_H
#define RANDOM_CALLS_H

#define _GNU_SOURCE
#include <evscale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 3
#define REGIONS 24
#define REGION (1024 * 1024)

static uint64_t state;
static unsigned char *regions[REGIONS];
static int used;
static int64_t now = INT64_C(1767600000000);
static const char *saved_to;

static struct evscale_autoscaler *autoscalers[SLOTS];
static struct evscale_fleet *fleets[SLOTS];
static struct evscale_forecaster *forecasters[SLOTS];
static struct evscale_meter *meters[SLOTS];
static struct evscale_bundle *bundles[SLOTS];
static struct evscale_backtest *results[SLOTS];

/* A number below `limit`; splitmix64. */
static uint64_t below(uint64_t limit) {
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % limit;
}

static int one_in(uint64_t count) { return below(count) == 0; }

/* Memory that ends where a page begins that cannot be touched; until the next call. */
static void *exact(size_t size) {
    unsigned char *region = regions[used++ % REGIONS];
    if (size > REGION) abort();
    return region + REGION - size;
}

/* The same for what must be aligned. */
static void *guarded(size_t size) { return exact((size + 7) / 8 * 8); }

static void prepare(void) {
    long page = sysconf(_SC_PAGESIZE);
    int i;
    for (i = 0; i < REGIONS; i++) {
        regions[i] = mmap(NULL, REGION + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (regions[i] == MAP_FAILED || mprotect(regions[i] + REGION, (size_t)page, PROT_NONE) != 0) abort();
    }
}

static const char *text(const char *const *choices, size_t count) {
    const char *chosen = choices[below(count)];
    char *copy;
    if (chosen == NULL) return NULL;
    copy = exact(strlen(chosen) + 1);
    memcpy(copy, chosen, strlen(chosen) + 1);
    return copy;
}
#define TEXT(...) text((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static const char *a_key(void) { return TEXT("a", "b", "a", "b", "c", "z", "", "\xff", NULL); }

static const char *a_config(void) {
    return TEXT("{\"use_networks\": false}", "{\"use_networks\": false, \"max_jobs\": 40}", "{}", NULL, "{\"max_jobs\": 30}", "[]", "{",
                "{\"min_jobs\": 9, \"max_jobs\": 3}", "{\"max_job\": 1}", "\xc3\x28", "{\"interval_seconds\": 60, \"use_networks\": false}",
                "{\"time_zone\": \"Europe/Berlin\", \"use_networks\": false}", "", "{\"mode\": \"advise\", \"use_networks\": false}",
                "{\"use_networks\": false, \"classes\": [{\"name\": \"alerts\", \"service_time_seconds\": 0.5, \"sla_wait_seconds\": 5}, "
                "{\"name\": \"exports\", \"service_time_seconds\": 10, \"sla_wait_seconds\": 3600, \"priority\": 1}]}");
}

static double a_number(void) {
    static const double odd[] = {0, -1, 1, 0.5, 1e300, -1e300, 1e15, 1e-300};
    if (one_in(12)) return NAN;
    if (one_in(30)) return one_in(2) ? INFINITY : -INFINITY;
    if (one_in(5)) return odd[below(8)];
    return (double)below(200000) / 100;
}

static int64_t a_time(void) {
    static const int64_t odd[] = {0, -1, INT64_MAX, INT64_MIN, 1767607800, INT64_C(7258118400000)};
    if (one_in(25)) return odd[below(6)];
    return now + (int64_t)below(7200000) - 1800000;
}

static int32_t a_code(void) {
    static const int32_t odd[] = {-1, -2, 5, 99, INT32_MIN, INT32_MAX};
    return one_in(8) ? odd[below(6)] : (int32_t)below(4);
}

static uint32_t a_count(void) { return one_in(20) ? UINT32_MAX : (uint32_t)below(60); }

static size_t a_length(void) {
    if (one_in(200)) return SIZE_MAX;
    return one_in(10) ? 300 : (size_t)below(4);
}

/* Elements that lie behind a length: none behind one that is refused. */
static size_t really(size_t length) { return length > 1000 ? 0 : length; }

static size_t a_struct_size(size_t right) {
    if (one_in(40)) return (size_t)below(400);
    return one_in(20) ? right + 8 * (size_t)below(20) : right;
}

/* Room for a struct, with the size that it declares. */
static void *a_struct(size_t right) {
    uint64_t declared = a_struct_size(right);
    void *room = guarded(declared < 8 ? 8 : declared);
    memset(room, 0, declared < 8 ? 8 : declared);
    memcpy(room, &declared, 8);
    return room;
}

/* Counts of some classes, of which those of a record are the first ones; until the next record. */
static struct evscale_class_counts *some_classes(void) {
    static const char *const names[] = {"alerts", "exports", "mail", "\xff", "", NULL};
    static struct evscale_class_counts classes[4];
    size_t i, j;
    for (i = 0; i < 4; i++) {
        evscale_class_counts_init(&classes[i], one_in(60) ? 48 : sizeof classes[i]);
        classes[i].name = one_in(40) ? names[below(6)] : names[i % 3];
        classes[i].reserved = one_in(200);
        for (j = 0; j < 4; j++) (&classes[i].logged_events_count)[j] = one_in(9) ? a_number() : (double)below(500);
    }
    return classes;
}

/* A record; its interval follows the last one, mostly. */
static void fill(struct evscale_metrics *record) {
    double *numbers = &record->logged_events_count;
    int i;
    evscale_metrics_init(record, sizeof *record);
    record->timestamp_ms = one_in(10) ? a_time() : (now += 120000);
    record->logged_events_count = 500 + (double)below(500);
    record->current_job_count = 8;
    if (one_in(3)) numbers[below(13)] = a_number();
    for (i = 0; i < 4; i++) {
        if (one_in(30)) (&record->is_business_hours)[i] = a_code();
    }
    if (one_in(4)) {
        record->classes = one_in(30) ? NULL : some_classes();
        record->class_count = one_in(30) ? 65 : (size_t)below(4);
    }
}

static struct evscale_metrics *a_record(void) {
    struct evscale_metrics whole;
    struct evscale_metrics *room = a_struct(sizeof whole);
    size_t shared = room->struct_size < sizeof whole ? (size_t)room->struct_size : sizeof whole;
    fill(&whole);
    if (shared > 8) memcpy((char *)room + 8, (char *)&whole + 8, shared - 8);
    return room;
}

/* An array of structs of one size. */
static void *structs(size_t count, size_t size) {
    unsigned char *room = guarded(count * size + 8);
    size_t i;
    room += 8;
    memset(room, 0, count * size);
    for (i = 0; i < count; i++) memcpy(room + i * size, &(uint64_t){size}, 8);
    return room;
}

static const uint8_t *some_bytes(size_t count) {
    uint8_t *room = exact(count);
    size_t i;
    for (i = 0; i < count; i++) room[i] = (uint8_t)below(256);
    return room;
}

/* The state of a live pool, damaged now and then. */
static const uint8_t *a_snapshot(size_t *length) {
    struct evscale_autoscaler *from = autoscalers[below(SLOTS)];
    uint8_t *room;
    size_t needed = 0;
    evscale_snapshot(from, NULL, 0, &needed, NULL);
    if (needed == 0 || needed > REGION || one_in(8)) return some_bytes(*length = (size_t)below(64));
    room = exact(needed);
    evscale_snapshot(from, room, needed, NULL, NULL);
    if (one_in(3)) room[below(needed)] ^= 1;
    *length = needed;
    return room;
}

/* A file of the models, or something else now and then; a manifest with a blank at its end is one of other models. */
static const uint8_t *a_file(const char *name, size_t *length) {
    const uint8_t *content = NULL;
    uint8_t *other;
    if (one_in(3)) return some_bytes(*length = (size_t)below(100));
    evscale_bundled_file(name, &content, length, NULL);
    if (strcmp(name, "manifest.json") != 0 || one_in(2)) return content;
    other = exact(*length + 1);
    memcpy(other, content, *length);
    other[(*length)++] = ' ';
    return other;
}

static int32_t forecast_own(void *context, const double *counts, size_t count, int64_t end_ms, double seconds, double *quantiles) {
    int i;
    (void)context, (void)end_ms, (void)seconds;
    for (i = 0; i < EVSCALE_HORIZONS * EVSCALE_LEVELS; i++) quantiles[i] = one_in(500) ? a_number() : counts[count - 1];
    return one_in(50) ? a_code() : 0;
}

static int32_t propose_own(void *context, const char *state_json, double *jobs) {
    (void)context;
    if (state_json[0] != '{') abort();
    *jobs = one_in(50) ? a_number() : 8;
    return one_in(50) ? a_code() : 0;
}

static int32_t progress_own(void *context, size_t done, size_t all) {
    (void)context, (void)done, (void)all;
    return one_in(60);
}

static int32_t each_own(void *context, const char *key, const uint8_t *snapshot, size_t length) {
    (void)context, (void)key, (void)snapshot;
    return length == 0 || one_in(20);
}

static void log_own(void *context, int32_t level, const char *message) {
    (void)context;
    if (level < 1 || level > 3 || strlen(message) == 0) abort();
}

static int released, given;
static void release_own(void *context) { released += context != NULL; }

#endif
