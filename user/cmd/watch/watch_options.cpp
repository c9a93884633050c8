// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/watch_options.h"

#include <fmt/format.h>

#include <filesystem>

#include "user/cmd/common_options.h"
#include "user/metrics/server.h"
#include "user/output/stamps/stamp_form.h"

namespace flowstamp::cmd {

namespace {

void add_stamps(Command& command, std::optional<std::string>& value) {
    command.option(
        "--stamps", "FILE",
        [&value](const std::string& path) -> std::string {
            if (!output::stamp_form(path)) {
                return fmt::format(
                    "--stamps {}: unknown file name extension; name it .pcapng, or .json, .jsonl "
                    "or .ndjson for JSON lines",
                    path);
            }
            value = path;
            return "";
        },
        "Write every packet's stamp to a .pcapng or .json file");
}

void add_metrics(Command& command, std::optional<metrics::ListenAddress>& value) {
    command.option(
        "--metrics", "ADDR:PORT",
        [&value](const std::string& text) -> std::string {
            auto address = metrics::parse_listen_address(text);
            if (!address) {
                return "--metrics " + address.error().message();
            }
            value = *std::move(address);
            return "";
        },
        "Metrics for Prometheus over HTTP; no ADDR: 127.0.0.1");
}

void add_acting(Command& command, WatchOptions& options) {
    add_choice<fst_drop_mode>(command, "--drop",
                              {{"off", FST_DROP_OFF},
                               {"confirmed", FST_DROP_CONFIRMED},
                               {"suspected", FST_DROP_SUSPECTED}},
                              options.drop, "Drop forgeries: off (default), confirmed, suspected");
    add_choice<fst_challenge_mode>(command, "--challenge",
                                   {{"off", FST_CHALLENGE_OFF},
                                    {"suspected", FST_CHALLENGE_SUSPECTED},
                                    {"all", FST_CHALLENGE_ALL}},
                                   options.challenge,
                                   "Challenge resets first: off (default), suspected, all");
}

void add_hook(Command& command, kernel::IngressChoice& value) {
    using kernel::IngressChoice;
    add_choice<IngressChoice>(command, "--hook",
                              {{"auto", IngressChoice::automatic},
                               {"xdp", IngressChoice::xdp},
                               {"xdp-generic", IngressChoice::xdp_generic},
                               {"tc", IngressChoice::tc}},
                              value, "Take packets at: auto (default), xdp, xdp-generic, tc");
}

void add_direction(Command& command, kernel::WatchDirection& value) {
    using kernel::WatchDirection;
    add_choice<WatchDirection>(
        command, "--direction",
        {{"in", WatchDirection::in}, {"out", WatchDirection::out}, {"both", WatchDirection::both}},
        value, "Packets to stamp: in, out, both (default)");
}

/// What tcpdump's letters would do, and this program does otherwise.
void refuse_habits(Command& command) {
    command.refused_option("-r", [](const std::string& file) {
        return fmt::format(
            "-r {0}: watch reads no captures; did you mean `flowstamp replay -r {0}`?", file);
    });
    command.refused_option("-w", [](const std::string& file) {
        const std::string name =
            output::stamp_form(file)
                ? file
                : std::filesystem::path(file).replace_extension(".pcapng").string();
        return fmt::format(
            "-w {}: watch writes each packet's stamp, not the packet; did you mean `--stamps {}`?",
            file, name);
    });
}

}  // namespace

void add_command(CommandLine& line, WatchOptions& options) {
    Command watch = line.command(WatchOptions::kCommand, "Attach, stamp, explain; until Ctrl-C",
                                 "flowstamp watch -i eth0 --stamps x.pcapng 'port 443'");
    add_interfaces(watch, options.interfaces, "Interface, pattern ('eth*') or 'any'; repeatable");
    watch.text("FILTER", options.filter, "What to report, in tcpdump's syntax; not with --drop");
    add_acting(watch, options);
    add_hook(watch, options.hook);
    add_output(watch, options.json, options.output);
    watch.option("--log", "FILE", options.log, "Append JSON lines to a file, or to the 'journal'");
    add_metrics(watch, options.metrics);
    add_stamps(watch, options.stamps);
    add_evidence(watch, options.evidence);
    add_duration(watch, options.duration);
    add_count(watch, options.count);
    watch.flag("--path", options.path, "Also tell what this host itself drops, and where");
    add_volume(watch, options.quiet, options.verbosity);
    watch.option("--config", "FILE", options.config,
                 "Read options from a TOML file; the command line wins");
    watch.rare_from_here();
    add_colour(watch, options.colour);
    add_direction(watch, options.direction);
    add_evidence_max(watch, options.evidence);
    add_anonymize(watch, options.evidence);
    add_max_flows(watch, options.max_flows);
    add_no_learn(watch, options.learn);
    watch.flag("--plain", options.plain, "No live view on a terminal: lines only");
    watch.flag("--print", options.print, "With -o or --log: text on standard output, too");
    watch.option("--report", "FILE", options.report,
                 "At the end, a page of the findings for the browser");
    add_summarize(watch, options.summarize);
    add_times(watch, options.times);
    accept_numeric(watch);
    refuse_habits(watch);
}

std::string objection(const WatchOptions& options) {
    if (options.interfaces.empty()) {
        return "no interface given; name one with -i (`ip link` lists them)";
    }
    if (options.acts() && !options.filter.empty()) {
        return "a FILTER limits what is reported, and --drop and --challenge would act on all else "
               "as "
               "well; leave it out, or watch without them";
    }
    if (options.acts() && options.direction != kernel::WatchDirection::both) {
        return "--drop and --challenge need both directions of a flow; leave --direction out";
    }
    if (options.print && !options.output && !options.log) {
        return "--print goes with -o FILE or --log; without one everything is printed anyway";
    }
    if (options.log && (options.log == options.output || options.log == options.stamps)) {
        return "--log names the same file as another option; choose two";
    }
    if (options.stamps && options.stamps == options.output) {
        return "--stamps and -o name the same file; choose two";
    }
    if (const std::string wrong = objection(options.evidence); !wrong.empty()) {
        return wrong;
    }
    if (options.metrics && !metrics::Server::is_built_in()) {
        return "--metrics needs prometheus-cpp, which was missing when this program was built; "
               "install prometheus-cpp-dev, and build it again";
    }
    return volume_objection(options.quiet, options.verbosity);
}

}  // namespace flowstamp::cmd
