// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What a bad link does to frames. Pure: for each frame, its delays.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

namespace flowstamp::lab {

/// Applied to each direction: a delay of 20 ms adds 40 ms to the round trip.
struct Impairment {
    std::chrono::microseconds delay{0};
    std::chrono::microseconds jitter{0};  ///< uniform, plus or minus: frames are reordered
    double loss = 0;                      ///< probability, 0 to 1
    double duplication = 0;               ///< probability, 0 to 1
    std::uint32_t seed = 1;
};

class ImpairedLink {
  public:
    explicit ImpairedLink(const Impairment& impairment)
        : impairment_(impairment), random_(impairment.seed) {}

    /// Delay of the next frame; none if it is lost, two if duplicated.
    std::vector<std::chrono::microseconds> arrivals();

  private:
    bool happens(double probability);
    std::chrono::microseconds one_delay();

    Impairment impairment_;
    std::mt19937 random_;
};

}  // namespace flowstamp::lab
