// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Evidence without its addresses: nothing of them is left, and a replay finds the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/datapath/capture_rig.h"
#include "tests/datapath/conversation.h"
#include "tests/support/anonymizing.h"
#include "tests/support/evidence_of.h"
#include "user/net/anonymize/text_anonymizer.h"
#include "user/output/evidence/anonymized_case.h"

namespace flowstamp::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

constexpr char kForgersMac[] = "00:00:5e:00:53:66";

/// A connection that is reset by a box, which has a MAC of its own, and goes on.
Bytes capture_of_forgery(bool v6) {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP, {.v6 = v6});
    talk.open().exchange(40);
    Segment reset = forged_from_nearer(talk);
    reset.mac = kForgersMac;
    talk.send(reset);
    talk.pass_ms(30);
    talk.exchange(60);
    return rig.file();
}

/// Both ends, and the MACs, in each form.
std::vector<std::string> forms_of_addresses(bool v6) {
    std::vector<std::string> forms;
    for (const char* address : v6 ? std::array{"2001:db8:7::7", "2001:db8::1"}
                                  : std::array{"198.51.100.7", "192.0.2.1"}) {
        const std::string bytes = ip_bytes(address);
        forms.emplace_back(address);
        forms.push_back(bytes);
        forms.emplace_back(bytes.rbegin(), bytes.rend());
    }
    for (const char last : {'\x01', '\x02', '\x66'}) {
        forms.push_back(std::string("\x00\x00\x5e\x00\x53", 5) + last);
    }
    forms.emplace_back("00:00:5e:00:53");
    return forms;
}

class EvidenceAnonymized : public ::testing::Test {
  protected:
    ~EvidenceAnonymized() override { fs::remove_all(parent_); }

    Recorded record(const Bytes& capture, const std::string& folder,
                    const std::optional<net::AddressAnonymizer>& anonymizer) {
        return record_evidence(std::make_unique<net::MemorySource>(capture), parent_ + folder, {},
                               0, anonymizer);
    }
    /// Of a folder's only file.
    [[nodiscard]] std::string file_in(const std::string& folder) const {
        for (const auto& entry : fs::directory_iterator(parent_ + folder)) {
            return entry.path();
        }
        return "";
    }
    [[nodiscard]] std::string bytes_in(const std::string& folder) const {
        std::ifstream in(file_in(folder), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    std::string parent_ = [] {
        std::string path = "/tmp/flowstamp-evidence-XXXXXX";
        return std::string(::mkdtemp(path.data()));
    }();
};

/// The latest finding that is confirmed.
output::Json confirmed(const Replayed& replayed) {
    output::Json latest;
    for (const output::Json& event : replayed.of("finding")) {
        if (event["finding"]["verdict"] == "confirmed") {
            latest = event;
        }
    }
    return latest;
}

/// What must be the same in a replay of the evidence.
std::string told(const output::Json& event) {
    const output::Json& finding = event["finding"];
    return finding["kind"].dump() + finding["verdict"].dump() + finding["summary"].dump() +
           finding["evidence"].dump() + event["packet"].dump() + event["src_ip"].dump() +
           event["dest_ip"].dump();
}

/// With many keys, as which end is the lower one depends on it.
TEST_F(EvidenceAnonymized, ConvincesAgain) {
    for (const bool v6 : {false, true}) {
        const Bytes capture = capture_of_forgery(v6);
        for (std::uint8_t key = 0; key < 8; key++) {
            const auto anonymizer = anonymizer_of(key);
            const std::string folder = "/" + std::to_string(key) + (v6 ? "-6" : "-4");
            const Recorded recorded = record(capture, folder, anonymizer);
            ASSERT_TRUE(recorded.finished);
            const output::Json before = confirmed(recorded.replayed);
            ASSERT_THAT(told(before), HasSubstr("mac-foreign"));
            const Replayed again = replay_evidence(file_in(folder));
            EXPECT_TRUE(again.read);
            EXPECT_EQ(told(confirmed(again)), net::anonymized_text(told(before), anonymizer));
            EXPECT_EQ(again.stats.counters[FST_COUNT_DAMAGED], 0U);
        }
    }
}

TEST_F(EvidenceAnonymized, HasNoAddressInAnyForm) {
    for (const bool v6 : {false, true}) {
        const std::string plain = v6 ? "/plain-6" : "/plain-4", without = v6 ? "/6" : "/4";
        const Bytes capture = capture_of_forgery(v6);
        record(capture, plain, std::nullopt);
        const Recorded recorded = record(capture, without, anonymizer_of(1));
        const std::string file = bytes_in(without);
        unsigned seen = 0;
        for (const std::string& form : forms_of_addresses(v6)) {
            seen += bytes_in(plain).contains(form) ? 1 : 0;
            EXPECT_FALSE(file.contains(form)) << ::testing::PrintToString(form);
        }
        EXPECT_GE(seen, 2U * 2 + 3 + 1) << "else the test looks for what is never there";
        const output::Json event = confirmed(recorded.replayed);
        EXPECT_TRUE(bytes_in(plain).contains(event["flow_id"].dump()));
        EXPECT_FALSE(file.contains(event["flow_id"].dump())) << "a hash without a key";
        EXPECT_FALSE(file.contains(event["community_id"].get<std::string>()));
        EXPECT_TRUE(file.contains("FORGED: "));
        EXPECT_TRUE(file.contains(" of trace.pcap."));
    }
}

TEST_F(EvidenceAnonymized, IsTheSameByTheSameKey) {
    const Bytes capture = capture_of_forgery(false);
    record(capture, "/one", anonymizer_of(1));
    record(capture, "/two", anonymizer_of(1));
    record(capture, "/other", anonymizer_of(2));
    EXPECT_TRUE(bytes_in("/one") == bytes_in("/two"));
    EXPECT_FALSE(bytes_in("/one") == bytes_in("/other"));
}

/// Of what this host dropped: a rule is text, and may be about anybody.
TEST_F(EvidenceAnonymized, HasNoAddressInTexts) {
    using namespace analysis;
    const auto anonymizer = anonymizer_of(1);
    output::EvidenceCase its;
    its.finding.kind = FindingKind::local_drop;
    its.finding.vendor = "Example";
    its.finding.summary = {
        {.phrase = Phrase::host_drops,
         .values = {field::sender(net::Endpoint{}), field::receiver(net::Endpoint{}),
                    field::rule("ip saddr 203.0.113.9 drop")}}};
    its.finding.advice = {
        {.phrase = Phrase::look_at, .values = {field::look_at("nft list set ip t 203.0.113.9")}}};
    its.finding.evidence = {
        {.signal = Signal::NEARER,
         .observed = {field::rule("-s 203.0.113.9/32 -j DROP")},
         .baseline = Values{field::mac(Mac{0, 0, 0x5e, 0, 0x53, 1}), field::left_by("eth0")}}};
    const std::string plain = output::evidence_file(its, {});
    EXPECT_THAT(plain, HasSubstr("203.0.113.9"));
    EXPECT_THAT(plain, HasSubstr("Example"));
    const std::string file = output::evidence_file(output::anonymized(its, {}, anonymizer), {});
    EXPECT_THAT(file, Not(HasSubstr("203.0.113.9")));
    EXPECT_THAT(file, Not(HasSubstr("00:00:5e")));
    EXPECT_THAT(file, Not(HasSubstr("Example")));
    EXPECT_THAT(file, HasSubstr("-s " + ip_after(anonymizer, "203.0.113.9") + "/32 -j DROP"));
    EXPECT_THAT(file, HasSubstr("eth0"));
}

}  // namespace
}  // namespace flowstamp::testing
