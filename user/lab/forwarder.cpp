// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/lab/forwarder.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "user/lab/wire.h"

namespace flowstamp::lab {
namespace {

using namespace wire;

bool forward_ipv4(std::span<std::uint8_t> packet, bool decrement_ttl) {
    constexpr std::size_t ttl_at = 8, checksum_at = 10;
    if (packet.size() < ipv4_bytes || packet[ttl_at] <= 1) {
        return false;
    }
    if (decrement_ttl) {
        --packet[ttl_at];
        const std::size_t header_bytes = (packet[0] & 0xf) * std::size_t{4};
        if (header_bytes < ipv4_bytes || header_bytes > packet.size()) {
            return false;
        }
        const std::span header = packet.first(header_bytes);
        store16(header, checksum_at, 0);
        store16(header, checksum_at, checksum(add_words(header)));
    }
    return true;
}

bool forward_ipv6(std::span<std::uint8_t> packet, bool decrement_ttl) {
    constexpr std::size_t hop_limit_at = 7, destination_at = 24;
    if (packet.size() < ipv6_bytes || packet[hop_limit_at] <= 1) {
        return false;
    }
    const bool link_local =
        packet[destination_at] == 0xfe && (packet[destination_at + 1] & 0xc0) == 0x80;
    if (link_local) {
        return false;
    }
    packet[hop_limit_at] -= decrement_ttl ? 1 : 0;
    return true;
}

/// Whether an IP packet is addressed to the router itself: left to its kernel.
bool for_itself(FrameView frame, const Namespace& router) {
    const bool ipv4 = load16(frame, 12) == ethertype_ipv4;
    const FrameView packet = frame.subspan(ethernet_bytes);
    const IpAddress destination =
        IpAddress::from_bytes(ipv4 ? packet.subspan(16, 4) : packet.subspan(24, 16));
    const Family family = ipv4 ? Family::V4 : Family::V6;
    return destination == router.toward(Side::Client).address(family) ||
           destination == router.toward(Side::Server).address(family);
}

Status set_kernel_forwarding(const Namespace& router, bool on) {
    const char* value = on ? "1" : "0";
    Status set = router.set_sysctl("net.ipv4.ip_forward", value);
    return set ? router.set_sysctl("net.ipv6.conf.all.forwarding", value) : set;
}

}  // namespace

std::optional<Frame> forwarded(FrameView frame, const Hop& hop, bool decrement_ttl) {
    if (frame.size() < ethernet_bytes) {
        return std::nullopt;
    }
    Frame copy(frame.begin(), frame.end());
    std::ranges::copy(hop.to.bytes, copy.begin());
    std::ranges::copy(hop.from.bytes, copy.begin() + 6);
    const std::span packet = std::span(copy).subspan(ethernet_bytes);
    const std::uint16_t type = load16(frame, 12);
    const bool good = type == ethertype_ipv4   ? forward_ipv4(packet, decrement_ttl)
                      : type == ethertype_ipv6 ? forward_ipv6(packet, decrement_ttl)
                                               : false;
    return good ? std::optional(std::move(copy)) : std::nullopt;
}

/// The forwarding thread's state; the thread is destroyed first.
struct Forwarder::State {
    State(const Namespace& host, ForwarderOptions wanted, std::unique_ptr<FrameLoop> frame_loop)
        : router(host),
          options(std::move(wanted)),
          loop(std::move(frame_loop)),
          link(options.link),
          runner(options.injection
                     ? std::optional<InjectionRunner>(std::in_place, *options.injection, *loop, log)
                     : std::nullopt),
          thread([this] {
              loop->run([this](Side from, FrameView frame) { on_frame(from, frame); });
          }) {}

    ~State() {
        loop->stop();
        thread.join();
        [[maybe_unused]] const Status on = set_kernel_forwarding(router, true);
    }

    void on_frame(Side from, FrameView frame) {
        const Side toward = other(from);
        auto onward = forwarded(frame, loop->hop(toward), options.decrement_ttl);
        if (!onward || for_itself(frame, router)) {
            return;
        }
        if (runner && runner->observe(from, frame)) {
            return;
        }
        const Deadline now = SteadyClock::now();
        if (!options.plan) {
            for (const auto delay : link.arrivals()) {
                loop->at(now + delay, [this, toward, onward] { loop->send(toward, *onward); });
            }
            return;
        }
        for (const Delivery& passage : options.plan(from, frame)) {
            auto late = onward;
            for (unsigned i = 0; late && i < passage.more_hops; ++i) {
                late = forwarded(*late, loop->hop(toward), true);
            }
            if (late) {
                loop->at(now + passage.after, [this, toward, late] { loop->send(toward, *late); });
            }
        }
    }

    const Namespace& router;
    ForwarderOptions options;
    std::unique_ptr<FrameLoop> loop;
    ImpairedLink link;
    InjectionLog log;
    std::optional<InjectionRunner> runner;
    std::jthread thread;
};

Result<Forwarder> Forwarder::start(const Lab& lab, unsigned router, ForwarderOptions options) {
    const Namespace& host = lab.router(router);
    if (Status off = lab.set_offloads_around(host, false); !off) {
        return std::unexpected(off.error());
    }
    Result<std::unique_ptr<FrameLoop>> loop = FrameLoop::open(host);
    if (!loop) {
        return std::unexpected(loop.error());
    }
    if (Status off = set_kernel_forwarding(host, false); !off) {
        return std::unexpected(off.error());
    }
    return Forwarder(std::make_unique<State>(host, std::move(options), std::move(*loop)));
}

Forwarder::Forwarder(std::unique_ptr<State> works) : state_(std::move(works)) {}
Forwarder::Forwarder(Forwarder&&) noexcept = default;
Forwarder& Forwarder::operator=(Forwarder&&) noexcept = default;
Forwarder::~Forwarder() = default;

std::vector<InjectedFrame> Forwarder::injected(std::size_t count,
                                               std::chrono::milliseconds timeout) const {
    return state_->log.wait_for(count, timeout);
}

}  // namespace flowstamp::lab
