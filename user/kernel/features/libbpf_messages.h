// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

namespace flowstamp::kernel {

/// Captures this thread's libbpf warnings during its lifetime instead of printing them, so that an
/// Error can quote the kernel or the verifier.
class LibbpfMessages {
  public:
    LibbpfMessages();
    ~LibbpfMessages();
    LibbpfMessages(const LibbpfMessages&) = delete;
    LibbpfMessages& operator=(const LibbpfMessages&) = delete;

    [[nodiscard]] const std::string& text() const { return text_; }

    /// "flowstamp_xdp_ingress: R1 invalid mem access 'scalar'": the program that the verifier
    /// refused, and its reason. Empty if it refused none.
    [[nodiscard]] std::string verifier_verdict() const;

  private:
    std::string text_;
    std::string* outer_;
};

/// The same from a given text of libbpf, for tests.
[[nodiscard]] std::string verifier_verdict(const std::string& messages);

/// Of the library that runs, not of the headers: "1.1".
[[nodiscard]] std::string libbpf_version();

}  // namespace flowstamp::kernel
