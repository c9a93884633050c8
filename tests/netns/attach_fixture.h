// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "user/base/fd.h"
#include "user/base/own_thread.h"
#include "user/base/process.h"
#include "user/kernel/attach/probe.h"
#include "user/kernel/features/bpf_objects.h"

namespace flowstamp {

/// Two connected hosts: network namespaces "kt-PID-a" with kta, 192.0.2.1, where the test watches,
/// and "kt-PID-b" with ktb, 192.0.2.2, which answers. Skips without root.
class AttachTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        ip({"netns", "add", a()});
        ip({"netns", "add", b()});
        ip({"link", "add", "kta", "netns", a(), "type", "veth", "peer", "name", "ktb", "netns",
            b()});
        ip({"-n", a(), "address", "add", "192.0.2.1/24", "dev", "kta"});
        ip({"-n", b(), "address", "add", "192.0.2.2/24", "dev", "ktb"});
        for (const char* link : {"lo", "kta"}) {
            ip({"-n", a(), "link", "set", link, "up"});
        }
        ip({"-n", b(), "link", "set", "ktb", "up"});
    }

    void TearDown() override {
        for (const std::string& name : {a(), b()}) {
            (void)run_command({"ip", "netns", "delete", name});
        }
    }

    static std::string a() { return fmt::format("kt-{}-a", kProcess); }
    static std::string b() { return fmt::format("kt-{}-b", kProcess); }

    static void ip(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "ip");
        if (const Status done = require_command(arguments); !done) {
            throw std::runtime_error(done.error().message());
        }
    }

    /// How tc programs are attached on this kernel by default.
    static kernel::Hook tc_hook() {
        return kernel::has_tcx() ? kernel::Hook::tcx : kernel::Hook::clsact;
    }

    /// The output of a command in host a.
    static std::string output(std::vector<std::string> argv) {
        argv.insert(argv.begin(), {"ip", "netns", "exec", a()});
        const Result<CommandOutput> output = run_command(argv);
        return output ? output->out : output.error().message();
    }

    /// Moves the calling thread into host a permanently.
    static void enter() {
        const Fd netns(::open(("/run/netns/" + a()).c_str(), O_RDONLY | O_CLOEXEC));
        if (::setns(netns.get(), CLONE_NEWNET) != 0) {
            throw std::runtime_error("setns");
        }
    }

    /// The result of `work`, called in host a, in a thread of its own.
    template <class Work>
    static auto inside(Work work) -> std::invoke_result_t<Work> {
        return in_own_thread([&] {
            enter();
            return work();
        });
    }

    static Result<kernel::AttachedProbe> attach(const std::vector<std::string>& interfaces,
                                                kernel::ProbeOptions options = {}) {
        return inside([&]() -> Result<kernel::AttachedProbe> {
            Result<kernel::OpenProbe> open = kernel::OpenProbe::open(options);
            if (!open) {
                return std::unexpected(open.error());
            }
            Result<kernel::LoadedProbe> loaded = std::move(*open).load();
            if (!loaded) {
                return std::unexpected(loaded.error());
            }
            return std::move(*loaded).attach(interfaces);
        });
    }

    static kernel::AttachedProbe require_attached(const std::vector<std::string>& interfaces,
                                                  kernel::ProbeOptions options = {}) {
        Result<kernel::AttachedProbe> attached = attach(interfaces, options);
        if (!attached) {
            throw std::runtime_error(attached.error().message());
        }
        return std::move(*attached);
    }

    /// Connects from host a to a closed port: sends a SYN, receives a RST, and returns the errno
    /// ECONNREFUSED.
    static int connect_to_closed_port(const char* address = "192.0.2.2") {
        return inside([&] {
            const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            const timeval patience{.tv_sec = 2, .tv_usec = 0};
            ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
            sockaddr_in peer{};
            peer.sin_family = AF_INET;
            peer.sin_port = htons(9);
            ::inet_pton(AF_INET, address, &peer.sin_addr);
            return ::connect(socket.get(), reinterpret_cast<sockaddr*>(&peer), sizeof(peer)) == 0
                       ? 0
                       : errno;
        });
    }

    static std::uint64_t counter(kernel::AttachedProbe& probe, fst_counter which) {
        const Result<kernel::Counters> counters = probe.maps().counters().read();
        return counters ? (*counters)[which] : ~0ULL;
    }

    static constexpr char kCleanup[] = "removed the stale state of a dead watch";

    /// One per line; without notices about the cleanup after another watch on this machine.
    static std::string texts(const kernel::Notices& notices) {
        std::string lines;
        for (const kernel::Notice& notice : notices) {
            lines += notice.text.starts_with(kCleanup) ? "" : notice.text + "\n";
        }
        return lines;
    }

    static std::string failure(const Result<kernel::AttachedProbe>& result) {
        return result ? "" : result.error().message();
    }

    static kernel::XdpMode xdp_mode(const std::string& interface) {
        return inside([&] {
            const Result<kernel::Interface> found = kernel::find_interface(interface);
            const Result<kernel::XdpState> state = kernel::xdp_state(found ? found->index : 0);
            return state ? state->mode : kernel::XdpMode::several;
        });
    }

  private:
    inline static const pid_t kProcess = ::getpid();  // a child uses its parent's hosts
};

}  // namespace flowstamp
