// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/stamp_recorder.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "user/net/packet_stamp.h"
#include "user/output/stamps/stamp_order.h"
#include "user/output/stamps/stamp_writer.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

/// How old a stamp may become before it is in the file, if few packets come.
constexpr Nanoseconds kCollectEvery = 100ms;

/// Stamps held for sorting: 5 MiB, in two buffers.
constexpr std::size_t kHeld = 65536;

std::vector<output::StampPlace> places_of(const std::vector<kernel::Attachment>& attachments) {
    std::vector<output::StampPlace> places;
    for (const kernel::Attachment& its : attachments) {
        if (its.ingress) {
            const bool xdp =
                *its.ingress == kernel::Hook::xdp || *its.ingress == kernel::Hook::xdp_generic;
            places.push_back({.ifindex = its.interface.index,
                              .hook = xdp ? FST_HOOK_XDP : FST_HOOK_TC_INGRESS,
                              .interface = its.interface.name,
                              .method = std::string(kernel::hook_name(*its.ingress))});
        }
        if (its.egress) {
            places.push_back({.ifindex = its.interface.index,
                              .hook = FST_HOOK_TC_EGRESS,
                              .interface = its.interface.name,
                              .method = std::string(kernel::hook_name(*its.egress))});
        }
    }
    return places;
}

}  // namespace

class StampRecorder::Run {
  public:
    Run(Wanted wanted, std::vector<output::StampPlace> places, const WallTime& wall)
        : file_(std::move(wanted.file)),
          filter_(std::move(wanted.filter)),
          known_(places),
          writer_(output::make_stamp_writer(file_, std::move(places))),
          wall_(wall),
          order_(kHeld, [this](const fst_packet_stamp& stamp) { write(stamp); }) {}

    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() { file_.hurry(); }

    [[nodiscard]] Status start(const kernel::ProbeMaps& maps) {
        auto reader =
            maps.stamps([this](std::span<const fst_packet_stamp> stamps) { consume(stamps); });
        if (!reader) {
            return std::unexpected(std::move(reader).error());
        }
        reader_.emplace(std::move(*reader));
        thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
        return {};
    }

    [[nodiscard]] Status health() const {
        const std::lock_guard guard(mutex_);
        return health_;
    }

    [[nodiscard]] Status finish() {
        file_.hurry();
        thread_.request_stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        if (health_) {
            health_ = reader_->finish();
            order_.release_all();
        }
        file_.flush();
        return health_ ? file_.health() : health_;
    }

    void follow(const std::vector<output::StampPlace>& places) {
        const std::lock_guard guard(mutex_);
        for (const output::StampPlace& place : places) {
            const auto is_same = [&](const output::StampPlace& other) {
                return other.ifindex == place.ifindex && other.hook == place.hook;
            };
            if (std::ranges::none_of(known_, is_same)) {
                known_.push_back(place);
                new_places_.push_back(place);
                has_new_places_ = true;
            }
        }
    }

    [[nodiscard]] analysis::StampTally tally() const { return {.written = written_}; }
    [[nodiscard]] std::uint64_t unread() const { return unread_; }

  private:
    void work(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto read = reader_->poll(kCollectEvery);
            const Status collected = read ? collect_when_due() : std::unexpected(read.error());
            unread_ = reader_->rejected();
            for (const Status& status : {collected, consumed_, file_.health()}) {
                if (!status) {
                    const std::lock_guard guard(mutex_);
                    health_ = status;
                    return;
                }
            }
        }
    }

    [[nodiscard]] Status collect_when_due() {
        const Nanoseconds now = clock_.monotonic();
        if (now < collected_ + kCollectEvery) {
            return {};
        }
        const Status collected = reader_->collect();
        const auto read = collected ? reader_->consume() : Result<std::uint64_t>{0};
        // Stamps taken before the last collection have arrived by now, even from a CPU that was
        // busy then; later ones may not have.
        order_.release_before(std::exchange(collected_, now));
        file_.flush();
        return read ? collected : std::unexpected(read.error());
    }

    /// If many stamps come, those of CPUs with few are collected sooner.
    void consume(std::span<const fst_packet_stamp> stamps) {
        if (!order_.has_room_for(stamps.size())) {
            order_.release_half();
            consumed_ = consumed_ ? reader_->collect() : consumed_;
        }
        order_.add(stamps);
    }

    void learn_places() {
        const std::lock_guard guard(mutex_);
        for (output::StampPlace& place : std::exchange(new_places_, {})) {
            writer_->add(std::move(place));
        }
        has_new_places_ = false;
    }

    void write(const fst_packet_stamp& stamp) {
        if (has_new_places_.load(std::memory_order_relaxed)) {
            learn_places();
        }
        const fst_packet packet = net::packet_of(stamp);
        if (filter_ && !filter_->matches(packet)) {
            return;
        }
        writer_->consume(output::PacketStamp{packet, wall_.at(Nanoseconds(packet.time_ns))});
        if (file_.health()) {
            written_.store(written_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }
    }

    output::StampFile file_;
    std::optional<net::Filter> filter_;
    std::vector<output::StampPlace> known_;  ///< places that the writer knows, or will soon
    std::unique_ptr<output::StampWriter> writer_;
    WallTime wall_;
    SystemClock clock_;
    std::optional<kernel::StampReader> reader_;
    output::StampOrder order_;
    Nanoseconds collected_{0};
    Status consumed_;                         ///< error of collect() in consume()
    std::atomic<std::uint64_t> written_ = 0;  ///< written by one thread at a time
    std::atomic<std::uint64_t> unread_ = 0;
    std::atomic<bool> has_new_places_ = false;
    mutable std::mutex mutex_;  ///< guards health_, known_ and new_places_
    Status health_;
    std::vector<output::StampPlace> new_places_{};
    std::jthread thread_;  ///< last: joined before the members that it uses are destroyed
};

Result<StampRecorder::Wanted> StampRecorder::want(const std::string& path,
                                                  const std::string& filter) {
    auto file = output::StampFile::create(path);
    if (!file) {
        return std::unexpected(std::move(file).error());
    }
    Wanted wanted{.file = std::move(*file)};
    if (!filter.empty()) {
        auto compiled = net::Filter::compile(filter);
        if (!compiled) {
            return std::unexpected(std::move(compiled).error());
        }
        wanted.filter = std::move(*compiled);
    }
    return wanted;
}

Result<StampRecorder> StampRecorder::start(Wanted wanted, kernel::AttachedProbe& probe,
                                           const WallTime& wall) {
    auto run = std::make_unique<Run>(std::move(wanted), places_of(probe.attachments()), wall);
    if (const Status started = run->start(probe.maps()); !started) {
        return std::unexpected(started.error());
    }
    return StampRecorder(std::move(run));
}

StampRecorder::StampRecorder(std::unique_ptr<Run> run) : run_(std::move(run)) {}
StampRecorder::StampRecorder(StampRecorder&&) noexcept = default;
StampRecorder& StampRecorder::operator=(StampRecorder&&) noexcept = default;
StampRecorder::~StampRecorder() = default;

Status StampRecorder::health() const {
    return run_->health();
}

Status StampRecorder::finish() {
    return run_->finish();
}

void StampRecorder::follow(const std::vector<kernel::Attachment>& attachments) {
    run_->follow(places_of(attachments));
}

analysis::StampTally StampRecorder::tally() const {
    return run_->tally();
}

std::uint64_t StampRecorder::unread() const {
    return run_->unread();
}

}  // namespace flowstamp::cmd
