// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/text/cleaned.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "user/base/printable.h"

namespace flowstamp::output {

namespace {

void clean(std::string& text) {
    text = printable(text);
}

void clean(std::vector<std::string>& texts) {
    for (std::string& text : texts) {
        clean(text);
    }
}

void clean(analysis::Stats& stats) {
    std::map<std::string, std::uint64_t> unopened;
    for (const auto& [name, frames] : stats.unopened) {
        unopened[printable(name)] += frames;
    }
    stats.unopened = std::move(unopened);
}

void clean(netfilter::DropAttribution& its) {
    for (std::string* text : {&its.table, &its.chain, &its.text, &its.why}) {
        clean(*text);
    }
    clean(its.others);
}

void clean(pathtrace::PathReport& report) {
    for (pathtrace::PathStep& step : report.steps) {
        clean(step.at);
        clean(step.passed);
        clean(step.changed);
    }
    if (report.delivery) {
        for (pathtrace::Delivery::Process& process : report.delivery->processes) {
            clean(process.name);
        }
        for (pathtrace::Delivery::Cause& cause : report.delivery->causes) {
            clean(cause.words);
            clean(cause.look_at);
        }
    }
    clean(report.netns);
    clean(report.netns_command);
    clean(report.toward);
    if (report.bridge) {
        clean(report.bridge->in);
        clean(report.bridge->out);
    }
    if (!report.drop) {
        return;
    }
    pathtrace::PathReport::Drop& drop = *report.drop;
    for (std::string* text :
         {&drop.at, &drop.reason, &drop.location, &drop.words.words, &drop.words.look_at}) {
        clean(*text);
    }
    if (drop.attribution) {
        clean(*drop.attribution);
    }
    if (drop.counter) {
        clean(drop.counter->name);
        clean(drop.counter->shown_by);
    }
}

void clean(pathtrace::PathStats& stats) {
    for (pathtrace::PathStats::Loss& loss : stats.losses) {
        for (std::string* text : {&loss.at, &loss.before, &loss.by}) {
            clean(*text);
        }
    }
}

}  // namespace

/// The values of findings are cleaned where they become text: value_text().
Event cleaned(const Event& event) {
    Event its = event;
    std::visit(
        Handle{[](CaptureStart& capture) { clean(capture.file); },
               [](analysis::Reset& reset) { clean(reset.sighting.interface); },
               [](analysis::Finding& finding) {
                   clean(finding.sighting.interface);
                   clean(finding.vendor);
               },
               [](analysis::Incident& incident) {
                   for (std::string* text :
                        {&incident.interface, &incident.place, &incident.rule}) {
                       clean(*text);
                   }
               },
               [](analysis::Middlebox& box) {
                   clean(box.interface);
                   clean(box.vendor);
               },
               [](analysis::FlowRecord& record) { clean(record.interface); },
               [](analysis::Stats& stats) { clean(stats); },
               [](analysis::Summary& summary) { clean(summary.stats); },
               [](OpenFlow& flow) { clean(flow.record.interface); },
               [](net::InterfaceChange& change) {
                   for (std::string* text : {&change.name, &change.name_was, &change.reason}) {
                       clean(*text);
                   }
               },
               [](pathtrace::PathReport& report) { clean(report); },
               [](pathtrace::PathStats& stats) { clean(stats); },
               [](LearnedEntry& its) { clean(its.interface); },
               [](analysis::compare::Comparison& its) {
                   for (analysis::compare::CaptureReport& capture : its.captures) {
                       clean(capture.file);
                   }
               },
               [](LeftOut&) {}},  // it has no strings
        its);
    return its;
}

pathtrace::PathSample cleaned(pathtrace::PathSample sample) {
    for (pathtrace::PathSample::Part& part : sample.parts) {
        clean(part.name);
    }
    for (pathtrace::PathSample::Loss& loss : sample.losses) {
        for (std::string* text : {&loss.at, &loss.before, &loss.by}) {
            clean(*text);
        }
    }
    return sample;
}

}  // namespace flowstamp::output
