// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include <csignal>
#include <cstdio>

#include "user/cmd/commands.h"
#include "user/cmd/options.h"

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error to handle, not an end
    const auto options = flowstamp::cmd::parse({argv + 1, argv + argc});
    if (!options) {
        std::fputs(options.error().text.c_str(), options.error().status == 0 ? stdout : stderr);
        return options.error().status;
    }
    return flowstamp::cmd::run(*options);
}
