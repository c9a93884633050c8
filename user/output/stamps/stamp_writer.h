// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "flowstamp/packet.h"
#include "flowstamp/stamp_batch.h"
#include "user/base/clock.h"
#include "user/output/stamps/stamp_file.h"

namespace flowstamp::output {

/// A capture point: one direction of an interface.
struct StampPlace {
    std::uint32_t ifindex = 0;
    fst_hook hook = FST_HOOK_XDP;
    std::string interface{};
    std::string method{};  ///< "xdp", "tcx", ...

    [[nodiscard]] bool is_egress() const { return hook == FST_HOOK_TC_EGRESS; }
};

/// "xdp ingress", "tcx egress".
[[nodiscard]] inline std::string description_of(const StampPlace& place) {
    return place.method + (place.is_egress() ? " egress" : " ingress");
}

/// Writes packet stamps to a file; one class for each format. Buffers until the file is flushed.
class StampWriter {
  public:
    virtual ~StampWriter() = default;

    /// The packets must come from places that the writer knows.
    virtual void write(std::span<const fst_packet_stamp> stamps) = 0;

    /// A place that packets come from as well from now on.
    void add(StampPlace place) {
        places_.push_back(std::move(place));
        added(places_.back());
    }

  protected:
    StampWriter(StampFile& file, std::vector<StampPlace> places, const WallTime& wall)
        : file_(file), places_(std::move(places)), wall_(wall) {}
    /// Of a place that is new; those of the beginning are the constructor's.
    virtual void added(const StampPlace& place) = 0;
    /// Since 1970.
    [[nodiscard]] Nanoseconds wall_of(const fst_packet_stamp& stamp) const {
        return wall_.at(Nanoseconds(stamp.time_ns));
    }

    StampFile& file_;
    std::vector<StampPlace> places_;

  private:
    WallTime wall_;
};

/// In the format given by the file's name. `file` outlives the writer.
[[nodiscard]] std::unique_ptr<StampWriter> make_stamp_writer(StampFile& file,
                                                             std::vector<StampPlace> places,
                                                             const WallTime& wall);

}  // namespace flowstamp::output
