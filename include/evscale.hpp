/* evscale for C++17: move-only handles, exceptions, std::chrono and std::string_view over evscale.h.
 *
 * evscale::Autoscaler owns the state of one pool, evscale::Fleet that of many. Either may move between threads; a call
 * that comes while another one runs throws an Error with EVSCALE_BUSY and does nothing.
 * Every failure is an evscale::Error with the status of evscale.h. A record that is late or broken is no failure: what
 * became of it is in the Observation.
 */

#ifndef EVSCALE_HPP
#define EVSCALE_HPP

#include <evscale.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evscale {

/// Milliseconds since 1970-01-01T00:00:00Z, UTC.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// A failure: `code()` is a status of evscale.h, `what()` names the thing, the value and what was expected.
class Error : public std::runtime_error {
public:
    Error(std::int32_t code, const std::string &message) : std::runtime_error(message), code_(code) {}
    std::int32_t code() const noexcept { return code_; }

private:
    std::int32_t code_;
};

namespace detail {

inline void check(std::int32_t status, evscale_error *error) {
    if (status == EVSCALE_OK) {
        return;
    }
    const std::unique_ptr<evscale_error, decltype(&evscale_error_free)> owned(error, evscale_error_free);
    const char *message = evscale_error_message(error);
    throw Error(status, *message ? message : "evscale failed with status " + std::to_string(status));
}

/// Runs a call that may fill an error; throws if it failed.
template <typename Call> void run(Call call) {
    evscale_error *error = nullptr;
    const std::int32_t status = call(&error);
    check(status, error);
}

/// What a function puts into a buffer, when it tells the size that it needs.
template <typename Content, typename Fill> Content filled(std::size_t guess, Fill fill) {
    Content out(guess, 0);
    for (;;) {
        std::size_t needed = 0;
        evscale_error *error = nullptr;
        const std::int32_t status = fill(out.data(), out.size(), &needed, &error);
        if (status != EVSCALE_BUFFER_TOO_SMALL) {
            check(status, error);
            out.resize(needed);
            return out;
        }
        evscale_error_free(error);
        out.resize(needed);
    }
}

/// As `filled`, for a text that ends in NUL.
template <typename Fill> std::string text(Fill fill) {
    std::string out = filled<std::string>(1024, fill);
    out.pop_back();
    return out;
}

}  // namespace detail

/// Whether the library that runs has the ABI of this header. Before 1.0 a minor version may change it.
inline bool library_matches_header() noexcept {
    const std::int32_t part = EVSCALE_VERSION_NUMBER < 10000 ? 100 : 10000;
    return evscale_version_number() / part == EVSCALE_VERSION_NUMBER / part;
}

/// The settings of a configuration with meaning, default and range, as JSON.
inline std::string settings_json() { return detail::text(evscale_settings_json); }

/// The fields of a metrics record with meaning and range, as JSON.
inline std::string fields_json() { return detail::text(evscale_fields_json); }

/// The safety rules in the order in which they apply, with what each does, as JSON.
inline std::string rules_json() { return detail::text(evscale_rules_json); }

