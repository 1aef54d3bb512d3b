/* The autoscaler of one pool. Part of evscale.hpp. */

#ifndef EVSCALE_AUTOSCALER_HPP
#define EVSCALE_AUTOSCALER_HPP

#include <evscale/models.hpp>
#include <evscale/pool.hpp>

namespace evscale {

/// Forecasts as of evscale_forecast_callback: fills the quantiles, row by row; returns whether it succeeded.
using OwnForecaster =
    std::function<bool(View<double> counts, TimePoint end, std::chrono::duration<double> interval, double *quantiles)>;
/// Proposes jobs as of evscale_policy_callback; none if it failed.
using OwnPolicy = std::function<std::optional<double>(const char *state_json)>;

namespace detail {

template <typename Function> void release(void *context) { delete static_cast<Function *>(context); }

}  // namespace detail

/// The autoscaler of one pool.
class Autoscaler : public Pool<Autoscaler> {
public:
    /// From a configuration in JSON, with the models inside the library or those of a bundle.
    explicit Autoscaler(const std::string &config_json = "{}", const Bundle *bundle = nullptr)
        : Autoscaler(make(config_json, bundle).value()) {}

    static Result<Autoscaler> make(const std::string &config_json = "{}", const Bundle *bundle = nullptr) {
        evscale_autoscaler *made = nullptr;
        return detail::attempt(
            [&](evscale_error **error) {
                return evscale_new(detail::whole(config_json), Bundle::of(bundle), &made, error);
            },
            [&] { return Autoscaler(made); });
    }

    /// Goes on from a snapshot; until a fresh record tells the number of jobs, decisions have no recommendation.
    static Autoscaler restore(const std::string &config_json, View<std::uint8_t> snapshot,
                              const Bundle *bundle = nullptr) {
        return try_restore(config_json, snapshot, bundle).value();
    }
    static Result<Autoscaler> try_restore(const std::string &config_json, View<std::uint8_t> snapshot,
                                          const Bundle *bundle = nullptr) {
        evscale_autoscaler *made = nullptr;
        return detail::attempt(
            [&](evscale_error **error) {
                return evscale_restore(detail::whole(config_json), Bundle::of(bundle), snapshot.data(), snapshot.size(),
                                       &made, error);
            },
            [&] { return Autoscaler(made); });
    }

    /// Puts a forecaster of the host's own in the place of the network. One that throws has failed.
    void use_forecaster(OwnForecaster forecaster) {
        const auto forecast = [](void *context, const double *counts, std::size_t count, std::int64_t end_ms,
                                 double interval_seconds, double *quantiles) -> std::int32_t {
            return detail::guarded([&] {
                return (*static_cast<OwnForecaster *>(context))(
                    View<double>(counts, count), TimePoint(std::chrono::milliseconds(end_ms)),
                    std::chrono::duration<double>(interval_seconds), quantiles);
            });
        };
        auto *context = new OwnForecaster(std::move(forecaster));
        detail::run([&](evscale_error **error) {
            return evscale_use_forecaster(handle_.get(), forecast, context, detail::release<OwnForecaster>, error);
        });
    }

    /// Puts a policy of the host's own in the place of the network. One that throws has failed.
    void use_policy(OwnPolicy policy) {
        const auto propose = [](void *context, const char *state, double *jobs) -> std::int32_t {
            return detail::guarded([&] {
                const std::optional<double> proposed = (*static_cast<OwnPolicy *>(context))(state);
                *jobs = proposed.value_or(0);
                return proposed.has_value();
            });
        };
        auto *context = new OwnPolicy(std::move(policy));
        detail::run([&](evscale_error **error) {
            return evscale_use_policy(handle_.get(), propose, context, detail::release<OwnPolicy>, error);
        });
    }

    /// Runs other models in the shadow until they have proven to be better on this pool's load.
    void challenge(const Bundle &bundle) {
        detail::run([&](evscale_error **error) { return evscale_challenge(handle_.get(), Bundle::of(&bundle), error); });
    }

    /// Lets other models act from now on; those before them stay in the shadow.
    void set_bundle(const Bundle &bundle, const std::string &reason) {
        detail::run([&](evscale_error **error) {
            return evscale_set_bundle(handle_.get(), Bundle::of(&bundle), detail::whole(reason), error);
        });
    }

    /// Report and alerts as OpenMetrics text, with this label.
    std::string openmetrics(const std::string &pool) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_openmetrics(handle_.get(), detail::whole(pool), buffer, size, needed, error);
        });
    }

private:
    friend class Meter;
    friend class Pool<Autoscaler>;
    explicit Autoscaler(evscale_autoscaler *made) : handle_(made) {}
    template <typename Alone, typename InFleet, typename... Arguments>
    std::int32_t call(Alone alone, InFleet, Arguments... arguments) {
        return alone(handle_.get(), arguments...);
    }
    std::unique_ptr<evscale_autoscaler, detail::Frees<evscale_free>> handle_;
};

}  // namespace evscale

#endif /* EVSCALE_AUTOSCALER_HPP */
