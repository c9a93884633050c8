// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "user/base/clock.h"
#include "user/base/result.h"
#include "user/pathtrace/path_report.h"
#include "user/pathtrace/path_sample.h"

namespace flowstamp::pathtrace {

/// A running `path`: the stations of the calling thread's network namespace, and everything from
/// their records to the report. To be driven by calling turn(); detaches when it goes.
class Tracer {
  public:
    struct Wanted {
        std::vector<std::string> interfaces{};
        std::string filter{};     ///< tcpdump syntax
        bool trace = false;       ///< let nft trace the packets, too
        bool only_drops = false;  ///< nothing is told, and nothing recorded, of what is not dropped
    };
    /// What it needs from outside; all of it outlives the tracer.
    struct Dependencies {
        std::function<void(PathEvent)> report;
        const Clock& clock;
        /// Takes lines about the run itself. No line end.
        std::function<void(std::string_view)> notice;
    };

    [[nodiscard]] static Result<Tracer> start(const Wanted& wanted,
                                              const Dependencies& dependencies);

    Tracer(Tracer&&) noexcept;
    Tracer& operator=(Tracer&&) noexcept;
    ~Tracer();

    /// Readable when there are records; turn() is due ten times a second besides.
    [[nodiscard]] int descriptor() const;
    /// Reads what there is, joins it, tells it.
    [[nodiscard]] Status poll();
    /// Detaches, reads the last records, and tells what is still open, and the sums.
    [[nodiscard]] Status finish();

    /// What has been counted up to now.
    [[nodiscard]] PathSample sample() const;

    /// How many stations there are, and where: "52 stations, eth0, eth1".
    [[nodiscard]] std::string where() const;

  private:
    class Run;
    explicit Tracer(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

}  // namespace flowstamp::pathtrace
