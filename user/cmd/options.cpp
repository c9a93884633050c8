// SPDX-License-Identifier: Apache-2.0
#include "user/cmd/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "user/output/stamps/stamp_form.h"
#include "user/base/time_text.h"
#include "user/cmd/nearest.h"

namespace flowstamp::cmd {

namespace {

constexpr std::array<std::string_view, 6> kCommands = {"watch", "replay", "flows",
                                                       "path",  "demo",   "doctor"};
constexpr int kUsageError = 2;

template <class T>
using Choices = std::vector<std::pair<std::string, T>>;

/// "off, confirmed or suspected".
template <class T>
std::string listed(const Choices<T>& choices) {
    std::string text;
    std::size_t left = choices.size();
    for (const auto& [name, value] : choices) {
        text += name + (left > 2 ? ", " : left == 2 ? " or " : "");
        left--;
    }
    return text;
}

/// An option with one of a few words for its value.
template <class T>
void add_choice(CLI::App& command, const std::string& name, const Choices<T>& choices, T& value,
                const std::string& help) {
    command
        .add_option_function<std::string>(
            name,
            [name, choices, &value](const std::string& word) {
                const auto choice =
                    std::ranges::find(choices, word, &std::pair<std::string, T>::first);
                if (choice == choices.end()) {
                    throw CLI::ValidationError(
                        fmt::format("{} {}: not known; choose {}", name, word, listed(choices)));
                }
                value = choice->second;
            },
            help)
        ->type_name("WORD");
}

void add_duration(CLI::App& command, std::optional<Nanoseconds>& value) {
    command
        .add_option_function<std::string>(
            "--duration",
            [&value](const std::string& text) {
                const auto duration = parse_duration(text);
                if (!duration) {
                    throw CLI::ValidationError("--duration " + duration.error().message());
                }
                if (*duration == Nanoseconds::zero()) {
                    throw CLI::ValidationError(
                        "--duration 0: nothing would be seen; give a length like 10s");
                }
                value = *duration;
            },
            "End after this long (500ms, 10s, 5m, 2h)")
        ->type_name("TIME");
}

void add_max_flows(CLI::App& command, std::uint32_t& value) {
    command
        .add_option_function<std::string>(
            "--max-flows",
            [&value](const std::string& text) {
                std::uint32_t flows = 0;
                const char* end = text.data() + text.size();
                const auto [stop, error] = std::from_chars(text.data(), end, flows);
                if (error != std::errc{} || stop != end || flows < FST_FLOWS_MIN ||
                    flows > FST_FLOWS_MAX) {
                    throw CLI::ValidationError(
                        fmt::format("--max-flows {}: not a number of flows that can be held; "
                                    "choose {} to {}",
                                    text, FST_FLOWS_MIN, FST_FLOWS_MAX));
                }
                value = flows;
            },
            fmt::format("Flows held at once (default {}, 384 bytes each)", FST_FLOWS_DEFAULT))
        ->type_name("N");
}

void add_no_learn(CLI::App& command, bool& learn) {
    command.add_flag_callback(
        "--no-learn", [&learn] { learn = false; },
        "Teach the kernel no marks of convicted injectors: judge each flow by its own past");
}

void add_interfaces(CLI::App& command, std::vector<std::string>& interfaces,
                    const std::string& words) {
    command.add_option("-i,--interface", interfaces, words)
        ->type_name("IFACE")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
}

void add_stamps(CLI::App& command, std::optional<std::string>& value) {
    command
        .add_option_function<std::string>(
            "--stamps",
            [&value](const std::string& path) {
                if (!output::stamp_form(path)) {
                    throw CLI::ValidationError(fmt::format(
                        "--stamps {}: its ending tells no form; name it .pcapng, or .json, .jsonl "
                        "or .ndjson for JSON lines",
                        path));
                }
                value = path;
            },
            "Write every packet's stamp to a file: .pcapng, or .json, .jsonl, .ndjson")
        ->type_name("FILE");
}

void add_watch(CLI::App& app, WatchOptions& options, std::vector<std::string>& filter) {
    CLI::App& watch = *app.add_subcommand("watch", "Attach, stamp, explain; until Ctrl-C");
    add_interfaces(watch, options.interfaces, "An interface to watch; repeatable");
    watch.add_option("FILTER", filter, "What to tell, in tcpdump's syntax")->type_name("");
    add_choice<fst_drop_mode>(
        watch, "--drop",
        {{"off", FST_DROP_OFF}, {"confirmed", FST_DROP_CONFIRMED}, {"suspected", FST_DROP_SUSPECTED}},
        options.drop, "Drop forged resets in the kernel: off (default), confirmed, suspected");
    add_choice<fst_challenge_mode>(
        watch, "--challenge",
        {{"off", FST_CHALLENGE_OFF},
         {"suspected", FST_CHALLENGE_SUSPECTED},
         {"all", FST_CHALLENGE_ALL}},
        options.challenge,
        "Have the sender asked before a reset is believed: off (default), suspected, all");
    add_choice<HookChoice>(watch, "--hook",
                           {{"auto", HookChoice::automatic},
                            {"xdp", HookChoice::xdp},
                            {"xdp-generic", HookChoice::xdp_generic},
                            {"tc", HookChoice::tc}},
                           options.hook,
                           "Where to take incoming packets: auto (default), xdp, xdp-generic, tc");
    add_choice<DirectionChoice>(watch, "--direction",
                                {{"in", DirectionChoice::in},
                                 {"out", DirectionChoice::out},
                                 {"both", DirectionChoice::both}},
                                options.direction, "Packets to stamp: in, out, both (default)");
    watch.add_flag("--json", options.json, "JSON lines instead of text");
    watch.add_option("-o,--output", options.output, "Write to a file instead of standard output")
        ->type_name("FILE");
    watch.add_flag("--print", options.print, "With -o: text on standard output, too");
    add_stamps(watch, options.stamps);
    add_no_learn(watch, options.learn);
    add_duration(watch, options.duration);
    add_max_flows(watch, options.max_flows);
    watch.add_flag("--path", options.path,
                   "Follow packets through this host's kernel, too, and tell what it drops itself");
    watch.add_flag("-q,--quiet", options.quiet, "Findings only");
    watch.add_flag("-v,--verbose", options.verbosity, "Flows at their end and statistics, too");
}

void add_fail_on(CLI::App& command, ReplayOptions& options) {
    Choices<std::optional<analysis::FindingKind>> kinds{{"any", std::nullopt}};
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        kinds.emplace_back(entry.name, entry.kind);
    }
    command
        .add_option_function<std::vector<std::string>>(
            "--fail-on",
            [kinds, &options](const std::vector<std::string>& words) {
                for (const std::string& word : words) {
                    const auto kind = std::ranges::find(
                        kinds, word, &std::pair<std::string, std::optional<analysis::FindingKind>>::first);
                    if (kind == kinds.end()) {
                        throw CLI::ValidationError(
                            fmt::format("--fail-on {}: not known; choose {}", word, listed(kinds)));
                    }
                    if (kind->second) {
                        options.fail_on.push_back(*kind->second);
                    } else {
                        options.fail_on_any = true;
                    }
                }
            },
            "Exit status 3 when such a finding was told: any, or a kind; repeatable")
        ->type_name("KIND")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
}

void add_replay(CLI::App& app, ReplayOptions& options) {
    CLI::App& replay = *app.add_subcommand(
        "replay", "The same judgement over captures: pcap, pcapng, compressed by gzip or not");
    replay
        .add_option("CAPTURE", options.words,
                    "Captures ('-': standard input), then what to tell, in tcpdump's syntax")
        ->type_name("");
    replay.add_option("-r,--read", options.reads, "A capture, as tcpdump names it; repeatable")
        ->type_name("FILE")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    add_choice<Backend>(replay, "--backend", {{"host", Backend::host}, {"kernel", Backend::kernel}},
                        options.backend,
                        "Where the data path runs: host (default), kernel (the loaded programs; "
                        "root)");
    replay.add_flag("--json", options.json, "JSON lines instead of text");
    replay.add_option("-o,--output", options.output, "Write to a file instead of standard output")
        ->type_name("FILE");
    add_fail_on(replay, options);
    add_no_learn(replay, options.learn);
    add_max_flows(replay, options.max_flows);
    replay.add_flag("-q,--quiet", options.quiet, "Findings only");
    replay.add_flag("-v,--verbose", options.verbosity, "Flows at their end and statistics, too");
}

void add_flows(CLI::App& app, FlowsOptions& options) {
    CLI::App& flows =
        *app.add_subcommand("flows", "The flows of a running watch, with their stamps");
    flows.add_option("-i,--interface", options.interface, "Only those of this interface")
        ->type_name("IFACE");
    flows.add_flag("--taught", options.learned,
                   "Instead, the marks of convicted injectors that the kernel was taught");
    flows.add_flag("--json", options.json, "JSON lines instead of text");
}

void add_path(CLI::App& app, PathOptions& options, std::vector<std::string>& filter) {
    CLI::App& path = *app.add_subcommand(
        "path", "Where on this host packets stop: hook, table, chain and rule; until Ctrl-C");
    add_interfaces(path, options.interfaces, "An interface that they pass; repeatable");
    path.add_option("FILTER", filter, "Which packets to follow, in tcpdump's syntax")
        ->type_name("");
    path.add_flag("--json", options.json, "JSON lines instead of text");
    path.add_option("-o,--output", options.output, "Write to a file instead of standard output")
        ->type_name("FILE");
    add_duration(path, options.duration);
    path.add_flag(
        "--trace", options.trace,
        "Let nft trace the packets, too, by a table of its own that goes with the run: names "
        "rules that have no counter");
    path.add_flag("-q,--quiet", options.quiet, "Losses only");
    path.add_flag("--plain", options.plain, "No live view on a terminal: lines only");
}

void add_demo(CLI::App& app, DemoOptions& options) {
    CLI::App& demo = *app.add_subcommand(
        "demo", "Show the main job in a lab of network namespaces on this machine");
    demo.add_option("SCENARIO", options.scenarios, "What to show; see --list")->type_name("");
    demo.add_flag("--list", options.list, "List the scenarios");
}

void add_doctor(CLI::App& app, DoctorOptions& options) {
    CLI::App& doctor = *app.add_subcommand(
        "doctor", "What this kernel, these privileges and these interfaces allow");
    add_interfaces(doctor, options.interfaces, "Look at this interface; repeatable");
}

/// What cannot be seen from one option alone; empty if all is well.
std::string objection(const WatchOptions& options) {
    if (options.interfaces.empty()) {
        return "watch: no interface given; name one with -i (`ip link` lists them)";
    }
    if (options.acts() && !options.filter.empty()) {
        return "watch: a FILTER limits what is told, not yet what --drop and --challenge act on; "
               "leave it out, or watch without them";
    }
    if (options.acts() && options.direction != DirectionChoice::both) {
        return "watch: --drop and --challenge need both directions of a flow; leave --direction "
               "out";
    }
    if (options.print && !options.output) {
        return "watch: --print goes with -o FILE; without one everything is printed anyway";
    }
    if (options.stamps && options.stamps == options.output) {
        return "watch: --stamps and -o name the same file; choose two";
    }
    if (options.quiet && options.verbosity > 0) {
        return "watch: --quiet and -v contradict each other; choose one";
    }
    return "";
}

std::string objection(const ReplayOptions& options) {
    if (options.words.empty() && options.reads.empty()) {
        return "replay: no capture given; name a file, or - for standard input";
    }
    if (options.quiet && options.verbosity > 0) {
        return "replay: --quiet and -v contradict each other; choose one";
    }
    return "";
}

std::unexpected<Usage> refuse(const std::string& line) {
    return std::unexpected(Usage{kUsageError, "flowstamp: " + line + "\n"});
}

/// CLI11's own words for a mistake, as one line with its mend.
std::string mistake(const CLI::ParseError& error, const CLI::App& app) {
    std::string line = error.what();
    std::ranges::replace(line, '\n', ' ');
    for (const CLI::App* command : app.get_subcommands()) {
        return fmt::format("{}: {}; see flowstamp {} --help", command->get_name(), line,
                           command->get_name());
    }
    return line + "; see flowstamp --help";
}

}  // namespace

