// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/vendor_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "user/output/json/json_events.h"

namespace flowstamp {
namespace {

class Sink final : public output::Consumer {
  public:
    void consume(const output::Event& event) override {
        std::visit(output::Handle{[this](const analysis::Finding& item) { vendor = item.vendor; },
                                  [this](const analysis::Middlebox& item) { vendor = item.vendor; },
                                  [](const auto&) {}},
                   event);
    }
    std::string vendor = "not set";
};

class VendorNamesTest : public ::testing::Test {
  protected:
    VendorNamesTest() {
        ::close(::mkstemp(path_.data()));
        std::ofstream(path_) << "OUI/MA-L        Organization\n"
                                "00-00-5E   (hex)\t\tICANN, IANA Department\r\n"
                                "00005E     (base 16)\t\tICANN, IANA Department\r\n"
                                "\t\t\t\tINTERNET ASS'NED NOS.AUTHORITY\r\n"
                                "286FB9     (base 16)\t\tNokia Shanghai Bell Co., Ltd.\n";
    }
    ~VendorNamesTest() override { ::unlink(path_.c_str()); }

    std::string path_ = "/tmp/flowstamp-oui-XXXXXX";
    Sink sink;
};

TEST_F(VendorNamesTest, ReadsTheIeeeDataFile) {
    output::VendorNames names(sink, path_);
    EXPECT_EQ(names.maker_of({0x00, 0x00, 0x5e, 1, 2, 3}), "ICANN, IANA Department");
    EXPECT_EQ(names.maker_of({0x28, 0x6f, 0xb9, 0, 0, 0}), "Nokia Shanghai Bell Co., Ltd.");
    EXPECT_EQ(names.maker_of({0x00, 0x11, 0x22, 0, 0, 0}), "");
    EXPECT_EQ(names.maker_of({0x02, 0x00, 0x5e, 1, 2, 3}), "") << "assigned locally";
}

TEST_F(VendorNamesTest, NamesNothingWithoutTheList) {
    output::VendorNames names(sink, "/nonexistent");
    EXPECT_EQ(names.maker_of({0x00, 0x00, 0x5e, 1, 2, 3}), "");
}

TEST_F(VendorNamesTest, NamesForeignMacsAndMiddleboxes) {
    output::VendorNames names(sink, path_);
    analysis::Finding finding;
    const analysis::Mac mac = {0x00, 0x00, 0x5e, 1, 2, 3};
    std::ranges::copy(mac, finding.sighting.packet.src_mac);
    finding.sighting.packet.flags = FST_PACKET_MAC;
    names.consume(finding);
    EXPECT_EQ(sink.vendor, "") << "the usual neighbour";
    finding.signals = FST_SIGNAL_BIT(FST_SIGNAL_MAC_FOREIGN);
    names.consume(finding);
    EXPECT_EQ(sink.vendor, "ICANN, IANA Department");
    analysis::Middlebox box;
    names.consume(box);
    EXPECT_EQ(sink.vendor, "");
    box.mac = mac;
    names.consume(box);
    EXPECT_EQ(sink.vendor, "ICANN, IANA Department");
}

}  // namespace
}  // namespace flowstamp
