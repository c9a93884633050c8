// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace flowstamp::testing {

/// Holds JSON to a schema: that part of JSON Schema (draft 2020-12) which docs/events.schema.json
/// uses. A keyword that it does not know throws std::invalid_argument: nothing is passed unchecked.
class JsonSchema {
  public:
    explicit JsonSchema(nlohmann::json schema) : root_(std::move(schema)) {}
    [[nodiscard]] static JsonSchema read(const std::string& path);

    /// Each a line, with the place in the instance: "/reset/id: is no integer". Empty: it fits.
    [[nodiscard]] std::vector<std::string> violations(const nlohmann::json& instance) const;

  private:
    nlohmann::json root_;
};

}  // namespace flowstamp::testing