/// A look at elements that somebody else owns, in the manner of std::span.
template <typename T> class View {
public:
    View(const T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    View(const std::vector<T> &elements) noexcept : View(elements.data(), elements.size()) {}
    View(std::initializer_list<T> elements) noexcept : View(elements.begin(), elements.size()) {}
    const T *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    const T *begin() const noexcept { return data_; }
    const T *end() const noexcept { return data_ + size_; }
    const T &operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    const T *data_;
    std::size_t size_;
};

/// What was measured in one interval. Only `timestamp`, `logged_events_count` and `current_job_count` are required;
/// a number that is not known stays NaN. Fields and units are those of evscale_metrics.
class Metrics {
public:
    Metrics(TimePoint end, double logged_events_count, double current_job_count) {
        evscale_metrics_init(&raw_, sizeof raw_);
        raw_.timestamp_ms = end.time_since_epoch().count();
        raw_.logged_events_count = logged_events_count;
        raw_.current_job_count = current_job_count;
    }
    explicit Metrics(const evscale_metrics &raw) noexcept : raw_(raw) {}
    evscale_metrics *operator->() noexcept { return &raw_; }
    const evscale_metrics *operator->() const noexcept { return &raw_; }
    const evscale_metrics &raw() const noexcept { return raw_; }

private:
    evscale_metrics raw_{};
};

enum class Verdict : std::int32_t { accepted = 0, repaired = 1, rejected = 2 };
enum class Action : std::int32_t { scale_down = -1, hold = 0, scale_up = 1 };
enum class Source : std::int32_t { policy_network = 0, analytic_rule = 1, reactive_rule = 2, hold = 3 };
enum class Pause : std::int32_t { off = 0, all = 1, down = 2, up = 3 };
enum class Order : std::int32_t { fixed = 0, cap = 1, floor = 2 };
enum class Announced : std::int32_t { multiplier = 0, events = 1, min_jobs = 2 };

/// What became of a record.
struct Observation {
    Verdict verdict;
    /// How unusual the record is, 0 to 1.
    double anomaly_score;
    bool decision_due;
    bool emergency;
};

/// How many jobs the pool should have. Autoscaler::decision_json has everything that led to it.
struct Decision {
    /// None while nobody knows how many jobs the pool has: leave it as it is.
    std::optional<std::uint32_t> recommended_jobs;
    /// The last known number; 0 before a record told it.
    std::uint32_t current_jobs;
    /// 0 where nobody knows enough to propose.
    std::uint32_t proposed_jobs;
    Action action;
    Source source;
    bool emergency;
    /// 0 to 1.
    double confidence;
    /// The next decision is due then.
    TimePoint valid_until;
};

namespace detail {

inline std::int64_t milliseconds(TimePoint at) { return at.time_since_epoch().count(); }

inline Observation from(const evscale_observation &raw) {
    return {static_cast<Verdict>(raw.verdict), raw.anomaly_score, raw.decision_due != 0, raw.emergency != 0};
}

inline Decision from(const evscale_decision &raw) {
    return {raw.has_recommendation != 0 ? std::optional<std::uint32_t>(raw.recommended_jobs) : std::nullopt,
            raw.current_jobs,
            raw.proposed_jobs,
            static_cast<Action>(raw.action),
            static_cast<Source>(raw.source),
            raw.emergency != 0,
            raw.confidence,
            TimePoint(std::chrono::milliseconds(raw.valid_until_ms))};
}

template <typename Raw> Raw sized() {
    Raw raw{};
    raw.struct_size = sizeof raw;
    return raw;
}

}  // namespace detail

/// Quantiles of a forecast, events per interval: a row per lead, a column per level.
class Quantiles {
public:
    Quantiles(std::vector<double> values, std::size_t levels) : values_(std::move(values)), levels_(levels) {}
    std::size_t rows() const noexcept { return levels_ == 0 ? 0 : values_.size() / levels_; }
    View<double> operator[](std::size_t row) const noexcept { return {values_.data() + row * levels_, levels_}; }

private:
    std::vector<double> values_;
    std::size_t levels_;
};

/// A forecaster and a policy network, checked. Any number of threads may use it.
class Bundle {
public:
    /// From the contents of manifest.json, forecaster.onnx and policy.onnx.
    Bundle(std::string_view manifest, std::string_view forecaster, std::string_view policy) {
        const auto bytes = [](std::string_view file) { return reinterpret_cast<const std::uint8_t *>(file.data()); };
        evscale_bundle *bundle = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_bundle_load(bytes(manifest), manifest.size(), bytes(forecaster), forecaster.size(),
                                       bytes(policy), policy.size(), &bundle, error);
        });
        handle_.reset(bundle);
    }
    const evscale_bundle *get() const noexcept { return handle_.get(); }

private:
    struct Free {
        void operator()(evscale_bundle *bundle) const noexcept { evscale_bundle_free(bundle); }
    };
    std::unique_ptr<evscale_bundle, Free> handle_;
};

