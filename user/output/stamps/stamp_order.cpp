// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/stamps/stamp_order.h"

#include <algorithm>

namespace flowstamp::output {

namespace {

using Entry = StampOrder::Entry;
using Stamps = std::vector<fst_packet_stamp>;

/// Sorts after every stamp.
constexpr Entry kLast = {~std::uint64_t{0}, ~std::uint32_t{0}};

/// Held stamps in order of time: indexes from `begin` to before `end`.
struct Run {
    std::uint32_t begin;
    std::uint32_t end;
};

/// Runs that together are in order of time, and the read position.
struct Row {
    std::vector<Run> runs{};
    std::uint64_t last_ns = 0;  ///< time of the last stamp
    Entry next{};               ///< to be read; kLast if none
    std::size_t at = 0;         ///< the run that `next` is in

    void append(Run run, const Stamps& held) {
        if (runs.empty()) {
            next = {held[run.begin].time_ns, run.begin};
        }
        runs.push_back(run);
        last_ns = held[run.end - 1].time_ns;
    }

    void advance(const Stamps& held) {
        std::uint32_t index = next.second + 1;
        if (index == runs[at].end) {
            at++;
            index = at < runs.size() ? runs[at].begin : kLast.second;
        }
        next = index != kLast.second ? Entry{held[index].time_ns, index} : kLast;
    }
};

/// The end of the longest run that starts at `begin`.
std::uint32_t end_of_run(const Stamps& held, std::uint32_t begin) {
    std::uint32_t end = begin + 1;
    while (end < held.size() && held[end - 1].time_ns <= held[end].time_ns) {
        end++;
    }
    return end;
}

/// Each run is appended to the first row that ends before it begins.
std::vector<Row> rows_of(const Stamps& held) {
    std::vector<Row> rows;
    for (std::uint32_t begin = 0; begin < held.size();) {
        const Run run = {begin, end_of_run(held, begin)};
        auto row = std::ranges::find_if(
            rows, [&](const Row& its) { return its.last_ns <= held[begin].time_ns; });
        if (row == rows.end()) {
            row = rows.emplace(rows.end());
        }
        row->append(run, held);
        begin = run.end;
    }
    return rows;
}

}  // namespace

StampOrder::StampOrder(std::size_t most, Take take) : most_(most), take_(std::move(take)) {
    held_.reserve(most);
    kept_.reserve(most);
    sorted_.reserve(most);
}

void StampOrder::add(std::span<const fst_packet_stamp> stamps) {
    held_.insert(held_.end(), stamps.begin(), stamps.end());
}

/// A merge: each CPU's batches form one row in order of time, and there are few CPUs, so that
/// merging is far less work than sorting. Stamps of equal time keep their order of arrival.
void StampOrder::sort() {
    std::vector<Row> rows = rows_of(held_);
    sorted_.clear();
    while (!rows.empty()) {
        const auto first = std::ranges::min_element(rows, {}, &Row::next);
        Entry others = kLast;
        for (auto row = rows.begin(); row != rows.end(); row++) {
            others = row != first ? std::min(others, row->next) : others;
        }
        while (first->next < others) {
            sorted_.push_back(first->next);
            first->advance(held_);
        }
        if (first->next == kLast) {
            rows.erase(first);
        }
    }
}

void StampOrder::release(std::size_t count) {
    const std::span sorted(sorted_);
    for (const auto& [time, index] : sorted.first(count)) {
        take_(held_[index]);
    }
    kept_.clear();
    for (const auto& [time, index] : sorted.subspan(count)) {
        kept_.push_back(held_[index]);
    }
    std::swap(held_, kept_);
}

void StampOrder::release_before(Nanoseconds monotonic) {
    sort();
    const auto time = static_cast<std::uint64_t>(monotonic.count());
    const auto first_kept = std::ranges::lower_bound(
        sorted_, time, {}, &std::pair<std::uint64_t, std::uint32_t>::first);
    release(static_cast<std::size_t>(first_kept - sorted_.begin()));
}

void StampOrder::release_half() {
    sort();
    release(held_.size() / 2);
}

void StampOrder::release_all() {
    sort();
    release(held_.size());
}

}  // namespace flowstamp::output
