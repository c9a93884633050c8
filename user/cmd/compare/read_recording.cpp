// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/compare/read_recording.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "user/cmd/compare/stamp_lines.h"
#include "user/cmd/replay/damaged_segments.h"
#include "user/cmd/replay/parse_frame.h"
#include "user/net/capture/capture_reader.h"
#include "user/net/capture/link_layer.h"

namespace flowstamp::cmd {

namespace {

using analysis::compare::Recording;

constexpr std::uint64_t kFramesPerCheck = 4096;

/// A source whose first bytes were read to see what it is.
class BegunSource final : public net::ByteSource {
  public:
    BegunSource(std::vector<std::uint8_t> begin, std::unique_ptr<net::ByteSource> rest)
        : begin_(std::move(begin)), rest_(std::move(rest)) {}

    Result<std::size_t> read(std::span<std::uint8_t> to) override {
        if (next_ == begin_.size()) {
            return rest_->read(to);
        }
        const std::size_t count = std::min(to.size(), begin_.size() - next_);
        std::copy_n(begin_.begin() + static_cast<std::ptrdiff_t>(next_), count, to.begin());
        next_ += count;
        return count;
    }
    std::optional<double> progress() const override { return rest_->progress(); }

  private:
    std::vector<std::uint8_t> begin_;
    std::size_t next_ = 0;
    std::unique_ptr<net::ByteSource> rest_;
};

/// A TCP segment that cannot be read because the capture cuts it within its headers.
bool is_cut(const net::CapturedFrame& frame, std::span<const std::uint8_t> bytes) {
    constexpr std::size_t kHeaders = 14 + 40 + 60;
    return frame.bytes.size() < frame.original && bytes.size() < kHeaders;
}

/// Adds the frames of a capture.
class FrameAdder {
  public:
    FrameAdder(net::CaptureReader& capture, Recording& recording)
        : capture_(capture), recording_(recording) {}

    /// Adds the next frame. False at the end.
    [[nodiscard]] Result<bool> step() {
        const auto frame = capture_.next();
        if (!frame) {
            return std::unexpected(frame.error());
        }
        if (!*frame) {
            return false;
        }
        recording_.ran_at((*frame)->wall.count());
        if (net::knows_link_type((*frame)->link_type)) {
            add(**frame);
        } else {
            unknown_ = unknown_.value_or((*frame)->link_type);
        }
        return true;
    }

    /// An error if frames were passed over whose link type is not known.
    [[nodiscard]] Status whole(const std::string& title) const {
        if (!unknown_) {
            return {};
        }
        return fail({.operation = "compare",
                     .object = title,
                     .reason = "link type " + net::link_type_text(*unknown_) + " is not known",
                     .hint = "its frames were passed over; capture on another interface"});
    }

  private:
    void add(const net::CapturedFrame& frame) {
        const std::span<std::uint8_t> bytes = shaper_.shape(frame);
        const auto packet =
            bytes.empty() ? std::nullopt : parse_frame(bytes, frame.interface + 1, frame.wall);
        if (!packet) {
            if (is_cut(frame, bytes)) {
                recording_.add_cut();
            }
        } else if (!damaged_.is_damaged(*packet, bytes)) {
            const std::size_t begin =
                std::min<std::size_t>(packet->l4_offset + packet->tcp_header, bytes.size());
            const auto data = bytes.subspan(begin);
            recording_.add(*packet, frame.number,
                           data.first(std::min<std::size_t>(data.size(), packet->payload)));
        }
    }

    net::CaptureReader& capture_;
    Recording& recording_;
    net::FrameShaper shaper_;
    DamagedSegments damaged_;
    std::optional<std::uint32_t> unknown_{};
};

Status read_frames(net::CaptureReader& capture, const std::string& title, Recording& recording,
                   const ReadProgress& progress) {
    FrameAdder adder(capture, recording);
    for (std::uint64_t frames = 0;; frames++) {
        const auto step = adder.step();
        if (!step) {
            return std::unexpected(step.error());
        }
        if (!*step || (frames % kFramesPerCheck == 0 && !progress(capture.progress(), frames))) {
            break;
        }
    }
    recording.set_dropped(capture.dropped());
    return adder.whole(title);
}

Status read_stamps(StampLines& lines, const std::string& title, Recording& recording,
                   const ReadProgress& progress) {
    for (std::uint64_t frames = 0;; frames++) {
        const auto stamp = lines.next();
        if (!stamp) {
            return std::unexpected(stamp.error());
        }
        if (!*stamp || (frames % kFramesPerCheck == 0 && !progress(lines.progress(), frames))) {
            break;
        }
        recording.add((*stamp)->packet, (*stamp)->line);
    }
    if (recording.size() == 0) {
        return fail({.operation = "read",
                     .object = title,
                     .reason = "no stamps in it",
                     .hint = "record them with `flowstamp watch --stamps FILE`"});
    }
    return {};
}

}  // namespace

Result<ReadRecording> read_recording(std::unique_ptr<net::ByteSource> source,
                                     const std::string& file, const ReadProgress& progress) {
    const std::string title = net::file_title(file);
    std::vector<std::uint8_t> begin(1);
    const auto got = source->read(begin);
    if (!got) {
        return std::unexpected(got.error());
    }
    begin.resize(*got);
    const bool is_json = *got == 1 && begin[0] == '{';
    auto whole = std::make_unique<BegunSource>(std::move(begin), std::move(source));
    ReadRecording result{.recording = Recording(file), .read = {}};
    if (is_json) {
        StampLines lines(std::move(whole), title);
        result.read = read_stamps(lines, title, result.recording, progress);
        if (!result.read && result.recording.size() == 0) {
            return std::unexpected(result.read.error());
        }
    } else {
        auto capture = net::CaptureReader::open(std::move(whole), title);
        if (!capture) {
            return std::unexpected(capture.error());
        }
        result.read = read_frames(**capture, title, result.recording, progress);
    }
    result.recording.finish();
    return result;
}

}  // namespace flowstamp::cmd
