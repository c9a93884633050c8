// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The lists of signals, causes, kinds and fields, and the texts made from them.
#include "user/analysis/signal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>
#include <string>

#include "user/analysis/finding.h"
#include "user/analysis/names.h"
#include "user/output/json/values_json.h"
#include "user/output/text/statement_text.h"
#include "user/output/text/value_text.h"
#include "user/output/text/words.h"

namespace flowstamp {
namespace {

using namespace std::chrono_literals;
using analysis::FieldType;
using analysis::Signal;
using analysis::SignalEntry;
using analysis::Strength;
using analysis::Values;
namespace field = analysis::field;

const std::regex kName("[a-z][a-z-]*");

TEST(Signals, HaveUniqueNamesAndNumbers) {
    std::set<std::string_view> names;
    std::set<Signal> signals;
    for (const SignalEntry& entry : analysis::every_signal()) {
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
        EXPECT_TRUE(signals.insert(entry.signal).second) << entry.name;
        EXPECT_TRUE(std::regex_match(std::string(entry.name), kName)) << entry.name;
        EXPECT_EQ(analysis::name_of(entry.signal), entry.name);
        EXPECT_EQ(analysis::strength_of(entry.signal), entry.strength);
        EXPECT_TRUE(entry.meaning.ends_with('.')) << entry.name;
    }
    EXPECT_GE(names.size(), 55U);
}

/// The number of a signal about a reset is its bit; those of others cannot be a bit.
TEST(Signals, AboutAResetAreNumberedByTheirBits) {
    for (const SignalEntry& entry : analysis::every_signal()) {
        EXPECT_EQ(static_cast<int>(entry.signal) < 64, entry.family.has_value()) << entry.name;
    }
    EXPECT_EQ(analysis::signal_of(FST_SIGNAL_NEARER), Signal::NEARER);
    EXPECT_EQ(analysis::signal_of(FST_SIGNAL_ID_IN_SEQUENCE), Signal::ID_IN_SEQUENCE);
}

TEST(Signals, AreOrderedByStrength) {
    Strength before = Strength::conclusive;
    int bit = -1;
    for (const SignalEntry& entry : analysis::every_signal()) {
        if (entry.family) {
            EXPECT_GE(entry.strength, before) << entry.name;
            EXPECT_GT(static_cast<int>(entry.signal), bit) << entry.name;
            before = entry.strength;
            bit = static_cast<int>(entry.signal);
        }
    }
}

TEST(Signals, AreInTheMaskOfTheirStrength) {
    const std::uint64_t masks[] = {FST_SIGNALS_CONCLUSIVE, FST_SIGNALS_STRONG,
                                   FST_SIGNALS_WEAK_CORROBORATING, FST_SIGNALS_WEAK,
                                   FST_SIGNALS_CORROBORATE_GENUINE};
    for (const SignalEntry& entry : analysis::every_signal()) {
        if (!entry.family) {
            continue;
        }
        const std::uint64_t bit = FST_SIGNAL_BIT(static_cast<unsigned>(entry.signal));
        for (std::size_t i = 0; i < std::size(masks); i++) {
            EXPECT_EQ((masks[i] & bit) != 0, i == static_cast<std::size_t>(entry.strength))
                << entry.name;
        }
    }
}

/// The masks of the families contain exactly the signals that count.
TEST(Signals, AreInTheMaskOfTheirFamilyIfTheyCount) {
    const std::pair<fst_family, std::uint64_t> masks[] = {
        {FST_FAMILY_LIVENESS, FST_MASK_LIVENESS},
        {FST_FAMILY_PATH, FST_MASK_PATH},
        {FST_FAMILY_ID, FST_MASK_ID},
        {FST_FAMILY_TIME, FST_MASK_TIME},
        {FST_FAMILY_WINDOW, FST_MASK_WINDOW},
        {FST_FAMILY_TIMESTAMPS, FST_MASK_TIMESTAMPS},
        {FST_FAMILY_DATA, FST_MASK_DATA},
        {FST_FAMILY_LINK, FST_MASK_LINK}};
    for (const SignalEntry& entry : analysis::every_signal()) {
        const bool counts = entry.family && entry.strength <= Strength::weak_corroborating;
        for (const auto& [family, mask] : masks) {
            EXPECT_EQ(entry.family && (mask & FST_SIGNAL_BIT(static_cast<unsigned>(entry.signal))),
                      counts && *entry.family == family)
                << entry.name;
        }
    }
}

TEST(Causes, HaveUniqueNamesAndTexts) {
    std::set<std::string_view> names;
    std::set<std::string_view> words;
    for (int number = FST_CAUSE_UNKNOWN; number <= FST_CAUSE_CLOSED; number++) {
        const auto cause = static_cast<fst_cause>(number);
        EXPECT_TRUE(std::regex_match(std::string(analysis::name_of(cause)), kName)) << number;
        EXPECT_TRUE(names.insert(analysis::name_of(cause)).second) << number;
        EXPECT_TRUE(words.insert(output::text_of(cause)).second) << number;
    }
    EXPECT_EQ(analysis::name_of(FST_CAUSE_IDLE_TIMEOUT), "idle-timeout");
    EXPECT_EQ(analysis::name_of(FST_CAUSE_CLOSED), "closed");
    EXPECT_EQ(output::text_of(FST_CAUSE_STATELESS),
              "from one who does not know the connection: its sender, or another in its place");
}

TEST(FindingKinds, HaveUniqueNames) {
    std::set<std::string_view> names;
    for (const analysis::FindingKindEntry& entry : analysis::every_finding_kind()) {
        EXPECT_EQ(analysis::name_of(entry.kind), entry.name);
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    }
    EXPECT_EQ(names.size(), 22U);
}

TEST(Fields, AreNamedByTheirType) {
    for (const analysis::FieldEntry& entry : analysis::every_field()) {
        EXPECT_EQ(&analysis::entry_of(entry.field), &entry) << entry.name;
        if (!entry.json_name.empty()) {
            EXPECT_EQ(entry.json_name.ends_with("_us"), entry.type == FieldType::duration)
                << entry.name;
        }
    }
}

/// One of each type, as evidence shows them.
TEST(ValuesText, IsByType) {
    net::Endpoint end;
    end.address[10] = end.address[11] = 0xff;
    end.address[12] = 192;
    end.address[14] = 2;
    end.address[15] = 1;
    end.port = 443;
    const auto text = [](const Values& values) { return output::values_text(values); };
    EXPECT_EQ(text({}), "-");
    EXPECT_EQ(text({field::ttl(63), field::hops(1)}), "ttl 63 (1 hop)");
    EXPECT_EQ(text({field::ttls({{52, 53}}), field::hops(11)}), "ttl 52, 53 (12, 11 hops)");
    EXPECT_EQ(text({field::hops(2)}), "2 hops away");
    EXPECT_EQ(text({field::ip_id(0x1c46), field::later(23ms)}), "IP-ID 0x1c46, 23 ms later");
    EXPECT_EQ(text({field::ip_id(0)}), "IP-ID 0");
    EXPECT_EQ(text({field::times(1)}), "sent once");
    EXPECT_EQ(text({field::resent(3)}), "sent again 3 times");
    EXPECT_EQ(text({field::payload(1), field::seq(7)}), "1 byte, seq 7");
    EXPECT_EQ(text({field::source(end), field::from(end)}), "192.0.2.1, from 192.0.2.1:443");
    EXPECT_EQ(text({field::mac(analysis::Mac{2, 0, 0, 0, 0, 0xab})}), "02:00:00:00:00:ab");
    EXPECT_EQ(text({field::df(true)}), "DF set");
    EXPECT_EQ(text({field::df(false)}), "DF clear");
    EXPECT_EQ(text({field::rule("drop")}), "drop");
    EXPECT_EQ(text({field::probe("zmap")}), "a SYN with IP-ID 54321, as ZMap's");
    EXPECT_EQ(text({field::rule(std::nullopt)}), "-") << "an absent value";
    EXPECT_EQ(output::value_text(analysis::Field::icmp_error,
                                 analysis::IcmpError{.is_v6 = true, .type = 1, .code = 4}),
              "port unreachable");
}

TEST(ValuesJson, NumbersAreNumbers) {
    const Values values{field::ttl(63),   field::hops(1),      field::later(23ms),
                        field::df(false), field::rule("drop"), field::frame(std::nullopt)};
    EXPECT_EQ(output::json_of(values).dump(),
              R"({"ttl":63,"hops":1,"later_us":23000,"df":false,"rule":"drop"})");
    EXPECT_EQ(output::json_of(Values{field::ttls({{61}}), field::hops(3)}).dump(),
              R"({"ttl":[61],"hops":3})");
    EXPECT_EQ(output::json_of(Values{}).dump(), "{}");
}

/// Every sentence uses only existing fields, and closes its brackets.
TEST(Phrases, UseOnlyKnownFields) {
    std::set<std::string_view> known = {"clauses"};
    for (const analysis::FieldEntry& entry : analysis::every_field()) {
        known.insert(entry.name);
    }
    const std::pair<std::string_view, std::string> patterns[] = {
#define PHRASE(id, text) {#id, std::string(output::pattern_of(analysis::Phrase::id))},
#define RESET_CLAUSE(signal, text) {#signal, text},
#include "user/output/text/phrases.def"
    };
    const std::regex name(R"(\{([^}]*)\})");
    for (const auto& [id, pattern] : patterns) {
        EXPECT_FALSE(pattern.empty()) << id;
        EXPECT_EQ(std::ranges::count(pattern, '['), std::ranges::count(pattern, ']')) << id;
        for (std::sregex_iterator it(pattern.begin(), pattern.end(), name), end; it != end; ++it) {
            EXPECT_TRUE(known.contains((*it)[1].str())) << id << " names " << (*it)[1];
        }
    }
}

TEST(Phrases, LeaveOutWhatHasNoValue) {
    const net::Endpoint end{.address = {}, .port = 443};
    const auto text = [](const analysis::Statement& statement) {
        return output::text_of(statement);
    };
    EXPECT_EQ(
        text({.phrase = analysis::Phrase::reset_was_suspicious, .values = {field::sender(end)}}),
        "A reset by [::]:443 was suspicious.");
    EXPECT_EQ(text({.phrase = analysis::Phrase::reset_was_suspicious,
                    .values = {field::sender(end)},
                    .signals = FST_SIGNAL_BIT(FST_SIGNAL_DATA)}),
              "A reset by [::]:443 was suspicious: it carries data.");
    EXPECT_EQ(
        text({.phrase = analysis::Phrase::reset_was_suspicious,
              .values = {field::sender(end), field::sender_ip(end), field::window(9)},
              .signals = FST_SIGNAL_BIT(FST_SIGNAL_DATA) | FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_ACK) |
                         FST_SIGNAL_BIT(FST_SIGNAL_LIVENESS_DATA) |
                         FST_SIGNAL_BIT(FST_SIGNAL_TTL_BASE) |
                         FST_SIGNAL_BIT(FST_SIGNAL_WINDOW_ECHO)}),
        "A reset by [::]:443 was suspicious: :: went on sending, its window, 9, is the other "
        "end's, and it started with another TTL.")
        << "at most three reasons, one sign of liveness";
}

}  // namespace
}  // namespace flowstamp
