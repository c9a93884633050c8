// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/pathtrace/live/netns_entry.h"

namespace flowstamp::pathtrace {

namespace {

std::shared_ptr<const kernel::NetNamespace> hold(kernel::NetNamespace its) {
    return std::make_shared<const kernel::NetNamespace>(std::move(its));
}

}  // namespace

NetnsEntry NetnsEntry::own() {
    return {"", hold(kernel::NetNamespace::of_this_thread()), nullptr};
}

Result<NetnsEntry> NetnsEntry::named(const std::string& name) {
    auto its = kernel::NetNamespace::named(name);
    if (!its) {
        return std::unexpected(std::move(its).error());
    }
    return NetnsEntry(name, hold(*std::move(its)), hold(kernel::NetNamespace::of_this_thread()));
}

std::string NetnsEntry::command() const {
    return home_ ? "nsenter --net=" + its_->path() : "";
}

}  // namespace flowstamp::pathtrace
