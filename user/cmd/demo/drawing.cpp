// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/cmd/demo/drawing.h"

#include <fmt/format.h>

#include <algorithm>

#include "user/cmd/demo/download_run.h"
#include "user/output/text/value_text.h"

namespace flowstamp::cmd::demo {
namespace {

constexpr std::string_view kLink = " ----- ";

std::vector<std::string> roles(const lab::Lab& lab) {
    std::vector<std::string> names;
    for (const lab::Namespace& host : lab.hosts()) {
        names.push_back(host.role());
    }
    return names;
}

std::string row(const std::vector<std::string>& hosts) {
    std::string text;
    for (const std::string& host : hosts) {
        text += text.empty() ? host : std::string(kLink) + host;
    }
    return text;
}

/// The column of the middle of a host's name.
std::size_t middle(const std::vector<std::string>& hosts, std::size_t host) {
    std::size_t column = 0;
    for (std::size_t i = 0; i < host; ++i) {
        column += hosts[i].size() + kLink.size();
    }
    return column + hosts[host].size() / 2;
}

/// Writes `text` into `line`, centred at `column`.
void place(std::string& line, std::size_t column, std::string_view text) {
    const std::size_t start = column - std::min(column, text.size() / 2);
    line.resize(std::max(line.size(), start + text.size()), ' ');
    line.replace(start, text.size(), text);
}

}  // namespace

std::string path_drawing(const lab::Lab& lab, bool with_firewall) {
    const std::vector<std::string> hosts = roles(lab);
    std::string below;
    place(below, middle(hosts, 0), lab.client().address().text());
    if (with_firewall) {
        place(below, middle(hosts, kFirewallRouter), "(firewall)");
    }
    place(below, middle(hosts, hosts.size() - 1), lab.server().address().text());
    // The first address is wider than its host's name: indent the row by as much.
    const std::size_t address = lab.client().address().text().size();
    const std::size_t shift = address / 2 - std::min(address / 2, middle(hosts, 0));
    std::string indented = std::string(shift, ' ') + row(hosts);
    return indented + "\n" + below;
}

std::string arrow(const std::vector<std::string>& hosts, std::size_t from,
                  const std::string& text) {
    if (from >= hosts.size() || from == 0) {
        return {};
    }
    const std::size_t start = middle(hosts, 0), end = middle(hosts, from);
    std::string line(start, ' ');
    line += "<" + std::string(end - start - 1, '-') + "+";
    return line + "  " + text + "\n";
}

std::string distance_drawing(const lab::Lab& lab, unsigned reset_hops, unsigned sender_hops) {
    const std::vector<std::string> hosts = roles(lab);
    return row(hosts) + "\n" +
           arrow(hosts, reset_hops + 1,
                 fmt::format("the reset: {}", output::hops_text(reset_hops))) +
           arrow(hosts, sender_hops + 1,
                 fmt::format("the server's data: {}", output::hops_text(sender_hops)));
}

}  // namespace flowstamp::cmd::demo
