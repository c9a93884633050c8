// SPDX-License-Identifier: Apache-2.0
//
// What a command says about itself, beside its report; and how it ends.
#pragma once

#include <string_view>

#include "user/base/result.h"

namespace flowstamp {

/// What every command's exit status means.
enum ExitStatus : int {
    kDone = 0,
    kFailed = 1,
    kUsage = 2,  ///< asked for what cannot be: the command line is to be mended
    kFound = 3,  ///< replay --fail-on: it was found
};

/// "flowstamp: LINE" on standard error. One that has gone, as with its terminal, is no reason to end.
void say(std::string_view line);

/// Says the error; returns `status`.
int log_error(const Error& error, int status);

}  // namespace flowstamp