/// The autoscaler of one pool.
class Autoscaler {
public:
    /// From a configuration in JSON, with the models inside the library or those of a bundle.
    explicit Autoscaler(const std::string &config_json = "{}", const Bundle *bundle = nullptr) {
        evscale_autoscaler *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_new(config_json.c_str(), bundle ? bundle->get() : nullptr, &made, error);
        });
        handle_.reset(made);
    }

    /// Goes on from a snapshot; until a fresh record tells the number of jobs, decisions have no recommendation.
    static Autoscaler restore(const std::string &config_json, View<std::uint8_t> snapshot,
                              const Bundle *bundle = nullptr) {
        evscale_autoscaler *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_restore(config_json.c_str(), bundle ? bundle->get() : nullptr, snapshot.data(),
                                   snapshot.size(), &made, error);
        });
        return Autoscaler(made);
    }

    Observation observe(const Metrics &metrics) { return take(evscale_observe, metrics); }

    /// Takes a record from long ago into the history alone, much cheaper.
    Observation backfill(const Metrics &metrics) { return take(evscale_backfill, metrics); }

    /// The decision at the time of the newest record, or at `now`: a new one if it is due, else the standing one.
    Decision decide(std::optional<TimePoint> now = std::nullopt) {
        auto raw = detail::sized<evscale_decision>();
        detail::run([&](evscale_error **error) {
            return now ? evscale_decide_at(handle_.get(), detail::milliseconds(*now), &raw, error)
                       : evscale_decide(handle_.get(), &raw, error);
        });
        return detail::from(raw);
    }

    /// What became of the last record, as JSON.
    std::string observation_json() { return text(evscale_observation_json); }

    /// The last decision with everything that led to it, as JSON.
    std::string decision_json() { return text(evscale_decision_json); }

    /// The forecast at the newest record, as JSON.
    std::string forecast_json() { return text(evscale_forecast_json); }

    /// Who acts and what is known to be wrong, as JSON.
    std::string health_json() { return text(evscale_health_json); }
    /// How the pool is doing: every metric by its name.
    std::string report_json() { return text(evscale_report_json); }
    /// The alerts that fire, or were resolved within the last day.
    std::string alerts_json() { return text(evscale_alerts_json); }

    /// A number of the report by its name; NAN where it is not known.
    double report_metric(const std::string &name) {
        double value = 0;
        detail::run([&](evscale_error **error) {
            return evscale_report_metric(handle_.get(), name.c_str(), &value, error);
        });
        return value;
    }

    /// Silences an alert by its name until a time; one that is over takes the silence back.
    void silence(const std::string &alert, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_silence(handle_.get(), alert.c_str(), detail::milliseconds(until), error);
        });
    }

    /// Quantiles of the forecast at the newest record, for these leads in minutes and these levels from 0 to 1.
    Quantiles forecast_quantiles(View<std::uint32_t> minutes, View<double> levels) {
        std::vector<double> values(minutes.size() * levels.size());
        detail::run([&](evscale_error **error) {
            return evscale_forecast_quantiles(handle_.get(), minutes.data(), minutes.size(), levels.data(),
                                              levels.size(), values.data(), error);
        });
        return Quantiles(std::move(values), levels.size());
    }

    /// The whole state of the pool.
    std::vector<std::uint8_t> snapshot() {
        return detail::filled<std::vector<std::uint8_t>>(
            256 * 1024, [this](std::uint8_t *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
                return evscale_snapshot(handle_.get(), buffer, size, needed, error);
            });
    }

    /// Tells what the host really did, as JSON: timestamp, started, ready, startup_seconds, refused, drained.
    void acknowledge_json(const std::string &outcome) {
        detail::run([&](evscale_error **error) {
            return evscale_acknowledge_json(handle_.get(), outcome.c_str(), error);
        });
    }

    /// Tells how long the last observe or decide took; networks that are too slow are left alone for a while.
    void report_latency(std::chrono::duration<double, std::milli> took) {
        detail::run([&](evscale_error **error) { return evscale_report_latency(handle_.get(), took.count(), error); });
    }

    void set_pause(Pause pause) {
        detail::run([&](evscale_error **error) {
            return evscale_set_pause(handle_.get(), static_cast<std::int32_t>(pause), error);
        });
    }

    /// A person's order until a time; a pause, the budget and the bounds hold nevertheless.
    void set_override(Order order, std::uint32_t jobs, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_set_override(handle_.get(), static_cast<std::int32_t>(order), jobs,
                                        detail::milliseconds(until), error);
        });
    }

    /// The same of an order that begins at a time.
    void set_override(Order order, std::uint32_t jobs, TimePoint from, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_set_override_from(handle_.get(), static_cast<std::int32_t>(order), jobs,
                                             detail::milliseconds(from), detail::milliseconds(until), error);
        });
    }

    /// Goes on under another configuration in JSON; the next decision tells what has changed.
    void reconfigure(const std::string &config) {
        detail::run([&](evscale_error **error) {
            return evscale_reconfigure(handle_.get(), config.c_str(), error);
        });
    }

    /// Announces an event before the records show it; returns the number by which it is cancelled.
    std::uint32_t announce(Announced what, double value, TimePoint start, TimePoint end) {
        std::uint32_t id = 0;
        detail::run([&](evscale_error **error) {
            return evscale_announce(handle_.get(), static_cast<std::int32_t>(what), value, detail::milliseconds(start),
                                    detail::milliseconds(end), &id, error);
        });
        return id;
    }

    void cancel_announcement(std::uint32_t id) {
        detail::run([&](evscale_error **error) { return evscale_cancel_announcement(handle_.get(), id, error); });
    }

    /// What was announced and what became of it, as a JSON list.
    std::string announcements_json() { return text(evscale_announcements_json); }

    void clear_override() {
        detail::run([&](evscale_error **error) { return evscale_clear_override(handle_.get(), error); });
    }

