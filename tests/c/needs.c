/* What pools need to say, in closed loops: a pool that carries out its decisions in a small simulated queue, the world of
 * tests/python/closed_loop.py. In each world, a pool that does not say what it is is late or dear. */
#define _XOPEN_SOURCE 700
#include "check.h"

#define DAY 720
#define DAYS 6
#define SUBSTEPS 12
#define STARTUP 18
#define KINDS 2
#define ALL (DAYS * DAY * SUBSTEPS)

/* A kind of events: how many come in two minutes on average, seconds of a job for one, and how long one may wait, seconds. */
typedef struct kind {
    double events, seconds, wait;
    const char *name;
} kind;

/* What the platform and the work are, whether the pool says it or not. */
typedef struct world {
    kind kinds[KINDS];
    int count, step, places, batch, told;
    double limit;
} world;

/* Sums of the scored days. */
typedef struct outcome {
    double late[KINDS], taken[KINDS], job_hours;
    int changes, crowded, low;
} outcome;

static const world plain = {{{2400, 0.5, 30, NULL}}, 1, 1, 1, 0, 0, 1e30};

static double waiting[KINDS][ALL];
static int first[KINDS], starting[ALL + STARTUP + SUBSTEPS], ready;
static uint32_t state;

/* A number from 0 to 1. */
static double draw(void) {
    state = (state * 1103515245u + 12345u) & 0x7fffffffu;
    return (double)state / 2147483648.0;
}

static int jobs_at(int now) {
    int all = ready, i;
    for (i = now; i <= now + STARTUP; i++) all += starting[i];
    return all;
}

static void scale_to(int target, int now) {
    int surplus = jobs_at(now) - target, i;
    if (surplus < 0) starting[now + STARTUP] -= surplus;
    for (i = now + STARTUP; i >= now && surplus > 0; i--) {
        const int gone = starting[i] < surplus ? starting[i] : surplus;
        starting[i] -= gone;
        surplus -= gone;
    }
    if (surplus > 0) ready -= surplus;
}

static double late_percent(const outcome *out, int place) { return 100 * out->late[place] / out->taken[place]; }

