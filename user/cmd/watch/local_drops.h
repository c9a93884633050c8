// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>

#include "user/analysis/connection/local_drop.h"
#include "user/base/clock.h"
#include "user/pathtrace/live/tracer.h"

namespace flowstamp::cmd {

/// `watch --path`: follows packets through this host's kernel, and reports only drops, as findings.
class LocalDrops {
  public:
    using Take = std::function<void(const analysis::HostDrop&)>;

    /// In the calling thread's network namespace. `ours`: resets dropped by a tc or XDP program are
    /// our own drops, and are reported elsewhere.
    [[nodiscard]] static Result<std::unique_ptr<LocalDrops>> start(
        const pathtrace::Tracer::Wanted& wanted, bool ours, const Clock& clock,
        std::function<void(std::string_view)> notice, Take take);

    [[nodiscard]] Status poll() { return tracer_->poll(); }
    [[nodiscard]] Status finish() { return tracer_->finish(); }

  private:
    LocalDrops(bool ours, Take take) : ours_(ours), take_(std::move(take)) {}
    void report(const pathtrace::PathReport& report);

    bool ours_;
    Take take_;
    std::optional<pathtrace::Tracer> tracer_;
};

}  // namespace flowstamp::cmd
