// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/doctor/doctor_options.h"

#include "user/cmd/common_options.h"

namespace flowstamp::cmd {

void add_command(CommandLine& line, DoctorOptions& options) {
    Command doctor = line.command(DoctorOptions::kCommand,
                                  "What this kernel, these privileges and interfaces allow",
                                  "flowstamp doctor -i eth0");
    add_interfaces(doctor, options.interfaces, "Look at this interface; repeatable");
}

}  // namespace flowstamp::cmd
