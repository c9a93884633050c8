// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "user/metrics/server.h"

namespace flowstamp {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

using Words = std::vector<std::string>;

template <class T>
T parsed(const Words& words) {
    const auto options = cmd::parse(words);
    if (!options) {
        ADD_FAILURE() << options.error().text;
        return {};
    }
    const T* values = std::get_if<T>(&*options);
    if (values == nullptr) {
        ADD_FAILURE() << "another command's options";
        return {};
    }
    return *values;
}

/// The one-line error for these arguments.
std::string refusal(const Words& words) {
    const auto options = cmd::parse(words);
    if (options) {
        ADD_FAILURE() << "accepted";
        return "";
    }
    EXPECT_EQ(options.error().status, 2);
    const std::string& text = options.error().text;
    EXPECT_TRUE(text.starts_with("flowstamp: ")) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_TRUE(text.ends_with('\n')) << text;
    return text;
}

TEST(CliWatch, StampsFileExtensionSelectsTheFormat) {
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "-i", "eth0"}).stamps, std::nullopt);
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "-i", "eth0", "--stamps", "x.pcapng"}).stamps,
              "x.pcapng");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--stamps", "x.txt"}),
              "flowstamp: --stamps x.txt: unknown file name extension; name it .pcapng, or .json, "
              ".jsonl or .ndjson for JSON lines\n");
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--json", "-o", "x.json", "--stamps", "x.json"}),
                HasSubstr("the same file"));
}

TEST(CliWatch, MetricsAreOfThisHostUnlessAnAddressIsWrittenOut) {
    if (!metrics::Server::is_built_in()) {
        EXPECT_THAT(refusal({"watch", "-i", "eth0", "--metrics", "9464"}),
                    HasSubstr("--metrics needs prometheus-cpp"));
        return;
    }
    EXPECT_FALSE(parsed<cmd::WatchOptions>({"watch", "-i", "eth0"}).metrics);
    const auto metrics =
        parsed<cmd::WatchOptions>({"watch", "-i", "eth0", "--metrics", "9464"}).metrics;
    ASSERT_TRUE(metrics);
    EXPECT_EQ(metrics->text(), "127.0.0.1:9464");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--metrics", "*:9464"}),
              "flowstamp: --metrics *:9464: not an address and a port; write 127.0.0.1:9464\n");
}

TEST(CliWatch, ObservesByDefault) {
    const auto options = parsed<cmd::WatchOptions>({"watch", "-i", "eth0"});
    EXPECT_THAT(options.interfaces, ElementsAre("eth0"));
    EXPECT_EQ(options.filter, "");
    EXPECT_EQ(options.drop, FST_DROP_OFF);
    EXPECT_EQ(options.challenge, FST_CHALLENGE_OFF);
    EXPECT_FALSE(options.acts());
    EXPECT_EQ(options.hook, kernel::IngressChoice::automatic);
    EXPECT_EQ(options.direction, kernel::WatchDirection::both);
    EXPECT_FALSE(options.json);
    EXPECT_FALSE(options.output);
    EXPECT_FALSE(options.duration);
    EXPECT_EQ(options.max_flows, FST_FLOWS_DEFAULT);
    EXPECT_FALSE(options.quiet);
    EXPECT_EQ(options.verbosity, 0);
    EXPECT_TRUE(options.learn);
}

TEST(CliCompare, TakesTwoCapturesOrMore) {
    const auto options = parsed<cmd::CompareOptions>(
        {"compare", "a.pcap", "b.pcap", "-", "--json", "-o", "x.json", "--fail-on", "eaten", "-n"});
    EXPECT_THAT(options.captures, ElementsAre("a.pcap", "b.pcap", "-"));
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.output, "x.json");
    EXPECT_THAT(options.fail_on, ElementsAre(analysis::FindingKind::eaten));
    EXPECT_TRUE(parsed<cmd::CompareOptions>({"compare", "a", "b", "--fail-on", "any"}).fail_on_any);
    EXPECT_THAT(cmd::parse({"compare", "a"}).error().text, HasSubstr("two captures are needed"));
    EXPECT_THAT(cmd::parse({"compare", "-", "-"}).error().text,
                HasSubstr("standard input can be only one"));
}

