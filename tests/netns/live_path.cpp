// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "tests/netns/live_path.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <utility>

namespace flowstamp::pathtrace {

void PrintTo(const PathReport& report, std::ostream* out) {
    *out << fmt::format("flow #{}{} {} > {}: {}, {} packets", report.flow,
                        report.is_reply ? ", answers" : "", source_of(report.name).text(),
                        destination_of(report.name).text(), name_of(report.end), report.packets);
    for (const PathStep& step : report.steps) {
        *out << fmt::format("; {} ({})", step.at, fmt::join(step.passed, ", "));
    }
    if (report.drop) {
        *out << fmt::format("; at '{}': {} ({}, {})", report.drop->at, report.drop->words.words,
                            report.drop->reason, report.drop->location);
        if (report.drop->attribution) {
            *out << fmt::format("; {}: {}: {}", netfilter::words_of(*report.drop->attribution),
                                report.drop->attribution->certainty == netfilter::Certainty::certain
                                    ? "certain"
                                    : "probable",
                                report.drop->attribution->why);
        }
    }
}

}  // namespace flowstamp::pathtrace

namespace flowstamp::lab {

LivePath::LivePath(const lab::Namespace& host, const std::vector<std::string>& interfaces,
                   const std::string& filter, const std::vector<std::string>& netns) {
    std::promise<void> attached;
    auto ready = attached.get_future();
    const pathtrace::Tracer::Wanted wanted{
        .interfaces = interfaces, .netns = netns, .filter = filter};
    running_ = std::async(std::launch::async,
                          [&, wanted] { host.run_in([&] { run(wanted, attached); }); });
    ready.get();
}

std::optional<pathtrace::PathReport> LivePath::wait_for(const Wanted& is_it,
                                                        std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, timeout, [&] { return std::ranges::any_of(reports_, is_it); });
    const auto found = std::find_if(reports_.rbegin(), reports_.rend(), is_it);
    return found == reports_.rend() ? std::nullopt : std::optional(*found);
}

std::optional<pathtrace::PathReport> LivePath::wait_for(pathtrace::PacketPath::End end,
                                                        std::chrono::milliseconds timeout) {
    return wait_for(
        [&](const pathtrace::PathReport& report) { return report.end == end && !report.is_reply; },
        timeout);
}

std::vector<pathtrace::PathReport> LivePath::reports() {
    const std::lock_guard lock(mutex_);
    return reports_;
}

bool LivePath::wait_for_notice(const std::string& text, std::size_t before) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kTimeout, [&] {
        return std::ranges::count_if(notices_, [&](const std::string& line) {
                   return line.contains(text);
               }) > static_cast<std::ptrdiff_t>(before);
    });
}

std::vector<std::string> LivePath::notices() {
    const std::lock_guard lock(mutex_);
    return notices_;
}

const pathtrace::PathStats& LivePath::stop() {
    stopping_ = true;
    if (running_.valid()) {
        running_.get();
    }
    return stats_;
}

void LivePath::consume(pathtrace::PathEvent event) {
    const std::lock_guard lock(mutex_);
    if (auto* stats = std::get_if<pathtrace::PathStats>(&event)) {
        stats_ = *stats;
        return;
    }
    reports_.push_back(std::get<pathtrace::PathReport>(std::move(event)));
    changed_.notify_all();
}

void LivePath::run(const pathtrace::Tracer::Wanted& wanted, std::promise<void>& attached) {
    const SystemClock clock;
    auto tracer = pathtrace::Tracer::start(
        wanted, {.report = [this](pathtrace::PathEvent event) { consume(std::move(event)); },
                 .clock = clock,
                 .notice =
                     [this](std::string_view line) {
                         const std::lock_guard lock(mutex_);
                         notices_.emplace_back(line);
                         changed_.notify_all();
                     }});
    if (!tracer) {
        attached.set_exception(
            std::make_exception_ptr(std::runtime_error(tracer.error().message())));
        return;
    }
    attached.set_value();
    while (!stopping_) {
        EXPECT_TRUE(tracer->poll());
        std::this_thread::sleep_for(20ms);
    }
    EXPECT_TRUE(tracer->finish());
}

