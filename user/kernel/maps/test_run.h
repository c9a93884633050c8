// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"

namespace flowstamp::kernel {

enum class Program { xdp_ingress, tc_ingress, tc_egress };

/// Minimum frame length that BPF_PROG_TEST_RUN accepts for XDP, bytes.
inline constexpr std::size_t kTestRunMinXdp = 14;
inline constexpr std::size_t kTestRunMinTc = 34;

struct TestFrame {
    std::span<const std::uint8_t> bytes;  ///< from the Ethernet header on
    std::uint32_t ifindex = 1;            ///< an interface of this network namespace; 1: lo
    std::uint32_t came_in_by = 0;         ///< tc egress only: an interface; 0: none
    std::uint16_t gso_segments = 0;       ///< tc only: number of segments of a GSO packet; 0: none
    std::uint16_t gso_size = 0;           ///< tc only: their payload bytes
};

struct TestRunResult {
    std::uint32_t action = 0;         ///< XDP_* or TC_ACT_*, as returned by the program
    std::vector<std::uint8_t> bytes;  ///< the frame after the program ran
    Nanoseconds duration{0};          ///< mean of one run
};

/// Runs a loaded program on synthetic frames (BPF_PROG_TEST_RUN). Must not outlive the LoadedProbe
/// that created it.
class TestRun {
  public:
    struct Descriptors {
        int xdp_ingress = -1;
        int tc_ingress = -1;
        int tc_egress = -1;
        volatile std::uint64_t* time_ns = nullptr;
    };
    explicit TestRun(const Descriptors& descriptors) : descriptors_(descriptors) {}

    /// Runs `program` `repeat` times on the frame.
    [[nodiscard]] Result<TestRunResult> run(Program program, const TestFrame& frame,
                                            std::uint32_t repeat = 1) const;

    /// Sets the time that the next packets see. Only with ProbeOptions::clock_is_replayed.
    void set_time(Nanoseconds time) const;

  private:
    Descriptors descriptors_;
};

}  // namespace flowstamp::kernel
