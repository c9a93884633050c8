// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/netfilter/nft_text.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <sstream>
#include <string>

#include "user/netfilter/quoted_lines.h"

namespace flowstamp::netfilter {
namespace {

constexpr std::string_view kHandle = " # handle ";

std::string_view trimmed(std::string_view line) {
    const std::size_t begin = line.find_first_not_of(" \t");
    return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
}

/// The number at the end of "... # handle 12"; nothing if the line does not end so.
std::optional<std::uint64_t> handle_of(std::string_view line) {
    const std::size_t at = line.rfind(kHandle);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view digits = line.substr(at + kHandle.size());
    std::uint64_t handle = 0;
    const auto [end, trouble] =
        std::from_chars(digits.data(), digits.data() + digits.size(), handle);
    if (trouble != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return handle;
}

/// "eth0" of `device "eth0"`, both of `devices = { "eth0", "eth1" }`, in a base chain's first line.
std::vector<std::string> devices_of(std::string_view line) {
    std::vector<std::string> devices;
    std::size_t at = line.find(" device");
    const std::size_t end = line.find(" priority ");
    if (at == std::string_view::npos || end == std::string_view::npos || at > end) {
        return devices;
    }
    std::string words(line.substr(at, end - at));
    std::ranges::replace_if(
        words, [](char c) { return std::string_view("\"{},=;").contains(c); }, ' ');
    std::istringstream in(words);
    for (std::string word; in >> word;) {
        if (word != "device" && word != "devices") {
            devices.push_back(word);
        }
    }
    return devices;
}

/// Walks the listing's lines: tables are not indented, their contents by one tab, rules by two.
class Listing {
  public:
    explicit Listing(std::vector<Table>& tables) : tables_(tables) {}

    void consume(std::string_view line) {
        const std::size_t depth = std::min(line.find_first_not_of('\t'), line.size());
        const std::string_view words = line.substr(depth);
        if (depth == 0 && words.starts_with("table ")) {
            open_table(words);
        } else if (depth == 1 && words.starts_with("flags ") && words.contains("dormant")) {
            if (table_ != nullptr) {
                table_->dormant = true;
            }
        } else if (depth == 1) {
            open_chain(words);
        } else if (depth >= 2 && chain_ != nullptr) {
            read_in_chain(words);
        }
    }

  private:
    void open_table(std::string_view words) {  // table inet filter { # handle 1
        std::istringstream in{std::string(words)};
        std::string keyword, family, name;
        in >> keyword >> family >> name;
        const auto found = std::ranges::find_if(tables_, [&](const Table& table) {
            return name_of(table.family) == family && table.name == name;
        });
        table_ = found == tables_.end() ? nullptr : &*found;
        chain_ = nullptr;
    }

    void open_chain(std::string_view words) {  // chain input { # handle 2
        chain_ = nullptr;
        rule_.clear();
        if (table_ != nullptr && words.starts_with("chain ")) {
            std::istringstream in{std::string(words)};
            std::string keyword, name;
            in >> keyword >> name;
            chain_ = find_chain(*table_, name);
        }
    }

    void read_in_chain(std::string_view words) {
        if (chain_->base && words.starts_with("type ") && words.contains(" hook ")) {
            if (auto devices = devices_of(words); !devices.empty()) {
                chain_->base->devices = std::move(devices);
            }
            return;
        }
        if (rule_.empty() && words.starts_with("comment \"")) {
            return;  // the chain's own
        }
        rule_.append(rule_.empty() ? "" : " ").append(trimmed(words));
        if (const auto handle = handle_of(rule_)) {  // a long set may span several lines
            const auto rule = std::ranges::find(chain_->rules, *handle, &Rule::handle);
            if (rule != chain_->rules.end()) {
                rule->text = rule_.substr(0, rule_.rfind(kHandle));
            }
            rule_.clear();
        }
    }

    std::vector<Table>& tables_;
    Table* table_ = nullptr;
    Chain* chain_ = nullptr;
    std::string rule_;  ///< its lines so far
};

}  // namespace

std::vector<Table> nft_outline(std::string_view listing) {
    std::vector<Table> tables;
    for (const std::string_view line : nft_lines(listing).lines) {
        std::istringstream words{std::string(line)};
        std::string keyword, family, name;
        if (line.starts_with("table ") && words >> keyword >> family >> name) {
            tables.push_back(
                {.family = family_named(family).value_or(TableFamily::inet), .name = name});
        } else if (line.starts_with("\tchain ") && words >> keyword >> name && !tables.empty()) {
            tables.back().chains.push_back({.name = name});
        }
    }
    return tables;
}

bool has_table_flags(std::string_view listing) {
    return std::ranges::any_of(nft_lines(listing).lines, [](std::string_view line) {
        return line.starts_with("\tflags ");  // those of sets are indented more
    });
}

void add_nft_text(std::vector<Table>& tables, std::string_view listing) {
    Listing reader(tables);
    for (const std::string_view line : nft_lines(listing).lines) {
        reader.consume(line);
    }
}

}  // namespace flowstamp::netfilter