void drop_sys_admin() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[2] = {};
    ASSERT_EQ(::syscall(SYS_capget, &header, sets), 0);
    sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
    sets[0].permitted &= ~(1U << CAP_SYS_ADMIN);
    ASSERT_EQ(::syscall(SYS_capset, &header, sets), 0);
}

Fd listening_socket(const lab::Namespace& host, const Endpoint& at, int backlog) {
    return host.run_in([&] {
        Fd made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        lab::SocketAddress own(at);
        EXPECT_EQ(::bind(made.get(), own.get(), own.length), 0);
        EXPECT_EQ(::listen(made.get(), backlog), 0);
        return made;
    });
}

Fd udp_socket(const lab::Namespace& host, const Endpoint& at, ReceiveBuffer buffer) {
    return host.run_in([&] {
        Fd made(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (buffer == ReceiveBuffer::smallest) {
            const int least = 1;
            ::setsockopt(made.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least));
        }
        lab::SocketAddress own(at);
        EXPECT_EQ(::bind(made.get(), own.get(), own.length), 0);
        return made;
    });
}

std::vector<std::string> interfaces_of(const lab::Namespace& host) {
    std::vector<std::string> names;
    for (const lab::Side side : {lab::Side::Client, lab::Side::Server}) {
        if (host.has(side)) {
            names.push_back(host.toward(side).name);
        }
    }
    return names;
}

std::vector<Fd> start_connections(const lab::Namespace& host, const Endpoint& at, unsigned count,
                                  const Endpoint& from) {
    return host.run_in([&] {
        std::vector<Fd> sockets;
        for (unsigned i = 0; i < count; ++i) {
            lab::SocketAddress to(at);
            sockets.emplace_back(
                ::socket(to.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (from.port != 0) {
                lab::SocketAddress own(from);
                const int on = 1;
                ::setsockopt(sockets.back().get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
                EXPECT_EQ(::bind(sockets.back().get(), own.get(), own.length), 0);
            }
            // EPERM if OUTPUT drops it, else EINPROGRESS.
            [[maybe_unused]] const int begun = ::connect(sockets.back().get(), to.get(), to.length);
        }
        return sockets;
    });
}

pathtrace::PathReport LivePathTest::expect_rule_named(const std::string& at,
                                                      const std::string& words,
                                                      netfilter::Certainty certainty) {
    const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
        return each.drop && each.drop->at == at && each.drop->attribution &&
               words_of(*each.drop->attribution).contains(words) &&
               each.drop->attribution->certainty == certainty;
    });
    EXPECT_TRUE(report) << "not reported: " << at << ": " << words << "\nbut "
                        << testing::PrintToString(path_->reports());
    return report.value_or(pathtrace::PathReport{});
}

pathtrace::PathReport LivePathTest::expect_reason(const std::string& at, const std::string& reason,
                                                  const std::string& words,
                                                  const std::string& look_at, std::uint16_t port) {
    const auto report = path_->wait_for([&](const pathtrace::PathReport& each) {
        return each.drop && each.drop->at == at && each.drop->reason == reason &&
               (port == 0 || pathtrace::destination_of(each.name).port == port);
    });
    EXPECT_TRUE(report) << "not reported: " << at << ": " << reason << "\nbut "
                        << testing::PrintToString(path_->reports());
    if (!report) {
        return {};
    }
    EXPECT_FALSE(report->drop->attribution) << testing::PrintToString(*report);
    EXPECT_THAT(report->drop->words.words, testing::HasSubstr(words));
    EXPECT_THAT(report->drop->words.look_at, testing::HasSubstr(look_at));
    return *report;
}

std::vector<std::string> steps_of(const pathtrace::PathReport& report) {
    std::vector<std::string> names;
    names.reserve(report.steps.size());
    for (const pathtrace::PathStep& step : report.steps) {
        names.push_back(step.at);
    }
    return names;
}

void expect_sums(LivePath& path, std::uint64_t left, std::uint64_t dropped) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const pathtrace::PathStats& stats = path.stop();
    EXPECT_EQ(stats.packets, left + dropped) << testing::PrintToString(path.reports());
    EXPECT_EQ(stats.left(), left);
    EXPECT_EQ(stats.dropped, dropped);
    EXPECT_EQ(stats.unknown, 0U);
}

}  // namespace flowstamp::lab
