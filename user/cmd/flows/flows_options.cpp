// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/flows/flows_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, FlowsOptions& options) {
    Command flows =
        line.command(FlowsOptions::kCommand, "The flows of a running watch, with their stamps");
    flows.option("-i,--interface", "IFACE", options.interface, "Only those of this interface");
    flows.flag("--learned", options.learned,
               "Instead, the signatures learned of confirmed injectors");
    flows.hidden_flag("--taught", options.learned);  // its former name
    flows.flag("--json", options.json, "JSON lines instead of text");
}

}  // namespace flowstamp::cmd
