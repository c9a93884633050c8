// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "user/analysis/datapath.h"
#include "user/cmd/watch/stamp_recorder.h"
#include "user/kernel/attach/probe.h"

namespace flowstamp::cmd {

/// The attached programs as the data path of a session.
class LiveDatapath final : public analysis::Datapath {
  public:
    /// `probe` outlives it.
    explicit LiveDatapath(kernel::AttachedProbe& probe) : probe_(probe) {}

    std::optional<fst_flow> read(std::uint32_t slot) const override {
        return slot < slots() ? flows().read(slot) : std::nullopt;
    }
    std::uint32_t slots() const override { return flows().slots(); }
    std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) override {
        return flows().scan(first, count, visit);
    }
    Result<analysis::DatapathStats> stats() const override {
        auto counters = probe_.maps().counters().read();
        if (!counters) {
            return std::unexpected(std::move(counters).error());
        }
        analysis::DatapathStats stats{
            .counters = *counters, .records_unread = unread_(), .stamps = {}};
        if (stamps_ != nullptr) {
            stats.stamps = stamps_->tally();
            stats.stamps->lost = stats.counters[FST_COUNT_STAMP_LOST];
            stats.records_unread += stamps_->unread();
        }
        return stats;
    }
    /// Writes to the kernel, and for other processes to read (`flows --learned`).
    bool publish(std::span<const net::LearnedSignature> learned) override {
        if (!log(probe_.maps().policy().set_learned(learned))) {
            return false;
        }
        log(probe_.record_learned(true, {learned.begin(), learned.end()}));
        return true;
    }

    void set_unread(std::function<std::uint64_t()> unread) { unread_ = std::move(unread); }
    void set_stamps(const StampRecorder& stamps) { stamps_ = &stamps; }
    void set_notice(std::function<void(std::string_view)> notice) { notice_ = std::move(notice); }

  private:
    [[nodiscard]] const kernel::FlowTable& flows() const { return probe_.maps().flows(); }
    /// Logs an error; returns whether there was none.
    bool log(const Status& written) {
        if (!written) {
            notice_(written.error().message());
        }
        return written.has_value();
    }

    kernel::AttachedProbe& probe_;
    std::function<std::uint64_t()> unread_ = [] { return std::uint64_t{0}; };
    std::function<void(std::string_view)> notice_;
    const StampRecorder* stamps_ = nullptr;
};

}  // namespace flowstamp::cmd
