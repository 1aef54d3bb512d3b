// A tiny job scheduler in C++17: threads take tasks from a queue, and evscale says how many threads there should be.
//
// The threads, the queue and the waits are real; the clock runs 400 times faster than evscale believes, so that twenty
// minutes pass in three seconds. A task takes 4 s, a thread 15 s to start, and 30 s of waiting are allowed.
// c++ -std=c++17 scheduler.cpp $(pkg-config --cflags --libs evscale) -lpthread
#include <evscale.hpp>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <mutex>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
constexpr double speed = 400;
constexpr Seconds interval{10}, task{4}, startup{15}, allowed{30};

// Of the pool's fast clock.
Seconds now() { return speed * Seconds(Clock::now().time_since_epoch()); }
void pass(Seconds time) { std::this_thread::sleep_for(time / speed); }

// What happened in one interval.
struct Counts {
    int arrived = 0, finished = 0, taken = 0, late = 0;
    Seconds worked{0}, waited{0};
};

class Pool {
public:
    ~Pool() {
        std::unique_lock<std::mutex> lock(mutex_);
        wanted_ = 0;
        changed_.notify_all();
        changed_.wait(lock, [this] { return jobs_ == 0; });
    }

    void submit(int tasks) {
        const std::lock_guard<std::mutex> lock(mutex_);
        counts_.arrived += tasks;
        queue_.insert(queue_.end(), static_cast<std::size_t>(tasks), now());
        changed_.notify_all();
    }

    // Starts jobs at once; too many leave after their task.
    void resize(int wanted) {
        const std::lock_guard<std::mutex> lock(mutex_);
        wanted_ = wanted;
        for (; jobs_ < wanted; ++jobs_) {
            std::thread([this] { job(); }).detach();
        }
        changed_.notify_all();
    }

    // The record of the interval that ends now.
    evscale::Metrics measure(evscale::TimePoint end) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const Counts seen = std::exchange(counts_, Counts{});
        evscale::Metrics record(end, seen.arrived, jobs_);
        record->processed_events_count = seen.finished;
        record->queued_events_count = static_cast<double>(queue_.size());
        record->sla_violations_count = seen.late;
        if (seen.finished > 0) record->average_processing_duration_ms = 1000 * seen.worked.count() / seen.finished;
        if (seen.taken > 0) record->average_queue_wait_time_ms = 1000 * seen.waited.count() / seen.taken;
        return record;
    }

private:
    void job() {
        pass(startup);
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return jobs_ > wanted_ || !queue_.empty(); });
            if (jobs_ > wanted_) break;
            const Seconds started = now(), waited = started - queue_.front();
            queue_.pop_front();
            ++counts_.taken;
            counts_.waited += waited;
            counts_.late += waited > allowed;
            lock.unlock();
            pass(task);
            lock.lock();
            ++counts_.finished;
            counts_.worked += now() - started;
        }
        --jobs_;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Seconds> queue_;
    int jobs_ = 0, wanted_ = 0;
    Counts counts_;
};

// Tasks of an interval: a calm pool, a rush, calm again.
int load(int slot) { return static_cast<int>(4 + 26 * std::exp(-std::pow((slot - 50) / 15.0, 2)) + 2 * std::sin(slot)); }

void schedule(int intervals) {
    evscale::Autoscaler scaler(R"({"interval_seconds": 10, "decision_interval_seconds": 30, "max_jobs": 24,
        "job_startup_seconds": 15, "sla_wait_seconds": 30, "scale_down_stabilization_seconds": 60,
        "cooldown_down_seconds": 30, "max_step_down_jobs": 4})");
    const evscale::TimePoint start(std::chrono::milliseconds(1767607200000));
    const Seconds began = now();
    Pool pool;
    pool.resize(2);
    for (int slot = 1; slot <= intervals; ++slot) {
        pool.submit(load(slot));
        pass(began + slot * interval - now());
        const evscale::Metrics record = pool.measure(start + slot * std::chrono::seconds(10));
        scaler.observe(record);
        const auto jobs = scaler.decide().recommended_jobs;
        if (jobs && *jobs != record->current_job_count) {
            std::cout << slot * 10 << " s: " << record->logged_events_count << " tasks, "
                      << record->queued_events_count << " waiting, " << record->current_job_count << " jobs -> "
                      << *jobs << "\n      " << scaler.explanation() << '\n';
            pool.resize(static_cast<int>(*jobs));
        }
    }
    std::cout << "health: " << scaler.health_json() << '\n';
}

}  // namespace

// scheduler [INTERVALS]
int main(int argc, char **argv) {
    if (!evscale::library_matches_header()) {
        std::cerr << "evscale.hpp is of another version than the library " << evscale_version() << '\n';
        return 1;
    }
    try {
        schedule(argc > 1 ? std::atoi(argv[1]) : 120);
    } catch (const evscale::Error &problem) {
        std::cerr << problem.what() << '\n';
        return 1;
    }
}
