// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Forwards a router's packets in user space in place of its kernel, with the impairments of a long
// path, for kernels without netem: delay, jitter, loss, duplication. It can run an Injection, and,
// unlike the Injector, can drop packets that should not be forwarded.
//
//     Result<Forwarder> forwarder = Forwarder::start(
//         lab, 2, {.link = {.delay = 20ms, .jitter = 5ms, .loss = 0.01}});
//
// Forged segments do not pass through the impaired link: they leave at once. For an injector at the
// far end of a long path, put the Forwarder on router 1 and an Injector (or another Forwarder) on
// router 2.
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
struct Delivery {
    std::chrono::microseconds after{0};
    unsigned more_hops = 0;  ///< further routers on the way, besides this one
};

struct ForwarderOptions {
    Impairment link{};
    /// Replaces `link`: the deliveries of a frame; none means that it is lost. Called by the
    /// forwarding thread for each frame in order.
    std::function<std::vector<Delivery>(Side from, FrameView frame)> plan{};
    /// Normal for a router. If false, the router is no hop: a wire, a bridge.
    bool decrement_ttl = true;
    std::optional<Injection> injection{};
};

/// The frame as it leaves the router on the link `hop`: with new MAC addresses and, with
/// `decrement_ttl`, a decremented TTL. Nothing for what is not IP, has reached its last hop, or is
/// link-local.
std::optional<Frame> forwarded(FrameView frame, const Hop& hop, bool decrement_ttl);

/// Forwards until destroyed; then the kernel does so again. Frames still in flight are lost then.
/// The kernel keeps answering for the router's own addresses.
class Forwarder {
  public:
    /// Takes over router `router` (1 is the client's) of `lab`, which must outlive it. Turns off
    /// the offloads around it: GSO packets exceed the link's MTU, and their checksums are
    /// incomplete.
    static Result<Forwarder> start(const Lab& lab, unsigned router, ForwarderOptions options);

    Forwarder(Forwarder&&) noexcept;
    Forwarder& operator=(Forwarder&&) noexcept;
    ~Forwarder();

    /// As Injector::injected().
    std::vector<InjectedFrame> injected(std::size_t count, std::chrono::milliseconds timeout) const;

  private:
    struct State;
    explicit Forwarder(std::unique_ptr<State> works);

    std::unique_ptr<State> state_;
};

}  // namespace flowstamp::lab
