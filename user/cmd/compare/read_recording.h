// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "user/analysis/compare/recording.h"
#include "user/base/result.h"
#include "user/net/capture/byte_source.h"

namespace flowstamp::cmd {

/// Called now and then with what is done, 0 to 1 if that is known, and the frames read so far. False
/// ends the reading.
using ReadProgress = std::function<bool(std::optional<double> done, std::uint64_t frames)>;

struct ReadRecording {
    analysis::compare::Recording recording;
    Status read{};  ///< an error: only the part before it was read
};

/// Reads a capture (pcap, pcapng), or JSON lines of stamps, as far as that is possible. `file` names
/// it. Fails if it is neither.
[[nodiscard]] Result<ReadRecording> read_recording(std::unique_ptr<net::ByteSource> source,
                                                   const std::string& file,
                                                   const ReadProgress& progress);

}  // namespace flowstamp::cmd
