// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/watch/watch_options.h"

#include <fmt/format.h>

#include "user/cmd/common_options.h"
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
        "Write every packet's stamp to a file: .pcapng, or .json, .jsonl, .ndjson");
}

void add_acting(Command& command, WatchOptions& options) {
    add_choice<fst_drop_mode>(
        command, "--drop",
        {{"off", FST_DROP_OFF},
         {"confirmed", FST_DROP_CONFIRMED},
         {"suspected", FST_DROP_SUSPECTED}},
        options.drop, "Drop forged resets in the kernel: off (default), confirmed, suspected");
    add_choice<fst_challenge_mode>(
        command, "--challenge",
        {{"off", FST_CHALLENGE_OFF},
         {"suspected", FST_CHALLENGE_SUSPECTED},
         {"all", FST_CHALLENGE_ALL}},
        options.challenge,
        "Challenge a reset before it is accepted: off (default), suspected, all");
}

void add_hooks(Command& command, WatchOptions& options) {
    using kernel::IngressChoice, kernel::WatchDirection;
    add_choice<IngressChoice>(
        command, "--hook",
        {{"auto", IngressChoice::automatic},
         {"xdp", IngressChoice::xdp},
         {"xdp-generic", IngressChoice::xdp_generic},
         {"tc", IngressChoice::tc}},
        options.hook, "Where to take incoming packets: auto (default), xdp, xdp-generic, tc");
    add_choice<WatchDirection>(
        command, "--direction",
        {{"in", WatchDirection::in}, {"out", WatchDirection::out}, {"both", WatchDirection::both}},
        options.direction, "Packets to stamp: in, out, both (default)");
}

}  // namespace

void add_command(CommandLine& line, WatchOptions& options) {
    Command watch = line.command(WatchOptions::kCommand, "Attach, stamp, explain; until Ctrl-C");
    add_interfaces(watch, options.interfaces, "An interface to watch; repeatable");
    watch.text("FILTER", options.filter, "What to report, in tcpdump's syntax");
    add_acting(watch, options);
    add_hooks(watch, options);
    add_output(watch, options.json, options.output);
    watch.option("--log", "FILE", options.log,
                 "Append JSON lines to a file, opened again on SIGHUP; 'journal': to the journal");
    watch.flag("--print", options.print, "With -o or --log: text on standard output, too");
    add_stamps(watch, options.stamps);
    add_no_learn(watch, options.learn);
    add_duration(watch, options.duration);
    add_max_flows(watch, options.max_flows);
    watch.flag("--path", options.path,
               "Follow packets through this host's kernel, too, and tell what it drops itself");
    add_summarize(watch, options.summarize);
    add_volume(watch, options.quiet, options.verbosity);
    watch.option("--config", "FILE", options.config,
                 "Read options from a TOML file; the command line wins");
}

std::string objection(const WatchOptions& options) {
    if (options.interfaces.empty()) {
        return "no interface given; name one with -i (`ip link` lists them)";
    }
    if (options.acts() && !options.filter.empty()) {
        return "a FILTER limits what is reported, not yet what --drop and --challenge act on; "
               "leave it out, or watch without them";
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
    return volume_objection(options.quiet, options.verbosity);
}

}  // namespace flowstamp::cmd
