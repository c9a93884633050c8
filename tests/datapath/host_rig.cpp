// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/datapath/host_rig.h"

#include <new>

#include "bpf/host/datapath.h"
#include "flowstamp/config.h"

namespace flowstamp::testing {
namespace {

struct FreeDatapath {
    void operator()(fst_datapath* path) const { fst_datapath_free(path); }
};

class HostRig final : public Rig {
  public:
    explicit HostRig(const RigOptions& options)
        : slots_(fst_flow_slots(options.max_flows)), room_(options.acting ? 1 : 0) {
        const fst_datapath_config config{.max_flows = options.max_flows,
                                         .may_act = options.acting ? 1U : 0U,
                                         .reports_repeated = 0,
                                         .verifies = options.replaying ? 0U : 1U,
                                         .seed = {options.seed[0], options.seed[1]},
                                         .deliver = &HostRig::deliver,
                                         .context = this};
        path_.reset(fst_datapath_new(&config));
        if (!path_) {
            throw std::bad_alloc();
        }
    }

    Outcome run(fst_hook hook, const Frame& frame) override {
        // Exactly its size, so that the sanitizer detects a read past its end.
        Bytes bytes(frame.bytes.begin(), frame.bytes.end());
        bytes.resize(bytes.size() + room_, 0xee);
        events_.clear();
        fst_datapath_frame view{.data = bytes.data(),
                                .bytes = static_cast<__u32>(frame.bytes.size()),
                                .room = room_,
                                .ifindex = frame.ifindex,
                                .came_in_by = frame.came_in_by,
                                .time_ns = now_ns(),
                                .hook = static_cast<__u8>(hook),
                                .has_mac = 1,
                                .has_no_socket = frame.has_no_socket};
        Outcome outcome;
        outcome.dropped = fst_datapath_packet(path_.get(), &view) == FST_DATAPATH_DROP;
        bytes.resize(view.bytes);
        outcome.bytes = std::move(bytes);
        outcome.events = events_;
        return outcome;
    }

    void set_policy(const fst_policy& policy) override {
        fst_datapath_set_policy(path_.get(), &policy);
    }
    std::uint32_t slots() const override { return slots_; }
    std::optional<fst_flow> flow(std::uint32_t slot) const override {
        const fst_flow* found = fst_datapath_flow(path_.get(), slot);
        return found == nullptr || found->tag == 0 ? std::nullopt : std::optional(*found);
    }
    std::uint64_t counter(fst_counter counter) const override {
        return fst_datapath_counter(path_.get(), counter);
    }
    std::size_t min_frame_bytes(fst_hook, bool) const override { return 1; }

  private:
    static void deliver(void* context, const fst_event* event) {
        SeenEvent seen{.event = *event};
        if (event->header.size == sizeof(fst_flow_event)) {
            seen.flow = reinterpret_cast<const fst_flow_event*>(event)->flow;
        }
        static_cast<HostRig*>(context)->events_.push_back(seen);
    }

    std::uint32_t slots_;
    std::uint32_t room_;  ///< bytes after a frame into which a challenge may grow
    std::unique_ptr<fst_datapath, FreeDatapath> path_;
    std::vector<SeenEvent> events_;
};

}  // namespace

std::unique_ptr<Rig> make_host_rig(const RigOptions& options) {
    return std::make_unique<HostRig>(options);
}

}  // namespace flowstamp::testing
