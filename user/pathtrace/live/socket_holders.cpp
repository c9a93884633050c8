// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/socket_holders.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

namespace flowstamp::pathtrace {

namespace {

namespace fs = std::filesystem;

/// The whole text as a number.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                    : std::nullopt;
}

/// The inode in a descriptor's link: "socket:[1234]".
std::optional<std::uint32_t> socket_of(const fs::path& descriptor) {
    constexpr std::string_view prefix = "socket:[";
    std::error_code gone;
    const std::string link = fs::read_symlink(descriptor, gone);
    if (gone || !link.starts_with(prefix) || !link.ends_with(']')) {
        return std::nullopt;
    }
    return number_of<std::uint32_t>(
        std::string_view(link).substr(prefix.size(), link.size() - prefix.size() - 1));
}

std::string name_of(int process) {
    std::ifstream file(fmt::format("/proc/{}/comm", process));
    std::string name;
    std::getline(file, name);
    return name;
}

}  // namespace

void SocketHolders::read() {
    holders_.clear();
    std::size_t left = kMostDescriptors;
    std::error_code error;
    for (fs::directory_iterator at("/proc", error), end; !error && at != end && left > 0;
         at.increment(error)) {
        const auto process = number_of<int>(at->path().filename().native());
        if (!process) {
            continue;
        }
        std::error_code hidden;
        for (fs::directory_iterator open(at->path() / "fd", hidden);
             !hidden && open != end && left > 0; open.increment(hidden)) {
            left--;
            const auto inode = socket_of(open->path());
            if (!inode) {
                continue;
            }
            auto& its = holders_[*inode];
            const bool is_known = !its.empty() && its.back().pid == *process;
            if (!is_known && its.size() < kMostProcesses) {
                its.push_back({.pid = *process, .name = name_of(*process)});
            }
        }
    }
}

const std::vector<Delivery::Process>& SocketHolders::of(std::uint32_t inode, Nanoseconds now) {
    static const std::vector<Delivery::Process> none;
    if (inode == 0) {
        return none;
    }
    if (!holders_.contains(inode) && (!read_at_ || now - *read_at_ >= kBetween)) {
        read();
        read_at_ = now;
    }
    const auto found = holders_.find(inode);
    return found == holders_.end() ? none : found->second;
}

}  // namespace flowstamp::pathtrace