TEST(CliLocate, TakesAFlowOrAFinding) {
    const auto options = parsed<cmd::LocateOptions>(
        {"locate", "192.0.2.1:1", ">", "192.0.2.2:2", "--json", "--log", "x.json"});
    EXPECT_EQ(options.flow, "192.0.2.1:1 > 192.0.2.2:2");
    EXPECT_TRUE(options.json);
    EXPECT_EQ(parsed<cmd::LocateOptions>({"locate", "--finding", "3", "--log", "x"}).finding, 3U);
    EXPECT_THAT(refusal({"locate"}), HasSubstr("which connection?"));
    EXPECT_THAT(refusal({"locate", "--finding", "3"}), HasSubstr("give --log FILE"));
    EXPECT_THAT(refusal({"locate", "--finding", "x", "--log", "x"}), HasSubstr("not a number"));
    EXPECT_THAT(refusal({"locate", "here"}), HasSubstr("it names no connection"));
}

TEST(CliReport, TakesSourcesAndNeedsAPage) {
    const auto options =
        parsed<cmd::ReportOptions>({"report", "a.pcap", "evidence", "run.json", "-o", "-"});
    EXPECT_THAT(options.sources, ElementsAre("a.pcap", "evidence", "run.json"));
    EXPECT_EQ(options.output, "-");
    EXPECT_THAT(cmd::parse({"report", "a.pcap"}).error().text, HasSubstr("-o report.html"));
    EXPECT_THAT(cmd::parse({"report", "-o", "x"}).error().text, HasSubstr("no source given"));
    EXPECT_THAT(cmd::parse({"report", "-", "-o", "x"}).error().text,
                HasSubstr("standard input can be read once"));
}

TEST(CliWatch, AcceptsEveryOption) {
    const auto options = parsed<cmd::WatchOptions>(
        {"watch",       "-i",         "eth0",   "-i",          "eth1",   "--drop", "confirmed",
         "--challenge", "all",        "--hook", "xdp-generic", "--json", "-o",     "out.json",
         "--print",     "--duration", "1.5s",   "--max-flows", "4096",   "-v"});
    EXPECT_THAT(options.interfaces, ElementsAre("eth0", "eth1"));
    EXPECT_EQ(options.drop, FST_DROP_CONFIRMED);
    EXPECT_EQ(options.challenge, FST_CHALLENGE_ALL);
    EXPECT_TRUE(options.acts());
    EXPECT_EQ(options.hook, kernel::IngressChoice::xdp_generic);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.output, "out.json");
    EXPECT_TRUE(options.print);
    EXPECT_EQ(options.duration, 1500ms);
    EXPECT_EQ(options.max_flows, 4096U);
    EXPECT_EQ(options.verbosity, 1);
    EXPECT_TRUE(parsed<cmd::WatchOptions>({"watch", "-i", "lo", "-q"}).quiet);
    EXPECT_FALSE(parsed<cmd::WatchOptions>({"watch", "-i", "lo", "--no-learn"}).learn);
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "-i", "lo", "--direction", "in"}).direction,
              kernel::WatchDirection::in);
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "-i", "lo", "--drop=suspected"}).drop,
              FST_DROP_SUSPECTED);
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "-i", "lo", "--hook", "tc"}).hook,
              kernel::IngressChoice::tc);
}

TEST(CliWatch, JoinsTrailingWordsToTheFilter) {
    const auto options = parsed<cmd::WatchOptions>(
        {"watch", "-i", "eth0", "--json", "host", "198.51.100.7", "and", "port", "443"});
    EXPECT_EQ(options.filter, "host 198.51.100.7 and port 443");
    EXPECT_THAT(options.interfaces, ElementsAre("eth0"));
    EXPECT_EQ(parsed<cmd::WatchOptions>({"watch", "port 22", "-i", "eth0"}).filter, "port 22");
    EXPECT_EQ(
        parsed<cmd::WatchOptions>({"watch", "-i", "eth0", "tcp[tcpflags] & tcp-rst != 0"}).filter,
        "tcp[tcpflags] & tcp-rst != 0");
}

TEST(CliWatch, NeedsAnInterface) {
    EXPECT_EQ(refusal({"watch"}),
              "flowstamp: watch: no interface given; name one with -i (`ip link` lists them)\n");
}

TEST(CliWatch, RefusesAFilterThatWouldSeemToLimitActing) {
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--drop", "confirmed", "port", "443"}),
                HasSubstr("leave it out"));
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--challenge", "all", "port", "443"}),
                HasSubstr("leave it out"));
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--challenge", "all", "--direction", "in"}),
                HasSubstr("both directions"));
}

