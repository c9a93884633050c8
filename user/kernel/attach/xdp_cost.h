// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What `--hook auto` takes, by what XDP would cost the host.
#pragma once

#include <string_view>

#include "user/kernel/attach/interface.h"

namespace flowstamp::kernel {

/// What an XDP program would cost this interface: "its large segments". Empty: nothing that is
/// known of.
[[nodiscard]] std::string_view xdp_cost(const Interface& interface);

/// What this interface's driver does at the moment when an XDP program is attached or detached, as
/// far as that is known: "the card is reset: its link is down for a moment". Empty: not known.
[[nodiscard]] std::string_view xdp_attach_effect(const Interface& interface);

/// Whether `--hook auto` tries XDP. An observer does no harm; who refuses forged resets wants them
/// stopped as early as possible.
[[nodiscard]] bool automatic_is_xdp(const Interface& interface, bool acting);

}  // namespace flowstamp::kernel
