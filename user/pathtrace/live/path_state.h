// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// State shared by the parts of PathProbe. Not for includers outside user/pathtrace/live.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "user/kernel/features/bpf_objects.h"
#include "user/pathtrace/live/path_probe.h"

struct path_bpf;
struct bpf_program;

namespace flowstamp::pathtrace {

struct DestroyPathSkeleton {
    void operator()(path_bpf* skeleton) const;
};
using PathSkeleton = std::unique_ptr<path_bpf, DestroyPathSkeleton>;

/// Members are destroyed in reverse order: links first, programs and maps last.
class PathProbeState {
  public:
    PathProbeOptions options;
    kernel::Notices notices;
    PathSkeleton skeleton;
    std::vector<PathSkeleton> added;  ///< the programs of later stations, with the same maps
    bool has_netfilter = false;       ///< whether this kernel supports the kinds of stations
    bool has_tc = false;
    bool has_beside_tc = false;
    std::vector<bpf_program*> programs;  ///< a station's, or null: not supported
    std::vector<StationState> stations;
    bool sees_drops = false;
    bool is_beside_tc = false;  ///< tracepoints replace the stations at tc
    std::vector<kernel::BpfLink> links;
    std::map<std::size_t, kernel::BpfLink> station_links;  ///< by the station's index
};

/// The kinds of programs, by their index in the table of path_load.cpp.
inline constexpr std::size_t kNetfilter = 0, kTc = 1, kBesideTc = 2, kDropped = 3, kConsumed = 4,
                             kSocket = 5;
/// What is not seen without that kind; path_load.cpp.
[[nodiscard]] const char* unseen_without(std::size_t kind);

/// Loads what this kernel supports; path_load.cpp.
[[nodiscard]] Status load_path(PathProbeState& state);
/// Loads the programs of further stations, in the namespace that the calling thread is in. Their indices
/// follow those that there are.
[[nodiscard]] Status load_added(PathProbeState& state, const std::vector<Station>& stations);
/// Attaches what was loaded; path_attach.cpp.
void attach_path(PathProbeState& state);
/// Attaches the stations that were loaded last, all of one other namespace, inside it.
void attach_added(PathProbeState& state, const std::vector<Station>& stations);
/// Attaches a station whose program is loaded, as the next one.
void attach_next(PathProbeState& state, const Station& station);

}  // namespace flowstamp::pathtrace
