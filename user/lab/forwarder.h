// SPDX-License-Identifier: Apache-2.0
//
// A router's forwarding done by us in place of its kernel, with the faults of a long path, for
// kernels without netem: delay, jitter, loss, duplication. It can host an Injection, and then,
// unlike the Injector, swallow what should not go on.
//
//     Result<Forwarder> forwarder = Forwarder::start(
//         lab, 2, {.link = {.delay = 20ms, .jitter = 5ms, .loss = 0.01}});
//
// What it forges does not go through its own link: it leaves at once. For an injector at the far end
// of a long path, put the Forwarder on router 1 and an Injector (or another Forwarder) on router 2.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "user/base/result.h"
#include "user/lab/frame_loop.h"
#include "user/lab/impairment.h"
#include "user/lab/injector.h"
#include "user/lab/topology.h"

namespace flowstamp::lab {

/// One arrival of a frame at the other end of the link.
struct Passage {
    std::chrono::microseconds after{0};
    unsigned more_hops = 0;  ///< further routers on its way, besides this one
};

struct ForwarderOptions {
    Impairment link{};
    /// In the place of `link`: how a frame passes; not at all, and it is lost. Called by the
    /// forwarding thread, with each frame in its order.
    std::function<std::vector<Passage>(Side from, FrameView frame)> plan{};
    /// As a router must. Without, the router is no hop: a wire, a bridge.
    bool decrement_ttl = true;
    std::optional<Injection> injection{};
};

/// The frame as it leaves the router for the link `hop`: new MAC addresses and, if asked, a TTL one
/// less. Nothing for what is not IP, is at its last hop, or stays on its link (link-local).
std::optional<Frame> forwarded(FrameView frame, const Hop& hop, bool decrement_ttl);

/// Forwards until it goes out of scope; then the kernel does again. What is on its way then is
/// lost. The kernel goes on answering for the router's own addresses.
class Forwarder {
  public:
    /// Takes over router `router` (1 is the client's) of `lab`, which must outlive it, and turns
    /// the offloads around it off: super-packets fit no link, and their checksums are unfinished.
    static Result<Forwarder> start(const Lab& lab, unsigned router, ForwarderOptions options);

    Forwarder(Forwarder&&) noexcept;
    Forwarder& operator=(Forwarder&&) noexcept;
    ~Forwarder();

    /// As Injector::injected().
    std::vector<InjectedFrame> injected(std::size_t count, std::chrono::milliseconds timeout) const;

  private:
    struct Works;
    explicit Forwarder(std::unique_ptr<Works> works);

    std::unique_ptr<Works> works_;
};

}  // namespace flowstamp::lab
