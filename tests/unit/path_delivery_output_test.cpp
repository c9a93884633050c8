// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What lies behind a delivery, and the counter behind a drop, as text and JSON.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json_schema.h"
#include "user/output/json/json_events.h"
#include "user/output/text/cleaned.h"
#include "user/output/text/path_text.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using flowstamp::testing::JsonSchema;
using pathtrace::Delivery;
using ::testing::EndsWith;
using ::testing::IsEmpty;

pathtrace::PathReport delivered(Delivery delivery) {
    pathtrace::PathReport report{.flow = 1,
                                 .end = pathtrace::PacketPath::End::delivered,
                                 .packets = 2,
                                 .delivery = std::move(delivery),
                                 .wall = 1'795'000'000s};
    report.name.source[2] = report.name.destination[2] = 0xffff0000;
    report.name.protocol = 6;
    return report;
}

Delivery full_queue() {
    return {.state = "LISTEN",
            .processes = {{.pid = 12, .name = "server"}, {.pid = 13, .name = "worker"}},
            .causes = {{.kind = Delivery::Cause::Kind::accept_queue_full,
                        .words = "its accept queue is full",
                        .look_at = "ss -lnt"}}};
}

TEST(PathDeliveryOutput, InWords) {
    EXPECT_THAT(path_text(delivered(full_queue()), output::Style(false), "12:00:00"),
                EndsWith("delivered, no answer seen, 2 packets\n"
                         "    socket    LISTEN, held by server (pid 12), worker (pid 13)\n"
                         "    behind it its accept queue is full\n"
                         "    look at   ss -lnt\n"));
    EXPECT_THAT(path_text(delivered({.is_answered = true, .state = "ESTAB"}), output::Style(false),
                          "12:00:00"),
                EndsWith("delivered, 2 packets\n    socket    ESTAB\n"));
}

TEST(PathDeliveryOutput, CounterOfADrop) {
    pathtrace::PathReport lost = delivered({});
    lost.delivery.reset();
    lost.end = pathtrace::PacketPath::End::dropped;
    lost.drop = pathtrace::PathReport::Drop{
        .reason = "NETFILTER_DROP",
        .words = {.words = "the table is full", .look_at = "conntrack -C"},
        .counter =
            pathtrace::CounterIncrease{.name = "its drop", .by = 3, .shown_by = "conntrack -S"}};
    EXPECT_THAT(path_text(lost, output::Style(false), "12:00:00"),
                EndsWith("    because   the table is full (NETFILTER_DROP)\n"
                         "    counter   its drop moved by 3 (conntrack -S)\n"
                         "    look at   conntrack -C\n"));
    const nlohmann::json json = output::json_of(lost);
    EXPECT_EQ(json["path"]["drop"]["counter"]["increase"], 3);
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    EXPECT_THAT(schema.violations(json), IsEmpty()) << json;
}

TEST(PathDeliveryOutput, SchemaDescribesEveryCause) {
    const JsonSchema schema = JsonSchema::read(FLOWSTAMP_SOURCE_DIR "/docs/events.schema.json");
    using Kind = Delivery::Cause::Kind;
    for (const Kind kind :
         {Kind::accept_queue_full, Kind::no_way_back, Kind::other_way_back, Kind::zero_window}) {
        Delivery delivery = full_queue();
        delivery.causes.front().kind = kind;
        const nlohmann::json json = output::json_of(delivered(delivery));
        EXPECT_THAT(schema.violations(json), IsEmpty()) << json;
        EXPECT_EQ(json["path"]["delivery"]["causes"][0]["kind"], name_of(kind));
    }
    EXPECT_THAT(schema.violations(output::json_of(delivered({}))), IsEmpty());
}

/// A process chooses its name.
TEST(PathDeliveryOutput, NamesOfProcessesAreHarmless) {
    Delivery delivery = full_queue();
    delivery.processes.front().name = "a\x1b[2Jb\n";
    const output::Event clean = output::cleaned(delivered(delivery));
    const auto& report = std::get<pathtrace::PathReport>(clean);
    EXPECT_EQ(report.delivery->processes.front().name.find_first_of("\x1b\n"), std::string::npos);
}

}  // namespace
}  // namespace flowstamp
