/* What goes into a pool and comes out of it. Part of evscale.hpp. */

#ifndef EVSCALE_VALUES_HPP
#define EVSCALE_VALUES_HPP

#include <evscale/basics.hpp>

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace evscale {

/// Counts of one class of events in one interval; NaN is unknown.
struct ClassCounts {
    double logged_events_count = std::numeric_limits<double>::quiet_NaN();
    double processed_events_count = std::numeric_limits<double>::quiet_NaN();
    double queued_events_count = std::numeric_limits<double>::quiet_NaN();
    double sla_violations_count = std::numeric_limits<double>::quiet_NaN();
};

namespace detail {

/// Counts of several classes as the C interface takes them, with their names.
class ClassList {
public:
    ClassList() = default;
    ClassList(const ClassList &other) : names_(other.names_), counts_(other.counts_) { bind(); }
    ClassList(ClassList &&other) noexcept { swap(other); }
    ClassList &operator=(ClassList other) noexcept {
        swap(other);
        return *this;
    }
    ~ClassList() = default;

    void set(const std::string &name, const ClassCounts &counts) {
        whole(name);
        std::size_t place = 0;
        while (place < names_.size() && names_[place] != name) {
            ++place;
        }
        if (place == names_.size()) {
            counts_.emplace_back();
            evscale_class_counts_init(&counts_.back(), sizeof(evscale_class_counts));
            names_.push_back(name);
            bind();
        }
        counts_[place].logged_events_count = counts.logged_events_count;
        counts_[place].processed_events_count = counts.processed_events_count;
        counts_[place].queued_events_count = counts.queued_events_count;
        counts_[place].sla_violations_count = counts.sla_violations_count;
    }
    const evscale_class_counts *data() const noexcept { return counts_.data(); }
    std::size_t size() const noexcept { return counts_.size(); }

private:
    /// Both vectors keep their elements where they are, so that the names stay where the counts point to.
    void swap(ClassList &other) noexcept {
        names_.swap(other.names_);
        counts_.swap(other.counts_);
    }
    void bind() noexcept {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            counts_[i].name = names_[i].c_str();
        }
    }

    std::vector<std::string> names_;
    std::vector<evscale_class_counts> counts_;
};

}  // namespace detail

/// What was measured in one interval. Only `timestamp`, `logged_events_count` and `current_job_count` are required;
/// a number that is not known stays NaN. Fields and units are those of evscale_metrics.
class Metrics {
public:
    Metrics(TimePoint end, double logged_events_count, double current_job_count) {
        evscale_metrics_init(&raw_, sizeof raw_);
        raw_.timestamp_ms = detail::milliseconds(end);
        raw_.logged_events_count = logged_events_count;
        raw_.current_job_count = current_job_count;
    }
    /// What `classes` of it points to must live as long as the copy.
    explicit Metrics(const evscale_metrics &raw) noexcept : raw_(raw) {}
    Metrics(const Metrics &other) : raw_(other.raw_), classes_(other.classes_) { bind(); }
    Metrics(Metrics &&other) noexcept : raw_(other.raw_), classes_(std::move(other.classes_)) {
        bind();
        other.raw_.classes = nullptr;
        other.raw_.class_count = 0;
    }
    Metrics &operator=(Metrics other) noexcept {
        raw_ = other.raw_;
        classes_ = std::move(other.classes_);
        bind();
        return *this;
    }
    ~Metrics() = default;

    /// Sets the counts of a class of events by its name in the configuration.
    Metrics &set_class(const std::string &name, const ClassCounts &counts) {
        classes_.set(name, counts);
        bind();
        return *this;
    }
    evscale_metrics *operator->() noexcept { return &raw_; }
    const evscale_metrics *operator->() const noexcept { return &raw_; }
    const evscale_metrics &raw() const noexcept { return raw_; }

private:
    friend class Batch;
    void bind() noexcept {
        if (classes_.size() > 0) {
            raw_.classes = classes_.data();
            raw_.class_count = classes_.size();
        }
    }

    evscale_metrics raw_{};
    detail::ClassList classes_;
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

/// How many jobs the pool should have. decision_json of its pool has everything that led to it.
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

}  // namespace evscale

#endif /* EVSCALE_VALUES_HPP */
