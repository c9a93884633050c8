// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include "user/net/anonymize/address_anonymizer.h"
#include "user/output/evidence/evidence_file.h"

namespace flowstamp::output {

/// The case with all addresses replaced: in the finding's values and the texts among them, and in
/// the packets. Its file is made from nothing else. The vendor of a MAC is left out, as is a
/// flow_id that could be tried out: it is another number. Names of interfaces and of the capture
/// stay, as do ports, numbers and times.
[[nodiscard]] EvidenceCase anonymized(const EvidenceCase& its, const EvidencePlaces& places,
                                      const net::AddressAnonymizer& anonymizer);

}  // namespace flowstamp::output
