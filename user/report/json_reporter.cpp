// SPDX-License-Identifier: Apache-2.0
#include "user/report/json_reporter.h"

#include "user/report/json_events.h"

namespace flowstamp {

namespace {

std::string line(const Json& event) {
    constexpr int kOneLine = -1;
    constexpr bool kAsciiOnly = false;
    return event.dump(kOneLine, ' ', kAsciiOnly, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void JsonReporter::reset(const Reset& reset) {
    output_.write(line(json_of(reset)));
}

void JsonReporter::finding(const Finding& finding) {
    output_.write(line(json_of(finding)));
}

void JsonReporter::flow(const FlowRecord& record) {
    output_.write(line(json_of(record)));
}

void JsonReporter::stats(const Stats& stats) {
    output_.write(line(json_of(stats)));
}

void JsonReporter::summary(const Stats& stats) {
    output_.write(line(json_of(stats)));
}

}  // namespace flowstamp
