// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Interfaces that go, come back, are renamed or moved while `flowstamp watch` runs: each is said,
// and what is back is protected again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/netns/lab_fixture.h"
#include "tests/support/json_schema.h"
#include "user/kernel/attach/interface.h"
#include "user/lab/injector.h"

namespace flowstamp::lab {
namespace {

using flowstamp::testing::JsonSchema;
using nlohmann::json;

constexpr std::chrono::seconds kSoon{5};

class WatchInterfaces : public LabTest {
  protected:
    const lab::Interface& link() { return lab().client().toward(lab::Side::Server); }

    /// A watch on the client's link, and with `other` on lo, too: then something is left to watch.
    Child watching(const Argv& options, bool other = true) {
        Argv argv{built_program(), "watch", "-i", link().name};
        if (other) {
            argv.insert(argv.end(), {"-i", "lo"});
        }
        argv.insert(argv.end(), options.begin(), options.end());
        Child child = require(lab().client().spawn(argv));
        if (!child.wait_for_output("watching ", 20s)) {
            throw std::runtime_error("flowstamp watch did not attach: " + child.err());
        }
        return child;
    }

    void ip(const lab::Namespace& host, const std::string& commands) {
        if (const Status done = host.require({"ip", "-batch", "-"}, commands); !done) {
            throw std::runtime_error(done.error().message());
        }
    }

    void delete_link() { ip(lab().client(), fmt::format("link delete {}\n", link().name)); }

    /// The client's link as the lab had made it, for IPv4.
    void make_link() {
        const lab::Interface& far = lab().router(1).toward(lab::Side::Client);
        ip(lab().client(), fmt::format("link add name {} address {} type veth peer name {} netns "
                                       "{} address {}\n",
                                       link().name, link().mac.text(), far.name,
                                       lab().router(1).name(), far.mac.text()));
        for (const auto& [host, own] :
             {std::pair{&lab().client(), &link()}, {&lab().router(1), &far}}) {
            ip(*host, fmt::format("addr add {0}/24 dev {1}\nlink set {1} up\n"
                                  "neigh replace {2} dev {1} lladdr {3} nud permanent\n",
                                  own->ipv4.text(), own->name, own->neighbour_ipv4.text(),
                                  own->neighbour_mac.text()));
        }
        ip(lab().client(), fmt::format("route add default via {} dev {}\n",
                                       link().neighbour_ipv4.text(), link().name));
    }

    /// Netlink messages that found a socket of the client full.
    std::uint64_t lost_messages() {
        const CommandOutput sockets = require(lab().client().exec({"cat", "/proc/net/netlink"}));
        std::istringstream lines(sockets.out);
        std::uint64_t lost = 0;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string word;
            for (int column = 0; column < 9; column++) {
                words >> word;  // the ninth is "Drops"
            }
            lost += std::strtoull(word.c_str(), nullptr, 10);
        }
        return lost;
    }

    static kernel::XdpMode xdp_mode(const lab::Namespace& host, const std::string& name) {
        return host.run_in([&] {
            return require(kernel::xdp_state(require(kernel::find_interface(name)).index)).mode;
        });
    }

