// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Observes the paths of packets through this host: read-only programs, one at each station and one
// where buffers end. The destructor detaches them; so does the kernel when the process dies,
// however it dies.
//
//     Result<PathProbe> probe = PathProbe::start({.stations = ..., .matches = ...});
//     Result<PathReader> reader = probe->events(handler);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flowstamp/path.h"
#include "user/base/result.h"
#include "user/kernel/features/notice.h"
#include "user/pathtrace/live/path_reader.h"
#include "user/pathtrace/station.h"

namespace flowstamp::pathtrace {

class PathProbeState;  // the skeleton and all that belongs to it

/// Another network namespace that packets are followed through.
struct OtherNetns {
    std::uint32_t inode = 0;
    std::vector<Station> stations{};
    /// Calls its argument inside that namespace, in the calling thread.
    std::function<void(const std::function<void()>&)> inside{};
};

struct PathProbeOptions {
    std::vector<Station> stations{};        ///< in the calling thread's network namespace
    std::vector<OtherNetns> others{};       ///< at most FST_PATH_OTHER_NETNS_MAX
    std::vector<fst_path_match> matches{};  ///< at most FST_PATH_MATCHES_MAX; none: everything
    bool tcx = true;          ///< false: tracepoints instead, as on kernels without tcx
    bool only_drops = false;  ///< record only drops, with the last station passed
    std::uint32_t max_packet_paths = 16384;  ///< packets followed at once
    std::uint32_t ring_bytes = 4U << 20;     ///< of the event ring: a power of two, whole pages
};

/// Indexed by enum fst_path_counter, summed over all CPUs.
using PathCounters = std::array<std::uint64_t, FST_PATH_COUNT_MAX>;

class PathProbe {
  public:
    /// Attaches what this kernel and the existing programs allow; notices() lists what is missing.
    /// Fails if nothing could be loaded (no privileges, no BTF), and on bad options.
    [[nodiscard]] static Result<PathProbe> start(const PathProbeOptions& options);

    PathProbe(PathProbe&&) noexcept;
    PathProbe& operator=(PathProbe&&) noexcept;
    ~PathProbe();

    /// In the order of the options, those of other namespaces last, then of each replan().
    [[nodiscard]] const std::vector<StationState>& stations() const;
    [[nodiscard]] const kernel::Notices& notices() const;

    /// Whether drops are seen, with their reason.
    [[nodiscard]] bool sees_drops() const;

    /// One reader at a time.
    [[nodiscard]] Result<PathReader> events(PathReader::Handler handler) const;
    /// Also matches these packets from now on. One caller at a time.
    [[nodiscard]] Status match_also(const fst_path_match& match);
    [[nodiscard]] Result<PathCounters> counters() const;

    /// Stations attached and detached.
    struct Replanned {
        std::size_t added = 0;
        std::size_t removed = 0;
    };
    /// Has these netfilter stations from now on in the namespace that the calling thread is in, which
    /// stations call `netns`. Those that serve as well stay; the others
    /// are detached, and keep their index. Paths that have begun go on. On failure nothing has changed.
    [[nodiscard]] Result<Replanned> replan(const std::vector<Station>& wanted,
                                           const std::string& netns = {});

    /// Detaches the programs. What they recorded can still be read.
    void detach();

  private:
    explicit PathProbe(std::unique_ptr<PathProbeState> state);
    std::unique_ptr<PathProbeState> state_;
};

/// A kind of program that PathProbe uses.
struct PathPart {
    std::string_view name;     ///< "netfilter stations", "kfree_skb"
    std::string_view meaning;  ///< what it shows
    std::string_view without;  ///< what is not seen without it
    std::string missing{};     ///< why this kernel does not support it; empty: supported
};

/// Determined as by PathProbe::start(): from what is known of the kernel, and by loading one
/// program of each kind for a moment. Fails if nothing can be loaded at all.
[[nodiscard]] Result<std::vector<PathPart>> path_support();

}  // namespace flowstamp::pathtrace
