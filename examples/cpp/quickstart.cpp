// The quickstart in C++17.
#include <evscale.hpp>
#include <iostream>

int main() {
    try {
        evscale::Autoscaler scaler(R"({"min_jobs": 5})");
        const evscale::TimePoint start(std::chrono::milliseconds(1767607200000));
        for (int minute = 2; minute <= 60; minute += 2) {
            evscale::Metrics record(start + std::chrono::minutes(minute), 3000 + 20 * minute, 12);
            record->average_processing_duration_ms = 400;
            scaler.observe(record);
        }
        if (const auto jobs = scaler.decide().recommended_jobs) std::cout << *jobs << " jobs\n";
        std::cout << scaler.decision_json() << '\n';
    } catch (const evscale::Error &problem) {
        std::cerr << problem.what() << '\n';
        return 1;
    }
}
