// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// A killed watch: the kernel detaches its programs, and the next run cleans up.
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/netns/attach_fixture.h"
#include "user/kernel/attach/net_namespace.h"
#include "user/kernel/attach/stale_state.h"
#include "user/kernel/maps/pinned_table.h"
#include "user/kernel/maps/run_record.h"
#include "user/net/flow_totals.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;

/// A watch in a process of its own.
class WatchProcess {
  public:
    template <class Attach>
    explicit WatchProcess(Attach attach) {
        int ready[2];
        if (::pipe(ready) != 0) {
            throw std::runtime_error("pipe");
        }
        pid_ = ::fork();
        if (pid_ == 0) {
            run(attach, ready[1]);
        }
        char ok = 0;
        ::close(ready[1]);
        const ssize_t got = ::read(ready[0], &ok, 1);
        ::close(ready[0]);
        if (got != 1 || ok != 1) {
            kill();
            throw std::runtime_error("the watch could not attach");
        }
    }
    ~WatchProcess() { kill(); }
    WatchProcess(const WatchProcess&) = delete;
    WatchProcess& operator=(const WatchProcess&) = delete;

    /// Sends SIGKILL, and waits until the process is gone.
    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            dead_ = std::exchange(pid_, -1);
        }
    }
    pid_t pid() const { return pid_ > 0 ? pid_ : dead_; }

  private:
    template <class Attach>
    [[noreturn]] static void run(Attach attach, int ready) {
        try {
            const Result<kernel::AttachedProbe> attached = attach();
            const char ok = attached ? 1 : 0;
            while (::write(ready, &ok, 1) == 1 && attached) {
                ::pause();
            }
        } catch (const std::exception&) {
            // the parent finds the pipe closed
        }
        _exit(1);
    }

    pid_t pid_ = -1;
    pid_t dead_ = -1;
};

class AttachDeath : public AttachTest {
  protected:
    /// Calls `work` in a thread with its own mount namespace, so that no other watch on this
    /// machine cleans up first.
    template <class Work>
    static void among_own_runs(Work work, const char* bpf_file_system = "bpf") {
        std::thread([&] {
            ::mkdir(kernel::kRunFolder, 0700);
            if (::unshare(CLONE_NEWNS) != 0 ||
                ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                ::mount("none", kernel::kRunFolder, "tmpfs", 0, "mode=700") != 0 ||
                ::mount("none", "/sys/fs/bpf", bpf_file_system, 0, "mode=700") != 0) {
                ADD_FAILURE() << "no mounts of our own";
                return;
            }
            work();
        }).join();
    }

    static std::string all_texts(const kernel::Notices& notices) {
        std::string lines;
        for (const kernel::Notice& notice : notices) {
            lines += notice.text + "\n";
        }
        return lines;
    }

    static WatchProcess watch(const kernel::ProbeOptions& options = {}) {
        return WatchProcess([options] { return attach({"kta"}, options); });
    }

    static bool is_attached() {
        return output({"bpftool", "net", "show", "dev", "kta"}).find("flowstamp_") !=
               std::string::npos;
    }

    static bool gone_within(std::chrono::milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (is_attached() && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(20ms);
        }
        return !is_attached();
    }
};

TEST_F(AttachDeath, KernelDetachesBothHooks) {
    if (!kernel::has_tcx()) {
        GTEST_SKIP() << "a stub stays; see StubIsHarmlessAndRemovedByTheNextRun";
    }
    WatchProcess process = watch({.hook = kernel::IngressChoice::xdp});
    ASSERT_TRUE(is_attached());
    ASSERT_EQ(xdp_mode("kta"), kernel::XdpMode::native);
    process.kill();
    EXPECT_TRUE(gone_within(1s));
    EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
    EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
}

TEST_F(AttachDeath, KernelDetachesXdpWhereAStubStays) {
    among_own_runs([] {
        WatchProcess process =
            watch({.hook = kernel::IngressChoice::xdp, .tc = kernel::TcMethod::clsact});
        ASSERT_EQ(xdp_mode("kta"), kernel::XdpMode::native);
        process.kill();
        EXPECT_EQ(xdp_mode("kta"), kernel::XdpMode::none);
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
    });
}

TEST_F(AttachDeath, StubIsHarmlessAndRemovedByTheNextRun) {
    among_own_runs([] {
        WatchProcess process =
            watch({.hook = kernel::IngressChoice::tc, .tc = kernel::TcMethod::clsact});
        process.kill();
        EXPECT_TRUE(is_attached()) << "a filter is no link: the stub should still stand";
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);

        kernel::AttachedProbe next = require_attached(
            {"kta"}, {.hook = kernel::IngressChoice::tc, .tc = kernel::TcMethod::clsact});
        EXPECT_EQ(all_texts(next.notices()),
                  fmt::format("kta: removed the tc stub of a dead watch\n"
                              "removed the stale state of a dead watch (process {})\n",
                              process.pid()));
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        EXPECT_EQ(counter(next, FST_COUNT_TCP), 2U);
        next.detach();
        EXPECT_FALSE(is_attached());
        EXPECT_EQ(output({"tc", "qdisc", "show", "dev", "kta"}).find("clsact"), std::string::npos);
    });
}

/// The stub of a live watch must not be treated as a dead one's.
TEST_F(AttachDeath, StubInUseIsKept) {
    among_own_runs([] {
        kernel::AttachedProbe living = require_attached({"kta"}, {.tc = kernel::TcMethod::clsact});
        const kernel::Notices notices =
            inside([] { return kernel::remove_stale_state({*kernel::find_interface("kta")}); });
        EXPECT_EQ(all_texts(notices), "");
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        EXPECT_EQ(counter(living, FST_COUNT_TCP), 2U);
    });
}

