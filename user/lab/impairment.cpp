// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/impairment.h"

#include <algorithm>

namespace flowstamp::lab {

std::vector<std::chrono::microseconds> ImpairedLink::arrivals() {
    if (happens(impairment_.loss)) {
        return {};
    }
    std::vector<std::chrono::microseconds> times{one_delay()};
    if (happens(impairment_.duplication)) {
        times.push_back(one_delay());
    }
    return times;
}

bool ImpairedLink::happens(double probability) {
    return probability > 0 && std::bernoulli_distribution(std::min(probability, 1.0))(random_);
}

std::chrono::microseconds ImpairedLink::one_delay() {
    const auto jitter = impairment_.jitter.count();
    std::uniform_int_distribution<std::int64_t> shift(-jitter, jitter);
    const std::chrono::microseconds delay =
        impairment_.delay + std::chrono::microseconds(shift(random_));
    return std::max(delay, std::chrono::microseconds(0));
}

}  // namespace flowstamp::lab
