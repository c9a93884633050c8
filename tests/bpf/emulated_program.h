// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What a loaded program does for one packet, counted: the machine code that the kernel made of it, with its
// maps' contents, run by an emulator of the processor. Counts are exact, whatever else the machine does.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>

#include "tests/datapath/rig.h"

namespace flowstamp::testing {

/// Of one run of a program, without what the kernel's own functions do that it calls.
struct PacketCost {
    std::uint64_t instructions = 0;
    std::uint64_t branches = 0;  ///< conditional ones, taken or not
    std::uint64_t returns =
        0;  ///< of functions of the program that were called, and of the kernel's
    std::uint64_t atomics = 0;
    std::map<std::string, int> kernel_calls{};
    /// Instructions by line of the source, "observe.h:120", an inlined function's under its own.
    std::map<std::string, std::uint64_t> lines{};
    /// Of 64 bytes, in maps: not the stack, the packet or its context.
    std::size_t lines_read = 0;
    std::size_t lines_written = 0;

    [[nodiscard]] std::string text() const;
};
std::ostream& operator<<(std::ostream& out, const PacketCost& cost);

/// A program that the kernel has loaded and compiled (x86-64).
class EmulatedProgram {
  public:
    /// Reads its code. Throws std::runtime_error if the kernel does not show it: without root, with
    /// bpf_jit_enable = 0, or with a hardened JIT.
    explicit EmulatedProgram(int program_fd);
    EmulatedProgram(EmulatedProgram&&) noexcept;
    ~EmulatedProgram();

    /// With its maps as they are now, which it leaves as they are. `result`: what the program returned.
    PacketCost run(fst_hook hook, const Frame& frame, std::uint32_t* result = nullptr);
    /// A map's element after the run, as far as the program may have changed it.
    [[nodiscard]] Bytes element(const std::string& map, std::uint32_t index) const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace flowstamp::testing
