// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/bpf/loaded_code.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace flowstamp::testing {
namespace {

constexpr std::uint64_t kPage = 4096;
/// Loads of constants from here on are addresses of the kernel's.
constexpr std::uint64_t kKernel = 0xffff800000000000;

LoadedMap open_map(__u32 id) {
    LoadedMap map;
    map.fd.reset(bpf_map_get_fd_by_id(id));
    __u32 size = sizeof(map.info);
    if (!map.fd || bpf_map_get_info_by_fd(map.fd.get(), &map.info, &size) != 0) {
        throw std::runtime_error("a map cannot be opened");
    }
    map.stride = (map.info.value_size + 7U) & ~7U;
    return map;
}

/// Of a map whose own address is `address`. `free`: where the next per-CPU array's elements may be.
void place(LoadedMap& map, std::uint64_t address, const BtfView& types, std::uint64_t& free) {
    const Layout array = types.layout("bpf_array").value();
    if (map.info.type == BPF_MAP_TYPE_ARRAY) {
        map.elements = address + array.find("value")->bit_offset / 8;
    } else if (map.info.type == BPF_MAP_TYPE_PERCPU_ARRAY && map.elements == 0) {
        map.pointers = address + array.find("pptrs")->bit_offset / 8;
        map.elements = free;
        free += (map.bytes() + 2 * kPage) & ~(kPage - 1);
    }
}

}  // namespace

LoadedCode::LoadedCode(int program_fd, const BtfView& types, std::uint64_t elements) {
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &disassembler_) != CS_ERR_OK) {
        throw std::runtime_error("no disassembler");
    }
    read_code(program_fd);
    find_maps(types, elements);
}

LoadedCode::~LoadedCode() {
    cs_close(&disassembler_);
}

bool LoadedCode::holds(std::uint64_t address) const {
    return std::ranges::any_of(functions_, [&](const LoadedFunction& function) {
        return address - function.address < function.code.size();
    });
}

std::string LoadedCode::line_at(std::uint64_t address) const {
    const auto next = lines_.upper_bound(address);
    return next == lines_.begin() ? std::string() : std::prev(next)->second;
}

/// Its functions' code, and the constants that it loads, as the verifier left them.
void LoadedCode::read_code(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.jited_prog_len == 0) {
        throw std::runtime_error("the kernel does not show the program's machine code");
    }
    std::vector<__u64> addresses(info.nr_jited_ksyms);
    std::vector<__u32> lengths(info.nr_jited_func_lens);
    Bytes code(info.jited_prog_len);
    instructions_.resize(info.xlated_prog_len / sizeof(bpf_insn));
    map_ids_.resize(info.nr_map_ids);
    info = {};
    info.jited_prog_len = static_cast<__u32>(code.size());
    info.jited_prog_insns = reinterpret_cast<__u64>(code.data());
    info.xlated_prog_len = static_cast<__u32>(instructions_.size() * sizeof(bpf_insn));
    info.xlated_prog_insns = reinterpret_cast<__u64>(instructions_.data());
    info.nr_map_ids = static_cast<__u32>(map_ids_.size());
    info.map_ids = reinterpret_cast<__u64>(map_ids_.data());
    info.nr_jited_ksyms = static_cast<__u32>(addresses.size());
    info.jited_ksyms = reinterpret_cast<__u64>(addresses.data());
    info.nr_jited_func_lens = static_cast<__u32>(lengths.size());
    info.jited_func_lens = reinterpret_cast<__u64>(lengths.data());
    size = sizeof(info);
    if (bpf_prog_get_info_by_fd(program_fd, &info, &size) != 0 || info.jited_prog_insns == 0 ||
        addresses.empty() || addresses[0] == 0) {
        throw std::runtime_error("the kernel does not show the program's machine code");
    }
    read_lines(program_fd);
    auto begin = code.begin();
    for (std::size_t i = 0; i < lengths.size(); i++) {
        functions_.push_back({addresses[i], Bytes(begin, begin + lengths[i])});
        begin += lengths[i];
    }
}

