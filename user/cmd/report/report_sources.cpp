// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/report/report_sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "flowstamp/config.h"
#include "user/base/printable.h"
#include "user/cmd/replay/replay_run.h"
#include "user/net/capture/byte_source.h"
#include "user/net/capture/capture_reader.h"

namespace flowstamp::cmd {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kFramesPerCheck = 256;

bool is_capture(const fs::path& path) {
    constexpr std::array<std::string_view, 3> kEndings = {".pcapng", ".pcap", ".gz"};
    const std::string name = path.filename().string();
    return !name.starts_with('.') && std::ranges::any_of(kEndings, [&](std::string_view ending) {
        return name.ends_with(ending);
    });
}

Result<std::vector<std::string>> captures_in(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
        if (entry.is_regular_file(error) && is_capture(entry.path())) {
            files.push_back(entry.path().string());
        }
    }
    if (error) {
        return fail_errno("read", folder, error.value());
    }
    if (files.empty()) {
        return fail({.operation = "read",
                     .object = folder,
                     .reason = "no captures in this folder",
                     .hint = "name a folder with .pcapng or .pcap files, or one such file"});
    }
    std::ranges::sort(files);
    return files;
}

Result<bool> is_json(const std::string& file) {
    const auto source = net::open_file(file);
    if (!source) {
        return std::unexpected(source.error());
    }
    std::array<std::uint8_t, 1> first{};
    const auto got = (*source)->read(first);
    return got ? Result<bool>(*got == 1 && first[0] == '{') : std::unexpected(got.error());
}

/// Lines of a file, one after another.
class Lines {
  public:
    explicit Lines(std::unique_ptr<net::ByteSource> source) : source_(std::move(source)) {}

    /// Without its end; nothing at the end of the file. A line of more than kMost bytes is cut.
    [[nodiscard]] Result<std::optional<std::string>> next() {
        std::string line;
        for (;;) {
            if (at_ == end_) {
                const auto got = source_->read(piece_);
                if (!got) {
                    return std::unexpected(got.error());
                }
                at_ = 0;
                end_ = *got;
                if (end_ == 0) {
                    return line.empty() ? std::nullopt : std::optional(std::move(line));
                }
            }
            const std::uint8_t* begin = piece_.data() + at_;
            const std::uint8_t* end = std::find(begin, begin + (end_ - at_), '\n');
            const auto length = static_cast<std::size_t>(end - begin);
            line.append(reinterpret_cast<const char*>(begin),
                        std::min(length, kMost - std::min(kMost, line.size())));
            at_ += length;
            if (at_ != end_) {
                at_++;
                return line;
            }
        }
    }

  private:
    static constexpr std::size_t kMost = std::size_t{1} << 20U;

    std::unique_ptr<net::ByteSource> source_;
    std::vector<std::uint8_t> piece_ = std::vector<std::uint8_t>(std::size_t{64} << 10U);
    std::size_t at_ = 0;
    std::size_t end_ = 0;
};

/// A file's name on the page.
std::string shown_name(const std::string& file) {
    return printable(fs::path(file).filename().string());
}

Status read_lines(const std::string& file, output::ReportEntries& entries,
                  const IsStopped& is_stopped) {
    auto source = net::open_file(file);
    if (!source) {
        return std::unexpected(source.error());
    }
    entries.begin({.name = shown_name(file)});
    Lines lines(std::move(*source));
    for (std::uint64_t number = 1; !is_stopped(); number++) {
        const auto line = lines.next();
        if (!line) {
            return std::unexpected(line.error());
        }
        if (!*line) {
            break;
        }
        if (!(*line)->empty() && !entries.consume_line(**line)) {
            return fail({.operation = "read",
                         .object = file,
                         .reason = fmt::format("line {} is no JSON object", number),
                         .hint = "the report has what stands before it"});
        }
    }
    return {};
}

Status replay(const std::string& file, output::ReportEntries& entries,
              const IsStopped& is_stopped) {
    auto source = net::open_file(file);
    if (!source) {
        return std::unexpected(source.error());
    }
    auto capture = net::CaptureReader::open(std::move(*source), net::file_title(file));
    if (!capture) {
        return std::unexpected(capture.error());
    }
    auto path = make_host_path(FST_FLOWS_DEFAULT);
    if (!path) {
        return std::unexpected(path.error());
    }
    entries.begin({.name = shown_name(file), .capture = file});
    ReplayRun run({.capture = **capture,
                   .datapath = **path,
                   .output = entries,
                   .policy = static_cast<analysis::PolicySink&>(**path)},
                  fs::path(file).filename().string(), std::nullopt);
    Status read;
    for (std::uint64_t frames = 0; frames % kFramesPerCheck != 0 || !is_stopped(); frames++) {
        const auto step = run.step();
        if (!step) {
            read = std::unexpected(step.error());
        }
        if (!step || !*step) {
            break;
        }
    }
    const auto stats = run.finish();
    if (stats) {
        entries.consume(*stats);
    }
    return !read || stats ? read : std::unexpected(stats.error());
}

}  // namespace

Result<std::vector<std::string>> files_of(const std::vector<std::string>& sources) {
    std::vector<std::string> files;
    for (const std::string& source : sources) {
        std::error_code ignored;
        if (!fs::is_directory(source, ignored)) {
            files.push_back(source);
            continue;
        }
        auto its = captures_in(source);
        if (!its) {
            return std::unexpected(std::move(its).error());
        }
        files.insert(files.end(), its->begin(), its->end());
    }
    return files;
}

Status read_entries(const std::string& file, output::ReportEntries& entries,
                    const IsStopped& is_stopped) {
    const auto json = is_json(file);
    if (!json) {
        return std::unexpected(json.error());
    }
    return *json ? read_lines(file, entries, is_stopped) : replay(file, entries, is_stopped);
}

}  // namespace flowstamp::cmd
