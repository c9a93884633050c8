// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flowstamp/packet.h"
#include "user/base/clock.h"
#include "user/output/event.h"
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

/// Writes packet stamps to a file; one class for each format. Buffers until the file is flushed.
class StampWriter : public Consumer {
  public:
    /// Packets must come from the places that the writer was made with.
    void consume(const Event& event) final {
        if (const auto* stamp = std::get_if<PacketStamp>(&event)) {
            write(stamp->packet, stamp->wall);
        }
    }

  protected:
    explicit StampWriter(StampFile& file) : file_(file) {}
    /// `wall`: since 1970.
    virtual void write(const fst_packet& packet, Nanoseconds wall) = 0;
    StampFile& file_;
};

/// In the format given by the file's name. `file` outlives the writer.
[[nodiscard]] std::unique_ptr<StampWriter> make_stamp_writer(StampFile& file,
                                                             std::vector<StampPlace> places);

}  // namespace flowstamp::output
