/* evscale for C++17: move-only handles, exceptions, std::chrono and std::string_view over evscale.h.
 *
 * evscale::Autoscaler owns the state of one pool. It may move between threads, but one thread at a time may use it.
 * Every failure is an evscale::Error with the status of evscale.h. A record that is late or broken is no failure: what
 * became of it is in the Observation.
 */

#ifndef EVSCALE_HPP
#define EVSCALE_HPP

#include <evscale.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
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

/// Text of a function that fills a buffer and tells the size that it needs.
template <typename Fill> std::string text(Fill fill) {
    std::string out(1024, '\0');
    for (;;) {
        std::size_t needed = 0;
        evscale_error *error = nullptr;
        const std::int32_t status = fill(out.data(), out.size(), &needed, &error);
        if (status == EVSCALE_BUFFER_TOO_SMALL) {
            evscale_error_free(error);
            out.resize(needed);
            continue;
        }
        check(status, error);
        out.resize(needed > 0 ? needed - 1 : 0);
        return out;
    }
}

}  // namespace detail

/// What was measured in one interval. Only `timestamp`, `logged_events_count` and `current_job_count` are required;
/// a number that is not known stays NaN. Fields and units are those of evscale_metrics.
class Metrics {
public:
    Metrics(TimePoint end, double logged_events_count, double current_job_count) {
        evscale_metrics_init(&raw_);
        raw_.timestamp_ms = end.time_since_epoch().count();
        raw_.logged_events_count = logged_events_count;
        raw_.current_job_count = current_job_count;
    }
    evscale_metrics *operator->() noexcept { return &raw_; }
    const evscale_metrics &raw() const noexcept { return raw_; }

private:
    evscale_metrics raw_{};
};

enum class Verdict : std::int32_t { accepted = 0, repaired = 1, rejected = 2 };
enum class Action : std::int32_t { scale_down = -1, hold = 0, scale_up = 1 };
enum class Source : std::int32_t { policy_network = 0, analytic_rule = 1, reactive_rule = 2, hold = 3 };
enum class Pause : std::int32_t { off = 0, all = 1, down = 2, up = 3 };

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
    std::uint32_t recommended_jobs;
    std::uint32_t current_jobs;
    std::uint32_t proposed_jobs;
    Action action;
    Source source;
    bool emergency;
    /// 0 to 1.
    double confidence;
    /// The next decision is due then.
    TimePoint valid_until;
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

    /// Goes on from a snapshot; until a fresh record arrives the pool is not made smaller.
    static Autoscaler restore(const std::string &config_json, const std::vector<std::uint8_t> &snapshot,
                              const Bundle *bundle = nullptr) {
        evscale_autoscaler *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_restore(config_json.c_str(), bundle ? bundle->get() : nullptr, snapshot.data(),
                                   snapshot.size(), &made, error);
        });
        return Autoscaler(made);
    }

    Observation observe(const Metrics &metrics) {
        evscale_observation seen{};
        seen.struct_size = sizeof seen;
        detail::run([&](evscale_error **error) {
            return evscale_observe(handle_.get(), &metrics.raw(), &seen, error);
        });
        return {static_cast<Verdict>(seen.verdict), seen.anomaly_score, seen.decision_due != 0, seen.emergency != 0};
    }

    /// The decision at the time of the newest record, or at `now`: a new one if it is due, else the standing one.
    Decision decide(std::optional<TimePoint> now = std::nullopt) {
        evscale_decision raw{};
        raw.struct_size = sizeof raw;
        detail::run([&](evscale_error **error) {
            return now ? evscale_decide_at(handle_.get(), now->time_since_epoch().count(), &raw, error)
                       : evscale_decide(handle_.get(), &raw, error);
        });
        return {raw.recommended_jobs,
                raw.current_jobs,
                raw.proposed_jobs,
                static_cast<Action>(raw.action),
                static_cast<Source>(raw.source),
                raw.emergency != 0,
                raw.confidence,
                TimePoint(std::chrono::milliseconds(raw.valid_until_ms))};
    }

    /// The last decision with everything that led to it, as JSON.
    std::string decision_json() {
        return detail::text([this](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_decision_json(handle_.get(), buffer, size, needed, error);
        });
    }

    /// The forecast at the newest record, as JSON.
    std::string forecast_json() {
        return detail::text([this](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_forecast_json(handle_.get(), buffer, size, needed, error);
        });
    }

    /// The whole state of the pool.
    std::vector<std::uint8_t> snapshot() {
        std::vector<std::uint8_t> out(64 * 1024);
        for (;;) {
            std::size_t needed = 0;
            evscale_error *error = nullptr;
            const std::int32_t status = evscale_snapshot(handle_.get(), out.data(), out.size(), &needed, &error);
            if (status != EVSCALE_BUFFER_TOO_SMALL) {
                detail::check(status, error);
                out.resize(needed);
                return out;
            }
            evscale_error_free(error);
            out.resize(needed);
        }
    }

    /// Tells what the host really did, as JSON: timestamp, started, ready, startup_seconds, refused.
    void acknowledge_json(const std::string &outcome) {
        detail::run([&](evscale_error **error) {
            return evscale_acknowledge_json(handle_.get(), outcome.c_str(), error);
        });
    }

    void set_pause(Pause pause) {
        detail::run([&](evscale_error **error) {
            return evscale_set_pause(handle_.get(), static_cast<std::int32_t>(pause), error);
        });
    }

private:
    explicit Autoscaler(evscale_autoscaler *made) : handle_(made) {}
    struct Free {
        void operator()(evscale_autoscaler *autoscaler) const noexcept { evscale_free(autoscaler); }
    };
    std::unique_ptr<evscale_autoscaler, Free> handle_;
};

}  // namespace evscale

#endif /* EVSCALE_HPP */