private:
    friend class Meter;
    explicit Autoscaler(evscale_autoscaler *made) : handle_(made) {}
    template <typename Call> Observation take(Call call, const Metrics &metrics) {
        auto raw = detail::sized<evscale_observation>();
        detail::run([&](evscale_error **error) { return call(handle_.get(), &metrics.raw(), &raw, error); });
        return detail::from(raw);
    }
    template <typename Call> std::string text(Call call) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return call(handle_.get(), buffer, size, needed, error);
        });
    }
    struct Free {
        void operator()(evscale_autoscaler *autoscaler) const noexcept { evscale_free(autoscaler); }
    };
    std::unique_ptr<evscale_autoscaler, Free> handle_;
};

/// Many pools by key that share one bundle's networks.
class Fleet {
public:
    struct Record {
        std::string key;
        Metrics metrics;
    };
    /// What became of a record; `observation` and `decision` mean something where `status` is EVSCALE_OK, and there is no
    /// recommendation else.
    struct Answer {
        std::int32_t status;
        Observation observation;
        /// Of the record's pool, after its last record.
        Decision decision;
    };

    explicit Fleet(const Bundle *bundle = nullptr) {
        evscale_fleet *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_fleet_new(bundle ? bundle->get() : nullptr, &made, error);
        });
        handle_.reset(made);
    }

    void add(const std::string &key, const std::string &config_json = "{}") {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_add(handle_.get(), key.c_str(), config_json.c_str(), error);
        });
    }

    void restore(const std::string &key, const std::string &config_json, View<std::uint8_t> snapshot) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_restore(handle_.get(), key.c_str(), config_json.c_str(), snapshot.data(),
                                         snapshot.size(), error);
        });
    }

    void remove(const std::string &key) {
        detail::run([&](evscale_error **error) { return evscale_fleet_remove(handle_.get(), key.c_str(), error); });
    }

    std::size_t size() {
        std::size_t count = 0;
        detail::run([&](evscale_error **error) { return evscale_fleet_count(handle_.get(), &count, error); });
        return count;
    }

    /// Takes records of any pools (those of one pool in their order), and decides for each of these pools. A pool that
    /// is not there or failed inside does not disturb another: see the status of its records.
    std::vector<Answer> tick(const std::vector<Record> &records) {
        const std::size_t count = records.size();
        std::vector<const char *> keys;
        std::vector<evscale_metrics> metrics;
        for (const Record &record : records) {
            keys.push_back(record.key.c_str());
            metrics.push_back(record.metrics.raw());
        }
        std::vector<evscale_observation> observations(count, detail::sized<evscale_observation>());
        std::vector<evscale_decision> decisions(count, detail::sized<evscale_decision>());
        std::vector<std::int32_t> statuses(count, none);
        evscale_error *error = nullptr;
        const std::int32_t status = evscale_fleet_tick(handle_.get(), keys.data(), metrics.data(), count,
                                                       observations.data(), decisions.data(), statuses.data(), &error);
        if (status != EVSCALE_OK && (count == 0 || statuses.front() == none)) {
            detail::check(status, error);
        }
        evscale_error_free(error);
        std::vector<Answer> answers;
        for (std::size_t i = 0; i < count; ++i) {
            answers.push_back({statuses[i], detail::from(observations[i]), detail::from(decisions[i])});
        }
        return answers;
    }

    /// Of one pool, at a time that may be later than its newest record.
    Decision decide(const std::string &key, TimePoint now) {
        auto raw = detail::sized<evscale_decision>();
        detail::run([&](evscale_error **error) {
            return evscale_fleet_decide_at(handle_.get(), key.c_str(), detail::milliseconds(now), &raw, error);
        });
        return detail::from(raw);
    }

    std::string decision_json(const std::string &key) { return text(evscale_fleet_decision_json, key); }
    std::string health_json(const std::string &key) { return text(evscale_fleet_health_json, key); }
    std::string report_json(const std::string &key) { return text(evscale_fleet_report_json, key); }
    std::string alerts_json(const std::string &key) { return text(evscale_fleet_alerts_json, key); }

    /// The metrics that add up, summed over the pools that know them, by name.
    std::string sums_json() {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_fleet_sums_json(handle_.get(), buffer, size, needed, error);
        });
    }

    void silence(const std::string &key, const std::string &alert, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_silence(handle_.get(), key.c_str(), alert.c_str(), detail::milliseconds(until), error);
        });
    }

    std::vector<std::uint8_t> snapshot(const std::string &key) {
        return detail::filled<std::vector<std::uint8_t>>(
            256 * 1024, [&](std::uint8_t *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
                return evscale_fleet_snapshot(handle_.get(), key.c_str(), buffer, size, needed, error);
            });
    }

    void acknowledge_json(const std::string &key, const std::string &outcome) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_acknowledge_json(handle_.get(), key.c_str(), outcome.c_str(), error);
        });
    }

    void set_pause(const std::string &key, Pause pause) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_set_pause(handle_.get(), key.c_str(), static_cast<std::int32_t>(pause), error);
        });
    }

    void set_override(const std::string &key, Order order, std::uint32_t jobs, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_set_override(handle_.get(), key.c_str(), static_cast<std::int32_t>(order), jobs,
                                              detail::milliseconds(until), error);
        });
    }

    void set_override(const std::string &key, Order order, std::uint32_t jobs, TimePoint from, TimePoint until) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_set_override_from(handle_.get(), key.c_str(), static_cast<std::int32_t>(order), jobs,
                                                   detail::milliseconds(from), detail::milliseconds(until), error);
        });
    }

    void reconfigure(const std::string &key, const std::string &config) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_reconfigure(handle_.get(), key.c_str(), config.c_str(), error);
        });
    }

    std::uint32_t announce(const std::string &key, Announced what, double value, TimePoint start, TimePoint end) {
        std::uint32_t id = 0;
        detail::run([&](evscale_error **error) {
            return evscale_fleet_announce(handle_.get(), key.c_str(), static_cast<std::int32_t>(what), value,
                                          detail::milliseconds(start), detail::milliseconds(end), &id, error);
        });
        return id;
    }

    void cancel_announcement(const std::string &key, std::uint32_t id) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_cancel_announcement(handle_.get(), key.c_str(), id, error);
        });
    }

    void clear_override(const std::string &key) {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_clear_override(handle_.get(), key.c_str(), error);
        });
    }

