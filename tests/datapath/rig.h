// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// One interface to the data path wherever it runs: compiled for the host, or loaded into the kernel
// and run by BPF_PROG_TEST_RUN. The cases of this folder use nothing else, so each runs in both
// builds and at every hook: tests/unit runs them on the host build, with sanitizers and without
// root, tests/bpf on the loaded programs.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "flowstamp/counter.h"
#include "flowstamp/event.h"
#include "flowstamp/flow.h"
#include "flowstamp/policy.h"
#include "tests/support/checksum.h"

namespace flowstamp::testing {

struct SeenEvent {
    fst_event event{};
    std::optional<fst_flow> flow{};  ///< in FST_EVENT_RST, EVICTED and ENDED
};

/// The data path's result for one frame.
struct Outcome {
    bool dropped = false;
    Bytes bytes{};  ///< the frame afterwards
    std::vector<SeenEvent> events{};

    /// The first event of a kind, or null.
    [[nodiscard]] const SeenEvent* find(fst_event_kind kind) const;
    /// The judgement of the frame, a RST; all zero, and a test failure, if it was none.
    [[nodiscard]] fst_judgement judgement() const;
};

enum class Backend { host, kernel };

/// What a case is run on. The peer's packets arrive at `hook`; ours always leave at tc egress.
struct RigKind {
    Backend backend;
    fst_hook hook;
};
std::string name_of(const RigKind& kind);
std::ostream& operator<<(std::ostream& out, const RigKind& kind);

/// What this executable can run; all hooks, or only those that can act.
std::vector<RigKind> every_hook();
std::vector<RigKind> ingress_hooks();

struct RigOptions {
    bool acting = false;
    bool replaying = false;  ///< as for a capture: checksums are not verified
    bool stamping = false;   ///< every packet's stamp is exported; of the loaded programs only
    std::array<std::uint64_t, 2> seed{0x5eed5eed5eed5eed, 0x0123456789abcdef};
    std::uint32_t max_flows = 16384;
};

struct Frame {
    std::span<const std::uint8_t> bytes;
    std::uint32_t ifindex = 1;
    std::uint16_t gso_segments = 0;  ///< at a tc hook of the kernel only
    std::uint16_t gso_size = 0;      ///< the same: payload bytes of a segment; not 0: it is GSO
    std::uint32_t came_in_by = 0;    ///< of what leaves: an interface; 0: none
    bool has_no_socket = false;      ///< of what leaves; of the host build only
};

class Rig {
  public:
    virtual ~Rig() = default;

    virtual Outcome run(fst_hook hook, const Frame& frame) = 0;
    virtual void set_policy(const fst_policy& policy) = 0;
    [[nodiscard]] virtual std::uint32_t slots() const = 0;
    [[nodiscard]] virtual std::optional<fst_flow> flow(std::uint32_t slot) const = 0;
    [[nodiscard]] virtual std::uint64_t counter(fst_counter counter) const = 0;
    /// The shortest frame that run() takes, of IPv4 or IPv6.
    [[nodiscard]] virtual std::size_t min_frame_bytes(fst_hook hook, bool v6) const = 0;

    /// The clock of the next frames.
    [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
    void advance_us(std::uint64_t us) { now_ns_ += us * 1000; }
    void advance_ms(std::uint64_t ms) { advance_us(ms * 1000); }

    /// The first slot with the given flow.
    [[nodiscard]] std::optional<std::uint32_t> find(
        const std::function<bool(const fst_flow&)>& is_it) const;

  private:
    std::uint64_t now_ns_ = 1'000'000'000'000;
};

/// Defined by each executable. Null if the kernel cannot be used (no privileges).
std::unique_ptr<Rig> make_rig(Backend backend, const RigOptions& options);

}  // namespace flowstamp::testing
