/* Many pools by key that share one bundle's networks. Part of evscale.hpp. */

#ifndef EVSCALE_FLEET_HPP
#define EVSCALE_FLEET_HPP

#include <evscale/models.hpp>
#include <evscale/pool.hpp>

namespace evscale {

/// Records of a tick and what became of them. One that is used again for the next tick allocates nothing.
class Batch {
public:
    /// Adds a record; those of one pool in their order.
    void add(const std::string &key, const Metrics &metrics) {
        detail::whole(key);
        if (keys_.size() == size_) {
            keys_.emplace_back();
        }
        keys_[size_++] = key;
        records_.push_back(metrics.raw());
        if (metrics.classes_.size() > 0) {
            classes_.emplace_back(records_.size() - 1, metrics.classes_);
        }
    }
    void clear() noexcept {
        size_ = 0;
        records_.clear();
        classes_.clear();
    }
    std::size_t size() const noexcept { return size_; }
    const std::string &key(std::size_t index) const noexcept { return keys_[index]; }
    /// EVSCALE_OK if the record was taken; observation and decision mean something only then.
    std::int32_t status(std::size_t index) const noexcept { return statuses_[index]; }
    Observation observation(std::size_t index) const noexcept { return detail::from(observations_[index]); }
    /// Of the record's pool, after its last record.
    Decision decision(std::size_t index) const noexcept { return detail::from(decisions_[index]); }
    /// The first record that was not taken, by index and key, and why; none if all were.
    const std::optional<Error> &failure() const noexcept { return failure_; }

private:
    friend class Fleet;
    std::size_t size_ = 0;
    std::vector<std::string> keys_;
    std::vector<const char *> pointers_;
    std::vector<evscale_metrics> records_;
    /// Counts of classes of events, and whose record they are of.
    std::vector<std::pair<std::size_t, detail::ClassList>> classes_;
    std::vector<evscale_observation> observations_;
    std::vector<evscale_decision> decisions_;
    std::vector<std::int32_t> statuses_;
    std::optional<Error> failure_;
};

/// One pool of a fleet: valid as long as the fleet.
class FleetPool : public Pool<FleetPool> {
public:
    const std::string &key() const noexcept { return key_; }

private:
    friend class Fleet;
    friend class Meter;
    friend class Pool<FleetPool>;
    FleetPool(evscale_fleet *fleet, std::string key) : fleet_(fleet), key_(std::move(key)) { detail::whole(key_); }
    template <typename Alone, typename InFleet, typename... Arguments>
    std::int32_t call(Alone, InFleet in_fleet, Arguments... arguments) {
        return in_fleet(fleet_, key_.c_str(), arguments...);
    }
    evscale_fleet *fleet_;
    std::string key_;
};

/// Many pools by key that share one bundle's networks.
class Fleet {
public:
    struct Record {
        std::string key;
        Metrics metrics;
    };
    /// What became of a record; observation and decision are there where `status` is EVSCALE_OK.
    struct Answer {
        std::int32_t status;
        std::optional<Observation> observation;
        /// Of the record's pool, after its last record.
        std::optional<Decision> decision;
    };

    explicit Fleet(const Bundle *bundle = nullptr) {
        evscale_fleet *made = nullptr;
        detail::run([&](evscale_error **error) { return evscale_fleet_new(Bundle::of(bundle), &made, error); });
        handle_.reset(made);
    }

    void add(const std::string &key, const std::string &config_json = "{}") {
        run(evscale_fleet_add, detail::whole(key), detail::whole(config_json));
    }

    /// Like evscale_fleet_add_like; `like_json` has keys, such as ["eu-west"].
    void add_like(const std::string &key, const std::string &config_json, const std::string &like_json) {
        run(evscale_fleet_add_like, detail::whole(key), detail::whole(config_json), detail::whole(like_json));
    }

    void restore(const std::string &key, const std::string &config_json, View<std::uint8_t> snapshot) {
        run(evscale_fleet_restore, detail::whole(key), detail::whole(config_json), snapshot.data(), snapshot.size());
    }

    void remove(const std::string &key) { run(evscale_fleet_remove, detail::whole(key)); }

    /// What can be asked of one pool.
    FleetPool pool(const std::string &key) { return FleetPool(handle_.get(), key); }

    bool has(const std::string &key) {
        std::int32_t found = 0;
        run(evscale_fleet_has, detail::whole(key), &found);
        return found != 0;
    }

    std::size_t size() {
        std::size_t count = 0;
        run(evscale_fleet_count, &count);
        return count;
    }

    /// Runs other models in the shadow in a share of the pools, 0 to 1; returns in how many from now on.
    std::size_t challenge(const Bundle &bundle, double share) {
        std::size_t started = 0;
        run(evscale_fleet_challenge, Bundle::of(&bundle), share, &started);
        return started;
    }

