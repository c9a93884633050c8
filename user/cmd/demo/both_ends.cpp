// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A firewall that resets each end in the other's name, with the other's marks. Each end alone sees
// its peer reset; what both have recorded proves that neither did.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "user/base/process.h"
#include "user/cmd/demo/drawing.h"
#include "user/cmd/demo/scenario.h"
#include "user/cmd/demo/watcher.h"
#include "user/cmd/demo/words.h"
#include "user/lab/exchange.h"

namespace flowstamp::cmd::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kWanted = 4'000'000;  // bytes
constexpr std::uint64_t kFireAfter = 1'000'000;
/// The reset comes in a pause, so that its number is exact on a slow machine as well.
constexpr lab::Pace kPace{.chunk_bytes = 50'000, .pause = 60ms};
constexpr std::uint16_t kPortBeside = 81;
constexpr auto kReportWithin = 8s;

/// As the peer's own abort would be: TTL, IP-ID, window and timestamps go on where the peer's are.
lab::Injection firewall() {
    return {.trigger = {.after_server_bytes = kFireAfter, .port = lab::ServerOptions{}.port},
            .target = lab::Target::Both,
            .forgery = {.ttl = lab::Ttl::as_peer(),
                        .ip_id = lab::IpId::continue_sender(),
                        .window = lab::Window::copy_sender(),
                        .timestamps = lab::TimestampTrait::copied()}};
}

/// A new folder for the recordings, which is removed with them.
class Recordings {
  public:
    [[nodiscard]] static Result<Recordings> create() {
        std::string path = std::filesystem::temp_directory_path() / "flowstamp-demo-XXXXXX";
        if (::mkdtemp(path.data()) == nullptr) {
            return fail_errno("create a folder", path, errno);
        }
        return Recordings(std::move(path));
    }
    Recordings(Recordings&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Recordings& operator=(Recordings&&) = delete;
    ~Recordings() {
        std::error_code ignored;
        if (!path_.empty()) {
            std::filesystem::remove_all(path_, ignored);
        }
    }

    [[nodiscard]] std::string at_client() const { return path_ + "/client.pcapng"; }
    [[nodiscard]] std::string at_server() const { return path_ + "/server.pcapng"; }

  private:
    explicit Recordings(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

/// The watches of both ends.
struct Watches {
    Watcher client, server;
};

Result<Watcher> record_at(const DemoContext& context, const lab::Namespace& host, lab::Side peer,
                          const std::string& file) {
    return Watcher::start({host, {host.toward(peer).name}, {"--stamps", file}}, context.narrator,
                          context.stop);
}

Result<Watches> start_watches(const DemoContext& context, const Recordings& files) {
    auto client = record_at(context, context.lab.client(), lab::Side::Server, files.at_client());
    if (!client) {
        return std::unexpected(client.error());
    }
    auto server = record_at(context, context.lab.server(), lab::Side::Client, files.at_server());
    if (!server) {
        return std::unexpected(server.error());
    }
    return Watches{std::move(*client), std::move(*server)};
}

/// What became of the download, at both of its ends.
struct Ends {
    lab::DownloadReport client;
    std::vector<lab::ServeReport> served;
};

bool is_reset(const Ends& ends) {
    return ends.client.outcome == lab::Outcome::Reset && ends.served.size() == 1 &&
           ends.served.front().errno_value == ECONNRESET;
}

/// The download that the firewall ends, and another connection, whose packets show later that both
/// recordings went on.
Result<Ends> talk(const DemoContext& context, Watches& watches) {
    const lab::Lab& lab = context.lab;
    const auto server = lab::Server::start(lab.server(), {.pace = kPace});
    const auto echo =
        lab::Server::start(lab.server(), {.port = kPortBeside, .service = lab::Service::Echo});
    const auto injector = lab::Injector::start(lab.router(kFirewallRouter), firewall());
    if (!server || !echo || !injector) {
        return std::unexpected(!server ? server.error() : !echo ? echo.error() : injector.error());
    }
    const lab::Endpoint address{lab.server().address(), lab::ServerOptions{}.port};
    Ends ends{.client = lab::download(lab.client(),
                                      {.server = address, .bytes = kWanted, .timeout = 10s}),
              .served = server->reports(1, 1s)};
    lab::exchange(lab.client(), {.server = {address.address, kPortBeside}, .rounds = 150});
    const auto has_reported = [](const Facts& facts) { return !facts.resets.empty(); };
    watches.client.wait_for(has_reported, kReportWithin, context.stop);
    watches.server.wait_for(has_reported, kReportWithin, context.stop);
    if (context.stop.raised()) {
        return fail_errno("watch", "download", ECANCELED);
    }
    return ends;
}

/// "genuine": what the watch of one end says of the reset that it received.
std::string verdict_of(const Watcher& watch) {
    const Facts facts = watch.facts();
    return facts.resets.empty() ? "not reported" : facts.resets.front().verdict;
}

void show_ends(Narrator& narrator, const Ends& ends, const std::string& at_client,
               const std::string& at_server) {
    narrator.gap();
    narrator.outcome(
        fmt::format("The client's socket: {} after {} MB. The server's: {}.",
                    lab::outcome_text(ends.client.outcome), megabytes(ends.client.bytes),
                    ends.served.empty() ? "no connection"
                                        : strerrorname_np(ends.served.front().errno_value)),
        false);
    narrator.paragraph(fmt::format(
        "Each end received a reset in the other's name, with TTL, IP-ID and timestamps such as the "
        "other's. Alone, the client's watch calls it {}, the server's {}: no end can know more. "
        "Each "
        "would blame the other.",
        at_client, at_server));
}

/// What `compare` says, in text to the reader. Returns how many resets it has proven forged.
Result<std::size_t> compare(const DemoContext& context, const Recordings& files) {
    const std::string program = fmt::format("/proc/{}/exe", ::getpid());
    context.narrator.command(
        fmt::format("flowstamp compare -v {} {}", files.at_client(), files.at_server()));
    const auto text =
        run_command({program, "compare", "-v", files.at_client(), files.at_server()}, {}, 60s);
    const auto json =
        run_command({program, "compare", "--json", files.at_client(), files.at_server()}, {}, 60s);
    if (!text || !json) {
        return std::unexpected(!text ? text.error() : json.error());
    }
    context.narrator.quote(text->out);
    context.narrator.quote(text->err);
    std::size_t proven = 0;
    std::istringstream lines(json->out);
    for (std::string line; std::getline(lines, line);) {
        const auto event = nlohmann::json::parse(line, nullptr, false);
        if (event.is_object() && event.contains("finding")) {
            const auto& finding = event["finding"];
            proven +=
                finding.value("kind", "") == kForgedRst && finding.value("verdict", "") == "proven";
        }
    }
    return proven;
}

}  // namespace

Status run_both_ends(const DemoContext& context, Summary& summary) {
    constexpr std::string_view kStep = "both ends";
    Narrator& narrator = context.narrator;
    narrator.paragraph(
        "The same path, and a careful firewall: after 1 MB it resets each end in the other's name, "
        "and copies the marks of the one whose "
        "name it bears. flowstamp runs at both ends, and records a stamp of every packet.");
    narrator.figure(path_drawing(context.lab, true));
    const auto files = Recordings::create();
    if (!files) {
        return std::unexpected(files.error());
    }
    auto watches = start_watches(context, *files);
    if (!watches) {
        return std::unexpected(watches.error());
    }
    const auto ends = talk(context, *watches);
    if (!ends) {
        return std::unexpected(ends.error());
    }
    for (Watcher* watch : {&watches->client, &watches->server}) {
        if (const Status ended = watch->stop(); !ended) {
            return ended;
        }
    }
    const std::string at_client = verdict_of(watches->client),
                      at_server = verdict_of(watches->server);
    show_ends(narrator, *ends, at_client, at_server);
    const auto proven = compare(context, *files);
    if (!proven) {
        return std::unexpected(proven.error());
    }
    narrator.gap();
    narrator.paragraph(
        "Both recordings together show that neither end sent the reset that the other received: a "
        "box between them did.");
    summary.add(ConversationRow{.attempt = std::string(kStep),
                                .socket = "reset at both ends",
                                .reported = fmt::format("alone: {}, {}; together: {} proven forged",
                                                        at_client, at_server, *proven)});
    summary.expect(kStep, is_reset(*ends),
                   "the forged resets did not end the download at both ends");
    summary.expect(kStep, *proven == 2, fmt::format("{} of 2 forged resets are proven", *proven));
    return {};
}

}  // namespace flowstamp::cmd::demo
