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

/// A running `path`: attaches stations in the calling thread's network namespace, and in others that are
/// named, and turns their records into reports. Works only while poll() is called; the destructor detaches.
class Tracer {
  public:
    struct Wanted {
        std::vector<std::string> interfaces{};  ///< "eth0", "web/eth0": in namespace web
        std::vector<std::string> netns{};       ///< others: as NetNamespace::named()
        std::string filter{};                   ///< tcpdump syntax
        bool trace = false;                     ///< let nft trace the packets, too
        bool only_drops = false;                ///< record and report only dropped packets
    };
    /// All of them must outlive the tracer.
    struct Dependencies {
        std::function<void(PathEvent)> report;
        const Clock& clock;
        /// Receives a line, without line end, about the run itself.
        std::function<void(std::string_view)> notice;
    };

    [[nodiscard]] static Result<Tracer> start(const Wanted& wanted,
                                              const Dependencies& dependencies);

    Tracer(Tracer&&) noexcept;
    Tracer& operator=(Tracer&&) noexcept;
    ~Tracer();

    /// Readable when there are records: call poll() then, and at least ten times a second.
    [[nodiscard]] int descriptor() const;
    /// Reads the records that have arrived, assembles them into paths, and reports those that
    /// ended.
    [[nodiscard]] Status poll();
    /// Detaches, reads the last records, and reports what is still open, and the sums.
    [[nodiscard]] Status finish();

    /// The counts so far.
    [[nodiscard]] PathSample sample() const;

    /// How many stations there are, and where: "52 stations, eth0, eth1".
    [[nodiscard]] std::string where() const;

  private:
    class Run;
    explicit Tracer(std::unique_ptr<Run> run);
    std::unique_ptr<Run> run_;
};

}  // namespace flowstamp::pathtrace
