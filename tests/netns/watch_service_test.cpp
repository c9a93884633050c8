// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// `flowstamp watch` as a service manager runs it: its log, its signals, what it tells of itself.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "tests/netns/lab_fixture.h"

namespace flowstamp::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

bool happens(const std::function<bool()>& event, std::chrono::milliseconds within = 20s) {
    const auto end = SteadyClock::now() + within;
    while (!event()) {
        if (SteadyClock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A socket in the file system that others write to.
Fd listen_at(const fs::path& path, int type) {
    Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    if (type == SOCK_STREAM) {
        EXPECT_EQ(::listen(socket.get(), 1), 0);
    }
    return socket;
}

/// What has been received since the last call, a line each message.
std::string received(const Fd& socket) {
    std::string all;
    std::array<char, 65536> message{};
    for (ssize_t bytes = 0;
         (bytes = ::recv(socket.get(), message.data(), message.size(), MSG_DONTWAIT)) > 0;) {
        all.append(message.data(), static_cast<std::size_t>(bytes)).append("\n");
    }
    return all;
}

class WatchService : public LabTest {
  protected:
    void SetUp() override {
        LabTest::SetUp();
        std::string name = fs::temp_directory_path() / "flowstamp-service-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    void TearDown() override { fs::remove_all(directory_); }

    const std::string& interface() { return lab().client().toward(Side::Server).name; }
    [[nodiscard]] fs::path log() const { return directory_ / "log.json"; }
    [[nodiscard]] fs::path config() const { return directory_ / "flowstamp.toml"; }
    void write_config(const std::string& more) {
        std::ofstream(config()) << fmt::format("interface = \"{}\"\n{}", interface(), more);
    }

    /// Starts a watch by a shell command, in which "$@" is its command line.
    Child watching(const Argv& options, const std::string& shell = "exec \"$@\"") {
        Argv argv{"sh", "-c", shell, "sh", built_program(), "watch"};
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        EXPECT_TRUE(child.wait_for_output("watching " + interface(), 20s)) << child.err();
        return child;
    }

    /// A watch that takes `folder` for the journal's, in a mount namespace of its own.
    Child watching_with_journal(const fs::path& folder) {
        fs::create_directories("/run/systemd/journal");
        return watching({"-i", interface(), "--log", "journal"},
                        fmt::format("exec unshare --mount sh -c 'mount --bind {} "
                                    "/run/systemd/journal && exec \"$@\"' sh \"$@\"",
                                    folder.string()));
    }

    fs::path directory_;
};

TEST_F(WatchService, ALogIsAppendedToAndOpenedAgainOnHup) {
    std::ofstream(log()) << "{\"what\":\"was there\"}\n";
    Child child = watching({"-i", interface(), "--log", log()});
    const fs::path rotated = directory_ / "log.json.1";
    fs::rename(log(), rotated);
    child.signal(SIGHUP);
    ASSERT_TRUE(happens([&] { return fs::exists(log()); })) << child.err();
    EXPECT_EQ(fs::status(log()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    const CommandOutput output = child.stop(10s);
    EXPECT_EQ(output.status, 0) << output.err;
    EXPECT_EQ(output.out, "") << "--log is instead of standard output";
    EXPECT_THAT(text_of(rotated), HasSubstr("was there"));
    const std::string lines = text_of(log());
    EXPECT_THAT(lines, HasSubstr("\"stats\""));
    EXPECT_TRUE(nlohmann::json::accept(lines.substr(0, lines.find('\n')))) << lines;
}

TEST_F(WatchService, ALogThatCannotBeOpenedAgainIsWrittenOn) {
    const fs::path folder = directory_ / "folder";
    fs::create_directory(folder);
    Child child = watching({"-i", interface(), "--log", folder / "log.json"});
    fs::rename(folder, directory_ / "moved");
    child.signal(SIGHUP);
    EXPECT_TRUE(child.wait_for_output("the watch writes on to the former file", 20s));
    EXPECT_EQ(child.stop(10s).status, 0);
    EXPECT_THAT(text_of(directory_ / "moved" / "log.json"), HasSubstr("\"stats\""));
}

TEST_F(WatchService, HupReadsTheFileAgainAndSaysWhatItCannotApply) {
    write_config(fmt::format("log = \"{}\"\n", log().string()));
    Child child = watching({"--config", config()});
    const fs::path other = directory_ / "other.json";
    write_config(fmt::format("log = \"{}\"\nhook = \"xdp\"\n", other.string()));
    child.signal(SIGHUP);
    EXPECT_TRUE(child.wait_for_output("applied: log\n", 20s)) << child.err();
    EXPECT_TRUE(child.wait_for_output("applied at the next start only: hook\n", 20s))
        << child.err();
    EXPECT_TRUE(happens([&] { return fs::exists(other); }));
    write_config("hok = \"xdp\"\n");
    child.signal(SIGHUP);
    EXPECT_TRUE(child.wait_for_output("'hok' is no option of watch; did you mean 'hook'?", 20s));
    EXPECT_TRUE(child.wait_for_output("the watch goes on as before", 20s)) << child.err();
    EXPECT_EQ(child.stop(10s).status, 0);
    EXPECT_THAT(text_of(other), HasSubstr("\"stats\""));
}

TEST_F(WatchService, ASocketsReaderMayComeBack) {
    const fs::path socket = directory_ / "events";
    Fd listener = listen_at(socket, SOCK_STREAM);
    Child child = watching({"-i", interface(), "-o", fmt::format("unix:{}", socket.string())});
    Fd reader(::accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(reader);
    std::string lines;
    const auto is_told = [&] {
        (void)lab::download(lab().client(), {.server = {lab().server().address(), 81},
                                             .bytes = 1,
                                             .timeout = 1s});  // refused: an event
        lines += received(reader);
        return lines.contains("closed-port");
    };
    EXPECT_TRUE(happens(is_told)) << child.err();
    EXPECT_TRUE(nlohmann::json::accept(lines.substr(0, lines.find('\n')))) << lines;
    reader.reset();
    listener.reset();
    fs::remove(socket);
    const auto is_missed = [&] {
        (void)is_told();
        return child.err().contains("the watch goes on, and counts");
    };
    EXPECT_TRUE(happens(is_missed)) << child.err();
    listener = listen_at(socket, SOCK_STREAM);
    EXPECT_TRUE(happens([&] {
        reader.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        return bool(reader);
    }));
    lines.clear();
    EXPECT_TRUE(happens(is_told)) << child.err();
    EXPECT_TRUE(nlohmann::json::accept(lines.substr(0, lines.find('\n')))) << lines;
    EXPECT_THAT(child.err(), HasSubstr("connected again; what its former reader had left"));
    EXPECT_EQ(child.stop(10s).status, 0) << child.err();
}

TEST_F(WatchService, WithNothingToReloadHupEndsIt) {
    Child child = watching({"-i", interface()});
    child.signal(SIGHUP);
    const auto ended = child.wait(10s);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 0);
}

TEST_F(WatchService, Usr1PrintsStatistics) {
    Child child = watching({"-i", interface()});
    child.signal(SIGUSR1);
    EXPECT_TRUE(child.wait_for_output("flowstamp: 0 packets (0 B), 0 flows; 0 resets", 20s))
        << child.err();
}

TEST_F(WatchService, ItTellsTheServiceManagerHowItDoes) {
    const fs::path path = directory_ / "notify";
    const Fd manager = listen_at(path, SOCK_DGRAM);
    Child child =
        watching({"-i", interface(), "--log", log()},
                 fmt::format("NOTIFY_SOCKET={} WATCHDOG_USEC=400000 exec \"$@\"", path.string()));
    std::string told;
    const auto tells = [&](const std::string& what) {
        return happens([&] { return (told += received(manager)).contains(what); });
    };
    EXPECT_TRUE(tells("READY=1")) << told;
    EXPECT_TRUE(tells(fmt::format("STATUS=watching {}; 0 findings; 0 lost", interface()))) << told;
    told.clear();
    EXPECT_TRUE(tells("WATCHDOG=1\nWATCHDOG=1")) << told;
    child.signal(SIGHUP);
    EXPECT_TRUE(tells("RELOADING=1\nMONOTONIC_USEC=")) << told;
    EXPECT_TRUE(tells("\nREADY=1")) << told;
    EXPECT_EQ(child.stop(10s).status, 0);
    EXPECT_TRUE(tells("STOPPING=1")) << told;
}

TEST_F(WatchService, TheJournalGetsAnEntryALine) {
    const fs::path folder = directory_ / "journal";
    fs::create_directory(folder);
    const Fd journal = listen_at(folder / "stdout", SOCK_STREAM);
    Child child = watching_with_journal(folder);
    const Fd stream(::accept4(journal.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ASSERT_TRUE(stream);
    EXPECT_EQ(child.stop(10s).status, 0);
    const std::string text = received(stream);
    EXPECT_THAT(text, HasSubstr("flowstamp\n"));
    EXPECT_THAT(text, HasSubstr("\n{"));
    EXPECT_THAT(text, HasSubstr("\"stats\""));
}

TEST_F(WatchService, AJournalThatIsRestartedLosesNoEntry) {
    const fs::path folder = directory_ / "journal";
    fs::create_directory(folder);
    const Fd journal = listen_at(folder / "stdout", SOCK_STREAM);
    Child child = watching_with_journal(folder);
    Fd(::accept4(journal.get(), nullptr, nullptr, SOCK_CLOEXEC)).reset();
    const CommandOutput output = child.stop(10s);
    EXPECT_EQ(output.status, 0) << output.err;
    const Fd stream(::accept4(journal.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ASSERT_TRUE(stream) << "it has not come back";
    EXPECT_THAT(received(stream), HasSubstr("\"stats\""));
}

TEST_F(WatchService, WhereNoJournalRunsItSaysSo) {
    Child child = require(lab().client().spawn(
        {"unshare", "--mount", "sh", "-c",
         "[ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd; exec \"$@\"", "sh",
         built_program(), "watch", "-i", interface(), "--log", "journal"}));
    const auto ended = child.wait(10s);
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->status, 1);
    EXPECT_THAT(ended->err, HasSubstr("journal: open: "));
    EXPECT_THAT(ended->err, HasSubstr("--log FILE writes to a file"));
}

}  // namespace
}  // namespace flowstamp::lab
