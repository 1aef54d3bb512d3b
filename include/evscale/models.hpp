/* Models, a forecaster without a pool, and backtests. Part of evscale.hpp. */

#ifndef EVSCALE_MODELS_HPP
#define EVSCALE_MODELS_HPP

#include <evscale/values.hpp>

#include <functional>
#include <string_view>

namespace evscale {

namespace detail {

/// How a handle is freed.
template <auto free> struct Frees {
    template <typename Handle> void operator()(Handle *handle) const noexcept { free(handle); }
};

}  // namespace detail

/// A forecaster and a policy network, checked. Any number of threads may use it.
class Bundle {
public:
    /// From the contents of manifest.json, forecaster.onnx and policy.onnx.
    Bundle(std::string_view manifest, std::string_view forecaster, std::string_view policy) {
        evscale_bundle *bundle = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_bundle_load(bytes(manifest), manifest.size(), bytes(forecaster), forecaster.size(),
                                       bytes(policy), policy.size(), &bundle, error);
        });
        handle_.reset(bundle);
    }

    /// The same, whose manifest must be signed: `signature` (64 bytes) is one of `public_key` (32 bytes), by Ed25519.
    Bundle(std::string_view manifest, std::string_view forecaster, std::string_view policy, std::string_view signature,
           std::string_view public_key) {
        if (signature.size() != 64 || public_key.size() != 32) {
            detail::raise(Error(EVSCALE_INVALID_ARGUMENT, "a signature has 64 bytes, a public key 32"));
        }
        evscale_bundle *bundle = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_bundle_load_signed(bytes(manifest), manifest.size(), bytes(forecaster), forecaster.size(),
                                              bytes(policy), policy.size(), bytes(signature), bytes(public_key), &bundle,
                                              error);
        });
        handle_.reset(bundle);
    }

    /// A file of the models inside the library: manifest.json, forecaster.onnx or policy.onnx.
    static std::string_view bundled(const std::string &name) {
        const std::uint8_t *content = nullptr;
        std::size_t length = 0;
        detail::run([&](evscale_error **error) {
            return evscale_bundled_file(detail::whole(name), &content, &length, error);
        });
        return {reinterpret_cast<const char *>(content), length};
    }

    /// Name, version and manifest as JSON.
    std::string json() const { return described(handle_.get()); }
    /// The same of the models inside the library.
    static std::string bundled_json() { return described(nullptr); }

    const evscale_bundle *get() const noexcept { return handle_.get(); }
    /// NULL, the models inside the library, for none.
    static const evscale_bundle *of(const Bundle *bundle) noexcept { return bundle ? bundle->get() : nullptr; }

private:
    static const std::uint8_t *bytes(std::string_view file) { return reinterpret_cast<const std::uint8_t *>(file.data()); }
    static std::string described(const evscale_bundle *bundle) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_bundle_json(bundle, buffer, size, needed, error);
        });
    }
    std::unique_ptr<evscale_bundle, detail::Frees<evscale_bundle_free>> handle_;
};

/// A forecaster alone, for a series of counts without a pool of jobs.
class Forecaster {
public:
    /// `start` is the beginning of the first interval.
    Forecaster(std::chrono::seconds interval, TimePoint start, bool use_network = true, const Bundle *bundle = nullptr) {
        evscale_forecaster *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_forecaster_new(static_cast<std::uint32_t>(interval.count()), detail::milliseconds(start),
                                          use_network ? 1 : 0, Bundle::of(bundle), &made, error);
        });
        handle_.reset(made);
    }

    /// Under the interval, calendar, networks and signature of a configuration in JSON.
    Forecaster(const std::string &config_json, TimePoint start, const Bundle *bundle = nullptr) {
        evscale_forecaster *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_forecaster_for_config(detail::whole(config_json), detail::milliseconds(start), Bundle::of(bundle), &made, error);
        });
        handle_.reset(made);
    }

    /// Takes the counts of the next intervals, oldest first; NaN is not known.
    void observe(View<double> counts) {
        detail::run([&](evscale_error **error) {
            return evscale_forecaster_observe(handle_.get(), counts.data(), counts.size(), error);
        });
    }

    std::string forecast_json() {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return evscale_forecaster_json(handle_.get(), buffer, size, needed, error);
        });
    }

    Quantiles quantiles(View<std::uint32_t> minutes, View<double> levels) {
        std::vector<double> values(minutes.size() * levels.size());
        detail::run([&](evscale_error **error) {
            return evscale_forecaster_quantiles(handle_.get(), minutes.data(), minutes.size(), levels.data(), levels.size(),
                                                values.data(), error);
        });
        return Quantiles(std::move(values), levels.size());
    }

private:
    std::unique_ptr<evscale_forecaster, detail::Frees<evscale_forecaster_free>> handle_;
};

/// A history replayed under a configuration; what another one would have done is a second backtest.
class Backtest {
public:
    /// `events` and `service_ms` (empty: not known) are those of intervals from `start` on. `progress` may end it.
    Backtest(const std::string &config_json, TimePoint start, std::chrono::seconds interval, View<double> events,
             View<double> service_ms = {}, const std::string &options_json = "{}", const Bundle *bundle = nullptr,
             const std::function<bool(std::size_t, std::size_t)> &progress = nullptr) {
        if (service_ms.size() != 0 && service_ms.size() != events.size()) {
            detail::raise(Error(EVSCALE_INVALID_ARGUMENT, "`service_ms` and `events` differ in length"));
        }
        const auto told = [](void *context, std::size_t done, std::size_t all) -> std::int32_t {
            return (*static_cast<const std::function<bool(std::size_t, std::size_t)> *>(context))(done, all) ? 0 : 1;
        };
        evscale_backtest *made = nullptr;
        detail::run([&](evscale_error **error) {
            return evscale_backtest_new(detail::whole(config_json), detail::milliseconds(start),
                                        static_cast<std::uint32_t>(interval.count()), events.data(),
                                        service_ms.size() == 0 ? nullptr : service_ms.data(), events.size(),
                                        detail::whole(options_json), Bundle::of(bundle),
                                        progress ? +told : nullptr,
                                        const_cast<std::function<bool(std::size_t, std::size_t)> *>(&progress), &made,
                                        error);
        });
        handle_.reset(made);
    }

    std::string scores_json() const { return text(evscale_backtest_scores_json); }
    std::string decisions_json() const { return text(evscale_backtest_decisions_json); }

private:
    template <typename Call> std::string text(Call call) const {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return call(handle_.get(), buffer, size, needed, error);
        });
    }
    std::unique_ptr<evscale_backtest, detail::Frees<evscale_backtest_free>> handle_;
};

}  // namespace evscale

#endif /* EVSCALE_MODELS_HPP */
