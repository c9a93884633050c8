// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#include "user/output/evidence/anonymized_case.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "user/net/anonymize/packet_anonymizer.h"
#include "user/net/anonymize/text_anonymizer.h"
#include "user/net/capture/link_layer.h"

namespace flowstamp::output {

namespace {

using analysis::Statements;
using analysis::Value;
using analysis::Values;

/// Replaces, in place, what names a host.
class Replacement {
  public:
    explicit Replacement(const net::AddressAnonymizer& anonymizer) : anonymizer_(anonymizer) {}

    void in(analysis::Finding& finding) const {
        in(finding.sighting.packet);
        in(finding.slot);
        finding.sighting.flow_id = anonymizer_.number(finding.sighting.flow_id);
        in(finding.summary);
        in(finding.advice);
        for (analysis::Evidence& evidence : finding.evidence) {
            in(evidence.observed);
            if (evidence.baseline) {
                in(*evidence.baseline);
            }
        }
        finding.vendor.clear();
    }

    /// `link_type`: LINKTYPE_* of its bytes.
    void in(KeptPacket& packet, std::uint16_t link_type) const {
        packet.bytes =
            net::anonymized_packet(packet.bytes, net::is_ethernet(link_type), anonymizer_);
    }

  private:
    void in(__be32 (&address)[4]) const {
        anonymizer_.replace_ip({reinterpret_cast<std::uint8_t*>(address), sizeof(address)});
    }
    /// Which end is the first does not change: directions refer to it.
    void in(fst_flow_key& key) const {
        in(key.address[0]);
        in(key.address[1]);
    }
    void in(fst_packet& packet) const {
        in(packet.key);
        in(packet.icmp_source);
        anonymizer_.replace_mac(packet.src_mac);
    }
    void in(fst_flow& flow) const {
        in(flow.key);
        anonymizer_.replace_mac(flow.mac[0]);
        anonymizer_.replace_mac(flow.mac[1]);
    }
    void in(Statements& statements) const {
        for (analysis::Statement& statement : statements) {
            in(statement.values);
        }
    }
    void in(Values& values) const {
        Values replaced;
        for (auto [field, value] : values) {
            in(value);
            replaced = replaced.with({field, std::move(value)});
        }
        values = std::move(replaced);
    }
    void in(Value& value) const {
        if (auto* end = std::get_if<net::Endpoint>(&value)) {
            anonymizer_.replace_ip(end->address);
        } else if (auto* mac = std::get_if<analysis::Mac>(&value)) {
            anonymizer_.replace_mac(*mac);
        } else if (auto* text = std::get_if<std::string>(&value)) {
            *text = net::anonymized_text(*text, anonymizer_);
        }
    }

    const net::AddressAnonymizer& anonymizer_;
};

}  // namespace

EvidenceCase anonymized(const EvidenceCase& its, const EvidencePlaces& places,
                        const net::AddressAnonymizer& anonymizer) {
    const Replacement replacement(anonymizer);
    EvidenceCase result = its;
    replacement.in(result.finding);
    for (KeptPacket& packet : result.packets) {
        const auto place = places.find(packet.place);
        replacement.in(packet,
                       place != places.end() ? place->second.link_type : EvidencePlace{}.link_type);
    }
    return result;
}

}  // namespace flowstamp::output