    /// A download during which a nearer router forges three resets that are plain to see.
    lab::Outcome download_with_forgery() {
        const lab::Server server = require(
            lab::Server::start(lab().server(), {.pace = {.chunk_bytes = 16'384, .pause = 20ms}}));
        const lab::Injector injector = require(lab::Injector::start(
            lab().router(2), {.trigger = {.after_server_bytes = 100'000, .times = 3},
                              .forgery = {.flags = Rst, .window = lab::Window::constant(1000)}}));
        const lab::Outcome outcome = lab::download(lab().client(), to_server(400'000)).outcome;
        EXPECT_GE(injector.injected(1, 1s).size(), 1U);
        return outcome;
    }
};

TEST_F(WatchInterfaces, ForgedResetsAreRefusedAgainOnALinkMadeAnew) {
    Child watch = watching({"--drop", "confirmed"});
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    delete_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is gone", kSoon)) << watch.out();
    make_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is back: attached (xdp ingress, ", kSoon))
        << watch.out();
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    const CommandOutput output = watch.stop(kSoon);
    EXPECT_EQ(output.status, 0) << output.err;
}

/// Also those that come later; the run goes on when none is left.
TEST_F(WatchInterfaces, APatternStandsForAllThatMatchIt) {
    const std::string pattern = link().name.substr(0, 3) + "*";
    Child watch = require(
        lab().client().spawn({built_program(), "watch", "-i", pattern, "--drop", "confirmed"}));
    ASSERT_TRUE(watch.wait_for_output("watching " + link().name, 20s)) << watch.err();
    delete_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is gone", kSoon)) << watch.out();
    const std::string name = link().name.substr(0, 3) + "-late";
    ip(lab().client(), fmt::format("link add name {0} type bridge\nlink set {0} up\n", name));
    ASSERT_TRUE(watch.wait_for_output(name + " is new: attached (", kSoon)) << watch.out();
    make_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is new: attached (xdp ingress, ", kSoon))
        << watch.out();
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    EXPECT_EQ(watch.stop(kSoon).status, 0);
}

TEST_F(WatchInterfaces, AnyIsAllThatAreUp) {
    ip(lab().client(), "link add name spare type bridge\n");
    Child watch = require(lab().client().spawn(
        {built_program(), "watch", "-n", "-i", "any", "-i", "wg*", "-c", "1"}));
    ASSERT_TRUE(watch.wait_for_output("watching ", 20s)) << watch.err();
    for (const std::string& name : {std::string("lo ("), link().name + " ("}) {
        EXPECT_NE(watch.err().find(name), std::string::npos) << watch.err();
    }
    EXPECT_EQ(watch.err().find("spare"), std::string::npos) << watch.err();
    EXPECT_NE(watch.err().find("wg*: no interface that is up matches yet"), std::string::npos)
        << watch.err();
    ip(lab().client(), "link set spare up\n");
    ASSERT_TRUE(watch.wait_for_output("spare is new: attached (", kSoon)) << watch.out();
    download_with_forgery();
    const auto ended = watch.wait(kSoon);
    ASSERT_TRUE(ended) << "one finding was wanted";
    EXPECT_EQ(ended->status, 0) << ended->err;
}

TEST_F(WatchInterfaces, AWrongNameIsAnErrorThatSaysWhatWasMeant) {
    std::string name = link().name;
    std::swap(name[0], name[1]);
    const auto run = [&](const std::string& interface) {
        return require(
            lab().client().exec({built_program(), "watch", "-i", interface, "--duration", "1s"}));
    };
    EXPECT_EQ(run(name).err, fmt::format("flowstamp: {}: no such interface; did you mean {}? `ip "
                                         "link` lists them\n",
                                         name, link().name));
    EXPECT_EQ(run("wg*").err,
              "flowstamp: wg*: attach: no interface that is up matches; name one with -i; list "
              "them with `ip link`\n");
}

TEST_F(WatchInterfaces, MadeAnewBeforeAnyoneLooked) {
    Child watch = watching({"--drop", "confirmed"}, false);
    watch.signal(SIGSTOP);
    delete_link();
    make_link();
    watch.signal(SIGCONT);
    ASSERT_TRUE(watch.wait_for_output(link().name + " is back: attached (xdp ingress, ", kSoon))
        << watch.out();
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    EXPECT_EQ(watch.stop(kSoon).status, 0);
}

/// More changes than a socket holds: all interfaces are read again.
TEST_F(WatchInterfaces, NothingIsMissedWhenMessagesAreLost) {
    Child watch = watching({"--drop", "confirmed"});
    watch.signal(SIGSTOP);
    delete_link();
    std::string churn = "link add name churn type bridge\n";
    for (int i = 0; i < 500; i++) {
        churn += "link set churn up\nlink set churn down\n";
    }
    ip(lab().client(), churn);
    make_link();
    ASSERT_GT(lost_messages(), 0U) << "nothing was lost: the test is void";
    watch.signal(SIGCONT);
    ASSERT_TRUE(watch.wait_for_output(link().name + " is back: attached (xdp ingress, ", kSoon))
        << watch.out();
    EXPECT_NE(watch.out().find(link().name + " is gone"), std::string::npos);
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    EXPECT_EQ(watch.stop(kSoon).status, 0);
}

TEST_F(WatchInterfaces, StampsNameALinkMadeAnew) {
    const std::string path = fmt::format("/tmp/flowstamp-anew-{}.json", ::getpid());
    Child watch = watching({"--stamps", path});
    delete_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is gone", kSoon)) << watch.out();
    make_link();
    ASSERT_TRUE(watch.wait_for_output(link().name + " is back", kSoon)) << watch.out();
    {
        const lab::Server server = require(lab::Server::start(lab().server(), {}));
        lab::download(lab().client(), to_server(100'000));
    }
    EXPECT_EQ(watch.stop(kSoon).status, 0);
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    std::ifstream lines(path);
    int count = 0;
    for (std::string line; std::getline(lines, line); count++) {
        const json event = json::parse(line);
        EXPECT_TRUE(schema.violations(event).empty()) << line;
        EXPECT_EQ(event.at("in_iface"), link().name);
    }
    EXPECT_GT(count, 5);
    std::filesystem::remove(path);
}

TEST_F(WatchInterfaces, DownAndUp) {
    Child watch = watching({"--drop", "confirmed"}, false);
    ip(lab().client(), fmt::format("link set {} down\n", link().name));
    ASSERT_TRUE(watch.wait_for_output(link().name + " is down", kSoon)) << watch.out();
    ip(lab().client(),
       fmt::format("link set {0} up\n"
                   "neigh replace {1} dev {0} lladdr {2} nud permanent\n"
                   "route add default via {1} dev {0}\n",
                   link().name, link().neighbour_ipv4.text(), link().neighbour_mac.text()));
    ASSERT_TRUE(watch.wait_for_output(link().name + " is up", kSoon)) << watch.out();
    EXPECT_EQ(download_with_forgery(), lab::Outcome::Complete);
    EXPECT_EQ(watch.stop(kSoon).status, 0);
}

TEST_F(WatchInterfaces, MovedToAnotherNamespaceAndBack) {
    Child watch = watching({"--drop", "confirmed"});
    ip(lab().client(), fmt::format("link set {} netns {}\n", link().name, lab().router(3).name()));
    ASSERT_TRUE(watch.wait_for_output(
        link().name + " has moved to another network namespace: it is no longer watched", kSoon))
        << watch.out();
    EXPECT_EQ(xdp_mode(lab().router(3), link().name), kernel::XdpMode::none);
    ip(lab().router(3), fmt::format("link set {} netns {}\n", link().name, lab().client().name()));
    ASSERT_TRUE(watch.wait_for_output(link().name + " is back: attached (xdp ingress, ", kSoon))
        << watch.out();
    EXPECT_EQ(xdp_mode(lab().client(), link().name), kernel::XdpMode::native);
    EXPECT_EQ(watch.stop(kSoon).status, 0);
}

TEST_F(WatchInterfaces, TheStartLineTellsTheHookAndWhy) {
    EXPECT_TRUE(watching({}, false).wait_for_output(
        fmt::format("flowstamp: watching {} (tcx ingress, tcx egress; XDP would cost it its large "
                    "segments), observe only. Ctrl-C ends.\n",
                    link().name),
        kSoon));
    EXPECT_TRUE(
        watching({"--drop", "confirmed"}, false)
            .wait_for_output(fmt::format("flowstamp: watching {} (xdp ingress, tcx egress), "
                                         "dropping. Ctrl-C ends.\n",
                                         link().name),
                             kSoon));
}

TEST_F(WatchInterfaces, TheLastOneDeletedEndsTheWatch) {
    Child watch = watching({"--drop", "confirmed"}, false);
    delete_link();
    const auto output = watch.wait(kSoon);
    ASSERT_TRUE(output) << "it goes on, and watches nothing";
    EXPECT_EQ(output->status, 1);
    EXPECT_NE(output->out.find(link().name + " is gone\n"), std::string::npos) << output->out;
    EXPECT_TRUE(output->err.ends_with(
        fmt::format("flowstamp: {}: watch: no interface is left to watch\n", link().name)))
        << output->err;
}

TEST_F(WatchInterfaces, JsonMatchesTheSchema) {
    Child watch = watching({"--json", "--drop", "confirmed"});
    ip(lab().client(), fmt::format("link set {0} down\nlink set {0} name lan1\nlink set lan1 up\n"
                                   "link set lan1 mtu 1400\n",
                                   link().name));
    ASSERT_TRUE(watch.wait_for_output("lan1 has an MTU of 1400 now, not 1500", kSoon))
        << watch.out();
    EXPECT_EQ(xdp_mode(lab().client(), "lan1"), kernel::XdpMode::native);
    ip(lab().client(), "link set lan1 down\n");
    ASSERT_TRUE(watch.wait_for_output("lan1 is down", kSoon)) << watch.out();
    ip(lab().client(), "link delete lan1\n");
    ASSERT_TRUE(watch.wait_for_output("is gone", kSoon)) << watch.out();
    make_link();  // by the name that was asked for
    ASSERT_TRUE(watch.wait_for_output("is back", kSoon)) << watch.out();
    const CommandOutput output = watch.stop(kSoon);
    EXPECT_EQ(output.status, 0) << output.err;

    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    std::istringstream lines(output.out);
    std::vector<std::string> changes;
    for (std::string line; std::getline(lines, line);) {
        const json event = json::parse(line);
        if (event.at("event_type") != "interface") {
            continue;
        }
        const auto violations = schema.violations(event);
        EXPECT_TRUE(violations.empty()) << violations.front() << "\n" << event.dump(2);
        const json& its = event.at("interface");
        changes.push_back(fmt::format("{} {} {}", event.at("in_iface").get<std::string>(),
                                      its.at("change").get<std::string>(),
                                      its.at("watched").get<bool>() ? "watched" : "not watched"));
    }
    const std::vector<std::string> expected = {link().name + " down watched",
                                               "lan1 renamed watched",
                                               "lan1 up watched",
                                               "lan1 mtu watched",
                                               "lan1 down watched",
                                               "lan1 gone not watched",
                                               link().name + " back watched",
                                               link().name + " up watched"};
    EXPECT_EQ(changes, expected);
}

}  // namespace
}  // namespace flowstamp::lab