/// What it left in a namespace can only be removed from inside; until then its record stays.
TEST_F(AttachDeath, QdiscInAnotherNamespaceStaysOnRecord) {
    among_own_runs([] {
        WatchProcess process = watch({.tc = kernel::TcMethod::clsact});
        process.kill();
        const std::string expected =
            fmt::format("removed the stale state of a dead watch (process {})\n", process.pid());
        EXPECT_EQ(all_texts(kernel::remove_stale_state({})), expected) << "its pin";
        EXPECT_EQ(all_texts(kernel::remove_stale_state({})), "");
        EXPECT_TRUE(is_attached());
        std::string reported_inside;  // the kernel takes a moment to empty the stubs' array
        for (int i = 0; i < 100 && reported_inside.empty(); i++) {
            std::this_thread::sleep_for(10ms);
            reported_inside = all_texts(inside([] { return kernel::remove_stale_state({}); }));
        }
        EXPECT_EQ(reported_inside, expected);
        EXPECT_FALSE(is_attached());
        EXPECT_EQ(output({"tc", "qdisc", "show", "dev", "kta"}).find("clsact"), std::string::npos);
    });
}

class AttachTable : public AttachDeath {
  protected:
    /// The watch of process `pid`, of all on this machine.
    static const kernel::RunningWatch* watch_of(const kernel::RunningWatches& running, pid_t pid) {
        for (const kernel::RunningWatch& watch : running.watches) {
            if (watch.name.pid == pid) {
                return &watch;
            }
        }
        return nullptr;
    }

    static kernel::RunName run_of(pid_t pid) {
        for (const kernel::RunName& run :
             kernel::run_names(kernel::kRunFolder, kernel::kRecordPrefix)) {
            if (run.pid == pid) {
                return run;
            }
        }
        throw std::runtime_error("no record");
    }

    static void expect_one_flow(pid_t pid) {
        const Result<kernel::RunningWatches> running = kernel::find_running_watches();
        ASSERT_TRUE(running);
        const kernel::RunningWatch* watch = watch_of(*running, pid);
        ASSERT_NE(watch, nullptr);
        EXPECT_EQ(watch->netns, kernel::NetNamespace::of_this_thread().inode());
        const kernel::PinnedTables opened = kernel::open_pinned_tables({watch, 1});
        ASSERT_EQ(opened.tables.size(), 1U) << all_texts(opened.notices);
        const kernel::PinnedTable* table = opened.tables.data();
        ASSERT_EQ(table->interfaces.size(), 1U);
        EXPECT_EQ(table->interfaces[0].name, "kta");
        int flows = 0;
        table->flows.scan(0, table->flows.slots(), [&](std::uint32_t, const fst_flow& flow) {
            flows++;
            EXPECT_EQ(flow.key.ifindex, table->interfaces[0].index);
            EXPECT_EQ(net::resets_of(flow), 1U) << "its port is closed";
        });
        EXPECT_EQ(flows, 1);
    }
};

TEST_F(AttachTable, IsPinnedForItsOwnerOnlyAndReadByAnotherProcess) {
    among_own_runs([] {
        WatchProcess process = watch();
        EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
        expect_one_flow(process.pid());

        const kernel::RunName run = run_of(process.pid());
        struct stat pin{};
        ASSERT_EQ(::stat(run.pin_path().c_str(), &pin), 0);
        EXPECT_EQ(pin.st_mode & 0777, 0600U);
        struct stat folder{};
        for (const char* path : {kernel::kPinFolder, kernel::kRunFolder}) {
            ASSERT_EQ(::stat(path, &folder), 0);
            EXPECT_EQ(folder.st_mode & 0777, 0700U) << path;
        }

        process.kill();
        EXPECT_TRUE(std::filesystem::exists(run.pin_path()));
        const Result<kernel::RunningWatches> after = kernel::find_running_watches();
        ASSERT_TRUE(after);
        EXPECT_EQ(watch_of(*after, process.pid()), nullptr);
        EXPECT_NE(all_texts(after->notices)
                      .find(fmt::format("removed the stale state of a dead watch (process {})",
                                        process.pid())),
                  std::string::npos);
        EXPECT_FALSE(std::filesystem::exists(run.pin_path()));
        // Without tcx there is a qdisc left, which can only be removed from inside.
        EXPECT_EQ(std::filesystem::exists(run.record_path()), !kernel::has_tcx());
    });
}

TEST_F(AttachTable, IsFoundWithoutABpfFileSystem) {
    among_own_runs(
        [] {
            WatchProcess process = watch();
            EXPECT_EQ(connect_to_closed_port(), ECONNREFUSED);
            expect_one_flow(process.pid());
            EXPECT_FALSE(std::filesystem::exists(run_of(process.pid()).pin_path()));
        },
        "tmpfs");
}

TEST_F(AttachTable, IsRemovedWhenTheWatchEnds) {
    among_own_runs([] {
        kernel::AttachedProbe probe = require_attached({"kta"});
        const kernel::RunName run = run_of(::getpid());
        EXPECT_TRUE(std::filesystem::exists(run.pin_path()));
        probe.detach();
        EXPECT_FALSE(std::filesystem::exists(run.pin_path()));
        EXPECT_FALSE(std::filesystem::exists(run.record_path()));
    });
}

}  // namespace
}  // namespace flowstamp