TEST(CliWatch, RefusesUnknownValues) {
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--drop", "maybe"}),
              "flowstamp: --drop maybe: not known; choose off, confirmed or suspected\n");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--challenge", "none"}),
              "flowstamp: --challenge none: not known; choose off, suspected or all\n");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--hook", "kprobe"}),
              "flowstamp: --hook kprobe: not known; choose auto, xdp, xdp-generic or tc\n");
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--duration", "soon"}),
                HasSubstr("'soon': not a length of time"));
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--duration", "0"}), HasSubstr("nothing"));
    for (const char* flows : {"0", "1023", "16777217", "many", "-5", "4096x", "99999999999999"}) {
        EXPECT_THAT(refusal({"watch", "-i", "eth0", std::string("--max-flows=") + flows}),
                    HasSubstr("choose 1024 to 16777216"));
    }
}

TEST(CliWatch, RefusesUnknownOrContradictoryOptions) {
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--jsn"}), HasSubstr("--jsn"));
    EXPECT_THAT(refusal({"watch", "-i"}), HasSubstr("see flowstamp watch --help"));
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "-q", "-v"}), HasSubstr("choose one"));
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "--print"}), HasSubstr("-o FILE"));
}

TEST(CliReplay, AcceptsEveryOption) {
    const auto options = parsed<cmd::ReplayOptions>(
        {"replay", "a.pcap", "--backend", "kernel", "--json", "-o", "out", "--fail-on",
         "forged-rst", "--fail-on", "one-way", "--max-flows", "2048", "-v", "port", "443"});
    EXPECT_THAT(options.words, ElementsAre("a.pcap", "port", "443"));
    EXPECT_EQ(options.backend, cmd::Backend::kernel);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.output, "out");
    EXPECT_THAT(options.fail_on,
                ElementsAre(analysis::FindingKind::forged_rst, analysis::FindingKind::one_way));
    EXPECT_FALSE(options.fail_on_any);
    EXPECT_EQ(options.max_flows, 2048U);
    EXPECT_EQ(options.verbosity, 1);
    const auto piped = parsed<cmd::ReplayOptions>({"replay", "-", "--fail-on", "any", "-q"});
    EXPECT_THAT(piped.words, ElementsAre("-"));
    EXPECT_TRUE(piped.fail_on_any);
    EXPECT_TRUE(piped.quiet);
    EXPECT_EQ(piped.backend, cmd::Backend::host);
    EXPECT_TRUE(piped.learn);
    EXPECT_FALSE(parsed<cmd::ReplayOptions>({"replay", "a", "--no-learn"}).learn);
    const auto read = parsed<cmd::ReplayOptions>({"replay", "-r", "a", "-r", "-", "port", "22"});
    EXPECT_THAT(read.reads, ElementsAre("a", "-"));
    EXPECT_THAT(read.words, ElementsAre("port", "22"));
}

TEST(CliReplay, RefusesUnknownOptions) {
    EXPECT_EQ(refusal({"replay"}),
              "flowstamp: replay: no capture given; name a file, or - for standard input\n");
    EXPECT_THAT(refusal({"replay", "a", "--fail-on", "rst"}),
                HasSubstr("--fail-on rst: not known; choose any, forged-rst, injected-segment"));
    EXPECT_THAT(refusal({"replay", "a", "--backend", "gpu"}), HasSubstr("choose host or kernel"));
    EXPECT_THAT(refusal({"replay", "a", "-q", "-v"}), HasSubstr("choose one"));
}

TEST(CliFlows, AcceptsAnInterface) {
    EXPECT_FALSE(parsed<cmd::FlowsOptions>({"flows"}).interface);
    const auto options = parsed<cmd::FlowsOptions>({"flows", "-i", "eth0", "--json"});
    EXPECT_EQ(options.interface, "eth0");
    EXPECT_TRUE(options.json);
    EXPECT_FALSE(options.learned);
    EXPECT_TRUE(parsed<cmd::FlowsOptions>({"flows", "--learned"}).learned);
    EXPECT_TRUE(parsed<cmd::FlowsOptions>({"flows", "--taught"}).learned) << "as it was called";
}

TEST(CliFlows, ChoosesSortsAndCuts) {
    const auto options =
        parsed<cmd::FlowsOptions>({"flows", "tcp", "port", "443", "--sort", "rtt", "-n", "20",
                                   "--pid", "12", "--all-netns", "--wide"});
    EXPECT_EQ(options.filter, "tcp port 443");
    EXPECT_EQ(options.sort, cmd::FlowOrder::rtt);
    EXPECT_EQ(options.rows, 20U);
    EXPECT_EQ(options.pid, 12);
    EXPECT_TRUE(options.all_netns);
    EXPECT_TRUE(options.wide);
    EXPECT_TRUE(parsed<cmd::FlowsOptions>({"flows", "--stamps"}).stamps);
    EXPECT_FALSE(parsed<cmd::FlowsOptions>({"flows"}).rows);
    EXPECT_EQ(parsed<cmd::FlowsOptions>({"flows", "-n", "0"}).rows, 0U);
}

