// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>

#include "bpf/host/datapath.h"
#include "flowstamp/config.h"
#include "user/cmd/replay/replay_datapath.h"
#include "user/net/learned_signature.h"

namespace flowstamp::cmd {

namespace {

struct FreeDatapath {
    void operator()(fst_datapath* path) const { fst_datapath_free(path); }
};

class HostPath final : public ReplayPath {
  public:
    explicit HostPath(std::uint32_t max_flows) : slots_(fst_flow_slots(max_flows)) {
        const fst_datapath_config config{.max_flows = max_flows,
                                         .may_act = 0,
                                         .reports_repeated = 1,
                                         .verifies = 0,
                                         .seed = {kReplaySeed[0], kReplaySeed[1]},
                                         .deliver = &HostPath::deliver,
                                         .context = this};
        path_.reset(fst_datapath_new(&config));
    }
    HostPath(const HostPath&) = delete;  // the data path stores its address
    HostPath& operator=(const HostPath&) = delete;

    [[nodiscard]] bool is_whole() const { return path_ != nullptr; }

    Status packet(const Frame& frame, EventSink& sink) override {
        fst_datapath_frame view{.data = frame.bytes.data(),
                                .bytes = static_cast<__u32>(frame.bytes.size()),
                                .room = 0,
                                .ifindex = frame.ifindex,
                                .came_in_by = 0,
                                .time_ns = static_cast<__u64>(frame.time.count()),
                                .hook = FST_HOOK_XDP,
                                .has_mac = 1,
                                .has_no_socket = 0};
        sink_ = &sink;
        fst_datapath_packet(path_.get(), &view);
        sink_ = nullptr;
        const std::uint32_t begun = fst_datapath_begun(path_.get());
        if (begun != kNone) {
            used_.insert(begun);
        }
        return {};
    }

    std::optional<fst_flow> read(std::uint32_t slot) const override {
        const fst_flow* flow = fst_datapath_flow(path_.get(), slot);
        return flow == nullptr || flow->tag <= FST_TAG_BUSY ? std::nullopt : std::optional(*flow);
    }

    bool publish(std::span<const net::LearnedSignature> learned) override {
        fst_policy policy{};
        net::set_learned(policy, learned);
        fst_datapath_set_policy(path_.get(), &policy);
        return true;
    }

    std::uint32_t slots() const override { return slots_; }

    std::uint32_t scan(std::uint32_t first, std::uint32_t count, const Visit& visit) override {
        auto slot = used_.lower_bound(first);
        for (; slot != used_.end() && count != 0; ++slot, --count) {
            visit(*slot, *fst_datapath_flow(path_.get(), *slot));
        }
        return slot == used_.end() ? 0 : *slot;
    }

    Result<analysis::DatapathStats> stats() const override {
        analysis::DatapathStats stats;
        for (std::uint32_t i = 0; i < FST_COUNT_MAX; i++) {
            stats.counters[i] = fst_datapath_counter(path_.get(), i);
        }
        return stats;
    }

  private:
    static void deliver(void* context, const fst_event* event) {
        const fst_flow* flow = nullptr;
        if (fst_event_has_flow(event->header.kind)) {
            flow = &reinterpret_cast<const fst_flow_event*>(event)->flow;
        }
        static_cast<HostPath*>(context)->sink_->event(*event, flow);
    }

    static constexpr std::uint32_t kNone = UINT32_MAX;

    std::uint32_t slots_;
    std::set<std::uint32_t> used_;  ///< slots; none becomes free again
    std::unique_ptr<fst_datapath, FreeDatapath> path_;
    EventSink* sink_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<ReplayPath>> make_host_path(std::uint32_t max_flows) {
    auto path = std::make_unique<HostPath>(max_flows);
    if (!path->is_whole()) {
        return fail_errno("make room for", "the flow table", ENOMEM, "lower --max-flows");
    }
    return path;
}

}  // namespace flowstamp::cmd
