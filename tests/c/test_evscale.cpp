// The C++ layer: ownership, errors, sizes, restore.
#include <evscale.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <type_traits>

static int failed = 0, passed = 0;
#define CHECK(condition)                                                              \
    do {                                                                              \
        if (condition) {                                                              \
            ++passed;                                                                 \
        } else {                                                                      \
            ++failed;                                                                 \
            std::cerr << __FILE__ << ':' << __LINE__ << ": " << #condition << '\n';   \
        }                                                                             \
    } while (0)

static_assert(!std::is_copy_constructible_v<evscale::Autoscaler>);
static_assert(std::is_nothrow_move_constructible_v<evscale::Autoscaler>);
static_assert(!std::is_copy_constructible_v<evscale::Bundle>);

static const evscale::TimePoint start(std::chrono::milliseconds(1767607200000));

static void feed(evscale::Autoscaler &scaler, int from, int to) {
    for (int i = from; i < to; ++i) {
        evscale::Metrics record(start + std::chrono::minutes(2 * i), 2000 + 10 * (i % 30), 10);
        record->average_processing_duration_ms = 300;
        CHECK(scaler.observe(record).verdict == evscale::Verdict::accepted);
    }
}

/// What throws nothing, functions of the host's own, a forecaster alone, and a history replayed.
static void results_own_parts_and_backtests() {
    auto refused = evscale::Autoscaler::make(R"({"max_job": 3})");
    CHECK(!refused && refused.error().code() == EVSCALE_INVALID_CONFIG);
    auto made = evscale::Autoscaler::make(R"({"max_jobs": 50})");
    CHECK(static_cast<bool>(made));
    int asked = 0;
    auto alive = std::make_shared<int>(1);
    made->use_forecaster([&asked, alive](evscale::View<double> counts, evscale::TimePoint, std::chrono::duration<double>,
                                         double *quantiles) {
        ++asked;
        if (asked > 20) throw std::runtime_error("no more");
        for (int i = 0; i < EVSCALE_HORIZONS * EVSCALE_LEVELS; ++i) quantiles[i] = counts[counts.size() - 1];
        return true;
    });
    made->use_policy([](const char *state) { return std::optional<double>(state[0] == '{' ? 7 : 0); });
    const evscale::TimePoint start(std::chrono::milliseconds(1767600000000));
    for (int i = 0; i < 30; ++i) {
        const auto seen = made->try_observe(evscale::Metrics(start + std::chrono::minutes(2 * i), 1000, 8));
        CHECK(static_cast<bool>(seen) && made->try_decide()->current_jobs == 8);
    }
    CHECK(asked > 20 && made->health_json().find("it returned 2") != std::string::npos);
    CHECK(!made->explanation().empty() && made->config_json().find("\"max_jobs\":50") != std::string::npos);
    CHECK(alive.use_count() == 2);
    { const evscale::Autoscaler gone = std::move(made).value(); }
    CHECK(alive.use_count() == 1);
    try {
        evscale::Autoscaler cut(std::string("{}\0{", 4));
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_ARGUMENT);
    }

    evscale::Forecaster forecaster(std::chrono::seconds(120), start);
    const std::vector<double> steady(100, 500.0);
    forecaster.observe(steady);
    const auto soon = forecaster.quantiles({12}, {0.1, 0.5, 0.9});
    CHECK(soon[0][0] <= soon[0][1] && 250 < soon[0][1] && soon[0][1] < 1000 && soon[0][1] <= soon[0][2]);

    const std::vector<double> events(1500, 1000.0), service(1500, 400.0);
    const evscale::Backtest replayed("{}", start, std::chrono::seconds(120), events, service, R"({"baselines": true})");
    CHECK(replayed.scores_json().find("\"service_time_source\":\"history\"") != std::string::npos);
    CHECK(replayed.decisions_json().front() == '[');
    try {
        evscale::Backtest("{}", start, std::chrono::seconds(120), events, service, "{}", nullptr,
                          [](std::size_t, std::size_t) { return false; });
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_STOPPED);
    }
    const evscale::Bundle again(evscale::Bundle::bundled("manifest.json"), evscale::Bundle::bundled("forecaster.onnx"),
                                evscale::Bundle::bundled("policy.onnx"));
    CHECK(again.json() == evscale::Bundle::bundled_json() && again.json().front() == '{');
}

