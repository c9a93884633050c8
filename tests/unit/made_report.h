// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/datapath/capture_rig.h"
#include "tests/datapath/conversation.h"
#include "user/cmd/report/run_report.h"

namespace flowstamp::testing {

/// A folder of a test's own, which goes with it.
class ReportFolder {
  public:
    explicit ReportFolder(const std::string& name)
        : path_(std::filesystem::path(::testing::TempDir()) / ("flowstamp-report-" + name)) {
        std::filesystem::remove_all(path_);
        std::filesystem::create_directories(path_);
    }
    ReportFolder(const ReportFolder&) = delete;
    ReportFolder& operator=(const ReportFolder&) = delete;
    ~ReportFolder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string file(const std::string& name) const { return path_ / name; }
    void write(const std::string& name, const Bytes& bytes) const {
        std::ofstream(file(name), std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()),
                   static_cast<std::streamsize>(bytes.size()));
    }
    [[nodiscard]] std::string text(const std::string& name) const {
        std::ifstream in(file(name), std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

  private:
    std::filesystem::path path_;
};

/// A connection that a forged reset hits, and that goes on.
inline Bytes capture_of_a_forged_reset() {
    CaptureRig rig;
    Conversation talk(rig, FST_HOOK_XDP);
    talk.open().exchange(4);
    Segment reset = talk.next(End::peer, Rst);
    reset.ttl = static_cast<std::uint8_t>(talk.setting().peer.ttl + 3);
    reset.id = talk.ids(End::us).back();
    reset.timestamps.reset();
    talk.send(reset);
    talk.pass_ms(30);
    talk.exchange(200);
    return rig.file();
}

}  // namespace flowstamp::testing
