// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <string>

#include "user/base/result.h"
#include "user/net/anonymize/address_anonymizer.h"

namespace flowstamp::net {

/// The key in a file: its first 32 bytes. Fails if the file has fewer, cannot be read, or others
/// than its owner may read or write it.
[[nodiscard]] Result<AddressAnonymizer::Key> read_anonymization_key(const std::string& path);

}  // namespace flowstamp::net