/// Records that carry the counts of classes: copied, moved, and in a batch that outlives them.
static void records_have_classes() {
    const std::string config = R"({"use_networks": false, "max_jobs": 60, "classes": [
        {"name": "alerts", "service_time_seconds": 0.5, "sla_wait_seconds": 5},
        {"name": "a class whose name is too long for the inside of a string", "service_time_seconds": 10, "sla_wait_seconds": 3600, "priority": 1}]})";
    evscale::Autoscaler alone(config);
    evscale::Fleet fleet;
    fleet.add("a", config);
    evscale::Batch batch;
    for (int i = 0; i < 60; ++i) {
        batch.clear();
        evscale::Metrics kept(start + std::chrono::minutes(2 * i), 0, 0);
        {
            evscale::Metrics record(start + std::chrono::minutes(2 * i), 1260, 12);
            record.set_class("alerts", {1, 1, 0, 0}).set_class("alerts", {1200, 1200, 0, 0});
            record.set_class("a class whose name is too long for the inside of a string", {60, 60, 0});
            batch.add("a", record);
            const evscale::Metrics copied = record;
            evscale::Metrics moved = std::move(record);
            CHECK(moved.raw().class_count == 2 && copied.raw().class_count == 2 && copied.raw().classes != moved.raw().classes);
            kept = copied;
        }
        CHECK(kept.raw().classes[0].logged_events_count == 1200 && std::string(kept.raw().classes[1].name).size() > 40);
        CHECK(kept.raw().classes[1].sla_violations_count != kept.raw().classes[1].sla_violations_count);
        CHECK(alone.observe(kept).verdict == evscale::Verdict::accepted);
        alone.decide();
        fleet.tick(batch);
        CHECK(batch.decision(0).recommended_jobs == alone.decide().recommended_jobs);
    }
    CHECK(alone.report_json() == fleet.pool("a").report_json());
    CHECK(alone.report_json().find("\"name\":\"alerts\"") != std::string::npos);
    try {
        evscale::Metrics(start, 1, 1).set_class(std::string("a\0b", 3), {});
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_ARGUMENT);
    }
}

/// What the library tells of itself, its log, and a bundle whose signature is none.
static void the_library_tells_and_logs() {
    evscale::preload();
    CHECK(evscale::metrics_json().find("\"sla_compliance") != std::string::npos);
    CHECK(evscale::alert_rules_json().find("\"blind\"") != std::string::npos);
    std::string lines;
    evscale::set_log([&lines](std::int32_t level, const char *message) {
        lines += std::to_string(level) + ' ' + message + '\n';
        throw std::runtime_error("a mistake of the host");
    });
    evscale::Autoscaler scaler(R"({"use_networks": false})");
    feed(scaler, 1, 3);
    CHECK(scaler.observe(evscale::Metrics(start, 1, 1)).verdict == evscale::Verdict::rejected);
    CHECK(lines.find("2 record rejected") != std::string::npos);
    evscale::set_log(nullptr);
    lines.clear();
    scaler.observe(evscale::Metrics(start, 1, 1));
    CHECK(lines.empty());
    for (const std::size_t length : {std::size_t{64}, std::size_t{3}}) {
        try {
            evscale::Bundle(evscale::Bundle::bundled("manifest.json"), evscale::Bundle::bundled("forecaster.onnx"),
                            evscale::Bundle::bundled("policy.onnx"), std::string(length, 'a'), std::string(32, 'b'));
            CHECK(false);
        } catch (const evscale::Error &problem) {
            CHECK(problem.code() == (length == 64 ? EVSCALE_INVALID_BUNDLE : EVSCALE_INVALID_ARGUMENT));
        }
    }
}

