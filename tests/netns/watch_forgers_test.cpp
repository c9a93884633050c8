// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs that people use to forge resets, on a router of the lab: tcpkill (dsniff), which guesses
// sequence numbers from what it sees, and Suricata's reject. Seen from both ends, live and from
// captures: each of their resets is named, and no other one; and the connection lives on where the
// ends that are forged to are protected.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/netns/recording.h"
#include "tests/netns/watch_fixture.h"
#include "tests/support/replayed.h"
#include "user/base/process.h"
#include "user/lab/forwarder.h"

namespace flowstamp::lab {
namespace {

/// In the middle: one hop from either end, which are three hops from each other.
constexpr unsigned kForgersRouter = 2;
constexpr unsigned kForgedTtl = 63;
/// The forgers start in mid-stream.
constexpr std::uint64_t kForgeAfter = 200'000;
constexpr std::uint64_t kEndless = 1'000'000'000;
/// Generous: each wait ends as soon as its condition holds.
constexpr auto kPatience = 60s;

template <class Condition>
bool wait_until(Condition condition) {
    const auto end = lab::SteadyClock::now() + kPatience;
    while (!condition()) {
        if (lab::SteadyClock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(10ms);
    }
    return true;
}

/// The ends that forged resets are sent to.
enum class Toward : std::uint8_t { Client, Server, Both };

bool reaches(Toward toward, Toward end) {
    return toward == Toward::Both || toward == end;
}

struct Case {
    const char* name;
    Toward toward;
    std::string how;  ///< tcpkill's option, or Suricata's keyword
};

void PrintTo(const Case& each, std::ostream* out) {
    *out << each.name;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

/// A reset as it was judged in the end.
struct Judged {
    unsigned ttl = 0;
    std::string verdict{};
};

std::vector<Judged> judged(const WatchLog& log) {
    std::vector<Judged> all;
    for (const auto& [first, last] : log.resets) {
        const auto verdict = static_cast<fst_verdict>(last.judgement.verdict);
        all.push_back({last.sighting.packet.ttl, std::string(analysis::name_of(verdict))});
    }
    return all;
}

std::vector<Judged> judged(const testing::Replayed& replayed) {
    std::map<std::uint64_t, Judged> by_id;
    for (const output::Json& event : replayed.of("reset")) {
        by_id[event["reset"]["id"].get<std::uint64_t>()] = {
            event["packet"]["ttl"].get<unsigned>(), event["reset"]["verdict"].get<std::string>()};
    }
    std::vector<Judged> all;
    all.reserve(by_id.size());
    for (const auto& [id, reset] : by_id) {
        all.push_back(reset);
    }
    return all;
}

bool is_forged(const Judged& reset) {
    return reset.ttl == kForgedTtl;
}

/// An end of the connection, with a watch: an observer also records, and is judged by its capture,
/// too. (Where resets are refused, a capture lacks them, or has them as they were changed.)
class WatchedEnd {
  public:
    WatchedEnd(const lab::Namespace& host, lab::Side far, cmd::WatchOptions options,
               bool is_attacked, bool is_other_attacked)
        : is_attacked_(is_attacked), is_other_attacked_(is_other_attacked), acts_(options.acts()) {
        const std::string& interface = host.toward(far).name;
        if (!acts_) {
            recording_.emplace(host, interface);
        }
        options.interfaces = {interface};
        watch_ = std::make_unique<LiveWatch>(host, options);
    }

    /// Waits for a forged reset, if any are sent here.
    bool wait_for_forged() const {
        return !is_attacked_ ||
               watch_->wait_for(
                   [](const WatchLog& log) { return std::ranges::any_of(judged(log), is_forged); },
                   kPatience);
    }

    /// Whether one was refused that the stack would have accepted: its sender, who goes on, soon
    /// proves it forged.
    bool has_refused() {
        has_refused_ = watch_->wait_for(
            [](const WatchLog& log) {
                return std::ranges::any_of(log.resets, [](const auto& reset) {
                    return reset.last.judgement.action != FST_ACTION_OBSERVED;
                });
            },
            0ms);
        return has_refused_;
    }

    /// Stops it: each of the router's resets was named, and nothing else was.
    void expect_named_rightly(fst_verdict at_least) {
        const WatchLog log = watch_->stop();
        expect_right(judged(log), log.text());
        fst_verdict found = FST_VERDICT_GENUINE;
        for (const auto& [first, last] : log.findings) {
            EXPECT_TRUE(is_due(analysis::name_of(last.kind), last.sighting.packet.ttl))
                << log.text();
            found = std::max(found, last.verdict);
        }
        const fst_verdict due = has_refused_ ? FST_VERDICT_CONFIRMED : at_least;
        EXPECT_GE(found, is_attacked_ ? due : FST_VERDICT_GENUINE) << log.text();
        EXPECT_EQ(log.count(FST_COUNT_EVENT_LOST), 0u);
        EXPECT_EQ(log.summary.challenges.upheld, 0u) << log.text();
        if (recording_) {
            EXPECT_TRUE(recording_->stop());
            expect_named_rightly_in(recording_->file());
        }
    }

  private:
    void expect_named_rightly_in(const std::string& file) const {
        const auto path = require(cmd::make_host_path(1024));
        const testing::Replayed replayed = testing::replay(require(net::open_file(file)), *path);
        EXPECT_TRUE(replayed.read);
        expect_right(judged(replayed), replayed.text());
        bool found_forged = false;
        for (const output::Json& event : replayed.of("finding")) {
            const std::string kind = event["finding"]["kind"];
            EXPECT_TRUE(is_due(kind, event["packet"]["ttl"])) << event.dump();
            found_forged |= kind == analysis::name_of(analysis::FindingKind::forged_rst);
        }
        EXPECT_EQ(found_forged, is_attacked_) << replayed.text();
    }

    /// A forged reset here; and where the other end was attacked, its kernel's own resets show that it
    /// has lost the connection: that may be told, and nothing else. Of two attacked ends either may
    /// come first.
    bool is_due(std::string_view kind, int ttl) const {
        if (kind == analysis::name_of(analysis::FindingKind::forged_rst)) {
            return is_attacked_ && ttl == kForgedTtl;
        }
        return is_other_attacked_ && ttl != kForgedTtl &&
               kind == analysis::name_of(analysis::FindingKind::half_open);
    }

    void expect_right(const std::vector<Judged>& resets, const std::string& text) const {
        const bool all_right = std::ranges::all_of(resets, [](const Judged& reset) {
            return (reset.verdict != "genuine") == is_forged(reset);
        });
        EXPECT_TRUE(all_right) << text;
        EXPECT_EQ(std::ranges::any_of(resets, is_forged), is_attacked_) << text;
    }

    bool is_attacked_;
    bool is_other_attacked_;
    bool acts_;
    bool has_refused_ = false;
    std::optional<Recording> recording_;
    std::unique_ptr<LiveWatch> watch_;
};

/// A download that never ends by itself, and a forger in its middle.
class WatchForgers : public WatchTest, public ::testing::WithParamInterface<Case> {
  protected:
    /// Skips without that program.
    void need(const std::string& program) {
        if (IsSkipped()) {
            return;
        }
        if (require(run_command({"sh", "-c", "command -v " + program})).status != 0) {
            GTEST_SKIP() << "needs " << program;
        }
        // Frames as on a cable, with complete checksums: it is them that the forgers read.
        make({.offloads = false});
        // The far end is farther than the forger in time, too, as it is outside a lab.
        const unsigned beyond = GetParam().toward == Toward::Server ? 1 : 3;
        path_.emplace(require(lab::Forwarder::start(lab(), beyond, {.link = {.delay = 10ms}})));
        // After each chunk a forger has time to be exact: its reset must overtake the next one. Suricata takes some
        // 10 ms for each, and one for each ACK.
        server_.emplace(require(lab::Server::start(
            lab().server(),
            {.pace = {.chunk_bytes = 16'384, .pause = 200ms}, .timeout = 2 * kPatience})));
    }

    const lab::Namespace& router() { return lab().router(kForgersRouter); }
    const std::string& routers_interface() { return router().toward(lab::Side::Client).name; }

    /// A watch on each end. Those that are attacked act, or all observe. They challenge, and drop
    /// nothing: a reset that follows a drop and comes no sooner than the peer's would is passed,
    /// and on a slow machine a forger that answers every packet is that slow.
    void watch_ends(bool acting_where_attacked) {
        const auto watch_end = [&](const lab::Namespace& host, lab::Side far, Toward end,
                                   Toward other) {
            const bool is_attacked = reaches(GetParam().toward, end);
            ends_.push_back(std::make_unique<WatchedEnd>(
                host, far,
                acting_where_attacked && is_attacked ? acting(FST_DROP_OFF, FST_CHALLENGE_ALL)
                                                     : cmd::WatchOptions{},
                is_attacked, reaches(GetParam().toward, other)));
        };
        watch_end(lab().client(), lab::Side::Server, Toward::Client, Toward::Server);
        watch_end(lab().server(), lab::Side::Client, Toward::Server, Toward::Client);
    }

    /// With a byte after each pause: a client whose server alone was reset notices it.
    void start_download() {
        lab::DownloadOptions options = to_server(kEndless);
        options.timeout = 2 * kPatience;
        options.nudge_after = 500ms;
        download_.emplace(lab().client(), options);
    }

    void expect_reset() {
        ASSERT_TRUE(wait_until([&] { return download_->done(); }));
        EXPECT_EQ(download_->wait().outcome, Outcome::Reset);
    }

    void expect_alive_among_forgeries() {
        for (const auto& end : ends_) {
            EXPECT_TRUE(end->wait_for_forged());
        }
        // Of resets to both ends those to one may all come too late: Suricata sees its own, and
        // takes the connection for closed.
        EXPECT_TRUE(wait_until([&] {
            return download_->done() ||
                   std::ranges::any_of(ends_, [](const auto& end) { return end->has_refused(); });
        }));
        const std::uint64_t so_far = download_->bytes();
        EXPECT_TRUE(wait_until(
            [&] { return download_->done() || download_->bytes() >= so_far + kForgeAfter; }));
        EXPECT_FALSE(download_->done());
    }

    void expect_named_rightly(fst_verdict at_least) {
        for (const auto& end : ends_) {
            end->expect_named_rightly(at_least);
        }
    }

    std::optional<lab::Forwarder> path_;
    std::optional<lab::Server> server_;
    std::vector<std::unique_ptr<WatchedEnd>> ends_;
    std::optional<lab::Download> download_;
};

/// tcpkill answers each packet that its filter selects with bare resets to the packet's sender: the
/// first has the number that the packet acknowledges, and those after it are windows ahead.
class WatchTcpkill : public WatchForgers {
  protected:
    void SetUp() override {
        WatchForgers::SetUp();
        need("tcpkill");
    }

    /// Starts it in mid-stream.
    Child kill() {
        start_download();
        EXPECT_TRUE(wait_until([&] { return download_->bytes() >= kForgeAfter; }));
        const char* direction = GetParam().toward == Toward::Client   ? "dst "
                                : GetParam().toward == Toward::Server ? "src "
                                                                      : "";
        Child tcpkill =
            require(router().spawn({"tcpkill", "-i", routers_interface(), GetParam().how,
                                    fmt::format("tcp {}port 80", direction)}));
        EXPECT_TRUE(tcpkill.wait_for_output("listening on", kPatience)) << tcpkill.err();
        return tcpkill;
    }
};

class WatchTcpkillActing : public WatchTcpkill {};

/// Nothing but the distance speaks against the exact ones; what is guessed shows itself.
TEST_P(WatchTcpkill, IsNamed) {
    watch_ends(false);
    Child tcpkill = kill();
    expect_reset();
    tcpkill.stop();
    expect_named_rightly(FST_VERDICT_SUSPECTED);
}

TEST_P(WatchTcpkillActing, DoesNotEndTheDownload) {
    watch_ends(true);
    Child tcpkill = kill();
    expect_alive_among_forgeries();
    tcpkill.stop();
    expect_named_rightly(FST_VERDICT_SUSPECTED);
}

const Case kTcpkillToOneEnd[] = {
    {"ToTheClient", Toward::Client, "-1"},
    {"ToTheClientWithGuesses", Toward::Client, "-9"},
    {"ToTheServer", Toward::Server, "-1"},
    {"ToTheServerWithGuesses", Toward::Server, "-9"},
};
const Case kTcpkillToBothEnds[] = {
    {"ToBoth", Toward::Both, "-1"},
    {"ToBothWithGuesses", Toward::Both, "-3"},
};

INSTANTIATE_TEST_SUITE_P(OneEnd, WatchTcpkill, ::testing::ValuesIn(kTcpkillToOneEnd), case_name);
INSTANTIATE_TEST_SUITE_P(OneEnd, WatchTcpkillActing, ::testing::ValuesIn(kTcpkillToOneEnd),
                         case_name);
INSTANTIATE_TEST_SUITE_P(BothEnds, WatchTcpkillActing, ::testing::ValuesIn(kTcpkillToBothEnds),
                         case_name);

/// Suricata answers a packet that its rule matches with a RST+ACK that has the packet's window.
class WatchSuricata : public WatchForgers {
  protected:
    void SetUp() override {
        WatchForgers::SetUp();
        need("suricata");
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    /// Starts it, and then the download: it must have seen the handshake.
    Child reject() {
        write("suricata.yaml", kConfiguration);
        write("reject.rules",
              fmt::format("{} tcp any any -> any 80 (msg:\"forged\"; flow:established; "
                          "stream_size:server,>,{}; sid:1;)\n",
                          GetParam().how, kForgeAfter));
        Child suricata = require(router().spawn(
            {"suricata", "-c", folder_ + "/suricata.yaml", "-S", folder_ + "/reject.rules", "-k",
             "none", "--runmode", "workers", "-l", folder_, "--af-packet=" + routers_interface()}));
        EXPECT_TRUE(suricata.wait_for_output("Engine started", kPatience))
            << suricata.out() << suricata.err();
        start_download();
        return suricata;
    }

  private:
    void write(const std::string& name, std::string_view text) {
        std::ofstream(folder_ + "/" + name) << text;
    }

    static constexpr std::string_view kConfiguration = R"(%YAML 1.1
---
outputs: []
logging:
  default-log-level: notice
  outputs:
    - console:
        enabled: yes
af-packet:
  - interface: default
    threads: 1
    cluster-id: 99
    cluster-type: cluster_flow
unix-command:
  enabled: no
)";
    std::string folder_ = [] {
        std::string path = "/tmp/flowstamp-suricata-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

class WatchSuricataActing : public WatchSuricata {};

TEST_P(WatchSuricata, IsConfirmed) {
    watch_ends(false);
    Child suricata = reject();
    expect_reset();
    suricata.stop(kPatience);
    expect_named_rightly(FST_VERDICT_CONFIRMED);
}

TEST_P(WatchSuricataActing, DoesNotEndTheDownload) {
    watch_ends(true);
    Child suricata = reject();
    expect_alive_among_forgeries();
    suricata.stop(kPatience);
    expect_named_rightly(FST_VERDICT_CONFIRMED);
}

const Case kRejects[] = {
    {"TheClient", Toward::Client, "rejectsrc"},
    {"TheServer", Toward::Server, "rejectdst"},
    {"Both", Toward::Both, "rejectboth"},
};

INSTANTIATE_TEST_SUITE_P(Rejects, WatchSuricata, ::testing::ValuesIn(kRejects), case_name);
INSTANTIATE_TEST_SUITE_P(Rejects, WatchSuricataActing, ::testing::ValuesIn(kRejects), case_name);

}  // namespace
}  // namespace flowstamp::lab
