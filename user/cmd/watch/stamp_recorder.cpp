// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/stamp_recorder.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "user/cmd/watch/live_evidence.h"
#include "user/net/packet_stamp.h"
#include "user/output/stamps/stamp_order.h"
#include "user/output/stamps/stamp_writer.h"

namespace flowstamp::cmd {

namespace {

using namespace std::chrono_literals;

/// How old a stamp may become before it is in the file, if few packets come.
constexpr Nanoseconds kCollectEvery = 100ms;

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
          evidence_(wanted.evidence),
          known_(places) {
        for (const output::StampPlace& place : places) {
            if (evidence_ != nullptr) {
                evidence_->add(place);
            }
        }
        if (file_) {
            writer_ = output::make_stamp_writer(*file_, std::move(places), wall);
        }
    }

    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() { hurry(); }

    [[nodiscard]] Status start(const kernel::ProbeMaps& maps) {
        auto reader =
            maps.stamps([this](std::span<const fst_packet_stamp> batch) { order_.add(batch); });
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
        hurry();
        thread_.request_stop();
        if (thread_.joinable()) {
            thread_.join();
        }
        if (health_) {
            health_ = reader_->finish();
            write_before(Nanoseconds::max());
        }
        flush();
        return health_ ? file_health() : health_;
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
    void hurry() {
        if (file_) {
            file_->hurry();
        }
    }
    void flush() {
        if (file_) {
            file_->flush();
        }
    }
    [[nodiscard]] Status file_health() const { return file_ ? file_->health() : Status{}; }

    void work(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto waited = reader_->wait(kCollectEvery);
            const Status collected = waited ? collect() : std::unexpected(waited.error());
            unread_ = reader_->rejected();
            for (const Status& status : {collected, file_health()}) {
                if (!status) {
                    const std::lock_guard guard(mutex_);
                    health_ = status;
                    return;
                }
            }
        }
    }

    [[nodiscard]] Status collect() {
        const Nanoseconds now = clock_.monotonic();
        const Status collected = reader_->collect();
        reader_->read();
        // Stamps taken before the last collection have arrived by now, even from a CPU that was
        // busy then; later ones may not have.
        write_before(collected_);
        flush();
        if (evidence_ != nullptr) {
            evidence_->advance(collected_);
        }
        collected_ = now;
        return collected;
    }

    /// Writes the stamps older than `monotonic`. What is written leaves the ring at once: a slow
    /// disk is to find as much room there as possible.
    void write_before(Nanoseconds monotonic) {
        for (auto run = order_.next(monotonic); !run.empty(); run = order_.next(monotonic)) {
            write(run);
            reader_->release(order_.done());
        }
        reader_->release(order_.done());
    }

    void write(std::span<const fst_packet_stamp> run) {
        if (has_new_places_.load(std::memory_order_relaxed)) {
            learn_places();
        }
        if (evidence_ != nullptr) {
            evidence_->keep(run);
        }
        if (!filter_) {
            write_all(run);
            return;
        }
        for (const fst_packet_stamp& stamp : run) {
            if (filter_->matches(net::packet_of(stamp))) {
                write_all({&stamp, 1});
            }
        }
    }

    void write_all(std::span<const fst_packet_stamp> stamps) {
        if (writer_ == nullptr) {
            return;
        }
        writer_->write(stamps);
        if (file_health()) {
            written_.store(written_.load(std::memory_order_relaxed) + stamps.size(),
                           std::memory_order_relaxed);
        }
    }

    void learn_places() {
        const std::lock_guard guard(mutex_);
        for (output::StampPlace& place : std::exchange(new_places_, {})) {
            if (evidence_ != nullptr) {
                evidence_->add(place);
            }
            if (writer_ != nullptr) {
                writer_->add(std::move(place));
            }
        }
        has_new_places_ = false;
    }

    std::optional<output::StampFile> file_;
    std::optional<net::Filter> filter_;
    LiveEvidence* evidence_;
    std::vector<output::StampPlace> known_;        ///< places that the writer knows, or will soon
    std::unique_ptr<output::StampWriter> writer_;  ///< null: no file
    SystemClock clock_;
    std::optional<kernel::StampReader> reader_;
    output::StampOrder order_;
    Nanoseconds collected_{0};
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