/* Lets a pool of these settings run through a world; scored from the third day on. */
static outcome run(const world *world, const char *name, const char *config) {
    evscale_autoscaler *scaler = made(config);
    outcome out;
    int i, part, place;
    memset(&out, 0, sizeof out);
    memset(waiting, 0, sizeof waiting);
    memset(starting, 0, sizeof starting);
    memset(first, 0, sizeof first);
    ready = 12 / world->step * world->step;
    state = 12345;
    for (i = 0; i < DAYS * DAY; i++) {
        double arrived[KINDS] = {0}, taken[KINDS] = {0}, late[KINDS] = {0}, left[KINDS] = {0}, busy = 0;
        const int paid = jobs_at(SUBSTEPS * i);
        evscale_metrics record;
        evscale_class_counts counts[KINDS];
        evscale_decision decision;
        int ready_sum = 0, target;
        for (part = 0; part < SUBSTEPS; part++) {
            const int now = SUBSTEPS * i + part;
            double room, most = 10 * world->limit;
            for (place = 0; place < world->count; place++) {
                const double wave = 1 + 0.6 * sin(2 * 3.14159265358979323846 * ((double)i / DAY + place / 2.0));
                double came = floor(world->kinds[place].events / SUBSTEPS * wave * (0.5 + draw()) + 0.5);
                if (place == 0 && i % 289 == 288 && part == SUBSTEPS / 2) came += world->batch;
                waiting[place][now] = came;
                arrived[place] += came;
            }
            ready += starting[now];
            starting[now] = 0;
            ready_sum += ready;
            room = 10.0 * ready * world->places;
            for (place = 0; place < world->count; place++) {
                const kind *kind = &world->kinds[place];
                while (first[place] <= now && room > 1e-9 && most > 1e-9) {
                    const double here = waiting[place][first[place]], able = room / kind->seconds;
                    double take = here < able ? here : able;
                    if (take > most) take = most;
                    room -= take * kind->seconds;
                    most -= take;
                    busy += take * kind->seconds;
                    taken[place] += take;
                    if (10.0 * (now - first[place]) > kind->wait) late[place] += take;
                    waiting[place][first[place]] -= take;
                    if (waiting[place][first[place]] > 1e-9) break;
                    first[place]++;
                }
            }
        }
        evscale_metrics_init(&record, sizeof record);
        record.timestamp_ms = INT64_C(1767607200000) + 120000 * (int64_t)(i + 1);
        record.current_job_count = paid;
        record.logged_events_count = record.processed_events_count = record.queued_events_count = record.sla_violations_count = 0;
        for (place = 0; place < world->count; place++) {
            for (part = first[place]; part < SUBSTEPS * (i + 1); part++) left[place] += waiting[place][part];
            record.logged_events_count += arrived[place];
            record.processed_events_count += taken[place];
            record.queued_events_count += left[place];
            record.sla_violations_count += late[place];
            evscale_class_counts_init(&counts[place], sizeof counts[place]);
            counts[place].name = world->kinds[place].name;
            counts[place].logged_events_count = arrived[place];
            counts[place].processed_events_count = floor(taken[place] + 0.5);
            counts[place].queued_events_count = floor(left[place] + 0.5);
            counts[place].sla_violations_count = floor(late[place] + 0.5);
        }
        if (record.processed_events_count > 0) record.average_processing_duration_ms = 1000 * busy / record.processed_events_count;
        record.cpu_utilization_percent = ready_sum > 0 ? 100 * busy / (10.0 * world->places * ready_sum) : 0;
        record.processed_events_count = floor(record.processed_events_count + 0.5);
        record.queued_events_count = floor(record.queued_events_count + 0.5);
        record.sla_violations_count = floor(record.sla_violations_count + 0.5);
        if (world->kinds[0].name != NULL) {
            record.classes = counts;
            record.class_count = (size_t)world->count;
        }
        CHECK(evscale_observe(scaler, &record, NULL, NULL) == EVSCALE_OK);
        if (world->told) {
            const int then = i + 289 - i % 289 - 1;
            const double events = world->batch;
            const int64_t at = INT64_C(1767607200000) + 60000 * (int64_t)(2 * then + 1);
            const size_t known = then > i && then <= i + 60 ? 1 : 0;
            CHECK(evscale_set_due(scaler, record.timestamp_ms, &events, &at, known, NULL) == EVSCALE_OK);
        }
        decision.struct_size = sizeof decision;
        CHECK(evscale_decide(scaler, &decision, NULL) == EVSCALE_OK && decision.has_recommendation == 1);
        target = (int)decision.recommended_jobs / world->step * world->step;
        if (i >= 2 * DAY) {
            out.job_hours += paid / 30.0;
            out.changes += target != jobs_at(SUBSTEPS * (i + 1));
            out.crowded += (double)ready_sum / SUBSTEPS - busy / (120.0 * world->places) < 6;
            out.low += i % DAY >= 300 && i % DAY < 540 && paid < 40;
            for (place = 0; place < world->count; place++) {
                out.late[place] += late[place];
                out.taken[place] += taken[place];
            }
        }
        scale_to(target, SUBSTEPS * (i + 1));
    }
    evscale_free(scaler);
    printf("%s: %.0f job-hours, %.2f %% late, %d changes\n", name, out.job_hours, late_percent(&out, 0), out.changes);
    return out;
}

#define WITH(settings) "{\"use_networks\": false, \"max_jobs\": 120" settings "}"
#define CLASSES                                                                      \
    ", \"classes\": [{\"name\": \"alerts\", \"service_time_seconds\": 0.5, \"sla_wait_seconds\": 15}," \
    "{\"name\": \"exports\", \"service_time_seconds\": 10, \"sla_wait_seconds\": 3600, \"priority\": 1}]"

