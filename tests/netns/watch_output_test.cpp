// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp watch` whose report cannot be written: a full disk, a reader that stalls or goes. One
// that acts goes on, and hears signals.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>

#include "tests/netns/lab_fixture.h"
#include "user/kernel/attach/interface.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

bool happens(const std::function<bool()>& event, std::chrono::milliseconds within = 20s) {
    const auto end = lab::SteadyClock::now() + within;
    while (!event()) {
        if (lab::SteadyClock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

class WatchOutput : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        std::string name = fs::temp_directory_path() / "flowstamp-output-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    void TearDown() override {
        ::umount2((directory_ / "disk").c_str(), MNT_DETACH);
        fs::remove_all(directory_);
    }

    const std::string& interface() { return lab().client().toward(lab::Side::Server).name; }

    /// Starts a watch by a shell command, in which "$@" is its command line.
    Child watching(const std::string& shell, const Argv& options) {
        Argv argv{"sh", "-c", shell, "sh", built_program(), "watch", "-i", interface()};
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        const auto is_attached = [&] {
            return lab().client().run_in([&] {
                const std::uint32_t index = require(kernel::find_interface(interface())).index;
                return require(kernel::xdp_state(index)).mode != kernel::XdpMode::none;
            });
        };
        EXPECT_TRUE(happens(is_attached)) << child.err();
        return child;
    }

    /// A named pipe that this test could read.
    Fd make_pipe() {
        EXPECT_EQ(::mkfifo(pipe().c_str(), 0600), 0);
        return Fd(::open(pipe().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    }
    [[nodiscard]] fs::path pipe() const { return directory_ / "pipe"; }
    void fill_pipe() const {
        const Fd writer(::open(pipe().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        const std::string text(4096, 'x');
        while (::write(writer.get(), text.data(), text.size()) > 0) {
        }
    }

    static Argv acting() { return {"--json", "--drop", "confirmed"}; }

    /// A download in which a reset is forged: twice strange, so that it is confirmed on arrival. The
    /// pauses make it exact.
    lab::Outcome forged_download() {
        constexpr std::uint16_t kIdGap = 2048;
        const lab::Server server = require(
            lab::Server::start(lab().server(), {.pace = {.chunk_bytes = 16'384, .pause = 40ms}}));
        const lab::Injector injector = require(lab::Injector::start(
            lab().router(2), {.trigger = {.after_server_bytes = 100'000, .id_gap = kIdGap},
                              .forgery = {.window = lab::Window::constant(1000)}}));
        lab::Outcome outcome = lab::Outcome::Complete;
        for (bool is_forged = false; !is_forged && outcome == lab::Outcome::Complete;) {
            outcome = lab::download(lab().client(), to_server(400'000)).outcome;
            is_forged = !injector.injected(1, 1s).empty();
        }
        return outcome;
    }

    fs::path directory_;
};

TEST_F(WatchOutput, SaysThatTotalsHaveNoFilter) {
    const auto err_with = [&](const Argv& filter) {
        Argv argv{built_program(), "watch", "-i", interface(), "--duration", "200ms"};
        argv.insert(argv.end(), filter.begin(), filter.end());
        return require(lab().client().exec(argv)).err;
    };
    EXPECT_THAT(err_with({"port", "443"}),
                HasSubstr("observe only; reporting only 'port 443', but totals of every packet."));
    EXPECT_THAT(err_with({}), HasSubstr("observe only."));
}

TEST_F(WatchOutput, AFullDiskEndsNoProtection) {
    const fs::path disk = directory_ / "disk", report = disk / "report", filler = disk / "filler";
    fs::create_directory(disk);
    ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m"), 0);
    Argv options = acting();
    options.insert(options.end(), {"-o", report});
    Child child = watching("exec \"$@\"", options);
    {
        std::ofstream file(filler);
        file << std::string(2UL << 20, 'x');
    }
    const auto complaints = [&] {
        const std::string err = child.err();
        const std::string wanted = report.string() + ": write: no space left on device; the watch";
        std::size_t count = 0;
        for (std::size_t at = err.find(wanted); at != std::string::npos;
             at = err.find(wanted, at + 1)) {
            ++count;
        }
        return count;
    };
    EXPECT_EQ(forged_download(), lab::Outcome::Complete);
    EXPECT_TRUE(happens([&] { return complaints() == 1; })) << child.err();
    EXPECT_EQ(forged_download(), lab::Outcome::Complete);
    fs::remove(filler);
    const auto is_reported = [&] {
        std::ifstream file(report);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        return text.find("\"finding\"") != text.rfind("\"finding\"");
    };
    EXPECT_TRUE(happens(is_reported));
    const CommandOutput output = child.stop(10s);
    EXPECT_EQ(output.status, 0) << "nothing was lost: " << output.err;
    EXPECT_EQ(complaints(), 1U) << output.err;
}

TEST_F(WatchOutput, AStalledReaderDelaysNoSignal) {
    const Fd reader = make_pipe();
    fill_pipe();
    for (const int signal : {SIGINT, SIGTERM}) {
        for (const char* shell : {"exec \"$@\" > {}", "exec \"$@\" > {} 2>&1"}) {
            Child child = watching(fmt::format(fmt::runtime(shell), pipe().string()), acting());
            EXPECT_EQ(forged_download(), lab::Outcome::Complete);
            child.signal(signal);
            const auto ended = child.wait(10s);
            ASSERT_TRUE(ended) << "it waits for its reader";
            EXPECT_EQ(ended->status, 1);
            if (!std::string_view(shell).contains("2>&1")) {
                EXPECT_THAT(ended->err,
                            HasSubstr("standard output: write: its reader has stopped reading; "
                                      "missing in the report: the last "));
            }
        }
    }
}

TEST_F(WatchOutput, WithoutAReaderOnlyActingGoesOn) {
    const std::string shell = fmt::format("exec \"$@\" > {}", pipe().string());
    for (const bool acts : {true, false}) {
        fs::remove(pipe());
        Fd reader = make_pipe();
        Child child = watching(shell, acts ? acting() : Argv{"--json", "--hook", "xdp"});
        reader.reset();
        const lab::Outcome outcome = forged_download();
        if (acts) {
            EXPECT_EQ(outcome, lab::Outcome::Complete);
            EXPECT_TRUE(happens([&] { return child.err().contains("broken pipe; the watch"); }));
            EXPECT_EQ(forged_download(), lab::Outcome::Complete);
            EXPECT_EQ(child.stop(10s).status, 1);
        } else {
            const auto ended = child.wait(10s);
            ASSERT_TRUE(ended) << "nobody reads what it observes";
            EXPECT_EQ(ended->status, 0);
            EXPECT_FALSE(ended->err.contains("pipe")) << ended->err;
        }
    }
}

TEST_F(WatchOutput, AFullDiskForStampsEndsNoProtection) {
    const fs::path disk = directory_ / "disk", stamps = disk / "stamps.pcapng";
    fs::create_directory(disk);
    ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=4k"), 0);
    Argv options = acting();
    options.insert(options.end(), {"--stamps", stamps});
    Child child = watching("exec \"$@\"", options);
    EXPECT_EQ(forged_download(), lab::Outcome::Complete);
    EXPECT_TRUE(happens([&] {
        return child.err().contains("no space left on device; the watch goes on, without stamps");
    })) << child.err();
    EXPECT_EQ(forged_download(), lab::Outcome::Complete);
    const CommandOutput output = child.stop(10s);
    EXPECT_EQ(output.status, 1) << output.err;
}

}  // namespace
}  // namespace flowstamp::lab
