// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "user/base/result.h"
#include "user/net/anonymize/address_anonymizer.h"
#include "user/output/event.h"
#include "user/output/evidence/evidence_file.h"
#include "user/output/evidence/evidence_folder.h"
#include "user/output/evidence/packet_keeper.h"

namespace flowstamp::output {

/// Writes a file for each finding that is confirmed: the packets of its flow before and after. What
/// cannot be written is counted, and nothing else stops.
class EvidenceRecorder final : public Consumer {
  public:
    static constexpr std::size_t kKeptBytes = std::size_t{64} << 20;  ///< of packets, all flows
    static constexpr unsigned kAfter = 32;  ///< packets that follow the finding
    static constexpr Nanoseconds kAfterTime = std::chrono::seconds(5);
    static constexpr std::size_t kPackets = 256;  ///< of one finding, at most
    static constexpr std::size_t kCases = 256;    ///< findings that may still change

    using Notice = std::function<void(std::string_view)>;

    /// `writes_at_once`: of a live watch, a file as soon as the finding is confirmed, which is
    /// completed later; else one file, when it is complete. `anonymizer`: of what is written.
    EvidenceRecorder(EvidenceFolder folder, bool writes_at_once, Notice notice,
                     std::optional<net::AddressAnonymizer> anonymizer = std::nullopt)
        : folder_(std::move(folder)),
          writes_at_once_(writes_at_once),
          notice_(std::move(notice)),
          anonymizer_(anonymizer) {}

    /// A finding; or another capture, whose packets are other packets.
    void consume(const Event& event) override;
    /// Where packets may come from.
    void set_place(std::uint32_t number, EvidencePlace place);
    [[nodiscard]] bool knows(std::uint32_t place) const { return places_.contains(place); }
    /// To be called with each packet, before the findings about it.
    void keep(const fst_flow_key& key, KeptPacket packet);
    /// The data path's clock is at `now`: findings are complete by then.
    void advance(Nanoseconds now);
    /// Writes what is not complete, and says what was left out. The first error, if any.
    [[nodiscard]] Status finish();

    [[nodiscard]] std::uint64_t files() const { return files_; }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

  private:
    struct Case {
        EvidenceCase its{};
        fst_flow_key key{};
        bool is_open = false;  ///< packets are added
        Nanoseconds until{0};
        unsigned after = 0;
        std::string file{};  ///< its name; empty: not written
        bool is_left_out = false;
    };
    using Cases = std::map<std::uint64_t, Case>;

    void consume(const analysis::Finding& finding);
    void open(std::uint64_t id, Case& its);
    void close(std::uint64_t id, Case& its);
    void close_all();
    void write(Case& its);
    void create(Case& its, const std::string& contents);
    void replace(Case& its, const std::string& contents);
    void failed(const Error& error);

    EvidenceFolder folder_;
    bool writes_at_once_;
    Notice notice_;
    std::optional<net::AddressAnonymizer> anonymizer_;
    PacketKeeper keeper_{kKeptBytes};
    EvidencePlaces places_;
    std::string capture_;
    Cases cases_;  ///< by the finding's id
    std::unordered_multimap<fst_flow_key, std::uint64_t, FlowKeyHash, FlowKeyEqual> open_;
    Nanoseconds due_{Nanoseconds::max()};  ///< the first of the open ones' `until`, or earlier
    std::uint64_t files_ = 0;
    std::uint64_t left_out_ = 0;
    bool has_said_full_ = false;
    Status health_;
};

}  // namespace flowstamp::output