static void numbers_that_exist_and_events_in_parallel(void) {
    world machines = plain, threads = plain;
    outcome unsaid, said;
    machines.step = threads.places = 8;
    unsaid = run(&machines, "machines of eight, unsaid", WITH(""));
    said = run(&machines, "said", WITH(", \"job_step\": 8"));
    CHECK(late_percent(&unsaid, 0) > 1 && late_percent(&said, 0) < 0.5 && said.job_hours < 1.05 * unsaid.job_hours);
    unsaid = run(&threads, "eight at a time, unsaid", WITH(""));
    said = run(&threads, "said", WITH(", \"events_per_job\": 8"));
    CHECK(said.job_hours < 0.3 * unsaid.job_hours && late_percent(&said, 0) < 0.5);
}

static void spare_jobs_a_floor_for_a_while_and_a_limit_downstream(void) {
    world limited = plain;
    const outcome usual = run(&plain, "one kind of events", WITH(""));
    outcome unsaid, said;
    limited.limit = 26;
    said = run(&plain, "eight spare jobs", WITH(", \"spare_jobs\": 8"));
    CHECK(usual.crowded > 2000 && said.crowded < 50);
    said = run(&plain, "a floor for a while",
               WITH(", \"schedule\": [{\"cron\": \"0 20 * * *\", \"seconds\": 28800, \"min_jobs\": 40}]"));
    CHECK(usual.low > 900 && said.low < 10);
    unsaid = run(&limited, "a limit downstream, unsaid", WITH(""));
    said = run(&limited, "said", WITH(", \"most_events_per_second\": 26"));
    CHECK(said.job_hours < 0.9 * unsaid.job_hours && late_percent(&said, 0) < late_percent(&unsaid, 0) + 1);
}

static double money(const outcome *out, double late_event, double change) {
    return out->job_hours + late_event * out->late[0] + change * out->changes;
}

static void prices(void) {
    world strict = plain;
    outcome unsaid, said;
    strict.kinds[0].wait = 10;
    unsaid = run(&strict, "cheap late events, unsaid", WITH(", \"sla_wait_seconds\": 10"));
    said = run(&strict, "said", WITH(", \"sla_wait_seconds\": 10, \"job_hour_price\": 1, \"late_event_price\": 0.00001"));
    CHECK(money(&said, 1e-5, 0) < 0.98 * money(&unsaid, 1e-5, 0));
    unsaid = run(&plain, "dear changes, unsaid", WITH(""));
    said = run(&plain, "said", WITH(", \"job_hour_price\": 1, \"change_price\": 3"));
    CHECK(money(&said, 0, 3) < 0.95 * money(&unsaid, 0, 3));
}

static void work_that_is_known_to_come(void) {
    world batches = plain;
    outcome unsaid, said;
    batches.kinds[0].wait = 120;
    batches.batch = 12000;
    unsaid = run(&batches, "batches, unsaid", WITH(", \"sla_wait_seconds\": 120"));
    batches.told = 1;
    said = run(&batches, "said", WITH(", \"sla_wait_seconds\": 120"));
    CHECK(late_percent(&said, 0) < 0.2 * late_percent(&unsaid, 0) && said.job_hours < 0.9 * unsaid.job_hours);
}

static void classes_of_events(void) {
    world both = {{{2400, 0.5, 15, "alerts"}, {120, 10, 3600, "exports"}}, 2, 1, 1, 0, 0, 1e30};
    world untold = both;
    outcome said, strict, patient;
    untold.kinds[0].name = untold.kinds[1].name = NULL;
    said = run(&both, "classes", WITH(CLASSES));
    strict = run(&untold, "the strictest wait alone", WITH(", \"sla_wait_seconds\": 15"));
    patient = run(&untold, "the longest wait alone", WITH(", \"sla_wait_seconds\": 3600"));
    CHECK(late_percent(&said, 0) < 1 && late_percent(&said, 1) < 1);
    CHECK(strict.job_hours > 1.1 * said.job_hours);
    CHECK(late_percent(&patient, 0) > 1.5 || late_percent(&patient, 1) > 1.5);
}

int main(void) {
    numbers_that_exist_and_events_in_parallel();
    spare_jobs_a_floor_for_a_while_and_a_limit_downstream();
    prices();
    work_that_is_known_to_come();
    classes_of_events();
    return summary();
}
