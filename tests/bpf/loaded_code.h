// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A program that the kernel has loaded and compiled: its machine code, and where its maps' elements are to that
// code.
#pragma once

#include <capstone.h>
#include <linux/bpf.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tests/bpf/btf_view.h"
#include "tests/support/checksum.h"
#include "user/base/fd.h"

namespace flowstamp::testing {

struct LoadedFunction {
    std::uint64_t address;
    Bytes code;
};

struct LoadedMap {
    bpf_map_info info{};
    Fd fd;
    std::uint64_t elements = 0;  ///< address of the first; 0: the code does not touch them itself
    std::uint64_t pointers =
        0;  ///< address of those to this array's elements, if each CPU has its own
    std::uint32_t stride = 0;  ///< bytes from one element to the next

    [[nodiscard]] std::uint64_t bytes() const { return std::uint64_t{info.max_entries} * stride; }
    [[nodiscard]] bool holds(std::uint64_t address) const {
        return elements != 0 && address - elements < bytes();
    }
};

class LoadedCode {
  public:
    /// `elements`: where per-CPU arrays' elements are to be, an address that no kernel uses. Throws
    /// std::runtime_error if the kernel does not show the code: without root, with bpf_jit_enable = 0, or
    /// with a hardened JIT.
    LoadedCode(int program_fd, const BtfView& types, std::uint64_t elements);
    LoadedCode(const LoadedCode&) = delete;
    ~LoadedCode();

    /// The first is the program itself.
    [[nodiscard]] const std::vector<LoadedFunction>& functions() const { return functions_; }
    [[nodiscard]] const std::map<std::string, LoadedMap>& maps() const { return maps_; }
    [[nodiscard]] bool holds(std::uint64_t address) const;
    /// "observe.h:120"; empty if it is not known.
    [[nodiscard]] std::string line_at(std::uint64_t address) const;

  private:
    void read_code(int program_fd);
    void read_lines(int program_fd);
    void find_maps(const BtfView& types, std::uint64_t elements);
    [[nodiscard]] std::vector<std::uint64_t> addresses_loaded() const;
    [[nodiscard]] std::size_t length_of(std::span<const std::uint8_t> code,
                                        std::uint64_t address) const;

    csh disassembler_ = 0;
    std::vector<LoadedFunction> functions_;
    std::vector<bpf_insn> instructions_;
    std::vector<__u32> map_ids_;
    std::map<std::string, LoadedMap> maps_;
    std::map<std::uint64_t, std::string> lines_;  ///< by the address of their code
};

}  // namespace flowstamp::testing