TEST(CliFlows, RefusesWhatMakesNoSense) {
    EXPECT_THAT(refusal({"flows", "--sort", "size"}),
                HasSubstr("choose bytes, packets, age, rtt or resets"));
    EXPECT_THAT(refusal({"flows", "-n", "many"}), HasSubstr("-n many: not a number"));
    EXPECT_THAT(refusal({"flows", "--pid", "0"}), HasSubstr("--pid 0: not a number"));
    EXPECT_THAT(refusal({"flows", "--wide", "--stamps"}), HasSubstr("choose one"));
    EXPECT_THAT(refusal({"flows", "--json", "--stamps"}), HasSubstr("leave them out"));
    EXPECT_THAT(refusal({"flows", "--learned", "-n", "5"}), HasSubstr("lists no flows"));
}

TEST(CliWatch, Summarizes) {
    EXPECT_TRUE(parsed<cmd::WatchOptions>({"watch", "-i", "a", "--summarize"}).summarize);
    EXPECT_TRUE(parsed<cmd::ReplayOptions>({"replay", "a", "--summarize"}).summarize);
}

TEST(CliHabits, TcpdumpsLettersDoTheSameOrSayWhatDoes) {
    const auto watch =
        parsed<cmd::WatchOptions>({"watch", "-n", "-i", "any", "-c", "3", "-nn", "port", "443"});
    EXPECT_EQ(watch.count, 3U);
    EXPECT_EQ(watch.filter, "port 443");
    EXPECT_EQ(parsed<cmd::ReplayOptions>({"replay", "-n", "-r", "a", "-c", "1"}).count, 1U);
    EXPECT_FALSE(parsed<cmd::WatchOptions>({"watch", "-i", "a"}).count);
    EXPECT_THAT(parsed<cmd::PathOptions>({"path", "-n", "-i", "a"}).interfaces, ElementsAre("a"));
    EXPECT_THAT(refusal({"watch", "-i", "a", "-c", "0"}), HasSubstr("-c 0: not a number"));
    EXPECT_EQ(refusal({"watch", "-r", "a.pcap"}),
              "flowstamp: -r a.pcap: watch reads no captures; did you mean `flowstamp replay -r "
              "a.pcap`?\n");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "-w", "a.pcap"}),
              "flowstamp: -w a.pcap: watch writes each packet's stamp, not the packet; did you "
              "mean `--stamps a.pcapng`?\n");
    EXPECT_THAT(refusal({"replay", "-r", "a.pcap", "-w", "b"}), HasSubstr("`-o b`"));
    EXPECT_EQ(refusal({"-i", "eth0"}),
              "flowstamp: -i goes with a command; did you mean `flowstamp watch -i ...`?\n");
    EXPECT_THAT(refusal({"-ieth0"}), HasSubstr("flowstamp watch -i"));
    EXPECT_THAT(refusal({"-r", "x"}), HasSubstr("flowstamp replay -r"));
}

TEST(CliHabits, ColoursAndTimes) {
    const auto watch = parsed<cmd::WatchOptions>({"watch", "-i", "a"});
    EXPECT_EQ(watch.colour, output::ColourChoice::automatic);
    EXPECT_EQ(watch.times, output::TimeForm::local);
    EXPECT_EQ(parsed<cmd::ReplayOptions>({"replay", "a", "--time", "relative"}).times,
              output::TimeForm::relative);
    EXPECT_EQ(parsed<cmd::PathOptions>({"path", "-i", "a", "--time=utc"}).times,
              output::TimeForm::utc);
    EXPECT_EQ(parsed<cmd::FlowsOptions>({"flows", "--color", "never"}).colour,
              output::ColourChoice::never);
    EXPECT_EQ(refusal({"watch", "-i", "a", "--color", "yes"}),
              "flowstamp: --color yes: not known; choose auto, always or never\n");
}

