// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/base/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <string>

namespace flowstamp {

namespace {

constexpr int kKeepEnvironment = 0;

/// A manager that does not listen is no reason to end: what it has missed, it handles itself.
void tell(const std::string& state) {
    ::sd_notify(kKeepEnvironment, state.c_str());
}

}  // namespace

ServiceManager::ServiceManager() : is_there_(std::getenv("NOTIFY_SOCKET") != nullptr) {}

std::optional<Nanoseconds> ServiceManager::keep_alive_every() const {
    std::uint64_t within_us = 0;
    if (::sd_watchdog_enabled(kKeepEnvironment, &within_us) <= 0) {
        return std::nullopt;
    }
    return std::chrono::microseconds(within_us) / 2;
}

void ServiceManager::ready() const {
    tell("READY=1");
}

void ServiceManager::reloading(Nanoseconds now) const {
    tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     std::chrono::duration_cast<std::chrono::microseconds>(now).count()));
}

void ServiceManager::stopping() const {
    tell("STOPPING=1");
}

void ServiceManager::status(std::string_view line) const {
    tell(fmt::format("STATUS={}", line));
}

void ServiceManager::keep_alive() const {
    tell("WATCHDOG=1");
}

}  // namespace flowstamp
