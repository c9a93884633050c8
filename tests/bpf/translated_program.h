// SPDX-License-Identifier: Apache-2.0
// A loaded program as the verifier left it: dead code gone, every helper named.
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
    /// Throws std::runtime_error if the kernel does not tell.
    static TranslatedProgram of(int program_fd);

    [[nodiscard]] const std::vector<bpf_insn>& instructions() const { return instructions_; }

    /// The kernel functions that it calls, its subprograms' calls included.
    [[nodiscard]] std::set<std::string> calls() const;

  private:
    std::vector<bpf_insn> instructions_;
};

/// What the entry of a program can do to its packet, found by following every path through it
/// (not through the functions that it calls) with what each register and stack place can hold.
/// Every doubt is held against the program: what is unknown may be anything.
struct EntryBehaviour {
    std::set<std::int32_t> returns{};  ///< constants that it can return
    bool returns_other = false;        ///< it can return what is no constant
    bool writes_packet = false;        ///< a store through a pointer got from the context
    bool context_escapes = false;      ///< the context, or such a pointer, goes to a subprogram
};
EntryBehaviour behaviour_of_entry(const std::vector<bpf_insn>& instructions);

}  // namespace flowstamp::testing
