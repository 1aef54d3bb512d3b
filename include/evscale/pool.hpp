/* What can be asked of a pool, alone or in a fleet. Part of evscale.hpp. */

#ifndef EVSCALE_POOL_HPP
#define EVSCALE_POOL_HPP

#include <evscale/values.hpp>

#include <utility>
#include <vector>

namespace evscale {

/// The calls of a pool. `Self` makes them: `Self::call(alone, in_fleet, arguments...)` runs one of two functions of evscale.h
/// that do the same.
template <typename Self> class Pool {
public:
    Observation observe(const Metrics &metrics) { return try_observe(metrics).value(); }
    Result<Observation> try_observe(const Metrics &metrics) {
        return taken(evscale_observe, evscale_fleet_observe, &metrics.raw());
    }

    /// Takes a record as JSON, with `timestamp` and without `struct_size`.
    Observation observe_json(const std::string &record) {
        return taken(evscale_observe_json, evscale_fleet_observe_json, detail::whole(record)).value();
    }

    /// Takes a record from long ago into the history alone, much cheaper.
    Observation backfill(const Metrics &metrics) {
        return taken(evscale_backfill, evscale_fleet_backfill, &metrics.raw()).value();
    }

    /// The decision at the time of the newest record, or at `now`: a new one if it is due, else the standing one.
    Decision decide(std::optional<TimePoint> now = std::nullopt) { return try_decide(now).value(); }
    Result<Decision> try_decide(std::optional<TimePoint> now = std::nullopt) {
        auto raw = detail::sized<evscale_decision>();
        return detail::attempt(
            [&](evscale_error **error) {
                return now ? call(evscale_decide_at, evscale_fleet_decide_at, detail::milliseconds(*now), &raw, error)
                           : call(evscale_decide, evscale_fleet_decide, &raw, error);
            },
            [&] { return detail::from(raw); });
    }

    /// What became of the last record, as JSON.
    std::string observation_json() { return text(evscale_observation_json, evscale_fleet_observation_json); }
    /// The last decision with everything that led to it, as JSON.
    std::string decision_json() { return text(evscale_decision_json, evscale_fleet_decision_json); }
    /// The last decision in a sentence.
    std::string explanation() { return text(evscale_explanation, evscale_fleet_explanation); }
    /// The forecast at the newest record, as JSON.
    std::string forecast_json() { return text(evscale_forecast_json, evscale_fleet_forecast_json); }
    /// Who acts and what is known to be wrong, as JSON.
    std::string health_json() { return text(evscale_health_json, evscale_fleet_health_json); }
    /// What the pool has learned and counts on, as JSON.
    std::string learned_json() { return text(evscale_learned_json, evscale_fleet_learned_json); }
    /// How the pool is doing: every metric by its name.
    std::string report_json() { return text(evscale_report_json, evscale_fleet_report_json); }
    /// The alerts that fire, or were resolved within the last day.
    std::string alerts_json() { return text(evscale_alerts_json, evscale_fleet_alerts_json); }
    /// What was announced and what became of it, as a JSON list.
    std::string announcements_json() { return text(evscale_announcements_json, evscale_fleet_announcements_json); }
    /// The configuration that the pool works under, as JSON: every setting.
    std::string config_json() { return text(evscale_config_json, evscale_fleet_config_json); }

    /// A number of the report by its name; NAN where it is not known.
    double report_metric(const std::string &name) {
        double value = 0;
        run(evscale_report_metric, evscale_fleet_report_metric, detail::whole(name), &value);
        return value;
    }

    /// Silences an alert by its name until a time; one that is over takes the silence back.
    void silence(const std::string &alert, TimePoint until) {
        run(evscale_silence, evscale_fleet_silence, detail::whole(alert), detail::milliseconds(until));
    }

    /// Quantiles of the forecast at the newest record, for these leads in minutes and these levels from 0 to 1.
    Quantiles forecast_quantiles(View<std::uint32_t> minutes, View<double> levels) {
        std::vector<double> values(minutes.size() * levels.size());
        run(evscale_forecast_quantiles, evscale_fleet_forecast_quantiles, minutes.data(), minutes.size(), levels.data(),
            levels.size(), values.data());
        return Quantiles(std::move(values), levels.size());
    }

    /// The whole state of the pool.
    std::vector<std::uint8_t> snapshot() {
        return detail::filled<std::vector<std::uint8_t>>(
            64 * 1024, [&](std::uint8_t *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
                return call(evscale_snapshot, evscale_fleet_snapshot, buffer, size, needed, error);
            });
    }

    /// Tells what the host really did, as JSON: timestamp, started, ready, startup_seconds, refused, drained.
    void acknowledge_json(const std::string &outcome) {
        run(evscale_acknowledge_json, evscale_fleet_acknowledge_json, detail::whole(outcome));
    }

    /// Tells how long the last observe or decide took; networks that are too slow are left alone for a while.
    void report_latency(std::chrono::duration<double, std::milli> took) {
        run(evscale_report_latency, evscale_fleet_report_latency, took.count());
    }

    void set_pause(Pause pause) {
        run(evscale_set_pause, evscale_fleet_set_pause, static_cast<std::int32_t>(pause));
    }

    /// A person's order until a time; a pause, the budget and the bounds hold nevertheless.
    void set_override(Order order, std::uint32_t jobs, TimePoint until) {
        run(evscale_set_override, evscale_fleet_set_override, static_cast<std::int32_t>(order), jobs,
            detail::milliseconds(until));
    }

    /// The same of an order that begins at a time.
    void set_override(Order order, std::uint32_t jobs, TimePoint from, TimePoint until) {
        run(evscale_set_override_from, evscale_fleet_set_override_from, static_cast<std::int32_t>(order), jobs,
            detail::milliseconds(from), detail::milliseconds(until));
    }

    void clear_override() { run(evscale_clear_override, evscale_fleet_clear_override); }

    /// Goes on under another configuration in JSON; the next decision tells what has changed.
    void reconfigure(const std::string &config) {
        run(evscale_reconfigure, evscale_fleet_reconfigure, detail::whole(config));
    }

    /// Announces an event before the records show it; returns the number by which it is cancelled.
    std::uint32_t announce(Announced what, double value, TimePoint start, TimePoint end) {
        std::uint32_t id = 0;
        run(evscale_announce, evscale_fleet_announce, static_cast<std::int32_t>(what), value, detail::milliseconds(start),
            detail::milliseconds(end), &id);
        return id;
    }

    /// Says which events fall due when, as it is known at `now`: each a time and a number of events. What was said of later times is
    /// replaced.
    void set_due(TimePoint now, const std::vector<std::pair<TimePoint, double>> &due) {
        std::vector<std::int64_t> at;
        std::vector<double> events;
        for (const auto &one : due) {
            at.push_back(detail::milliseconds(one.first));
            events.push_back(one.second);
        }
        run(evscale_set_due, evscale_fleet_set_due, detail::milliseconds(now), events.data(), at.data(), due.size());
    }

    void cancel_announcement(std::uint32_t id) {
        run(evscale_cancel_announcement, evscale_fleet_cancel_announcement, id);
    }

    /// Which models act, which run beside them, how both compare, and what happened, as JSON.
    std::string models_json() { return text(evscale_models_json, evscale_fleet_models_json); }

    /// Takes the models in the shadow away; reports whether there were any.
    bool end_challenge(const std::string &reason) {
        std::int32_t ended = 0;
        run(evscale_end_challenge, evscale_fleet_end_challenge, detail::whole(reason), &ended);
        return ended != 0;
    }

    /// Promotes the challenger without waiting for its proof.
    void promote(const std::string &reason) { run(evscale_promote, evscale_fleet_promote, detail::whole(reason)); }

    /// Brings the predecessor back, with what it has learned in the shadow.
    void roll_back(const std::string &reason) { run(evscale_roll_back, evscale_fleet_roll_back, detail::whole(reason)); }

    /// Forbids promotion and rollback, by hand and by themselves.
    void pin_models(const std::string &reason) {
        run(evscale_pin_models, evscale_fleet_pin_models, detail::whole(reason));
    }
    /// Allows them again.
    void unpin_models() {
        run(evscale_pin_models, evscale_fleet_pin_models, static_cast<const char *>(nullptr));
    }

protected:
    Pool() = default;
    Pool(const Pool &) = default;
    Pool(Pool &&) = default;
    Pool &operator=(const Pool &) = default;
    Pool &operator=(Pool &&) = default;
    ~Pool() = default;

private:
    template <typename Alone, typename InFleet, typename... Arguments>
    std::int32_t call(Alone alone, InFleet in_fleet, Arguments... arguments) {
        return static_cast<Self *>(this)->call(alone, in_fleet, arguments...);
    }
    template <typename Alone, typename InFleet, typename... Arguments>
    void run(Alone alone, InFleet in_fleet, Arguments... arguments) {
        detail::run([&](evscale_error **error) { return call(alone, in_fleet, arguments..., error); });
    }
    template <typename Alone, typename InFleet> std::string text(Alone alone, InFleet in_fleet) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return call(alone, in_fleet, buffer, size, needed, error);
        });
    }
    template <typename Alone, typename InFleet, typename Record>
    Result<Observation> taken(Alone alone, InFleet in_fleet, Record record) {
        auto raw = detail::sized<evscale_observation>();
        return detail::attempt(
            [&](evscale_error **error) { return call(alone, in_fleet, record, &raw, error); },
            [&] { return detail::from(raw); });
    }
};

}  // namespace evscale

#endif /* EVSCALE_POOL_HPP */
