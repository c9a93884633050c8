// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A loaded program after verification: dead code removed, every helper named.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace flowstamp::testing {

class TranslatedProgram {
  public:
    /// Throws std::runtime_error if the kernel does not show it.
    static TranslatedProgram of(int program_fd);

    [[nodiscard]] const std::vector<bpf_insn>& instructions() const { return instructions_; }

    /// The kernel functions that it calls, including those called by subprograms.
    [[nodiscard]] std::set<std::string> calls() const;

  private:
    std::vector<bpf_insn> instructions_;
};

/// What the entry of a program can do to its packet, found by following every path through it (not
/// through the functions it calls) with the possible contents of each register and stack slot.
/// Conservative: unknown contents may be anything.
struct EntryBehaviour {
    std::set<std::int32_t> returns{};  ///< constants that it can return
    bool returns_other = false;        ///< it can return a non-constant
    bool writes_packet = false;        ///< a store through a pointer derived from the context
    bool context_escapes = false;      ///< the context, or such a pointer, is passed to a function
};
EntryBehaviour behaviour_of_entry(const std::vector<bpf_insn>& instructions);

}  // namespace flowstamp::testing