private:
    /// No status: the call was refused as a whole.
    static constexpr std::int32_t none = std::numeric_limits<std::int32_t>::min();
    template <typename Call> std::string text(Call call, const std::string &key) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return call(handle_.get(), key.c_str(), buffer, size, needed, error);
        });
    }
    struct Free {
        void operator()(evscale_fleet *fleet) const noexcept { evscale_fleet_free(fleet); }
    };
    std::unique_ptr<evscale_fleet, Free> handle_;
};

/// Counts what happens in a pool and hands out one record per interval. Any number of threads may use a meter at once.
class Meter {
public:
    /// Running totals of a source; what is not known stays NaN.
    class Totals {
    public:
        Totals() { evscale_totals_init(&raw_, sizeof raw_); }
        evscale_totals *operator->() noexcept { return &raw_; }
        const evscale_totals &raw() const noexcept { return raw_; }

    private:
        evscale_totals raw_{};
    };
    static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

    /// Measures from `now` on.
    explicit Meter(TimePoint now, const std::string &config_json = "{}") {
        evscale_meter *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_meter_new(config_json.c_str(), detail::milliseconds(now), &made, error);
        });
        handle_.reset(made);
    }

    /// Events that have arrived, once each.
    void arrived(std::uint64_t events = 1) const { run(evscale_meter_arrived, events); }

    /// Events whose processing has ended, well or not, each after so many seconds of work and of waiting.
    void finished(double seconds = unknown, double waited = unknown, std::uint64_t events = 1) const {
        run(evscale_meter_finished, seconds, waited, events);
    }

    /// So many of the finished events failed.
    void failed(std::uint64_t events = 1) const { run(evscale_meter_failed, events); }

    /// Running totals in the place of single events; those of several sources add up.
    void totals(const Totals &totals, const std::string &source = "") const {
        run(evscale_meter_totals, source.c_str(), &totals.raw());
    }

    /// Jobs that were asked for, became ready, could not be had, and have left.
    void started(TimePoint now, std::uint32_t jobs = 1) const { run(evscale_meter_started, detail::milliseconds(now), jobs); }
    void ready(TimePoint now, std::uint32_t jobs = 1) const { run(evscale_meter_ready, detail::milliseconds(now), jobs); }
    void refused(std::uint32_t jobs = 1) const { run(evscale_meter_refused, jobs); }
    void drained(std::uint32_t jobs = 1) const { run(evscale_meter_drained, jobs); }

    /// The records of the intervals that have ended, oldest first. Call it as often as you like; unknown is NaN.
    std::vector<Metrics> tick(TimePoint now, double jobs, double queued = unknown, double busy = unknown) const {
        std::vector<Metrics> records;
        std::size_t waiting = 1;
        while (waiting > 0) {
            evscale_metrics raw;
            evscale_metrics_init(&raw, sizeof raw);
            run(evscale_meter_tick, detail::milliseconds(now), jobs, queued, busy, &raw, std::size_t{1}, &waiting);
            if (waiting > 0) {
                records.emplace_back(raw);
                --waiting;
            }
        }
        return records;
    }

    /// Tells an autoscaler what the host did since the last call, with the measured startup time.
    void acknowledge(TimePoint now, Autoscaler &autoscaler) const {
        run(evscale_meter_acknowledge, detail::milliseconds(now), autoscaler.handle_.get());
    }

    /// The fields of the last records that are estimates, and of what, as JSON.
    std::string estimates_json() const {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_meter_estimates_json(handle_.get(), buffer, size, needed, error);
        });
    }

private:
    template <typename Call, typename... Arguments> void run(Call call, Arguments... arguments) const {
        detail::run([&](evscale_error **error) { return call(handle_.get(), arguments..., error); });
    }
    struct Free {
        void operator()(evscale_meter *meter) const noexcept { evscale_meter_free(meter); }
    };
    std::unique_ptr<evscale_meter, Free> handle_;
};

/// Writes a snapshot to a file: at every moment the file is the one before or the new one, also if the power fails.
inline void save(const std::string &path, View<std::uint8_t> snapshot) {
    detail::run([&](evscale_error **error) {
        return evscale_save(path.c_str(), snapshot.data(), snapshot.size(), error);
    });
}

}  // namespace evscale

#endif /* EVSCALE_HPP */