/// `golden CONFIG RECORDS`: prints the decision after every record.
static int golden(const char *config, const char *records) {
    std::ostringstream settings;
    settings << std::ifstream(config).rdbuf();
    evscale::Autoscaler scaler(settings.str());
    std::ifstream lines(records);
    for (std::string line; std::getline(lines, line);) {
        scaler.observe_json(line);
        scaler.decide();
        std::cout << scaler.decision_json() << '\n';
    }
    return 0;
}

/// Another bundle is tried, promoted, brought back, pinned and set, in a pool alone and in a fleet.
static void other_models_are_tried_and_promoted() {
    std::string manifest(evscale::Bundle::bundled("manifest.json"));
    manifest.insert(manifest.find("\"version\": \"") + 12, "again-");
    const evscale::Bundle other(manifest, evscale::Bundle::bundled("forecaster.onnx"), evscale::Bundle::bundled("policy.onnx"));
    const auto told = [](auto &&pool, const char *what) { return pool.models_json().find(what) != std::string::npos; };
    evscale::Autoscaler pool(R"({"max_jobs": 50})");
    try {
        pool.promote("there is none");
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_ARGUMENT);
    }
    pool.challenge(other);
    feed(pool, 0, 20);
    pool.pin_models("an audit");
    try {
        pool.promote("now");
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(std::string(problem.what()).find("an audit") != std::string::npos);
    }
    pool.unpin_models();
    pool.promote("it is better");
    CHECK(told(pool, R"("kind":"promoted")") && told(pool, "it is better") && told(pool, R"("predecessor":"evscale-bundled)"));
    feed(pool, 20, 40);
    pool.roll_back("it is not");
    CHECK(told(pool, R"("kind":"rolled_back")") && told(pool, R"("champion":"evscale-bundled)"));
    pool.set_bundle(other, "a release");
    CHECK(told(pool, R"("kind":"replaced")") && pool.end_challenge("enough") && !pool.end_challenge("enough"));

    evscale::Fleet fleet;
    fleet.add("a");
    fleet.add("b");
    CHECK(fleet.challenge(other, 0) == 0 && fleet.challenge(other, 1) == 2);
    fleet.pool("a").promote("now");
    fleet.pool("a").roll_back("late events");
    fleet.pool("b").pin_models("not this one");
    CHECK(told(fleet.pool("a"), "late events") && told(fleet.pool("b"), "not this one"));
    CHECK(fleet.pool("b").end_challenge("enough") && !fleet.pool("b").end_challenge("enough"));
    fleet.add("c");
    CHECK(fleet.roll_out(other, 1, "a release") == 1 && told(fleet.pool("c"), "a release"));
}

int main(int count, char **argv) {
    if (count == 4 && std::string(argv[1]) == "golden") return golden(argv[2], argv[3]);
    evscale::Autoscaler scaler(R"({"min_jobs": 2, "max_jobs": 40})");
    CHECK(!scaler.decide().recommended_jobs && scaler.decide().action == evscale::Action::hold);
    CHECK(scaler.backfill(evscale::Metrics(start - std::chrono::minutes(60), 1900, 10)).verdict == evscale::Verdict::accepted);
    feed(scaler, 1, 8);
    scaler.report_latency(std::chrono::milliseconds(1));
    evscale::Autoscaler moved = std::move(scaler);
    const evscale::Decision decision = moved.decide();
    CHECK(decision.recommended_jobs >= 2 && decision.recommended_jobs <= 40);
    CHECK(decision.current_jobs == 10);
    CHECK(decision.valid_until > start);
    CHECK(decision.confidence > 0 && decision.confidence <= 1);
    const std::string why = moved.decision_json();
    CHECK(why.front() == '{' && why.back() == '}' && why.find("\"trail\"") != std::string::npos);
    CHECK(moved.forecast_json().size() > 1024);
    CHECK(evscale::settings_json().find("\"max_jobs\"") != std::string::npos);
    CHECK(evscale::fields_json().find("\"queued_events_count\"") != std::string::npos);
    CHECK(evscale::rules_json().find("\"bounds\"") != std::string::npos);

    const std::string path = std::string(argv[0]) + ".state";
    evscale::save(path, moved.snapshot());
    CHECK(std::remove(path.c_str()) == 0);
    auto again = evscale::Autoscaler::restore(R"({"min_jobs": 2, "max_jobs": 40})", moved.snapshot());
    CHECK(!again.decide().recommended_jobs && again.decide().current_jobs > 0);
    feed(moved, 8, 10);
    feed(again, 8, 10);
    CHECK(moved.decide().recommended_jobs == again.decide().recommended_jobs);
    CHECK(moved.decision_json() == again.decision_json());

    const evscale::Meter meter(start, R"({"min_jobs": 2, "max_jobs": 40})");
    meter.arrived(70);
    meter.finished(0.5, 0.1, 69);
    meter.finished();
    meter.failed(7);
    meter.started(start, 2);
    meter.ready(start + std::chrono::seconds(20));
    meter.refused();
    meter.drained();
    evscale::Meter::Totals totals;
    totals->late = 3;
    meter.totals(totals);
    CHECK(meter.tick(start + std::chrono::seconds(100), 4).empty());
    const std::vector<evscale::Metrics> records = meter.tick(start + std::chrono::seconds(400), 4, 2);
    CHECK(records.size() == 3 && records[2].raw().timestamp_ms > records[1].raw().timestamp_ms);
    CHECK(records[0]->logged_events_count == 70 && records[0]->error_rate_percent == 10);
    CHECK(records[2]->queued_events_count == 2 && records[0]->average_processing_duration_ms == 500);
    CHECK(meter.estimates_json().find("spread evenly") != std::string::npos);
    meter.acknowledge(start + std::chrono::seconds(400), moved);

    const evscale::Metrics late(start, 1, 1);
    CHECK(moved.observe(late).verdict == evscale::Verdict::rejected);
    moved.set_pause(evscale::Pause::all);
    CHECK(moved.decide(start + std::chrono::hours(6)).action == evscale::Action::hold);

    moved.set_pause(evscale::Pause::off);
    moved.set_override(evscale::Order::fixed, 17, start + std::chrono::hours(24));
    CHECK(moved.decide(start + std::chrono::hours(7)).recommended_jobs == 17);
    moved.set_override(evscale::Order::floor, 21, start + std::chrono::hours(1), start + std::chrono::hours(24));
    CHECK(moved.decide(start + std::chrono::hours(7)).recommended_jobs >= 21);
    moved.clear_override();
    const auto sale = start + std::chrono::hours(48);
    const auto id = moved.announce(evscale::Announced::multiplier, 3, sale, sale + std::chrono::hours(1));
    CHECK(moved.announcements_json().find("\"multiplier\":3.0") != std::string::npos);
    moved.cancel_announcement(id);
    moved.set_due(sale, {{sale + std::chrono::hours(1), 1000.0}});
    CHECK(moved.health_json().find("1000 events fall due at") != std::string::npos);
    moved.set_due(sale, {});
    moved.reconfigure(R"({"min_jobs": 2, "max_jobs": 39})");
    CHECK(moved.observation_json().find("\"rejected\"") != std::string::npos);
    CHECK(moved.health_json().find("\"status\"") != std::string::npos);
    CHECK(moved.learned_json().find("\"job_startup_seconds\":") != std::string::npos);
    CHECK(moved.report_json().find("\"accuracy\":") != std::string::npos && moved.report_metric("jobs") > 0);
    moved.silence("blind", start + std::chrono::hours(48));
    CHECK(moved.alerts_json().front() == '[');
    const auto quantiles = moved.forecast_quantiles({12, 180}, {0.1, 0.5, 0.9});
    CHECK(quantiles.rows() == 2);
    for (std::size_t row = 0; row < quantiles.rows(); ++row) {
        CHECK(0 < quantiles[row][0] && quantiles[row][0] <= quantiles[row][1] && quantiles[row][1] <= quantiles[row][2]);
    }
    CHECK(evscale::library_matches_header());

    evscale::Fleet fleet;
    fleet.add("a");
    fleet.restore("b", R"({"min_jobs": 2, "max_jobs": 40})", moved.snapshot());
    fleet.add_like("like", "{}", R"(["a", "b"])");
    CHECK(fleet.has("like"));
    fleet.remove("like");
    CHECK(fleet.size() == 2);
    const evscale::Metrics next(start + std::chrono::minutes(600), 2000, 10);
    const auto answers = fleet.tick({{"b", next}, {"nobody", next}, {"a", next}});
    CHECK(answers.size() == 3 && answers[1].status == EVSCALE_UNKNOWN_POOL);
    CHECK(!answers[1].observation && !answers[1].decision);
    for (const std::size_t i : {0, 2}) {
        CHECK(answers[i].status == EVSCALE_OK && answers[i].observation->verdict == evscale::Verdict::accepted);
        CHECK(answers[i].decision->current_jobs == 10);
    }
    fleet.pool("a").reconfigure(R"({"min_jobs": 1})");
    fleet.pool("a").set_override(evscale::Order::floor, 4, start, start + std::chrono::hours(24));
    fleet.pool("a").set_override(evscale::Order::cap, 4, start + std::chrono::hours(24));
    CHECK(fleet.pool("a").decide(start + std::chrono::hours(11)).recommended_jobs == 4);
    CHECK(fleet.pool("a").decision_json().front() == '{' && fleet.pool("b").health_json().front() == '{');
    CHECK(fleet.pool("a").report_json().front() == '{' && fleet.pool("b").alerts_json().front() == '[');
    CHECK(fleet.sums_json().find("\"jobs\":20.0") != std::string::npos);
    fleet.pool("a").silence("blind", start + std::chrono::hours(48));
    fleet.pool("a").cancel_announcement(fleet.pool("a").announce(evscale::Announced::min_jobs, 3, sale, sale + std::chrono::hours(1)));
    fleet.remove("a");
    CHECK(fleet.size() == 1 && fleet.tick({}).empty());

    fleet.add("c");
    evscale::Batch batch;
    for (int tick = 0; tick < 2; ++tick) {
        evscale::Metrics record(start + std::chrono::minutes(602 + 2 * tick), 2000, 10);
        batch.clear();
        batch.add("b", record);
        record->is_deploy_in_progress = 2;
        batch.add("c", record);
        fleet.tick(batch);
        CHECK(batch.size() == 2 && batch.status(0) == EVSCALE_OK && batch.decision(0).current_jobs == 10);
        CHECK(batch.status(1) == EVSCALE_INVALID_ARGUMENT && batch.failure()->code() == EVSCALE_INVALID_ARGUMENT);
        CHECK(std::string(batch.failure()->what()).find("record 1: pool `c`: `is_deploy_in_progress`") == 0);
    }
    std::size_t states = 0;
    fleet.snapshots([&](std::string_view key, evscale::View<std::uint8_t> state) {
        states += (key == "b" || key == "c") && state.size() > 100 ? 1 : 0;
    });
    CHECK(states == 2 && fleet.keys_json() == R"(["b","c"])" && fleet.has("c") && !fleet.has("a"));
    fleet.set_threads(2);
    fleet.set_budget(R"({"cost_per_hour": 40.5})");
    CHECK(fleet.budget_json().find(R"({"budget":{"cost_per_hour":40.5},"held":)") == 0);
    fleet.clear_budget();
    CHECK(fleet.budget_json() == "null");
    if (count == 1) {  // valgrind, under which networks and backtests run for minutes, gives an argument
        results_own_parts_and_backtests();
        records_have_classes();
        the_library_tells_and_logs();
        other_models_are_tried_and_promoted();
    }
    try {
        evscale::Autoscaler refused(R"({"max_job": 3})");
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_CONFIG);
        CHECK(std::string(problem.what()).find("max_job") != std::string::npos);
    }
    try {
        evscale::Bundle bundle("{}", "", "");
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_BUNDLE);
    }
    try {
        moved.acknowledge_json("[]");
        CHECK(false);
    } catch (const evscale::Error &problem) {
        CHECK(problem.code() == EVSCALE_INVALID_ARGUMENT);
    }
    std::cout << passed << " passed, " << failed << " failed\n";
    return failed ? 1 : 0;
}
