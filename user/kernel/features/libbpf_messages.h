// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace flowstamp::kernel {

/// Keeps libbpf's warnings off standard error while it lives, on this thread, and gathers them, so
/// that an Error can say what the kernel or the verifier said.
class LibbpfMessages {
  public:
    LibbpfMessages();
    ~LibbpfMessages();
    LibbpfMessages(const LibbpfMessages&) = delete;
    LibbpfMessages& operator=(const LibbpfMessages&) = delete;

    [[nodiscard]] const std::string& text() const { return text_; }

    /// "flowstamp_xdp_ingress: R1 invalid mem access 'scalar'": the program that the verifier
    /// refused and its last words. Empty if it refused none.
    [[nodiscard]] std::string verifier_verdict() const;

  private:
    std::string text_;
    std::string* outer_;
};

/// The same from a text of libbpf's: for tests.
[[nodiscard]] std::string verifier_verdict(const std::string& messages);

}  // namespace flowstamp::kernel
