// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/version.h"

#include <fmt/format.h>

#include "user/kernel/features/kernel_release.h"
#include "user/kernel/features/libbpf_messages.h"
#include "user/metrics/server.h"
#include "user/net/filter.h"
#include "user/output/report/report_page.h"

namespace flowstamp::cmd {

std::string_view version() {
    return FLOWSTAMP_VERSION;
}

std::string version_text() {
    return fmt::format(
        "flowstamp {}\n"
        "libbpf {}, {}\n"
        "Linux {}.{} or later\n"
        "hooks: xdp, xdp-generic, tcx, clsact; data path: kernel, host\n"
        "output: text, JSON lines, pcapng, systemd journal, unix sockets{}{}",
        version(), kernel::libbpf_version(), net::filter_library(), kernel::kOldestKernelMajor,
        kernel::kOldestKernelMinor,
        output::page_template().empty() ? "; no HTML pages: built without libjs-dygraphs"
                                        : ", HTML pages",
        metrics::Server::is_built_in() ? ", Prometheus metrics"
                                       : "; no Prometheus metrics: built without prometheus-cpp");
}

}  // namespace flowstamp::cmd
