/* Failures, views, and how a call of evscale.h is made. Part of evscale.hpp. */

#ifndef EVSCALE_BASICS_HPP
#define EVSCALE_BASICS_HPP

#include <evscale.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
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

[[noreturn]] inline void raise(const Error &error) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw error;
#else
    (void)error;
    std::abort();
#endif
}

}  // namespace detail

/// A value, or the failure in its place.
template <typename T> class Result {
public:
    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : error_(std::move(error)) {}
    explicit operator bool() const noexcept { return value_.has_value(); }
    /// Only if there is a value.
    T &operator*() noexcept { return *value_; }
    T *operator->() noexcept { return &*value_; }
    /// Only if there is none.
    const Error &error() const noexcept { return *error_; }
    /// The value; throws the failure.
    T value() && {
        if (error_) {
            detail::raise(*error_);
        }
        return std::move(*value_);
    }

private:
    std::optional<T> value_;
    std::optional<Error> error_;
};

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

namespace detail {

/// The failure of a call; frees what the library made for it.
inline Error failure(std::int32_t status, evscale_error *error) {
    const std::unique_ptr<evscale_error, decltype(&evscale_error_free)> owned(error, evscale_error_free);
    const char *message = evscale_error_message(error);
    return Error(status, *message ? message : evscale_status_text(status));
}

/// Runs a call that may fill an error, and fetches what it gave.
template <typename Call, typename Fetch> auto attempt(Call call, Fetch fetch) -> Result<decltype(fetch())> {
    evscale_error *error = nullptr;
    const std::int32_t status = call(&error);
    if (status != EVSCALE_OK) {
        return failure(status, error);
    }
    return fetch();
}

/// Runs a call that may fill an error; throws if it failed.
template <typename Call> void run(Call call) {
    evscale_error *error = nullptr;
    const std::int32_t status = call(&error);
    if (status != EVSCALE_OK) {
        raise(failure(status, error));
    }
}

/// What a function puts into a buffer, when it tells the size that it needs.
template <typename Content, typename Fill> Content filled(std::size_t guess, Fill fill) {
    Content out(guess, 0);
    for (;;) {
        std::size_t needed = 0;
        evscale_error *error = nullptr;
        const std::int32_t status = fill(out.data(), out.size(), &needed, &error);
        if (status == EVSCALE_OK) {
            out.resize(needed);
            return out;
        }
        if (status != EVSCALE_BUFFER_TOO_SMALL) {
            raise(failure(status, error));
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

/// A text as C has it, which ends at the first NUL: one inside would cut it in silence.
inline const char *whole(const std::string &text) {
    if (text.find('\0') != std::string::npos) {
        raise(Error(EVSCALE_INVALID_ARGUMENT, "a text has a NUL inside, expected none"));
    }
    return text.c_str();
}

/// Runs a function of the host's: what it throws must not leave the call.
template <typename Call> std::int32_t guarded(Call call) noexcept {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    try {
        return call() ? 0 : 1;
    } catch (...) {
        return 2;
    }
#else
    return call() ? 0 : 1;
#endif
}

inline std::int64_t milliseconds(TimePoint at) { return at.time_since_epoch().count(); }

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

/// The metrics of a report with unit and meaning, as JSON.
inline std::string metrics_json() { return detail::text(evscale_metrics_json); }

/// The alerts of the library: when each fires, and what to do, as JSON.
inline std::string alert_rules_json() { return detail::text(evscale_alert_rules_json); }

/// Loads the models inside the library, which the first handle does else: before a fork, or a thread with a small stack.
inline void preload() {
    detail::run([](evscale_error **error) { return evscale_preload(error); });
}

/// Hands the log of the whole library, up to the level `most` (EVSCALE_LOG_*), to a function that is kept until the process ends; what
/// it throws is dropped. None ends the log. Call it once, at start.
inline void set_log(std::function<void(std::int32_t, const char *)> log, std::int32_t most = EVSCALE_LOG_INFO) {
    using Log = std::function<void(std::int32_t, const char *)>;
    const auto told = [](void *context, std::int32_t level, const char *message) {
        detail::guarded([&] { return (*static_cast<Log *>(context))(level, message), true; });
    };
    auto kept = log ? std::make_unique<Log>(std::move(log)) : nullptr;
    detail::run([&](evscale_error **error) {
        return kept ? evscale_set_log(told, kept.get(), most, error) : evscale_set_log(nullptr, nullptr, 0, error);
    });
    (void)kept.release();
}

/// Checks a configuration; returns the whole of it as JSON, every setting.
inline std::string complete_config(const std::string &config_json = "{}") {
    return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
        return evscale_config_complete_json(detail::whole(config_json), buffer, size, needed, error);
    });
}

/// Writes a snapshot to a file: at every moment the file is the one before or the new one, also if the power fails.
inline void save(const std::string &path, View<std::uint8_t> snapshot) {
    detail::run([&](evscale_error **error) {
        return evscale_save(detail::whole(path), snapshot.data(), snapshot.size(), error);
    });
}

}  // namespace evscale

#endif /* EVSCALE_BASICS_HPP */