TEST(CliPath, AcceptsInterfacesAndAFilter) {
    const auto options =
        parsed<cmd::PathOptions>({"path", "-i", "eth2", "-i", "eth0", "--json", "-o", "out",
                                  "--duration", "5s", "-q", "--plain", "tcp", "port", "80"});
    EXPECT_THAT(options.interfaces, ElementsAre("eth2", "eth0"));
    EXPECT_EQ(options.filter, "tcp port 80");
    EXPECT_TRUE(options.plain);
    EXPECT_TRUE(options.json);
    EXPECT_EQ(options.output, "out");
    EXPECT_EQ(options.duration, 5s);
    EXPECT_TRUE(options.quiet);
    EXPECT_THAT(refusal({"path", "port", "80"}), HasSubstr("path: no interface given"));
}

TEST(CliDemo, AcceptsScenarios) {
    EXPECT_TRUE(parsed<cmd::DemoOptions>({"demo", "--list"}).list);
    EXPECT_THAT(parsed<cmd::DemoOptions>({"demo", "both-ends", "refused"}).scenarios,
                ElementsAre("both-ends", "refused"));
}

TEST(CliDoctor, AcceptsInterfaces) {
    EXPECT_THAT(parsed<cmd::DoctorOptions>({"doctor", "-i", "eth0", "-i", "lo"}).interfaces,
                ElementsAre("eth0", "lo"));
    EXPECT_TRUE(parsed<cmd::DoctorOptions>({"doctor"}).interfaces.empty());
}

TEST(Cli, SuggestsTheNearestCommand) {
    EXPECT_EQ(refusal({"wacth", "-i", "eth0"}),
              "flowstamp: 'wacth' is no command; did you mean 'watch'? See flowstamp --help\n");
    EXPECT_THAT(refusal({"flow"}), HasSubstr("'flows'"));
    EXPECT_THAT(refusal({"docter"}), HasSubstr("'doctor'"));
}

TEST(Cli, SuggestsTheNearestOptionAndWord) {
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--jsn=true"}),
              "flowstamp: watch: --jsn: no such option; did you mean --json? See flowstamp watch "
              "--help\n");
    EXPECT_THAT(refusal({"watch", "-i", "eth0", "-json"}), HasSubstr("did you mean --json?"));
    EXPECT_EQ(refusal({"flows", "-Z"}),
              "flowstamp: flows: -Z: no such option; see flowstamp flows --help\n");
    EXPECT_EQ(refusal({"replay", "a", "--fail-on", "forged-rts"}),
              "flowstamp: --fail-on forged-rts: not known; did you mean forged-rst?\n");
    EXPECT_EQ(refusal({"watch", "-i", "a", "--drop", "confirm"}),
              "flowstamp: --drop confirm: not known; did you mean confirmed?\n");
}

TEST(Cli, SaysWhatAnOptionsValueLacks) {
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--log"}),
              "flowstamp: watch: --log needs a value; see flowstamp watch --help\n");
    EXPECT_EQ(refusal({"watch", "-i", "eth0", "--log", "a", "--log", "b"}),
              "flowstamp: watch: --log is given more than once; see flowstamp watch --help\n");
}

TEST(Cli, NamesAnOptionThatStandsBeforeACommand) {
    EXPECT_EQ(refusal({"--json", "watch"}),
              "flowstamp: '--json' is no option before a command: choose watch, replay, report, "
              "compare, flows, locate, path, demo, doctor first; see flowstamp --help\n");
}

TEST(Cli, NeedsACommand) {
    EXPECT_THAT(refusal({}), HasSubstr("see flowstamp --help"));
}

TEST(Cli, PrintsVersionAndHelp) {
    const auto version = cmd::parse({"--version"});
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().status, 0);
    const std::string& text = version.error().text;
    EXPECT_TRUE(text.starts_with("flowstamp 0.")) << text;
    EXPECT_THAT(text, HasSubstr("libbpf "));
    EXPECT_THAT(text, HasSubstr("libpcap "));
    EXPECT_THAT(text, HasSubstr("Linux 6.1 or later"));
    EXPECT_EQ(cmd::parse({"-V"}).error().text, text);
    for (const Words& words : {Words{"--help"}, Words{"-h"}}) {
        const auto help = cmd::parse(words);
        ASSERT_FALSE(help);
        EXPECT_EQ(help.error().status, 0);
        for (const char* command :
             {"watch", "replay", "report", "compare", "flows", "locate", "demo", "doctor"}) {
            EXPECT_THAT(help.error().text, HasSubstr(command));
        }
    }
    const auto help = cmd::parse({"watch", "--help"});
    ASSERT_FALSE(help);
    EXPECT_EQ(help.error().status, 0);
    EXPECT_THAT(help.error().text, HasSubstr("--challenge"));
}

}  // namespace
}  // namespace flowstamp
