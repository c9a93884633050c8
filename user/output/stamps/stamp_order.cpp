// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A merge: the batches of a CPU form one row in order of time, and there are few CPUs, so that
// merging is far less work than sorting. While one CPU alone delivers, whole batches pass.
#include "user/output/stamps/stamp_order.h"

#include <algorithm>
#include <functional>

namespace flowstamp::output {

void StampOrder::add(Stamps batch) {
    const std::uint64_t number = first_ + left_.size();
    left_.push_back(batch);
    if (batch.empty()) {
        return;
    }
    const auto has_place = [&](const Row& row) {
        return row.batches.empty() || row.last_ns <= batch.front().time_ns;
    };
    auto row = std::ranges::find_if(rows_, has_place);
    if (row == rows_.end()) {
        row = rows_.emplace(row);
    }
    row->batches.push_back(number);
    row->last_ns = batch.back().time_ns;
    if (row->batches.size() == 1) {
        add_head(static_cast<std::size_t>(row - rows_.begin()));
    }
}

StampOrder::Stamps StampOrder::next(Nanoseconds monotonic) {
    Head limit{.time_ns = static_cast<std::uint64_t>(monotonic.count())};
    if (heads_.empty() || heads_.back() >= limit) {
        return {};
    }
    const Head first = heads_.back();
    if (heads_.size() > 1) {
        limit = std::min(limit, heads_[heads_.size() - 2]);
    }
    const Stamps left = left_of(first.batch);
    const auto is_later = [&](const fst_packet_stamp& stamp) {
        return Head{stamp.time_ns, first.batch, first.row} >= limit;
    };
    const auto end = is_later(left.back()) ? std::ranges::find_if(left, is_later) : left.end();
    const Stamps run(left.begin(), end);
    remove_from_first(run.size());
    return run;
}

void StampOrder::add_head(std::size_t row) {
    const std::uint64_t batch = rows_[row].batches.front();
    const Head head{.time_ns = left_of(batch).front().time_ns, .batch = batch, .row = row};
    heads_.insert(std::ranges::upper_bound(heads_, head, std::greater{}), head);
}

void StampOrder::remove_from_first(std::size_t stamps) {
    const Head first = heads_.back();
    heads_.pop_back();
    Stamps& left = left_of(first.batch);
    left = left.subspan(stamps);
    Row& row = rows_[first.row];
    if (left.empty()) {
        row.batches.pop_front();
    }
    if (!row.batches.empty()) {
        add_head(first.row);
    }
}

std::size_t StampOrder::done() {
    std::size_t count = 0;
    for (; !left_.empty() && left_.front().empty(); left_.pop_front()) {
        count++;
    }
    first_ += count;
    return count;
}

}  // namespace flowstamp::output
