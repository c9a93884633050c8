// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "user/base/clock.h"
#include "user/base/fd.h"
#include "user/base/result.h"

namespace flowstamp::output {

/// How much evidence is written.
struct EvidenceLimits {
    std::uint64_t bytes = 64ULL << 20;  ///< of all .pcapng files in the folder
    unsigned files_a_minute = 60;
};

/// A folder of evidence files, readable by their owner only. A file appears whole or not at all.
class EvidenceFolder {
  public:
    /// Makes the folder if it is missing. Fails if it is a symbolic link: what others put in its
    /// place would be written to.
    [[nodiscard]] static Result<EvidenceFolder> open(const std::string& path,
                                                     const EvidenceLimits& limits);

    /// Writes a new file, and returns its name: `stem`, with "-2" and so on if that is taken, and
    /// the extension. Nothing if the limits do not allow it. `wall`: since 1970, for the limit.
    [[nodiscard]] Result<std::optional<std::string>> create(const std::string& stem,
                                                            std::string_view contents,
                                                            Nanoseconds wall);
    /// Puts these contents in the place of a file that create() has written; false if the limits do
    /// not allow it: then it stays as it was.
    [[nodiscard]] Result<bool> replace(const std::string& name, std::string_view contents);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const EvidenceLimits& limits() const { return limits_; }
    /// Whether the latest file that was left out was one too many for the folder.
    [[nodiscard]] bool is_full() const { return is_full_; }

  private:
    EvidenceFolder(Fd fd, std::string path, const EvidenceLimits& limits)
        : fd_(std::move(fd)), path_(std::move(path)), limits_(limits) {}

    [[nodiscard]] Status measure();
    [[nodiscard]] bool has_room(std::uint64_t bytes);
    [[nodiscard]] Status write_aside(std::string_view contents) const;
    [[nodiscard]] std::unexpected<Error> failed(int error, const std::string& name) const;

    Fd fd_;
    std::string path_;
    EvidenceLimits limits_;
    std::uint64_t bytes_ = 0;
    bool is_full_ = false;
    Nanoseconds minute_{Nanoseconds::min()};  ///< when it began
    unsigned files_ = 0;                      ///< in that minute
};

}  // namespace flowstamp::output
