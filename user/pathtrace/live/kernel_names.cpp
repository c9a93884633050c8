// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/kernel_names.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "user/kernel/features/libbpf_messages.h"

namespace flowstamp::pathtrace {

namespace {

constexpr std::string_view kReasonPrefix = "SKB_DROP_REASON_";
constexpr std::string_view kOtherPrefix = "SKB_";  // SKB_CONSUMED, SKB_NOT_DROPPED_YET

std::string without_prefix(std::string_view name) {
    for (const std::string_view prefix : {kReasonPrefix, kOtherPrefix}) {
        if (name.starts_with(prefix)) {
            return std::string(name.substr(prefix.size()));
        }
    }
    return std::string(name);
}

std::map<std::uint32_t, std::string> read_reasons() {
    const kernel::LibbpfMessages quiet;
    std::map<std::uint32_t, std::string> names;
    const std::unique_ptr<btf, decltype(&btf__free)> types(btf__load_vmlinux_btf(), btf__free);
    const int id =
        types ? btf__find_by_name_kind(types.get(), "skb_drop_reason", BTF_KIND_ENUM) : -1;
    if (id < 0) {
        return names;
    }
    const btf_type* type = btf__type_by_id(types.get(), static_cast<std::uint32_t>(id));
    for (std::uint32_t i = 0; i < btf_vlen(type); i++) {
        const struct btf_enum& value = btf_enum(type)[i];
        names.emplace(static_cast<std::uint32_t>(value.val),
                      without_prefix(btf__name_by_offset(types.get(), value.name_off)));
    }
    return names;
}

using Symbol = std::pair<std::uint64_t, std::string>;

/// Functions by address; empty if the kernel shows zeros instead of addresses.
std::vector<Symbol> read_symbols() {
    std::ifstream file("/proc/kallsyms");
    std::vector<Symbol> symbols;
    for (std::string line; std::getline(file, line);) {
        std::uint64_t address = 0;
        const auto [end, error] =
            std::from_chars(line.data(), line.data() + line.size(), address, 16);
        const auto at = static_cast<std::size_t>(end - line.data());
        if (error != std::errc() || address == 0 || line.size() < at + 4 ||
            (line[at + 1] != 't' && line[at + 1] != 'T')) {
            continue;
        }
        const std::size_t name = at + 3;
        symbols.emplace_back(address, line.substr(name, line.find('\t', name) - name));
    }
    std::ranges::sort(symbols, {}, &Symbol::first);
    return symbols;
}

}  // namespace

std::string drop_reason_name(std::uint32_t reason) {
    static const std::map<std::uint32_t, std::string> names = read_reasons();
    const auto found = names.find(reason);
    return found == names.end() ? fmt::format("reason {}", reason) : found->second;
}

std::string code_name(std::uint64_t address) {
    static const std::vector<Symbol> symbols = read_symbols();
    const auto above = std::ranges::upper_bound(symbols, address, {}, &Symbol::first);
    if (above == symbols.begin()) {
        return "";
    }
    const Symbol& symbol = *std::prev(above);
    return fmt::format("{}+{:#x}", symbol.second, address - symbol.first);
}

std::string interface_name(std::uint32_t index) {
    std::array<char, IF_NAMESIZE> name{};
    return index != 0 && if_indextoname(index, name.data()) != nullptr ? name.data() : "";
}

}  // namespace flowstamp::pathtrace
