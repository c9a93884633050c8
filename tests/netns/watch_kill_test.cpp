// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp watch` killed while working: the kernel detaches both hooks, and running connections
// go on.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/netns/lab_fixture.h"
#include "user/kernel/attach/interface.h"
#include "user/kernel/features/bpf_objects.h"
#include "vmlinux/uapi.h"

namespace flowstamp::lab {
namespace {

struct Hooks {
    kernel::XdpMode ingress = kernel::XdpMode::none;
    std::size_t egress = 0;  ///< programs on the tcx chain

    bool operator==(const Hooks&) const = default;
};

class WatchKill : public LabTest {
  protected:
    const std::string& interface() { return lab().client().toward(lab::Side::Server).name; }

    Hooks hooks() {
        return lab().client().run_in([&] {
            const std::uint32_t index = require(kernel::find_interface(interface())).index;
            return Hooks{require(kernel::xdp_state(index)).mode,
                         kernel::tcx_programs(index, BPF_TCX_EGRESS).size()};
        });
    }

    Child watching(const Argv& options) {
        Argv argv{built_program(), "watch", "-i", interface()};
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        if (!child.wait_for_output("watching ", 20s)) {
            throw std::runtime_error("flowstamp watch did not attach: " + child.err());
        }
        return child;
    }

    void killed_midway(const Argv& options, kernel::XdpMode expected) {
        const lab::Server server = require(
            lab::Server::start(lab().server(), {.pace = {.chunk_bytes = 16'384, .pause = 20ms}}));
        Child child = watching(options);
        ASSERT_EQ(hooks(), (Hooks{expected, 1}));
        lab::Download running(lab().client(), to_server(600'000));
        while (!running.done() && running.bytes() < 100'000) {
            std::this_thread::sleep_for(5ms);
        }
        child.signal(SIGKILL);
        const auto end = lab::SteadyClock::now() + 1s;
        while (hooks() != Hooks{} && lab::SteadyClock::now() < end) {
            std::this_thread::sleep_for(10ms);
        }
        EXPECT_EQ(hooks(), Hooks{});
        EXPECT_FALSE(running.done()) << "the download was to outlive the watch";
        EXPECT_EQ(running.wait().outcome, lab::Outcome::Complete);
        EXPECT_EQ(lab::download(lab().client(), to_server(100'000)).outcome,
                  lab::Outcome::Complete);
    }
};

TEST_F(WatchKill, Observing) {
    killed_midway({}, kernel::XdpMode::none);
}

TEST_F(WatchKill, Acting) {
    killed_midway({"--drop", "suspected", "--challenge", "all"}, kernel::XdpMode::native);
}

}  // namespace
}  // namespace flowstamp::lab
