// SPDX-License-Identifier: Apache-2.0
#include "tests/datapath/host_rig.h"

#include <bit>
#include <new>

#include "user/replay/datapath.h"

namespace flowstamp::testing {
namespace {

struct FreeDatapath {
    void operator()(fs_datapath* path) const { fs_datapath_free(path); }
};

class HostRig final : public Rig {
  public:
    explicit HostRig(const RigOptions& options)
        : slots_(std::bit_ceil((options.max_flows + FS_BUCKET_WAYS - 1) / FS_BUCKET_WAYS) *
                 FS_BUCKET_WAYS),
          room_(options.acting ? 1 : 0) {
        const fs_datapath_config config{.max_flows = options.max_flows,
                                        .may_act = options.acting ? 1U : 0U,
                                        .tells_repeated = 0,
                                        .seed = {options.seed[0], options.seed[1]},
                                        .deliver = &HostRig::deliver,
                                        .context = this};
        path_.reset(fs_datapath_new(&config));
        if (!path_) {
            throw std::bad_alloc();
        }
    }

    Outcome run(fs_hook hook, const Frame& frame) override {
        // Of its very size, so that a read past the end is seen by the sanitiser.
        Bytes bytes(frame.bytes.begin(), frame.bytes.end());
        bytes.resize(bytes.size() + room_, 0xee);
        events_.clear();
        fs_datapath_frame view{.data = bytes.data(),
                               .bytes = static_cast<__u32>(frame.bytes.size()),
                               .room = room_,
                               .ifindex = frame.ifindex,
                               .time_ns = now_ns(),
                               .hook = static_cast<__u8>(hook),
                               .has_mac = 1};
        Outcome outcome;
        outcome.dropped = fs_datapath_packet(path_.get(), &view) == FS_DATAPATH_DROP;
        bytes.resize(view.bytes);
        outcome.bytes = std::move(bytes);
        outcome.events = events_;
        return outcome;
    }

    void set_policy(const fs_policy& policy) override {
        fs_datapath_set_policy(path_.get(), &policy);
    }
    std::uint32_t slots() const override { return slots_; }
    std::optional<fs_flow> flow(std::uint32_t slot) const override {
        const fs_flow* found = fs_datapath_flow(path_.get(), slot);
        return found == nullptr || found->tag == 0 ? std::nullopt : std::optional(*found);
    }
    std::uint64_t counter(fs_counter counter) const override {
        return fs_datapath_counter(path_.get(), counter);
    }
    std::size_t least_bytes(fs_hook, bool) const override { return 1; }

  private:
    static void deliver(void* context, const fs_event* event) {
        SeenEvent seen{.event = *event};
        if (event->header.size == sizeof(fs_flow_event)) {
            seen.flow = reinterpret_cast<const fs_flow_event*>(event)->flow;
        }
        static_cast<HostRig*>(context)->events_.push_back(seen);
    }

    std::uint32_t slots_;
    std::uint32_t room_;  ///< bytes that a question may take behind a frame
    std::unique_ptr<fs_datapath, FreeDatapath> path_;
    std::vector<SeenEvent> events_;
};

}  // namespace

std::unique_ptr<Rig> make_host_rig(const RigOptions& options) {
    return std::make_unique<HostRig>(options);
}

}  // namespace flowstamp::testing
