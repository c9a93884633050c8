// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/demo_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, DemoOptions& options) {
    Command demo =
        line.command(DemoOptions::kCommand, "Show the main job in a lab of network namespaces here",
                     "flowstamp demo forged-rst");
    demo.words("SCENARIO", options.scenarios, "What to show; see --list");
    demo.flag("--list", options.list, "List the scenarios");
}

}  // namespace flowstamp::cmd
