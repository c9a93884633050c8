// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/json/json_reporter.h"

namespace flowstamp::output {

void JsonReporter::write(Json event) {
    constexpr int kOneLine = -1;
    constexpr bool kAsciiOnly = false;
    if (!capture_.empty()) {
        event["pcap_filename"] = capture_;
    }
    output_.write(event.dump(kOneLine, ' ', kAsciiOnly, Json::error_handler_t::replace) + "\n");
}

void JsonReporter::reset(const analysis::Reset& reset) {
    write(json_of(reset));
}

void JsonReporter::finding(const analysis::Finding& finding) {
    write(json_of(finding));
}

void JsonReporter::middlebox(const analysis::Middlebox& box) {
    write(json_of(box));
}

void JsonReporter::flow(const analysis::FlowRecord& record) {
    write(json_of(record));
}

void JsonReporter::stats(const Stats& stats) {
    write(json_of(stats));
}

void JsonReporter::summary(const Stats& stats) {
    write(json_of(stats));
}

}  // namespace flowstamp::output
