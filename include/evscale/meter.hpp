/* From a host's raw signals to records. Part of evscale.hpp. */

#ifndef EVSCALE_METER_HPP
#define EVSCALE_METER_HPP

#include <evscale/autoscaler.hpp>
#include <evscale/fleet.hpp>

namespace evscale {

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
            return evscale_meter_new(detail::whole(config_json), detail::milliseconds(now), &made, error);
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
        run(evscale_meter_totals, detail::whole(source), &totals.raw());
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
    void acknowledge(TimePoint now, const FleetPool &pool) const {
        detail::run([&](evscale_error **error) {
            return evscale_fleet_meter_acknowledge(pool.fleet_, pool.key_.c_str(), handle_.get(),
                                                   detail::milliseconds(now), error);
        });
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
    std::unique_ptr<evscale_meter, detail::Frees<evscale_meter_free>> handle_;
};

}  // namespace evscale

#endif /* EVSCALE_METER_HPP */
