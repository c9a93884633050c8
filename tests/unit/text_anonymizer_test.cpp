// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/net/anonymize/text_anonymizer.h"

#include <gtest/gtest.h>

#include "tests/support/anonymizing.h"

namespace flowstamp::testing {
namespace {

class TextAnonymizer : public ::testing::Test {
  protected:
    [[nodiscard]] std::string text(std::string_view words) const {
        return net::anonymized_text(words, anonymizer_);
    }
    [[nodiscard]] std::string ip(const std::string& address) const {
        return ip_after(anonymizer_, address);
    }
    /// 192.0.2.0/24 and 2001:db8::/32.
    [[nodiscard]] std::string v4_prefix() const {
        std::string address = ip("192.0.2.0");
        return address.substr(0, address.rfind('.')) + ".0";
    }

    net::AddressAnonymizer anonymizer_{kSampleKey};
};

TEST_F(TextAnonymizer, ReplacesAddressesWhereverTheyStand) {
    EXPECT_EQ(text("ip saddr 192.0.2.1 tcp dport 443 drop"),
              "ip saddr " + ip("192.0.2.1") + " tcp dport 443 drop");
    EXPECT_EQ(text("192.0.2.1-192.0.2.9, 192.0.2.1:80."),
              ip("192.0.2.1") + "-" + ip("192.0.2.9") + ", " + ip("192.0.2.1") + ":80.");
    EXPECT_EQ(text("[2001:db8::1]:443 2001:DB8::1"),
              "[" + ip("2001:db8::1") + "]:443 " + ip("2001:db8::1"));
    EXPECT_EQ(text("to:192.0.2.1:80"), "to:" + ip("192.0.2.1") + ":80");
    EXPECT_EQ(text("192.0.2.1.443 > [::1]:2"), ip("192.0.2.1") + ".443 > [" + ip("::1") + "]:2");
    EXPECT_EQ(text("192.0.2.1:192.0.2.9"), ip("192.0.2.1") + ":" + ip("192.0.2.9"));
    EXPECT_EQ(text("to 192.0.2.1."), "to " + ip("192.0.2.1") + ".");
    EXPECT_EQ(text("fe80::1%eth0"), ip("fe80::1") + "%eth0");
    EXPECT_EQ(text("::ffff:192.0.2.1"), "::ffff:" + ip("192.0.2.1"));
}

TEST_F(TextAnonymizer, ReplacesMacs) {
    std::array<std::uint8_t, 6> mac = {0x00, 0x00, 0x5e, 0x00, 0x53, 0xaf};
    anonymizer_.replace_mac(mac);
    const std::string now = text("ether saddr 00:00:5E:00:53:AF drop");
    EXPECT_EQ(now, text("ether saddr 00:00:5e:00:53:af drop"));
    EXPECT_EQ(now.find("00:53"), std::string::npos);
    EXPECT_EQ(now.size(), 34U);
}

TEST_F(TextAnonymizer, KeepsPrefixesPrefixes) {
    EXPECT_EQ(text("-s 192.0.2.0/24 -j DROP"), "-s " + v4_prefix() + "/24 -j DROP");
    EXPECT_EQ(text("-s 192.0.2.0/255.255.255.0 -j DROP"),
              "-s " + v4_prefix() + "/255.255.255.0 -j DROP");
    EXPECT_EQ(text("0.0.0.0/0 ::/0"), "0.0.0.0/0 ::/0");
    EXPECT_TRUE(text("2001:db8::/32").ends_with("::/32"));
    EXPECT_EQ(text("192.0.2.1/32"), ip("192.0.2.1") + "/32");
}

TEST_F(TextAnonymizer, LeavesOtherWords) {
    for (const char* words :
         {"", "eth0", "iptables 1.8.9 (nf_tables)", "counter packets 3 bytes 180", "12:34:56",
          "std::string", "a::b_c", "eth0.100", "1.2.3", "face", "dead:beef", "x/24",
          "tcp flags & (fin|syn) == 0x4", "20261130T210501Z", "..", ":", "::x"}) {
        EXPECT_EQ(text(words), words);
    }
}

}  // namespace
}  // namespace flowstamp::testing
