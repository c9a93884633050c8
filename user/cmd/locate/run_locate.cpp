// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/locate/run_locate.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <random>
#include <utility>

#include "user/base/clock.h"
#include "user/base/console.h"
#include "user/base/signals.h"
#include "user/cmd/locate/open_flow.h"
#include "user/cmd/locate/wanted_flow.h"
#include "user/locate/box_place.h"
#include "user/locate/hop_trace.h"
#include "user/locate/raw_sockets.h"
#include "user/net/endpoint.h"
#include "user/output/locate_report.h"

namespace flowstamp::cmd {

namespace {

Result<std::ifstream> opened_log(const LocateOptions& options) {
    std::ifstream log(*options.log);
    if (!log) {
        return fail_errno("read", *options.log, errno);
    }
    return log;
}

Result<WantedFlow> wanted_flow(const LocateOptions& options) {
    if (!options.finding) {
        return parse_flow(options.flow);
    }
    auto log = opened_log(options);
    return !log ? std::unexpected(log.error())
                : flow_of_finding(*log, *options.finding, *options.log);
}

/// TTL of the forged reset in the peer's name: of the finding that was named, of the log, or as the
/// watch remembers it.
Result<std::optional<std::uint8_t>> reset_ttl_of(const LocateOptions& options,
                                                 const WantedFlow& wanted, const OpenFlow& flow) {
    const fst_flow_key& key = flow.flow().key;
    const WantedFlow::Ends ends{net::end_of(key, flow.own() ^ 1U), net::end_of(key, flow.own())};
    if (wanted.reset_ttl) {
        const bool is_peers = std::get<WantedFlow::Ends>(wanted.name) == ends;
        return is_peers ? wanted.reset_ttl : std::nullopt;
    }
    if (!options.log) {
        return flow.forged_reset_ttl();
    }
    auto log = opened_log(options);
    if (!log) {
        return std::unexpected(log.error());
    }
    const auto logged = forged_reset_ttl(*log, ends);
    return logged ? logged : flow.forged_reset_ttl();
}

/// Sends a trace's probes and receives the answers, until done, stopped, or out of patience.
class Tracer {
  public:
    /// All outlive it.
    Tracer(const OpenFlow& flow, const locate::RawSockets& sockets, locate::HopTrace& trace)
        : flow_(flow), sockets_(sockets), trace_(trace) {}

    [[nodiscard]] Status run() {
        const net::Endpoint peer = net::end_of(flow_.flow().key, flow_.own() ^ 1U);
        for (;;) {
            const auto point = flow_.point();  // before each: the flow goes on meanwhile
            if (!point) {
                return std::unexpected(point.error());
            }
            const auto probe = trace_.next(*point, clock_.monotonic());
            if (!probe) {
                break;
            }
            if (const Status sent = sockets_.send(locate::packet_of(*probe, *point), peer); !sent) {
                return sent;
            }
            if (!receive(trace_.pace())) {
                return {};
            }
        }
        (void)receive(locate::HopTrace::kPatience);
        return {};
    }

  private:
    /// Receives for so long, or until each router has answered. False if a signal asked to stop.
    bool receive(Nanoseconds length) {
        const Nanoseconds until = clock_.monotonic() + length;
        while (!trace_.is_complete()) {
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(until - clock_.monotonic());
            if (left.count() <= 0) {
                break;
            }
            std::array<pollfd, 2> waiting{
                {{sockets_.descriptor(), POLLIN, 0}, {signals_.descriptor(), POLLIN, 0}}};
            (void)::poll(waiting.data(), waiting.size(), static_cast<int>(left.count()));
            if (waiting[1].revents != 0) {
                return false;
            }
            while (const auto answer = sockets_.receive()) {
                trace_.answer(*answer);
            }
        }
        return true;
    }

    const OpenFlow& flow_;
    const locate::RawSockets& sockets_;
    locate::HopTrace& trace_;
    SystemClock clock_;
    StopSignals signals_;
};

Result<output::Output> opened(const LocateOptions& options) {
    return options.output ? output::Output::file(*options.output)
                          : Result<output::Output>(output::Output::standard_output());
}

Status report(const LocateOptions& options, const OpenFlow& flow, const locate::HopTrace& trace,
              std::optional<std::uint8_t> reset_ttl, std::optional<unsigned> peer) {
    auto output = opened(options);
    if (!output) {
        return std::unexpected(output.error());
    }
    const Nanoseconds now = SystemClock().realtime();
    output::LocateReport report(*output, output::style_for(*output, options.colour), options.json,
                                flow.flow().key, flow.own());
    for (const locate::Hop& hop : trace.hops()) {
        report.hop(hop, now);
    }
    report.place(locate::place_of(reset_ttl, peer, trace.hops()), peer, now);
    return output->reader_has_gone() ? Status{} : output->health();
}

Status locate_box(const LocateOptions& options) {
    const auto wanted = wanted_flow(options);
    if (!wanted) {
        return std::unexpected(wanted.error());
    }
    const auto flow = OpenFlow::find(*wanted);
    if (!flow) {
        return std::unexpected(flow.error());
    }
    const auto reset_ttl = reset_ttl_of(options, *wanted, *flow);
    if (!reset_ttl) {
        return std::unexpected(reset_ttl.error());
    }
    const auto peer = locate::peer_hops(flow->flow().direction[flow->own() ^ 1U]);
    const auto sockets =
        locate::RawSockets::open(net::end_of(flow->flow().key, flow->own()).is_v4());
    if (!sockets) {
        return std::unexpected(sockets.error());
    }
    locate::HopTrace trace(locate::last_hop(*reset_ttl, peer), std::random_device{}());
    if (const Status traced = Tracer(*flow, *sockets, trace).run(); !traced) {
        return traced;
    }
    return report(options, *flow, trace, *reset_ttl, peer);
}

}  // namespace

int run_locate(const LocateOptions& options) {
    const Status located = locate_box(options);
    return located ? kDone : log_error(located.error(), kFailed);
}

}  // namespace flowstamp::cmd
