// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/evidence_recorder.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "user/output/evidence/anonymized_case.h"
#include "user/output/text/counted.h"

namespace flowstamp::output {

namespace {

/// "20261130T210501Z-forged-rst-7": sorted by name, they are sorted by time.
std::string stem_of(const analysis::Finding& finding) {
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(finding.sighting.wall).count();
    return fmt::format("{:%Y%m%dT%H%M%SZ}-{}-{}", fmt::gmtime(seconds),
                       analysis::name_of(finding.kind), finding.id);
}

/// Adds the packets that are not among them, in order.
void merge(std::vector<KeptPacket>& to, std::vector<KeptPacket> from) {
    for (KeptPacket& packet : from) {
        const auto at = std::ranges::lower_bound(to, packet.number, {}, &KeptPacket::number);
        const bool is_there = at != to.end() && at->number == packet.number;
        if (!is_there && to.size() < EvidenceRecorder::kPackets) {
            to.insert(at, std::move(packet));
        }
    }
}

/// Whether packets that came meanwhile belong to it; else it only tells how the flow went on.
bool rests_on_more(const analysis::Finding& finding, const analysis::Finding& before) {
    return finding.verdict > before.verdict || finding.sighting.time() != before.sighting.time() ||
           finding.evidence.size() != before.evidence.size();
}

}  // namespace

void EvidenceRecorder::consume(const Event& event) {
    if (const auto* finding = std::get_if<analysis::Finding>(&event)) {
        consume(*finding);
    } else if (const auto* start = std::get_if<CaptureStart>(&event)) {
        close_all();
        cases_.clear();
        places_.clear();
        keeper_.clear();
        capture_ = start->file;
    }
}

void EvidenceRecorder::consume(const analysis::Finding& finding) {
    if (!cases_.contains(finding.id) && cases_.size() >= kCases) {
        close(cases_.begin()->first, cases_.begin()->second);
        cases_.erase(cases_.begin());
    }
    const auto [at, is_new] = cases_.try_emplace(finding.id);
    Case& its = at->second;
    const bool has_news = is_new || rests_on_more(finding, its.its.finding);
    its.its.finding = finding;
    if (has_news) {
        its.its.capture = capture_;
        its.key = without_interface(finding.sighting.packet.key);
        merge(its.its.packets, keeper_.packets_of(its.key));
        open(finding.id, its);
    }
    if (writes_at_once_ || !its.is_open) {
        write(its);
    }
}

void EvidenceRecorder::open(std::uint64_t id, Case& its) {
    if (!its.is_open) {
        its.is_open = true;
        open_.emplace(its.key, id);
    }
    Nanoseconds latest = its.its.finding.sighting.time();
    if (!its.its.packets.empty()) {
        latest = std::max(latest, its.its.packets.back().time);
    }
    its.until = latest + kAfterTime;
    its.after = 0;
    due_ = std::min(due_, its.until);
}

void EvidenceRecorder::set_place(std::uint32_t number, EvidencePlace place) {
    places_[number] = std::move(place);
}

void EvidenceRecorder::keep(const fst_flow_key& key, KeptPacket packet) {
    const fst_flow_key flow = without_interface(key);
    const KeptPacket& kept = keeper_.keep(flow, std::move(packet));
    const auto [begin, end] = open_.equal_range(flow);
    std::vector<std::uint64_t> complete;
    for (auto entry = begin; entry != end; ++entry) {
        Case& its = cases_.at(entry->second);
        if (its.its.packets.size() < kPackets) {
            its.its.packets.push_back(kept);
        }
        its.after += kept.time > its.its.finding.sighting.time() ? 1 : 0;
        if (its.after >= kAfter) {
            complete.push_back(entry->second);
        }
    }
    for (const std::uint64_t id : complete) {
        close(id, cases_.at(id));
    }
}

void EvidenceRecorder::advance(Nanoseconds now) {
    if (now <= due_) {
        return;
    }
    due_ = Nanoseconds::max();
    for (auto& [id, its] : cases_) {
        if (its.is_open && its.until < now) {
            close(id, its);
        } else if (its.is_open) {
            due_ = std::min(due_, its.until);
        }
    }
}

void EvidenceRecorder::close(std::uint64_t id, Case& its) {
    if (!its.is_open) {
        return;
    }
    its.is_open = false;
    const auto [begin, end] = open_.equal_range(its.key);
    const auto entry = std::find_if(begin, end, [id](const auto& one) { return one.second == id; });
    if (entry != end) {
        open_.erase(entry);
    }
    write(its);
}

void EvidenceRecorder::close_all() {
    for (auto& [id, its] : cases_) {
        close(id, its);
    }
}

/// What was confirmed once is also written when that is taken back: its file must not go on saying
/// what is no longer held.
void EvidenceRecorder::write(Case& its) {
    if (its.its.finding.verdict < FST_VERDICT_CONFIRMED && its.file.empty()) {
        return;
    }
    const std::string contents =
        evidence_file(anonymizer_ ? anonymized(its.its, places_, *anonymizer_) : its.its, places_);
    if (its.file.empty()) {
        create(its, contents);
    } else {
        replace(its, contents);
    }
}

void EvidenceRecorder::create(Case& its, const std::string& contents) {
    auto name = folder_.create(stem_of(its.its.finding), contents, its.its.finding.sighting.wall);
    if (name && *name) {
        its.file = **std::move(name);
        files_++;
        left_out_ -= std::exchange(its.is_left_out, false) ? 1 : 0;
        return;
    }
    left_out_ += std::exchange(its.is_left_out, true) ? 0 : 1;
    if (!name) {
        failed(name.error());
    } else if (folder_.is_full() && !std::exchange(has_said_full_, true)) {
        notice_(
            fmt::format("{}: evidence: the folder is full ({}): what does not fit is left out; "
                        "empty it, or raise --evidence-max",
                        folder_.path(), bytes_text(folder_.limits().bytes)));
    }
}

void EvidenceRecorder::replace(Case& its, const std::string& contents) {
    if (const auto replaced = folder_.replace(its.file, contents); !replaced) {
        failed(replaced.error());
    }
}

void EvidenceRecorder::failed(const Error& error) {
    if (health_) {
        health_ = std::unexpected(error);
        if (writes_at_once_) {
            notice_(error.message());
        }
    }
}

Status EvidenceRecorder::finish() {
    close_all();
    if (left_out_ != 0) {
        notice_(fmt::format("{}: evidence: {} written, of {} none (at most {} and {} a minute)",
                            folder_.path(), counted(files_, "file"), counted(left_out_, "finding"),
                            bytes_text(folder_.limits().bytes),
                            counted(folder_.limits().files_a_minute, "file")));
    }
    return health_;
}

}  // namespace flowstamp::output