std::expected<Options, Usage> parse(const std::vector<std::string>& arguments) {
    if (!arguments.empty() && !arguments.front().starts_with('-') &&
        std::ranges::find(kCommands, arguments.front()) == kCommands.end()) {
        const auto meant = nearest(arguments.front(), kCommands);
        return refuse(fmt::format("'{}' is no command; {} flowstamp --help", arguments.front(),
                                  meant
                                      ? fmt::format("did you mean '{}'? See", *meant)
                                      : fmt::format("choose {}; see", fmt::join(kCommands, ", "))));
    }
    if (arguments.empty()) {
        return refuse(fmt::format("no command given; choose {}; see flowstamp --help",
                                  fmt::join(kCommands, ", ")));
    }
    CLI::App app("Stamps every packet of every TCP flow, and says which resets are forged.",
                 "flowstamp");
    app.set_version_flag("--version", "flowstamp " FLOWSTAMP_VERSION);
    app.require_subcommand(1);
    WatchOptions watch;
    std::vector<std::string> filter;
    std::vector<std::string> path_filter;
    ReplayOptions replay;
    FlowsOptions flows;
    PathOptions path;
    DemoOptions demo;
    DoctorOptions doctor;
    add_watch(app, watch, filter);
    add_replay(app, replay);
    add_flows(app, flows);
    add_path(app, path, path_filter);
    add_demo(app, demo);
    add_doctor(app, doctor);
    try {
        std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        return std::unexpected(Usage{0, app.help()});
    } catch (const CLI::CallForVersion& version) {
        return std::unexpected(Usage{0, version.what() + std::string("\n")});
    } catch (const CLI::ValidationError& error) {
        return refuse(error.what());
    } catch (const CLI::ParseError& error) {
        return refuse(mistake(error, app));
    }
    if (app.got_subcommand("replay")) {
        if (const std::string line = objection(replay); !line.empty()) {
            return refuse(line);
        }
        return replay;
    }
    if (app.got_subcommand("flows")) {
        return flows;
    }
    if (app.got_subcommand("path")) {
        path.filter = fmt::format("{}", fmt::join(path_filter, " "));
        if (path.interfaces.empty()) {
            return refuse(
                "path: no interface given; name those that the packets pass with -i (`ip link` "
                "lists them)");
        }
        return path;
    }
    if (app.got_subcommand("demo")) {
        return demo;
    }
    if (app.got_subcommand("doctor")) {
        return doctor;
    }
    watch.filter = fmt::format("{}", fmt::join(filter, " "));
    if (const std::string line = objection(watch); !line.empty()) {
        return refuse(line);
    }
    return watch;
}

}  // namespace flowstamp::cmd