/// Which line of the source each piece of machine code is of.
void LoadedCode::read_lines(int program_fd) {
    bpf_prog_info info{};
    __u32 size = sizeof(info);
    bpf_prog_get_info_by_fd(program_fd, &info, &size);
    std::vector<bpf_line_info> lines(info.nr_line_info);
    std::vector<__u64> addresses(info.nr_jited_line_info);
    const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_from_kernel_by_id(info.btf_id),
                                                           btf__free);
    info = {};
    info.nr_line_info = static_cast<__u32>(lines.size());
    info.line_info = reinterpret_cast<__u64>(lines.data());
    info.line_info_rec_size = sizeof(bpf_line_info);
    info.nr_jited_line_info = static_cast<__u32>(addresses.size());
    info.jited_line_info = reinterpret_cast<__u64>(addresses.data());
    info.jited_line_info_rec_size = sizeof(__u64);
    size = sizeof(info);
    bpf_prog_get_info_by_fd(program_fd, &info, &size);
    for (std::size_t i = 0; types && i < lines.size() && i < addresses.size(); i++) {
        const std::string file = btf__str_by_offset(types.get(), lines[i].file_name_off);
        lines_[addresses[i]] =
            fmt::format("{}:{}", file.substr(file.rfind('/') + 1), lines[i].line_col >> 10U);
    }
}

/// The maps' addresses: of the constants that the machine code loads, in the order in which the
/// verified program loads them, those that stand for a map or a place in its value.
void LoadedCode::find_maps(const BtfView& types, std::uint64_t elements) {
    const std::vector<std::uint64_t> loaded = addresses_loaded();
    auto next = loaded.begin();
    std::map<__u32, std::string> names;
    for (const __u32 id : map_ids_) {
        LoadedMap map = open_map(id);
        names[id] = map.info.name;
        maps_.emplace(map.info.name, std::move(map));
    }
    for (std::size_t i = 0; i + 1 < instructions_.size(); i++) {
        const bpf_insn &low = instructions_[i], &high = instructions_[i + 1];
        if (low.code != (BPF_LD | BPF_IMM | BPF_DW)) {
            continue;
        }
        i++;
        const bool is_map = low.src_reg == BPF_PSEUDO_MAP_FD;
        if (!is_map && low.src_reg != BPF_PSEUDO_MAP_VALUE) {
            const std::uint64_t constant =
                std::uint64_t{static_cast<__u32>(high.imm)} << 32U | static_cast<__u32>(low.imm);
            next += constant >= kKernel && next != loaded.end() && *next == constant;
            continue;
        }
        if (next == loaded.end()) {
            throw std::runtime_error("the machine code loads fewer addresses than the program");
        }
        LoadedMap& map = maps_.at(names.at(static_cast<__u32>(low.imm)));
        if (is_map) {
            place(map, *next++, types, elements);
        } else {
            map.elements = *next++ - static_cast<std::uint64_t>(std::int64_t{high.imm});
        }
    }
    if (next != loaded.end()) {
        throw std::runtime_error("the machine code loads more addresses than the program");
    }
}

std::vector<std::uint64_t> LoadedCode::addresses_loaded() const {
    std::vector<std::uint64_t> found;
    for (const LoadedFunction& function : functions_) {
        for (std::size_t at = 0; at + 10 <= function.code.size();) {
            const std::span<const std::uint8_t> rest = std::span(function.code).subspan(at);
            std::uint64_t constant = 0;
            std::memcpy(&constant, &rest[2], sizeof(constant));
            // REX.W (B), MOV r64, imm64
            if ((rest[0] == 0x48 || rest[0] == 0x49) && rest[1] >= 0xb8 && rest[1] <= 0xbf &&
                constant >= kKernel) {
                found.push_back(constant);
            }
            at += length_of(rest, function.address + at);
        }
    }
    return found;
}
std::size_t LoadedCode::length_of(std::span<const std::uint8_t> code, std::uint64_t address) const {
    cs_insn* one = nullptr;
    if (cs_disasm(disassembler_, code.data(), code.size(), address, 1, &one) != 1) {
        return 1;  // padding between functions
    }
    const std::size_t length = one->size;
    cs_free(one, 1);
    return length;
}

}  // namespace flowstamp::testing
