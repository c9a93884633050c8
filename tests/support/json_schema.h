// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace flowstamp::testing {

/// Validates JSON against a schema, supporting the part of JSON Schema (draft 2020-12) that
/// docs/events.schema.json uses. An unknown keyword throws std::invalid_argument, so that nothing
/// remains unchecked.
class JsonSchema {
  public:
    explicit JsonSchema(nlohmann::json schema) : root_(std::move(schema)) {}
    [[nodiscard]] static JsonSchema read(const std::string& path);

    /// One line each, with the location in the instance: "/reset/id: is no integer". Empty: valid.
    [[nodiscard]] std::vector<std::string> violations(const nlohmann::json& instance) const;

  private:
    nlohmann::json root_;
};

}  // namespace flowstamp::testing