    /// Lets other models act in a share of the pools, 0 to 1; returns in how many from now on.
    std::size_t roll_out(const Bundle &bundle, double share, const std::string &reason) {
        std::size_t changed = 0;
        run(evscale_fleet_roll_out, Bundle::of(&bundle), share, detail::whole(reason), &changed);
        return changed;
    }

    /// Threads that a tick may use, the caller's included.
    void set_threads(std::size_t threads) { run(evscale_fleet_set_threads, threads); }

    /// What all pools may have together: `{"jobs": 500}` or `{"cost_per_hour": 120.5}`.
    void set_budget(const std::string &budget_json) { run(evscale_fleet_set_budget, detail::whole(budget_json)); }
    /// Takes the budget back.
    void clear_budget() { run(evscale_fleet_set_budget, static_cast<const char *>(nullptr)); }
    /// What became of the budget in the last tick, as JSON; `null` without one.
    std::string budget_json() { return text(evscale_fleet_budget_json); }

    /// The keys of all pools in their order, as JSON.
    std::string keys_json() { return text(evscale_fleet_keys_json); }
    /// The metrics that add up, summed over the pools that know them, by name.
    std::string sums_json() { return text(evscale_fleet_sums_json); }
    /// Reports and alerts of all pools as OpenMetrics text.
    std::string openmetrics() { return text(evscale_fleet_openmetrics); }

    /// Hands `each(key, snapshot)` the state of every pool, a view that is valid during the call. It must not throw.
    template <typename Each> void snapshots(Each each) {
        const auto handed = [](void *context, const char *key, const std::uint8_t *state, std::size_t length) noexcept {
            (*static_cast<Each *>(context))(std::string_view(key), View<std::uint8_t>(state, length));
            return std::int32_t{0};
        };
        run(evscale_fleet_snapshots, static_cast<evscale_snapshot_callback>(handed), static_cast<void *>(&each));
    }

    /// Takes the records of a batch (those of one pool in their order), decides for each of their pools, and writes what became of
    /// them into the batch. A record that is malformed, and a pool that is not there or failed, do not disturb another.
    void tick(Batch &batch) {
        const auto refused = try_tick(batch);
        if (refused) {
            detail::raise(*refused);
        }
    }

    /// The same; returns why the batch as a whole was refused, if it was.
    std::optional<Error> try_tick(Batch &batch) {
        const std::size_t count = batch.size_;
        batch.pointers_.clear();
        for (std::size_t i = 0; i < count; ++i) {
            batch.pointers_.push_back(batch.keys_[i].c_str());
        }
        for (const auto &[index, classes] : batch.classes_) {
            batch.records_[index].classes = classes.data();
        }
        batch.observations_.assign(count, detail::sized<evscale_observation>());
        batch.decisions_.assign(count, detail::sized<evscale_decision>());
        batch.statuses_.assign(count, none);
        batch.failure_.reset();
        evscale_error *error = nullptr;
        const std::int32_t status =
            evscale_fleet_tick(handle_.get(), batch.pointers_.data(), batch.records_.data(), count,
                               batch.observations_.data(), batch.decisions_.data(), batch.statuses_.data(), &error);
        if (status == EVSCALE_OK) {
            return std::nullopt;
        }
        Error failure = detail::failure(status, error);
        if (count == 0 || batch.statuses_.front() == none) {
            return failure;
        }
        batch.failure_ = std::move(failure);
        return std::nullopt;
    }

    std::vector<Answer> tick(const std::vector<Record> &records) {
        Batch batch;
        for (const Record &record : records) {
            batch.add(record.key, record.metrics);
        }
        tick(batch);
        std::vector<Answer> answers;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            answers.push_back({batch.status(i), std::nullopt, std::nullopt});
            if (batch.status(i) == EVSCALE_OK) {
                answers.back().observation = batch.observation(i);
                answers.back().decision = batch.decision(i);
            }
        }
        return answers;
    }

private:
    /// No status: the call was refused as a whole.
    static constexpr std::int32_t none = std::numeric_limits<std::int32_t>::min();
    template <typename Call, typename... Arguments> void run(Call call, Arguments... arguments) {
        detail::run([&](evscale_error **error) { return call(handle_.get(), arguments..., error); });
    }
    template <typename Call> std::string text(Call call) {
        return detail::text([&](char *buffer, std::size_t size, std::size_t *needed, evscale_error **error) {
            return call(handle_.get(), buffer, size, needed, error);
        });
    }
    std::unique_ptr<evscale_fleet, detail::Frees<evscale_fleet_free>> handle_;
};

}  // namespace evscale

#endif /* EVSCALE_FLEET_HPP */
